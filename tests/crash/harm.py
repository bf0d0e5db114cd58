"""What is done to the small system: an order of the seed, each harm with what it is done to and for how long."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import zip_longest
from random import Random
from typing import Final, NamedTuple

from sqlalchemy import text

from services import store
from tests.crash import points
from tests.crash.parts import (
    INPUT_TOPICS,
    PROGRAMS,
    RECORDERS,
    SESSION_S,
    STORES,
    TABLES_SESSION_S,
    WORKERS,
    Parts,
    Setting,
)
from tests.faults import Direction, Disk, Proxy, paused

BUDGET_S: Final = 26.0
"""Harms are added until so much time is foreseen: a seed is over in three quarters of a minute."""
KAFKA_LINKS: Final = tuple(f"{name} kafka" for name in PROGRAMS)
WORKER_LINKS: Final = tuple(f"{name} kafka" for name in WORKERS)
DATABASE_LINKS: Final = tuple(f"{name} postgres" for name in RECORDERS)
LINKS: Final = (*KAFKA_LINKS, *DATABASE_LINKS)
TABLES: Final = "the recorders' tables"
AT_POINT_S: Final = 30.0
"""A point that has not come by so often within this is not reached; a twin that does not take part by then is none."""
NO_SPACE: Final = "No space left on device"
NOTICED_S: Final = 15.0
"""A full disk, a lost answer, a moved offset is met by whoever writes within this."""
SILENT_S: Final = SESSION_S - 1
"""With what a worker has waited by then, a longer silence passes the least of its limits: its session, which in half of the
seeds is that of its flush too."""
FIRST_SEED: Final = 3
TURNS_A_SEED: Final = 2
"""The first harms of a seed take turns through all there are, from this seed on; those after them are by chance."""


class Harm(NamedTuple):
    """One thing that is done. ``seconds``: how long it lasts, 0 = a moment."""

    kind: str
    subject: str
    seconds: float = 0.0
    bytes: int = 0
    point: str = ""
    """A moment of the subject's life (`points`), and the how-manieth."""
    times: int = 0
    both: tuple["Harm", ...] = ()
    """Of two at once: the one that lasts, and the one in the middle of it."""

    @property
    def title(self) -> str:
        """As people read it."""
        lasts = f" for {self.seconds:.1f} s" if self.seconds and not self.both else ""
        at = f", {self.point}, time {self.times}" if self.point else ""
        return f"{self.kind}: {self.subject}{at}{lasts}"

    @property
    def sort(self) -> str:
        """What must be done in some seed: the kind, of each point and of each server."""
        of = self.point or (self.subject if self.subject in STORES else "")
        return f"{self.kind}: {of}" if of else self.kind


def planned(seed: int, budget_s: float = BUDGET_S, *, among: str = "") -> list[Harm]:
    """Return the harms of a seed, in order. With a smaller budget they are the first of the same.

    ``among``: only kinds with this in their name.

    Raises
    ------
    ValueError
        If none has.
    """
    kinds = [kind for kind in _KINDS if among in kind]
    if not kinds:
        raise ValueError(f"no harm has {among!r} in its name; there are: {', '.join(_KINDS)}")
    turns, chance = _turns(kinds), Random(seed)
    chosen: list[Harm] = []
    foreseen_s = 0.0
    while foreseen_s < budget_s:
        if len(chosen) < TURNS_A_SEED:
            kind, make = turns[(TURNS_A_SEED * (seed - FIRST_SEED) + len(chosen)) % len(turns)]
        else:
            kind = chance.choice(kinds)
            make = chance.choice(_KINDS[kind].ways)
        chosen.append(make(kind, chance))
        foreseen_s += chosen[-1].seconds + _KINDS[kind].cost_s
    return chosen


def sorts() -> list[str]:
    """Return all there is to do (`Harm.sort`), in turn: a seed after the other does each."""
    return list(dict.fromkeys(make(kind, Random(0)).sort for kind, make in _turns(list(_KINDS))))


def impossible() -> dict[str, str]:
    """Return which of these this machine cannot do, and why."""
    why = Disk.impossible()
    return {one: why for one in sorts() if why and one.startswith(DISK_FULL)}


def small_disks(harms: list[Harm]) -> tuple[set[str], str]:
    """Return the servers that need a disk that can be full, and why they cannot have one here; empty = they can."""
    wanted = {harm.subject for harm in harms if harm.kind == DISK_FULL}
    why = Disk.impossible() if wanted else ""
    return (set() if why else wanted), why


def done_to(parts: Parts, harm: Harm, chance: Random) -> bool:
    """Do it, and heal what does not heal by itself; False if it was not really done. Blocks as long as it lasts."""
    return _KINDS[harm.kind].do(parts, harm, chance)


def may_end(harm: Harm, setting: Setting) -> frozenset[str]:
    """Return the programs that must end by themselves of this, at least now and then; no other may.

    A worker that was silent for longer than its limits cannot know what has become of its partitions, and its heir may meet
    what it wrote after all; of two under one name one must go; a broker that is away, or has no room, does not confirm.
    Nobody else's death is a reason.
    """
    if harm.both:
        return frozenset[str]().union(*(may_end(one, setting) for one in harm.both))
    silent = harm.kind in SILENCES and harm.seconds > SILENT_S
    if (silent and harm.subject in ("kafka", "all ways")) or (harm.kind in AWAY and harm.subject == "kafka"):
        return frozenset(WORKERS)
    name, _, whereto = harm.subject.partition(" ")
    if silent and name in WORKERS and whereto in ("", "kafka"):
        return frozenset(WORKERS)
    return frozenset({name} & set(WORKERS)) if harm.kind == TWIN and setting.static else frozenset()


# --------------------------------------------------------------------------------------------- processes


def _kill(parts: Parts, harm: Harm, _: Random) -> bool:
    if harm.subject == "kafka":
        lived = parts.broker.lives()
        parts.broker.kill()
        parts.broker.begin()
        parts.broker.wait_until_ready()
        return lived
    if harm.subject == "postgres":
        lived = parts.database.lives()
        parts.database.crash()
        parts.database.start()
        return lived
    return parts.kill(parts.process(harm.subject))


def _pause(parts: Parts, harm: Harm, _: Random) -> bool:
    still = _standing(parts, harm.subject)
    if still is None:
        return False
    with still:
        _lasting(parts, harm.seconds)
    return True


def _standing(parts: Parts, name: str) -> AbstractContextManager[None] | None:
    """Return what makes a server or program stand still; None if it is not there."""
    if name in STORES:
        server = parts.broker if name == "kafka" else parts.database
        return server.paused() if server.lives() else None
    process = parts.process(name)
    return None if process is None else paused(process)


def _stop(parts: Parts, harm: Harm, _: Random) -> bool:
    """An update: asked to end, and started again. It must end in order."""
    if parts.process(harm.subject) is None:
        return False
    parts.findings += parts.ended_in_order([harm.subject])
    return True


def _crash_at(parts: Parts, harm: Harm, _: Random) -> bool:
    """Gone at an exact moment of its life: it is started again as one that ends there. False if that did not come."""
    parts.findings += parts.ended_in_order([harm.subject])
    doomed = parts.start(harm.subject, point=(harm.point, harm.times))
    program, group = ("recorder", RECORDERS) if harm.subject in RECORDERS else ("worker", WORKERS)
    with ExitStack() as company:
        if points.named(harm.point, program).company:
            _until(parts, lambda: parts.members(harm.subject) == len(group), AT_POINT_S)
            company.enter_context(_guest(parts, harm.subject))
        died = _until(parts, lambda: doomed.poll() is not None, AT_POINT_S)
    if not died:
        parts.kill(doomed)
    return bool(doomed.wait() == points.DIED)


@contextmanager
def _guest(parts: Parts, name: str) -> Iterator[None]:
    """Another member of the same group comes, and goes."""
    guest = parts.start(name, guest=True)
    try:
        yield
    finally:
        parts.findings += parts.end([(f"a guest beside {name}", guest)])


def _twin(parts: Parts, harm: Harm, _: Random) -> bool:
    """Two under one name: as when a machine is restored while the old one still runs. Done when the second takes part."""
    log = parts.log(harm.subject)
    heard = log.stat().st_size
    second = parts.start(harm.subject, twin=True)

    def takes_part() -> bool:
        if harm.subject in RECORDERS:
            return parts.members(harm.subject) > len(RECORDERS)
        return b"partitions assigned" in log.read_bytes()[heard:]

    try:
        met = _until(parts, takes_part, AT_POINT_S)
        _lasting(parts, harm.seconds)
    finally:
        parts.kill(second)
    return met


def _backends(parts: Parts, _: Harm, __: Random) -> bool:
    """An administrator ends every connection of the recorders."""
    end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qingyun-recorder'")
    ended = 0
    with suppress(*store.Away), parts.engine.begin() as connection:
        ended = len(connection.execute(end).all())
    return ended > 0


def _locked(parts: Parts, harm: Harm, _: Random) -> bool:
    """Somebody holds the tables' offsets: a long manual transaction. Done when a recorder waits for it."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'qingyun-recorder' AND wait_event_type = 'Lock'"
    )
    try:
        with parts.engine.begin() as connection:
            connection.execute(text("LOCK TABLE sink_offsets IN ACCESS EXCLUSIVE MODE"))
            met = _until(parts, lambda: bool(connection.execute(waiting).scalar()), NOTICED_S)
            _lasting(parts, harm.seconds)
            return met
    except store.Away:
        return False


# --------------------------------------------------------------------------------------------- disks


def _disk_full(parts: Parts, harm: Harm, _: Random) -> bool:
    """No room is left; some time after it was met there is some again. Who ended of it is started again by then."""
    disk = parts.disks.get(harm.subject)
    if disk is None:
        return False
    log = parts.log(harm.subject)
    heard = log.stat().st_size
    disk.fill()
    try:
        met = _until(parts, lambda: NO_SPACE.encode() in log.read_bytes()[heard:], NOTICED_S)
        _lasting(parts, harm.seconds)
    finally:
        disk.heal()
    if harm.subject == "kafka":
        if not (parts.broker.lives() and parts.ends(INPUT_TOPICS)):  # one without its folder does not come back alone
            parts.broker.kill()
            parts.broker.begin()
        parts.broker.wait_until_ready()
    elif not parts.database.lives():
        parts.database.start()
    return met


# --------------------------------------------------------------------------------------------- ways


def _black_hole(parts: Parts, harm: Harm, chance: Random) -> bool:
    """One way is silent: nothing ends, nothing comes."""
    way = parts.links[harm.subject]
    connected = way.connected()
    way.hold(chance.choice(list(Direction)))
    _lasting(parts, harm.seconds)
    way.heal()
    return connected > 0


def _slow(parts: Parts, harm: Harm, _: Random) -> bool:
    return _slowly(parts, harm, 0.1, 2_048)


def _pieces(parts: Parts, harm: Harm, _: Random) -> bool:
    """Frames come in pieces of some bytes."""
    return _slowly(parts, harm, 0.0005, harm.bytes)


def _slowly(parts: Parts, harm: Harm, delay_s: float, piece_bytes: int) -> bool:
    way = parts.links[harm.subject]
    connected = way.connected()
    for direction in Direction:
        way.slow(direction, delay_s, piece_bytes)
    _lasting(parts, harm.seconds)
    way.heal()
    return connected > 0


def _cut(parts: Parts, harm: Harm, _: Random) -> bool:
    way = parts.links[harm.subject]
    connected = way.connected()
    way.cut()
    return connected > 0


def _cut_within(parts: Parts, harm: Harm, chance: Random) -> bool:
    """The connection ends in the middle of what it carries."""
    way = parts.links[harm.subject]
    sprung = way.trap(chance.choice(list(Direction)), harm.bytes, way.cut)
    met = _until(parts, sprung.is_set, NOTICED_S)
    way.heal()
    return met


def _unknown_commit(parts: Parts, harm: Harm, _: Random) -> bool:
    """The database has the commit, and the recorder never hears of it.

    Done when the way fell silent behind the commit, and the recorder says afterwards that it finds the tables elsewhere. That
    they move proves nothing: there is another recorder.
    """
    way = parts.links[harm.subject]
    log = parts.log(harm.subject.partition(" ")[0])
    heard = log.stat().st_size
    passed: list[threading.Event] = []

    def silent() -> None:
        for direction in Direction:
            way.hold(direction)

    # The same word stands in CREATE TEMP TABLE … ON COMMIT: only a message that ends with it is the commit.
    way.trap(Direction.UP, b"COPY given_", lambda: passed.append(way.trap(Direction.UP, b"COMMIT\0", silent)))
    met = _until(parts, lambda: bool(passed) and passed[0].is_set(), NOTICED_S)
    way.cut()
    way.heal()
    return met and _until(parts, lambda: b"do not stand where we left them" in log.read_bytes()[heard:], NOTICED_S)


def _unanswered(parts: Parts, harm: Harm, _: Random) -> bool:
    """The broker has done what a worker asked, and the worker never hears of it; it lives on, and asks again."""
    way = parts.links[harm.subject]
    lost = way.lose_answer(_ASKS[harm.kind])
    met = _until(parts, lost.is_set, NOTICED_S)
    way.heal()
    return met


def _swizzle(parts: Parts, harm: Harm, chance: Random) -> bool:
    """Ways fall silent one by one, and come back in another order."""
    ways: list[Proxy] = [parts.links[name] for name in LINKS]
    connected = all(way.connected() for way in ways)
    step_s = harm.seconds / (2 * len(ways))
    chance.shuffle(ways)
    for way in ways:
        way.hold(chance.choice(list(Direction)))
        _lasting(parts, step_s)
    chance.shuffle(ways)
    for way in ways:
        way.heal()
        _lasting(parts, step_s)
    return connected


# --------------------------------------------------------------------------------------------- two at once


def _two(parts: Parts, harm: Harm, chance: Random) -> bool:
    """In the middle of one that lasts, another is hit. Done when both were."""
    lasting, momentary = harm.both
    own = Random(chance.random())
    with ThreadPoolExecutor(1) as beside:
        lasts = beside.submit(done_to, parts, lasting, own)
        time.sleep(lasting.seconds / 2)
        both = done_to(parts, momentary, chance)
        return lasts.result() and both


def _made_two(kind: str, chance: Random) -> Harm:
    lasting = _made(chance.choice(_LASTING), chance)
    name, _, _ = lasting.subject.partition(" ")
    while True:
        momentary = _made(chance.choice(_MOMENTARY), chance)
        its_name, _, _ = momentary.subject.partition(" ")
        if its_name != name and not (lasting.subject == "postgres" and momentary.kind == BACKENDS):
            break
    return Harm(kind, f"{lasting.title}; {momentary.title}", lasting.seconds, both=(lasting, momentary))


def _made(kind: str, chance: Random) -> Harm:
    return chance.choice(_KINDS[kind].ways)(kind, chance)


# --------------------------------------------------------------------------------------------- time


def _lasting(parts: Parts, seconds: float) -> None:
    """Let time pass; who ends meanwhile is started again, and finds the harm still there."""
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        parts.tend()
        time.sleep(min(0.2, left_s))


def _until(parts: Parts, holds: Callable[[], bool], most_s: float) -> bool:
    """Let time pass until something holds; False if it does not within so long."""
    give_up_s = time.monotonic() + most_s
    while not holds():
        if time.monotonic() > give_up_s:
            return False
        parts.tend()
        time.sleep(0.05)
    return True


# --------------------------------------------------------------------------------------------- the list

Doing = Callable[[Parts, Harm, Random], bool]
"""Returns False if it was not really done: who was to be hit was not there, or what it waited for did not come by."""
Making = Callable[[str, Random], Harm]


class Kind(NamedTuple):
    """A kind of harm. ``cost_s``: until all is whole again, as a rule. ``ways``: each makes one that is to be done in turn."""

    cost_s: float
    do: Doing
    ways: tuple[Making, ...]


def _moment(*subjects: str) -> Making:
    return lambda kind, chance: Harm(kind, chance.choice(subjects))


def _while(least_s: float, most_s: float, *subjects: str) -> Making:
    return lambda kind, chance: Harm(kind, chance.choice(subjects), round(chance.uniform(least_s, most_s), 1))


def _at_byte(most: int, seconds: float, *subjects: str) -> Making:
    return lambda kind, chance: Harm(kind, chance.choice(subjects), seconds, chance.randint(1, most))


def _at_point(point: points.Point, *subjects: str) -> Making:
    return lambda kind, chance: Harm(
        kind, chance.choice(subjects), point=point.name, times=chance.randint(1, point.most)
    )


def _turns(kinds: list[str]) -> list[tuple[str, Making]]:
    """Return each way of each kind: the first of all kinds, then the second of those that have one, and so on."""
    rows = [[(kind, way) for way in _KINDS[kind].ways] for kind in kinds]
    return [turn for column in zip_longest(*rows) for turn in column if turn is not None]


DISK_FULL: Final = "disk full"
SERVER_KILLED: Final = "kill -9 of a server"
SERVER_PAUSED: Final = "pause of a server"
TWIN: Final = "twin"
SWIZZLE: Final = "swizzle"
BACKENDS: Final = "connections ended"
BLACK_HOLE: Final = "black hole"
PAST_SESSION: Final = "pause past the session"
COMMIT_UNANSWERED: Final = "the answer to a commit lost"
WRITE_UNANSWERED: Final = "the answer to a write lost"
_ASKS: Final = {COMMIT_UNANSWERED: 8, WRITE_UNANSWERED: 0}
"""API keys of Kafka's protocol: OffsetCommit, Produce."""
SILENCES: Final = (BLACK_HOLE, PAST_SESSION, SERVER_PAUSED, SWIZZLE)
AWAY: Final = (SERVER_KILLED, DISK_FULL)
_LASTING: Final = ("pause", SERVER_PAUSED, BLACK_HOLE, "slow", "in pieces", "offsets locked")
_MOMENTARY: Final = ("kill -9", "kill -9 of the recorder", "stop and start", "cut", BACKENDS)
_KINDS: Final[dict[str, Kind]] = {
    # The build plays seeds 3 to 7, and these are what it must have seen.
    "crash point": Kind(11, _crash_at, tuple(_at_point(point, *WORKERS) for point in points.OF_WORKER)),
    "unknown commit": Kind(4, _unknown_commit, (_moment(*DATABASE_LINKS),)),
    "kill -9 of the recorder": Kind(12, _kill, (_moment(*RECORDERS),)),
    PAST_SESSION: Kind(
        5,
        _pause,
        (
            _while(SESSION_S + 1, SESSION_S + 4, *WORKERS),
            _while(TABLES_SESSION_S + 1, TABLES_SESSION_S + 2, *RECORDERS),
        ),
    ),
    BLACK_HOLE: Kind(
        7,
        _black_hole,
        (_while(2, 9, *WORKER_LINKS), _while(2, 9, *KAFKA_LINKS[len(WORKERS) :]), _while(2, 9, *DATABASE_LINKS)),
    ),
    SERVER_PAUSED: Kind(5, _pause, tuple(_while(2, 6, server) for server in STORES)),
    "crash point of the recorder": Kind(
        16, _crash_at, tuple(_at_point(each, *RECORDERS) for each in points.OF_RECORDER)
    ),
    WRITE_UNANSWERED: Kind(4, _unanswered, (_moment(*WORKER_LINKS),)),
    COMMIT_UNANSWERED: Kind(4, _unanswered, (_moment(*WORKER_LINKS),)),
    "two at once": Kind(9, _two, (_made_two,)),
    "kill -9": Kind(7, _kill, (_moment(*WORKERS),)),
    SERVER_KILLED: Kind(9, _kill, tuple(_moment(server) for server in STORES)),
    "pause": Kind(5, _pause, (_while(2, SESSION_S - 1, *PROGRAMS),)),
    "stop and start": Kind(6, _stop, (_moment(*PROGRAMS),)),
    TWIN: Kind(8, _twin, (_while(3, 5, *WORKERS), _while(3, 5, *RECORDERS))),
    BACKENDS: Kind(2, _backends, (_moment(TABLES),)),
    DISK_FULL: Kind(9, _disk_full, tuple(_while(2, 6, server) for server in STORES)),
    "offsets locked": Kind(4, _locked, (_while(2, 7, TABLES),)),
    "slow": Kind(4, _slow, (_while(3, 8, *LINKS),)),
    "in pieces": Kind(3, _pieces, (_at_byte(40, 3.0, *LINKS),)),
    "cut": Kind(3, _cut, (_moment(*LINKS),)),
    "cut within": Kind(4, _cut_within, (_at_byte(4_000, 0.0, *LINKS),)),
    SWIZZLE: Kind(8, _swizzle, (_while(4, 8, "all ways"),)),
}
SHORT: Final = {
    1: [
        Harm("crash point", "w1", point="states are kept, nothing is said", times=2),
        Harm("unknown commit", "recorder postgres"),
        Harm(BLACK_HOLE, "w2 kafka", 3.0),
    ],
    5: [
        Harm("kill -9 of the recorder", "recorder2"),
        Harm(PAST_SESSION, "w2", SESSION_S + 1),
        Harm(SERVER_PAUSED, "kafka", 3.0),
    ],
}
"""What the two seeds of the tests do: short, and together what matters most."""
