"""What is done to the small system: an order of the seed, each harm with what it is done to and for how long."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from random import Random
from typing import Final, NamedTuple

import psutil
from sqlalchemy import text

from services import store
from tests.crash import points
from tests.crash.parts import INPUT_TOPICS, PROGRAMS, RECORDER, STOP_S, STORES, WORKERS, Parts
from tests.faults import Direction, Disk, Proxy, pause

BUDGET_S: Final = 26.0
"""Harms are added until so much time is foreseen: a seed is over in three quarters of a minute."""
LINKS: Final = (*(f"{name} kafka" for name in PROGRAMS), "recorder postgres")
DATABASE_LINK: Final = "recorder postgres"
AT_POINT_S: Final = 20.0
"""A point that has not come by so often within this is not reached."""
NO_SPACE: Final = "No space left on device"
NOTICED_S: Final = 15.0
"""A full disk is met by whoever writes within this."""


class Harm(NamedTuple):
    """One thing that is done. ``seconds``: how long it lasts, 0 = a moment."""

    kind: str
    subject: str
    seconds: float = 0.0
    bytes: int = 0
    point: str = ""
    """A moment of the subject's life (`points`), and the how-manieth."""
    times: int = 0

    @property
    def title(self) -> str:
        """As people read it."""
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        at = f", {self.point}, time {self.times}" if self.point else ""
        return f"{self.kind}: {self.subject}{at}{lasts}"


def planned(chance: Random, budget_s: float = BUDGET_S, *, among: str = "") -> list[Harm]:
    """Return the harms of a seed, in order. With a smaller budget they are the first of the same.

    ``among``: only kinds with this in their name.
    """
    kinds = [kind for kind in _KINDS if among in kind]
    chosen: list[Harm] = []
    foreseen_s = 0.0
    while foreseen_s < budget_s:
        kind = chance.choice(kinds)
        make, cost_s = _KINDS[kind]
        harm = make(kind, chance)
        chosen.append(harm)
        foreseen_s += harm.seconds + cost_s
    return chosen


def small_disks(harms: list[Harm]) -> tuple[set[str], str]:
    """Return the servers that need a disk that can be full, and why they cannot have one here; empty = they can."""
    wanted = {harm.subject for harm in harms if harm.kind == DISK_FULL}
    impossible = Disk.impossible() if wanted else ""
    return (set() if impossible else wanted), impossible


def done_to(parts: Parts, harm: Harm, chance: Random) -> bool:
    """Do it, and heal what does not heal by itself; False if it could not be done. Blocks as long as it lasts."""
    return _DOINGS[harm.kind](parts, harm, chance) is not False


# --------------------------------------------------------------------------------------------- processes


def _kill(parts: Parts, harm: Harm, _: Random) -> None:
    if harm.subject == "kafka":
        parts.broker.kill()
        parts.broker.begin()
        parts.broker.wait_until_ready()
    elif harm.subject == "postgres":
        parts.database.crash()
        parts.database.start()
    elif (process := parts.process(harm.subject)) is not None:
        process.kill()
        process.wait()


def _pause(parts: Parts, harm: Harm, _: Random) -> None:
    if harm.subject == "kafka":
        parts.broker.pause(harm.seconds)
    elif harm.subject == "postgres":
        parts.database.pause(harm.seconds)
    elif (process := parts.process(harm.subject)) is not None:
        with suppress(psutil.NoSuchProcess):
            pause(process, harm.seconds)


def _stop(parts: Parts, harm: Harm, _: Random) -> None:
    """An update: asked to end, and started again. It must end in order."""
    parts.findings += parts.ended_in_order([harm.subject])


def _crash_at(parts: Parts, harm: Harm, _: Random) -> bool:
    """Gone at an exact moment of its life: it is started again as one that ends there. False if that did not come."""
    parts.findings += parts.ended_in_order([harm.subject])
    before, heard = parts.recorded(), parts.log(harm.subject).stat().st_size
    doomed = parts.start(harm.subject, point=(harm.point, harm.times))

    def takes_part() -> bool:
        if harm.subject == RECORDER:
            return parts.recorded() != before
        return b"partitions assigned" in parts.log(harm.subject).read_bytes()[heard:]

    with ExitStack() as company:
        if points.named(harm.point, "recorder" if harm.subject == RECORDER else "worker").company:
            _until(parts, takes_part, AT_POINT_S)
            company.enter_context(_guest(parts, harm.subject))
        died = _until(parts, lambda: doomed.poll() is not None, AT_POINT_S)
    if not died:
        doomed.kill()
    return bool(doomed.wait() == points.DIED)


@contextmanager
def _guest(parts: Parts, name: str) -> Iterator[None]:
    """Another member of the same group comes, and goes."""
    guest = parts.start(name, guest=True)
    try:
        yield
    finally:
        guest.terminate()
        try:
            guest.wait(STOP_S)
        except psutil.TimeoutExpired:
            guest.kill()
            guest.wait()
            parts.findings.append(f"a guest beside {name} did not end within {STOP_S:.0f} s of SIGTERM")


def _twin(parts: Parts, harm: Harm, _: Random) -> None:
    """Two under one name: as when a machine is restored while the old one still runs."""
    second = parts.start(harm.subject, twin=True)
    try:
        _lasting(parts, harm.seconds)
    finally:
        second.kill()
        second.wait()


def _backends(parts: Parts, _: Harm, __: Random) -> None:
    """An administrator ends every connection of the recorder."""
    end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'qingyun-recorder'")
    with suppress(store.Away), parts.engine.begin() as connection:
        connection.execute(end)


def _locked(parts: Parts, harm: Harm, _: Random) -> None:
    """Somebody holds the tables' offsets: a long manual transaction."""
    with parts.engine.begin() as connection:
        connection.execute(text("LOCK TABLE sink_offsets IN ACCESS EXCLUSIVE MODE"))
        _lasting(parts, harm.seconds)


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


def _black_hole(parts: Parts, harm: Harm, chance: Random) -> None:
    """One way is silent: nothing ends, nothing comes."""
    way = parts.links[harm.subject]
    way.hold(chance.choice(list(Direction)))
    _lasting(parts, harm.seconds)
    way.heal()


def _slow(parts: Parts, harm: Harm, _: Random) -> None:
    way = parts.links[harm.subject]
    for direction in Direction:
        way.slow(direction, 0.1, 2_048)
    _lasting(parts, harm.seconds)
    way.heal()


def _pieces(parts: Parts, harm: Harm, _: Random) -> None:
    """Frames come in pieces of some bytes."""
    way = parts.links[harm.subject]
    for direction in Direction:
        way.slow(direction, 0.0005, harm.bytes)
    _lasting(parts, harm.seconds)
    way.heal()


def _cut(parts: Parts, harm: Harm, _: Random) -> None:
    parts.links[harm.subject].cut()


def _cut_within(parts: Parts, harm: Harm, chance: Random) -> bool:
    """The connection ends in the middle of what it carries."""
    way = parts.links[harm.subject]
    sprung = way.trap(chance.choice(list(Direction)), harm.bytes, way.cut).wait(10)
    way.heal()
    return sprung


def _unknown_commit(parts: Parts, harm: Harm, _: Random) -> bool:
    """The database has the commit; its answer never comes."""
    way = parts.links[harm.subject]
    sprung = way.trap(Direction.UP, b"COMMIT", way.cut).wait(10)
    way.heal()
    return sprung


def _swizzle(parts: Parts, harm: Harm, chance: Random) -> None:
    """Ways fall silent one by one, and come back in another order."""
    ways: list[Proxy] = [parts.links[name] for name in LINKS]
    chance.shuffle(ways)
    for way in ways:
        way.hold(chance.choice(list(Direction)))
        _lasting(parts, harm.seconds / 8)
    chance.shuffle(ways)
    for way in ways:
        way.heal()
        _lasting(parts, harm.seconds / 8)


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

Doing = Callable[[Parts, Harm, Random], bool | None]
"""Returns False if it could not be done: what it waited for did not come by."""
Making = Callable[[str, Random], Harm]


def _moment(*subjects: str) -> Making:
    return lambda kind, chance: Harm(kind, chance.choice(subjects))


def _while(least_s: float, most_s: float, *subjects: str) -> Making:
    return lambda kind, chance: Harm(kind, chance.choice(subjects), round(chance.uniform(least_s, most_s), 1))


def _at_byte(most: int, seconds: float, *subjects: str) -> Making:
    return lambda kind, chance: Harm(kind, chance.choice(subjects), seconds, chance.randint(1, most))


def _at_point(*subjects: str) -> Making:
    def made(kind: str, chance: Random) -> Harm:
        subject = chance.choice(subjects)
        point = chance.choice(points.OF_RECORDER if subject == RECORDER else points.OF_WORKER)
        return Harm(kind, subject, point=point.name, times=chance.randint(1, point.most))

    return made


DISK_FULL: Final = "disk full"
_LIST: Final[tuple[tuple[str, Making, float, Doing], ...]] = (
    ("kill -9", _moment(*WORKERS), 7, _kill),
    ("kill -9 of the recorder", _moment(RECORDER), 12, _kill),
    ("kill -9 of a server", _moment(*STORES), 9, _kill),
    ("crash point", _at_point(*WORKERS), 11, _crash_at),
    ("crash point of the recorder", _at_point(RECORDER), 16, _crash_at),
    ("pause", _while(2, 11, *PROGRAMS), 7, _pause),
    ("pause of a server", _while(2, 6, *STORES), 5, _pause),
    ("stop and start", _moment(*PROGRAMS), 6, _stop),
    ("twin", _while(3, 5, *WORKERS), 6, _twin),
    ("connections ended", _moment(DATABASE_LINK), 2, _backends),
    (DISK_FULL, _while(2, 6, *STORES), 9, _disk_full),
    ("offsets locked", _while(2, 7, DATABASE_LINK), 3, _locked),
    ("black hole", _while(2, 9, *LINKS), 7, _black_hole),
    ("slow", _while(3, 8, *LINKS), 4, _slow),
    ("in pieces", _at_byte(40, 3.0, *LINKS), 3, _pieces),
    ("cut", _moment(*LINKS), 3, _cut),
    ("cut within", _at_byte(4_000, 0.0, *LINKS), 4, _cut_within),
    ("unknown commit", _moment(DATABASE_LINK), 4, _unknown_commit),
    ("swizzle", _while(4, 8, "all ways"), 8, _swizzle),
)
"""Kind, how one is made, seconds until all is whole again as a rule, and how it is done."""
_KINDS: Final[dict[str, tuple[Making, float]]] = {kind: (make, cost_s) for kind, make, cost_s, _ in _LIST}
_DOINGS: Final[dict[str, Doing]] = {kind: do for kind, _, _, do in _LIST}
