"""A recorded day through the same core as live: files in, files out, no broker (contract: "A recorded day").

Records are merged by merge time, time passes by ticks of 10 s; two runs write and print the same.
"""

import base64
import gzip
import hashlib
import heapq
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from streams import codec, events, filling, geo, state, topics, truck
from streams.assets import BadReference, Reference
from streams.topics import Topic
from streams.units import MINUTE_MS, SECOND_MS

TICK_MS: Final = 10 * SECOND_MS
_AT_THE_END_MS: Final = 10 * MINUTE_MS
"""Time goes on this much after the last record, and the lateness bound."""
_MERGE_TIMES: Final = ("received_time_ms", "made_ms", "at_ms", "valid_from_ms", "event_time_ms")
_ORDER: Final[tuple[Topic, ...]] = (
    topics.ASSETS,
    topics.ZONES,
    topics.PERMITS,
    topics.CALENDARS,
    topics.SHIFTS,
    topics.ORDERS,
    topics.PLANS,
    topics.TRUCK_STATES,
    topics.DRIVER_ACTIONS,
    topics.WEIGHINGS,
    topics.BIN_READINGS,
)
"""Settles ties of merge time."""
_WRITTEN: Final = (topics.ALERTS, topics.TICKETS, topics.VISITS, topics.COLLECTIONS_DUE)


class Line(NamedTuple):
    """One record of a file. Sorts by merge time, topic, line."""

    merge_ms: int
    rank: int
    number: int
    record: events.Event


class Report(NamedTuple):
    """What a replay did."""

    read: dict[str, int]
    written: dict[str, int]
    dead_letters: int
    sha256: str
    cpu_s: float


class Day:
    """The state of a whole city while its day is replayed."""

    def __init__(self, reference: Reference, settings: truck.Settings) -> None:
        self.reference = reference
        self.settings = settings
        self.trucks: dict[str, state.Truck] = {}
        self.bins: dict[str, filling.Filling] = {}

    def fold(self, record: events.Event) -> list[events.Event]:
        """Fold one record in; return what follows."""
        match record:
            case events.BinReading():
                known = self.bins.get(record.bin_id) or filling.Filling(bin_id=record.bin_id)
                self.bins[record.bin_id], outputs = filling.step(known, record, self.reference)
                return outputs
            case events.TruckState() | events.DriverAction() | events.Weighing() | events.TruckPlan():
                one = self.trucks.get(record.truck_id) or state.Truck(truck_id=record.truck_id)
                self.trucks[record.truck_id], told = truck.step(one, record, self.reference, self.settings)
                return told
            case _:
                self.reference.apply(record)
                return []

    def tick(self, at_ms: int) -> list[events.Event]:
        """Let time pass for every truck and bin."""
        tick = events.Tick(at_ms=at_ms)
        outputs: list[events.Event] = []
        for one in self.trucks.values():
            outputs += truck.step(one, tick, self.reference, self.settings)[1]
        for a_bin in self.bins.values():
            outputs += filling.step(a_bin, tick, self.reference)[1]
        return outputs


def run(
    folder: Path,
    out: Path,
    settings: truck.Settings = truck.DEFAULT_SETTINGS,
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Replay a recorded day and write what follows from it.

    Parameters
    ----------
    on_progress
        Called with the number of records folded, every few thousand.
    """
    started_s = time.process_time()
    out.mkdir(parents=True, exist_ok=True)
    letters: list[dict[str, Any]] = []
    read: Counter[str] = Counter()
    day = Day(Reference(), settings)
    outputs: list[events.Event] = []
    tick_ms = last_ms = 0
    for line in heapq.merge(*(_lines(folder, topic, rank, letters) for rank, topic in enumerate(_ORDER))):
        topic = _ORDER[line.rank]
        read[topic.name] += 1
        if topic not in topics.REFERENCE:
            tick_ms = tick_ms or line.merge_ms // TICK_MS * TICK_MS + TICK_MS
            while tick_ms <= line.merge_ms:
                outputs += day.tick(tick_ms)
                tick_ms += TICK_MS
            last_ms = line.merge_ms
        try:
            outputs += day.fold(line.record)
        except (BadReference, geo.BadGeometry) as error:
            letters.append(_letter(topic, line.number, "apply", str(error), codec.encode(line.record)))
        if on_progress is not None and read.total() % 5_000 == 0:
            on_progress(read.total())
    end_ms = last_ms + settings.bounds.gap_ms + _AT_THE_END_MS
    while tick_ms and tick_ms <= end_ms:
        outputs += day.tick(tick_ms)
        tick_ms += TICK_MS
    written, sha256 = _write(out, outputs, letters)
    return Report(dict(read), written, len(letters), sha256, time.process_time() - started_s)


def recorded(folder: Path) -> tuple[Reference, list[events.TruckState]]:
    """Return what exists and all fixes of a recorded day, by merge time; what cannot be used is left out."""
    letters: list[dict[str, Any]] = []
    reference = Reference()
    for topic in topics.REFERENCE:
        for line in _lines(folder, topic, 0, letters):
            with suppress(BadReference):
                reference.apply(line.record)
    fixes = [line.record for line in _lines(folder, topics.TRUCK_STATES, 0, letters)]
    return reference, [fix for fix in fixes if isinstance(fix, events.TruckState)]


def _lines(folder: Path, topic: Topic, rank: int, letters: list[dict[str, Any]]) -> Iterator[Line]:
    """Records of one topic by merge time, those of equal time as they stand in the file."""
    found = []
    for number, raw in enumerate(_raw_lines(folder, topic.name), start=1):
        try:
            record = codec.decode(topic, raw)
            found.append(Line(_merge_ms(record), rank, number, record))
        except codec.Undecodable as error:
            letters.append(_letter(topic, number, "decode", str(error), raw))
    found.sort(key=lambda line: line[:3])
    return iter(found)


def _raw_lines(folder: Path, name: str) -> Iterator[bytes]:
    for path, opened in ((folder / f"{name}.jsonl", open), (folder / f"{name}.jsonl.gz", gzip.open)):
        if path.exists():
            with opened(path, "rb") as file:
                for raw in file:
                    if raw.strip():
                        yield raw.rstrip(b"\r\n")


def _merge_ms(record: events.Event) -> int:
    for name in _MERGE_TIMES:
        value = getattr(record, name, None)
        if value is not None:
            return int(value)
    return 0


def _letter(topic: Topic, line: int, stage: str, reason: str, value: bytes) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "line": line,
        "stage": stage,
        "reason": reason,
        "bytes_b64": base64.b64encode(value).decode(),
    }


def _write(out: Path, outputs: list[events.Event], letters: list[dict[str, Any]]) -> tuple[dict[str, int], str]:
    """Write one file a topic; return counts, and the SHA-256 over all as canonical JSON with sorted keys and lines."""
    digest = hashlib.sha256()
    written = {}
    for topic in _WRITTEN:
        mine = [record for record in outputs if isinstance(record, topic.record or ())]
        (out / f"{topic.name}.jsonl").write_bytes(b"".join(codec.encode(record) + b"\n" for record in mine))
        written[topic.name] = len(mine)
        canonical = sorted(json.dumps(msgspec.to_builtins(record), sort_keys=True) for record in mine)
        digest.update("\n".join([topic.name, *canonical, ""]).encode())
    dead = sorted(json.dumps(letter, sort_keys=True) for letter in letters)
    (out / "dead-letters.jsonl").write_text("".join(line + "\n" for line in dead))
    digest.update("\n".join(["dead-letters", *dead, ""]).encode())
    return written, digest.hexdigest()
