"""``python -m services dead-letters list|show|replay|drop``: what was set aside, why, back to its topic, or never again."""

import getpass
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from services import bus, clock
from services.cli.tool import database, fail, moment_ms
from services.settings import Settings
from services.store import letters, sink
from services.store.letters import Letter, Wanted
from streams import codec, topics
from streams.units import MINUTE_MS
from streams.worker.dead_letters import MOST_IN_A_ROW, MOST_IN_WINDOW
from streams.worker.settings import Settings as WorkerSettings

app = typer.Typer(no_args_is_help=True, help="Records that were set aside with a reason (the recorder's tables).")

_CONFIRM_S: Final = 30.0
_OWN_HEADERS: Final = frozenset({letters.REPLAY_OF, letters.ATTEMPT})
MOST_DEAD_AGAIN: Final = min(MOST_IN_A_ROW, MOST_IN_WINDOW) // 2
"""A run ends at so many that are dead again, whatever its policy, and never has more on their way unseen: half of what ends
a worker, which counts others too."""
LOOK_S: Final = 60.0
"""So long worker and recorder may take to have judged what was sent."""


class Policy(StrEnum):
    """What to do when a record that was sent is dead again."""

    stop = "stop"
    """Send no more."""
    skip = "skip"
    """Go on with the others."""
    drop = "drop"
    """Go on, and note that it is never to be sent again: why, and who says so."""


Because = Annotated[str, typer.Option(help="Why: kept with the letters that are dropped.")]
By = Annotated[str, typer.Option(help="Who says so; default: who is logged in.")]

Topic = Annotated[str | None, typer.Option(help="Only letters of this topic.")]
Stage = Annotated[str | None, typer.Option(help="Only of this stage: ingest, decode, apply, recorder.")]
Reason = Annotated[str | None, typer.Option(help="Only with this text in the reason.")]
Since = Annotated[str | None, typer.Option(help="Only since then: 30m, 6h, 2d ago, or 2026-11-25T06:00 (UTC).")]
Until = Annotated[str | None, typer.Option(help="Only before then.")]


@app.command("list")
def show_kinds(
    topic: Topic = None, stage: Stage = None, reason: Reason = None, since: Since = None, until: Until = None
) -> None:
    """Count letters by topic, stage and reason, the most frequent first, with a sample of each."""
    with database("dead-letters") as engine:
        kinds = letters.kinds(engine, _wanted(topic, stage, reason, since, until))
    for kind in kinds:
        typer.echo(
            f"{kind.letters:>7} {kind.topic}, {kind.stage}, {_time(kind.first_ms)} to {_time(kind.last_ms)}, "
            f"{kind.replayed} sent again, {kind.dropped} dropped"
        )
        typer.echo(f"        {kind.sample_reason}\n        e.g. {kind.sample_id}")
    typer.echo(f"{sum(kind.letters for kind in kinds)} letters of {len(kinds)} kinds")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(help="Its id, or enough of its beginning.")],
    *,
    as_hex: Annotated[bool, typer.Option("--hex", help="Bytes as hex even if they are text.")] = False,
) -> None:
    """Show one letter: where it stood, why, its headers, its bytes as text or hex."""
    with database("dead-letters") as engine:
        found = list(letters.find(engine, Wanted(letter_ids=(letter_id,))))
    if len(found) != 1:
        fail(f"{len(found)} letters have an id that begins with {letter_id!r}, expected one")
    letter = found[0]
    for name, value in (
        ("letter", letter.letter_id),
        ("topic", f"{letter.topic}, partition {letter.partition}, offset {letter.offset}"),
        ("stage", letter.stage),
        ("reason", letter.reason),
        ("set aside", _time(letter.at_ms)),
        ("key", _text(letter.key or b"")),
        ("sent again", _replayed(letter)),
        *((("dropped", _dropped(letter)),) if letter.dropped_ms else ()),
        *(("header", f"{name} = {_text(value)}") for name, value in letter.headers.items()),
    ):
        typer.echo(f"{name:<11}{value}")
    if letter.first_id != letter.letter_id:
        typer.echo(f"{'first':<11}{letter.first_id}: sent again {letter.attempts} times, it failed again")
    typer.echo(f"{'bytes':<11}{len(letter.value)}")
    typer.echo(_hex(letter.value) if as_hex or not _is_text(letter.value) else letter.value.decode())


@app.command()
def replay(  # noqa: PLR0917  # a command's parameters are its options
    topic: Topic = None,
    stage: Stage = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    letter: Annotated[list[str] | None, typer.Option(help="Only this id; may be given again.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Records a second, at most.")] = 50.0,
    most: Annotated[int, typer.Option(min=1, help="Records in this run, at most.")] = 1_000,
    *,
    again: Annotated[bool, typer.Option("--again", help="Also those that failed again after a replay.")] = False,
    unconfirmed: Annotated[
        bool, typer.Option("--unconfirmed", help="Also those of which it is not known whether they were sent.")
    ] = False,
    policy: Annotated[
        Policy,
        typer.Option(help="When one is dead again: stop; skip it and go on; or drop it (--because) and go on."),
    ] = Policy.stop,
    because: Because = "",
    by: By = "",
    yes: Annotated[bool, typer.Option("--yes", help="Send. Without it: only say what would be sent.")] = False,
) -> None:
    """Send records back to their topics, oldest first, each once. Whose reason still holds becomes a new letter.

    Few at first, then more: after each lot it waits until worker and recorder have judged it, and looks what came back.
    """
    if policy is Policy.drop and not because:
        fail("--policy drop needs --because: why these records are never to be sent again")
    wanted = _wanted(topic, stage, reason, since, until, tuple(letter or ()))
    counts: Counter[str] = Counter()
    with database("dead-letters") as engine:
        chosen = _chosen(letters.find(engine, wanted), counts, most, again=again, unconfirmed=unconfirmed)
        if yes:
            run = _Run(engine, counts, policy, because, by or getpass.getuser())
            _send_all(run, chosen, rate=rate, most=most, unconfirmed=unconfirmed)
        else:
            counts.update(f"would go to {one.topic}" for one in chosen)
    for said, count in sorted(counts.items()):
        typer.echo(f"{count:>7} {said}")
    if not yes:
        typer.echo("nothing was sent: --yes sends")


@app.command()
def drop(
    letter: Annotated[list[str], typer.Argument(help="Their ids, or enough of their beginnings.")],
    *,
    because: Because,
    by: By = "",
) -> None:
    """Note of letters that their records are never to be sent again, why, and who says so. Nothing is deleted."""
    with database("dead-letters") as engine:
        for letter_id in letter:
            found = list(letters.find(engine, Wanted(letter_ids=(letter_id,))))
            if len(found) != 1:
                fail(f"{len(found)} letters have an id that begins with {letter_id!r}, expected one")
            new = letters.drop(engine, found[0], because, by or getpass.getuser(), clock.wall_now_ms())
            typer.echo(f"{found[0].letter_id} is dropped" + ("" if new else ", as it was before"))


def _chosen(
    found: Iterable[Letter], counts: Counter[str], most: int, *, again: bool, unconfirmed: bool
) -> Iterator[Letter]:
    """Yield at most ``most`` letters whose records may be sent; count the others by why not."""
    origins: set[tuple[str, str]] = set()
    for letter in found:
        why_not = _why_not(letter, again=again, unconfirmed=unconfirmed)
        if (letter.tenant_id, letter.origin) in origins:
            why_not = "not sent: the same record as another letter"
        if why_not is not None:
            counts[why_not] += 1
            continue
        if len(origins) == most:
            counts[f"or more left: at most {most} a run"] += 1
            return
        origins.add((letter.tenant_id, letter.origin))
        yield letter


def _not_sent(letter: Letter) -> str:
    if letter.dropped_ms is not None:
        return "not sent: dropped"
    if letter.confirmed_ms is not None:
        return "not sent: sent before"
    return "not sent: it was too long for a letter and was cut; the whole stands where it was found"


def _why_not(letter: Letter, *, again: bool, unconfirmed: bool) -> str | None:
    topic = topics.BY_NAME.get(letter.topic)
    if topic is None or topic.record is None or topic is topics.TICKS:
        return f"not sent: {letter.topic or 'no topic'} is no topic of records"
    if topic.compacted:
        return f"not sent: {letter.topic} is compacted, a newer record of that key may be there; send it corrected"
    done = letter.dropped_ms is not None or letter.confirmed_ms is not None
    if done or codec.CUT_HEADER in letter.headers:
        return _not_sent(letter)
    if letter.begun_ms is not None and not unconfirmed:
        return "not sent: begun before, whether it arrived is not known (--unconfirmed)"
    if letter.attempts and not again:
        return "not sent: failed again after a replay (--again)"
    return None


class _Run:
    """What became of the records one run has sent."""

    def __init__(self, engine: Any, counts: Counter[str], policy: Policy, because: str, actor: str) -> None:
        self.engine = engine
        self.counts = counts
        self.bootstrap = Settings.from_env(os.environ).kafka_bootstrap
        self._policy, self._because, self._actor = policy, because, actor
        self._worker = WorkerSettings.from_env(os.environ).app_id
        self._begun_ms = clock.wall_now_ms() - MINUTE_MS
        self._dead_again: set[str] = set()

    def sizes(self) -> Iterator[int]:
        """Yield how many to send before it is looked what came back: one, then twice as many each time, while it may."""
        size = 1
        while self._dead_again_left():
            yield min(size, self._dead_again_left())
            size *= 2

    def _dead_again_left(self) -> int:
        if self._policy is Policy.stop and self._dead_again:
            return 0
        return MOST_DEAD_AGAIN - len(self._dead_again)

    def look(self, sent: list[Letter], where: set[bus.Partition]) -> None:
        """Wait until what was sent has been judged, and do what the policy says with what is dead again."""
        self._wait(where)
        firsts = tuple(letter.first_id for letter in sent)
        attempts = {letter.first_id: letter.attempts + 1 for letter in sent}
        for letter in letters.find(self.engine, Wanted(since_ms=self._begun_ms, replay_of=firsts)):
            if letter.attempts == attempts[letter.first_id] and letter.first_id not in self._dead_again:
                self._dead_again.add(letter.first_id)
                self.counts[f"dead again on {letter.topic}"] += 1
                if self._policy is Policy.drop:
                    letters.drop(self.engine, letter, self._because, self._actor, clock.wall_now_ms())
                    self.counts["dropped"] += 1

    def _wait(self, where: set[bus.Partition]) -> None:
        """Return when worker and recorder are past the ends of these partitions, and the letters of both are in the table."""
        give_up_s = time.monotonic() + LOOK_S
        names = {topic for topic, _ in where}
        sent_to = {one: end for one, end in self._ends(names).items() if one in where}
        while not (self._worker_is_past(sent_to) and self._recorder_is_past(sent_to)):
            self._give_up_after(give_up_s)
        set_aside = self._ends({topics.DEAD_LETTERS.name})
        while not self._recorder_is_past(set_aside):
            self._give_up_after(give_up_s)

    def _ends(self, names: set[str]) -> dict[bus.Partition, int]:
        return bus.ends(self.bootstrap, [topics.BY_NAME[name] for name in names], client_id="dead-letters")

    def _worker_is_past(self, ends: dict[bus.Partition, int]) -> bool:
        """Whether the worker has judged all of it; topics it has never committed for it does not read."""
        stands = bus.committed(self.bootstrap, self._worker)
        read = {topic for topic, _ in stands}
        return bool(stands) and all(stands.get(one, 0) >= end for one, end in ends.items() if one[0] in read)

    def _recorder_is_past(self, ends: dict[bus.Partition, int]) -> bool:
        stands = sink.known_offsets(self.engine, list(ends))
        return all(stands.get(one, 0) >= end for one, end in ends.items() if end)

    def _give_up_after(self, give_up_s: float) -> None:
        if time.monotonic() > give_up_s:
            for said, count in sorted(self.counts.items()):
                typer.echo(f"{count:>7} {said}")
            fail(
                f"whether they are dead again is not known: worker ({self._worker}) and recorder have not judged them "
                f"within {LOOK_S:.0f} s. Are both running? Nothing more was sent"
            )
        time.sleep(0.2)


def _send_all(run: _Run, chosen: Iterator[Letter], *, rate: float, most: int, unconfirmed: bool) -> None:
    columns = TextColumn("{task.description}"), MofNCompleteColumn()
    producer = bus.Producer(run.bootstrap, client_id="dead-letters")
    with closing(producer), Progress(*columns, console=Console(stderr=True)) as progress:
        shown = progress.add_task("sent", total=most)
        due_s = time.monotonic()
        for size in run.sizes():
            if not (lot := list(islice(chosen, size))):
                return
            sent: list[Letter] = []
            where: set[bus.Partition] = set()
            for letter in lot:
                time.sleep(max(0.0, due_s - time.monotonic()))
                due_s = max(due_s, time.monotonic() - 1.0) + 1.0 / rate
                if not letters.claim(run.engine, letter, clock.wall_now_ms(), unconfirmed=unconfirmed):
                    run.counts["not sent: another run was first"] += 1
                    continue
                where.add(_send(producer, letter))
                letters.confirm(run.engine, letter, clock.wall_now_ms())
                sent.append(letter)
                run.counts[f"sent to {letter.topic}"] += 1
                progress.advance(shown)
            if sent:
                run.look(sent, where)
    left = sum(1 for _ in chosen)
    if left:
        run.counts["or more left: too many are dead again"] += left


def _send(producer: bus.Producer, letter: Letter) -> bus.Partition:
    """Send a record as it was, under its own key, and say where; its headers say which letter was the first."""
    own = [(name, value) for name, value in letter.original_headers().items() if name not in _OWN_HEADERS]
    headers = [
        *own,
        (letters.REPLAY_OF, letter.first_id.encode()),
        (letters.ATTEMPT, str(letter.attempts + 1).encode()),
    ]
    key = letter.key or _key_by_contents(letter)
    try:
        return producer.send(letter.topic, key, letter.value, headers).result(_CONFIRM_S)
    except (bus.BusError, TimeoutError) as error:
        fail(
            f"{letter.letter_id} was not confirmed ({error!r}): it may be on {letter.topic}, or not. "
            "Look, then send it with --unconfirmed if it is not"
        )


def _key_by_contents(letter: Letter) -> bytes:
    try:
        return codec.key_of(codec.decode(topics.BY_NAME[letter.topic], letter.value)).encode()
    except codec.Undecodable:
        return b""


# --------------------------------------------------------------------------------------------- words


def _wanted(  # noqa: PLR0917  # a command's options
    topic: str | None,
    stage: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    letter_ids: tuple[str, ...] = (),
) -> Wanted:
    return Wanted(
        topic,
        stage,
        reason,
        None if since is None else moment_ms(since),
        None if until is None else moment_ms(until),
        letter_ids,
    )


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _replayed(letter: Letter) -> str:
    if letter.begun_ms is None:
        return "no"
    return _time(letter.begun_ms) + ("" if letter.confirmed_ms else ", whether it arrived is not known")


def _dropped(letter: Letter) -> str:
    return f"{_time(letter.dropped_ms or 0)} by {letter.dropped_by}: {letter.dropped_because}"


def _is_text(value: bytes) -> bool:
    try:
        return all(char.isprintable() or char in "\t\r\n" for char in value.decode())
    except UnicodeDecodeError:
        return False


def _text(value: bytes) -> str:
    return value.decode() if _is_text(value) else f"0x{value.hex()}"


def _hex(value: bytes, wide: int = 16) -> str:
    rows = [value[at : at + wide] for at in range(0, len(value), wide)]
    return "\n".join(f"{n * wide:08x}  {row.hex(' '):<{3 * wide}} {_visible(row)}" for n, row in enumerate(rows))


def _visible(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
