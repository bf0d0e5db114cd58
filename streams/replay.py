"""A recorded day through the same core as live: files in, files out, no broker (contract: "A recorded day").

Records come in merge order (`streams.recorded`), time passes by ticks of 10 s; two runs write and print the same. What is
held in memory is the state of the city, not its day.
"""

import base64
import hashlib
import heapq
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final, NamedTuple, Self

from streams import bins, codec, events, filling, geo, misplaced, recorded, sites, state, topics, truck
from streams.assets import BadReference, Reference
from streams.city_state import BadState, CityState
from streams.hearing import Hearing
from streams.recorded import Letter
from streams.units import DAY_MS, MINUTE_MS, SECOND_MS

TICK_MS: Final = 10 * SECOND_MS
STATE_FILE: Final = "state.json.gz"
"""In a recorded day: the state at its start."""
AT_THE_END_MS: Final = 10 * MINUTE_MS
"""Time goes on this much after the last record, and the lateness bound."""
_WRITTEN: Final = (topics.ALERTS, topics.TICKETS, topics.VISITS, topics.COLLECTIONS_DUE)
_LETTERS: Final = topics.DEAD_LETTERS.name
_PROGRESS_EVERY: Final = 5_000
_TRUCK_ID: Final = itemgetter(0)


class Report(NamedTuple):
    """What a replay did."""

    read: dict[str, int]
    written: dict[str, int]
    dead_letters: int
    sha256: str
    cpu_s: float


class Day:
    """The state of a whole city while its day is replayed.

    Time passes only for whom it may change something: trucks that wait for a report, bins whose forecast has come.
    """

    def __init__(
        self,
        reference: Reference,
        settings: truck.Settings,
        begin: CityState | None = None,
        judges: truck.Judges = truck.JUDGES,
    ) -> None:
        self.reference = reference
        self.settings = settings
        self.judges = judges
        self.trucks: dict[str, state.Truck] = {}
        self.bins: dict[str, bins.Bin] = {}
        self.sites: dict[str, sites.Site] = {}
        self.next_tick_ms: int | None = None
        """None = nothing was measured yet: time does not pass."""
        self.begun_ms = 0 if begin is None else begin.at_ms
        self.misplaced: str | None = None
        """Why the last record was folded without its place; None = it was not."""
        self._waiting: dict[str, state.Truck] = {}
        self.hearing = Hearing() if begin is None else begin.hearing
        self._wakes: list[tuple[int, str]] = []
        self._wake_of: dict[str, int] = {}
        if begin is not None:
            self.trucks, self.bins, self.sites = begin.trucks, begin.bins, begin.sites or {}
            self.next_tick_ms = _tick_after(begin.at_ms)
            self._waiting = {truck_id: one for truck_id, one in self.trucks.items() if truck.waits(one)}
            for bin_id, a_bin in self.bins.items():
                self._plan_wake(bin_id, a_bin)

    def fold(self, record: events.Event) -> list[events.Event]:
        """Fold one record in; return what follows.

        Raises
        ------
        streams.assets.BadReference, streams.geo.BadGeometry
            If it cannot be used; nothing has changed.
        """
        record, self.misplaced = misplaced.set_right(record, self.reference)
        match record:
            case events.TruckState():
                self.hear(record)
                return self._fold_truck(record)
            case events.DriverAction() | events.Weighing() | events.TruckPlan():
                return self._fold_truck(record)
            case events.BinReading():
                return self._fold_bin(record)
            case _:
                self.reference.apply(record)
                self._note_register(record)
                return []

    def _join(self, outputs: list[events.Event]) -> list[events.Event]:
        """Tell places of the dumps among what trucks said; return what is said then, places' own words behind the trucks'."""
        said: list[events.Event] = []
        for output in outputs:
            if not isinstance(output, events.DumpSeen):
                said.append(output)
                continue
            site = self.sites.get(output.cell) or sites.Site(cell=output.cell)
            self.sites[output.cell], told = sites.step(site, output, self.settings.thresholds)
            said += told
        return said

    def pass_time(self, until_ms: int) -> list[events.Event]:
        """Let the ticks up to ``until_ms`` come; return what follows. The first call only sets the clock."""
        outputs: list[events.Event] = []
        if self.next_tick_ms is None:
            self.next_tick_ms = _tick_after(until_ms)
        while self.next_tick_ms <= until_ms:
            if not self._waiting:  # until the next forecast comes, ticks change nothing
                next_wake_ms = self._wakes[0][0] if self._wakes else until_ms + 1
                if next_wake_ms > until_ms:
                    self.next_tick_ms = _tick_after(until_ms)
                    break
                self.next_tick_ms = max(self.next_tick_ms, -(-next_wake_ms // TICK_MS) * TICK_MS)
                if self.next_tick_ms > until_ms:
                    break
            outputs += self._tick(self.next_tick_ms)
            self.next_tick_ms += TICK_MS
        return outputs

    def at(self, at_ms: int) -> CityState:
        """Return the state, after all records and ticks up to then."""
        return CityState(at_ms, self.trucks, self.bins, self.hearing, self.sites)

    def _fold_truck(self, record: truck.TruckRecord) -> list[events.Event]:
        truck_id: str = record.truck_id  # type: ignore[union-attr]  # ticks do not come here
        one = self.trucks.get(truck_id)
        if one is None:
            one = state.Truck(truck_id=truck_id)
        one, outputs = truck.step(one, record, self.reference, self.settings, self.judges)
        self.trucks[truck_id] = one
        self._note_waiting(truck_id, one)
        return self._join(outputs) if outputs else outputs

    def hear(self, fix: events.TruckState) -> None:
        """Note that a truck is heard: somebody's silence says something only while others are."""
        if not fix.resent:
            self.hearing = self.hearing.heard(events.came_ms(fix))

    def _note_waiting(self, truck_id: str, one: state.Truck) -> None:
        if truck.waits(one):
            self._waiting[truck_id] = one
        else:
            self._waiting.pop(truck_id, None)

    def _fold_bin(self, record: filling.BinRecord) -> list[events.Event]:
        bin_id: str = record.bin_id  # type: ignore[union-attr]  # ticks do not come here
        a_bin = self.bins.get(bin_id) or bins.new(bin_id)
        self.bins[bin_id], outputs = bins.step(a_bin, record, self.reference, self.settings.thresholds)
        self._plan_wake(bin_id, self.bins[bin_id])
        return outputs

    def _note_register(self, record: events.Event) -> None:
        """Have a bin that was not in the register, or not yet, looked at again."""
        if isinstance(record, events.Asset) and record.kind == "bin" and record.id in self.bins:
            self._plan_wake(record.id, self.bins[record.id])

    def _plan_wake(self, bin_id: str, a_bin: bins.Bin) -> None:
        """Have the bin looked at when its forecast comes. An entry that turns out too early is entered again."""
        wake_ms = filling.wakes_ms(a_bin.filling, self.reference, self.next_tick_ms or 0)
        if wake_ms is not None and wake_ms < self._wake_of.get(bin_id, wake_ms + 1):
            self._wake_of[bin_id] = wake_ms
            heapq.heappush(self._wakes, (wake_ms, bin_id))

    def _tick(self, at_ms: int) -> list[events.Event]:
        tick = events.Tick(at_ms=at_ms, hearing_ms=self.hearing.at(at_ms))
        outputs: list[events.Event] = []
        heeding = [(truck_id, one) for truck_id, one in self._waiting.items() if truck.heeds(one, tick)]
        for truck_id, one in sorted(heeding, key=_TRUCK_ID):
            self.trucks[truck_id], told = truck.step(one, tick, self.reference, self.settings, self.judges)
            self._note_waiting(truck_id, self.trucks[truck_id])
            outputs += self._join(told)
        for bin_id in self._awake(at_ms):
            self.bins[bin_id], told = bins.step(self.bins[bin_id], tick, self.reference)
            self._plan_wake(bin_id, self.bins[bin_id])
            outputs += told
        return outputs

    def _awake(self, at_ms: int) -> list[str]:
        awake = []
        while self._wakes and self._wakes[0][0] <= at_ms:
            wake_ms, bin_id = heapq.heappop(self._wakes)
            if self._wake_of.get(bin_id) == wake_ms:
                del self._wake_of[bin_id]
                awake.append(bin_id)
        return sorted(awake)


def _tick_after(time_ms: int) -> int:
    return time_ms // TICK_MS * TICK_MS + TICK_MS


def run(
    folder: Path,
    out: Path,
    settings: truck.Settings = truck.DEFAULT_SETTINGS,
    on_progress: Callable[[int], None] | None = None,
    state_out: Path | None = None,
) -> Report:
    """Replay a recorded day and write what follows from it.

    Parameters
    ----------
    on_progress
        Called with the number of records folded, every few thousand.
    state_out
        File for the state after the last record, before time runs out: the next day's `STATE_FILE`.

    Raises
    ------
    streams.city_state.BadState
        If the state at the start cannot be read, or stands after the first measurement, or long before it.
    """
    started_s = time.process_time()
    out.mkdir(parents=True, exist_ok=True)
    begin = CityState.read(folder / STATE_FILE) if (folder / STATE_FILE).exists() else None
    day = Day(Reference(), settings, begin)
    # closed by name: where a replay fails, nobody knows when the lines would be, and with them what is sorted on disk
    with _Writer(out) as writer, closing(recorded.records(folder, out, writer.set_aside)) as lines:
        read, last_ms = fold_all(day, lines, writer.write, writer.set_aside, on_progress)
        if state_out is not None:
            day.at(last_ms).write(state_out)
        if day.next_tick_ms is not None:
            writer.write(day.pass_time(last_ms + settings.bounds.gap_ms + AT_THE_END_MS))
    return Report(read, writer.written, writer.letters, _sha256(out), time.process_time() - started_s)


def fold_all(
    day: Day,
    lines: Iterable[recorded.Line],
    write: Callable[[list[events.Event]], None],
    set_aside: recorded.Aside,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, int], int]:
    """Fold records in merge order, time passing between them.

    Returns
    -------
    How many there were by topic, and the merge time of the last measurement (where the state began, if there was none).

    Raises
    ------
    streams.city_state.BadState
        If the day began in a state later than its first measurement, or long before it.
    """
    counts = [0] * len(recorded.MERGED)
    measures = [topic not in topics.REFERENCE for topic in recorded.MERGED]
    last_ms = 0
    for done, (merge_ms, rank, number, record, raw) in enumerate(_learnt(lines, day.reference), start=1):
        counts[rank] += 1
        if measures[rank]:
            if last_ms == 0 and day.begun_ms:
                _check_begin(day.begun_ms, merge_ms)
            last_ms = merge_ms
            if day.next_tick_ms is None or day.next_tick_ms <= merge_ms:
                write(day.pass_time(merge_ms))
        try:
            outputs = day.fold(record)
        except (BadReference, geo.BadGeometry) as error:
            set_aside(Letter(recorded.MERGED[rank].name, number, "apply", str(error), raw))
        else:
            if day.misplaced is not None:
                set_aside(Letter(recorded.MERGED[rank].name, number, misplaced.STAGE, day.misplaced, raw))
            if outputs:
                write(outputs)
        if on_progress is not None and done % _PROGRESS_EVERY == 0:
            on_progress(done)
    read = {topic.name: count for topic, count in zip(recorded.MERGED, counts, strict=True) if count}
    return read, last_ms or day.begun_ms


def register(folder: Path) -> Reference:
    """Return what exists on a recorded day, all of it at once; what cannot be used is left out."""
    with (
        TemporaryDirectory() as scratch,
        closing(recorded.records(folder, Path(scratch), lambda _: None, topics.REFERENCE)) as lines,
    ):
        known = [line.record for line in lines]
    reference = Reference()
    reference.learn(known)
    for record in known:
        with suppress(BadReference):
            reference.apply(record)
    return reference


def _learnt(lines: Iterable[recorded.Line], reference: Reference) -> Iterator[recorded.Line]:
    """Yield the lines once it is known where tenants work: from all that exists before the first measurement."""
    rest = iter(lines)
    first: list[recorded.Line] = []
    for line in rest:
        first.append(line)
        if recorded.MERGED[line.rank] not in topics.REFERENCE:
            break
    reference.learn(line.record for line in first)
    yield from first
    yield from rest


def _check_begin(begun_ms: int, first_ms: int) -> None:
    if begun_ms > first_ms:
        raise BadState(f"the state stands at {begun_ms}, after the first record at {first_ms}: it is another day's")
    if first_ms - begun_ms > recorded.LONGEST_SILENCE_DAYS * DAY_MS:
        raise BadState(
            f"the state stands at {begun_ms}, more than {recorded.LONGEST_SILENCE_DAYS} days before the first record at "
            f"{first_ms}: give the state of the day before, or none"
        )


class _Writer:
    """Writes one file a topic, a line as soon as it is known."""

    def __init__(self, out: Path) -> None:
        self.written = {topic.name: 0 for topic in _WRITTEN}
        self.letters = 0
        self._out = out
        self._open = ExitStack()
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        for name in (*self.written, _LETTERS):
            self._files[name] = self._open.enter_context((self._out / f"{name}.jsonl").open("wb"))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, outputs: list[events.Event]) -> None:
        """Write what was concluded, each to its topic."""
        for record in outputs:
            name = codec.topic_of(record).name
            self._files[name].write(codec.encode(record) + b"\n")
            self.written[name] += 1

    def set_aside(self, letter: Letter) -> None:
        """Write a dead letter."""
        self.letters += 1
        document = letter._asdict() | {"bytes_b64": base64.b64encode(letter.value).decode()}
        del document["value"]
        self._files[_LETTERS].write(json.dumps(document, sort_keys=True).encode() + b"\n")


def _sha256(out: Path) -> str:
    """Return the SHA-256 over all that was written, as canonical JSON with sorted keys and lines."""
    digest = hashlib.sha256()
    for name in (*(topic.name for topic in _WRITTEN), _LETTERS):
        digest.update(name.encode() + b"\n")
        for line in recorded.sorted_lines(_canonical(out / f"{name}.jsonl"), out):
            digest.update(line + b"\n")
    return digest.hexdigest()


def _canonical(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            document: Any = json.loads(line)
            yield json.dumps(document, sort_keys=True).encode()
