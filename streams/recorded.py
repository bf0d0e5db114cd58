"""A recorded day as a folder: its records in merge order, whatever its size (contract: "A recorded day").

A file is read twice: for its merge times alone, to see whether it is in order, and for its records. One that is not in
order is sorted on disk. What cannot be read is handed to ``aside`` with its line number; the day goes on.

So does a measurement whose merge time is not of this day: time would pass for years until it, or from it. The day is where
most measurements are, up to a silence of more than `LONGEST_SILENCE_DAYS` before and after.
"""

import gzip
import heapq
import io
import zlib
from collections import Counter
from collections.abc import Buffer, Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec

from streams import codec, events, topics
from streams.topics import Topic
from streams.units import DAY_MS

MERGE_TIMES: Final = ("received_time_ms", "made_ms", "at_ms", "valid_from_ms", "event_time_ms")
"""A record's merge time is the first of these that it has."""
MERGED: Final[tuple[Topic, ...]] = (
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
"""What is replayed. The order settles ties of merge time."""
SORTED_BYTES: Final = 64_000_000
"""Lines are sorted in memory up to this many bytes at once, beyond it on disk."""
LONGEST_SILENCE_DAYS: Final = 31
"""Between two measurements of one recorded day (of a week, of a month: as long as it is)."""
_LARGEST: Final = 1 << 63
_PIECE: Final = 1 << 16
"""Bytes of an archive that are unpacked at once."""


class Line(NamedTuple):
    """One record of a file. Sorts by merge time, topic, line."""

    merge_ms: int
    rank: int
    number: int
    record: events.Event
    raw: bytes
    """As it stands in the file: a record without the members this program does not know is not what came."""


class Letter(NamedTuple):
    """A line that could not be used."""

    topic: str
    line: int
    stage: str
    reason: str
    value: bytes


Aside = Callable[[Letter], None]


def records(folder: Path, scratch: Path, aside: Aside, merged: tuple[Topic, ...] = MERGED) -> Generator[Line]:
    """Yield the records of these topics in merge order; ``rank`` is the topic's place in ``merged``.

    Parameters
    ----------
    scratch
        Folder for what is sorted on disk; everything put there is removed.
    aside
        Called with each line that is no record, or none of this day.
    """
    days: Counter[int] = Counter()
    lines = heapq.merge(*(_topic(folder, scratch, topic, rank, aside, days=days) for rank, topic in enumerate(merged)))
    first = list(islice(lines, 1))  # now the times of all files have been read
    begin_ms, end_ms = _span_ms(days)
    measures = [topic not in topics.REFERENCE for topic in merged]
    for line in chain(first, lines):
        if begin_ms <= line.merge_ms < end_ms or not measures[line.rank]:
            yield line
        else:
            aside(Letter(merged[line.rank].name, line.number, "merge", _astray(line, begin_ms, end_ms), line.raw))


def values(folder: Path, topic: Topic) -> Iterator[Any]:
    """Yield the records of one topic as they stand in the folder.

    Raises
    ------
    streams.codec.Undecodable
        For the first line that is none, with its number.
    """
    for number, raw in _raw_lines(folder, topic.name):
        try:
            yield codec.decode(topic, raw)
        except codec.Undecodable as error:
            raise codec.Undecodable(f"{folder}: line {number} of {topic.name} is no record: {error}") from error


def sorted_lines(lines: Iterable[bytes], scratch: Path) -> Iterator[bytes]:
    """Yield lines without line ends in byte order, those of equal bytes too; beyond `SORTED_BYTES` they wait on disk."""
    with TemporaryDirectory(dir=scratch, prefix="sorting-") as folder, ExitStack() as files:
        runs: list[Iterator[bytes]] = []
        kept: list[bytes] = []
        size = 0
        for line in lines:
            kept.append(line)
            size += len(line)
            if size > SORTED_BYTES:
                kept.sort()
                run = files.enter_context((Path(folder) / str(len(runs))).open("w+b"))
                run.writelines(one + b"\n" for one in kept)
                run.seek(0)
                runs.append(_lines_of(run))
                kept, size = [], 0
        kept.sort()
        yield from heapq.merge(*runs, kept) if runs else kept


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    return (line[:-1] for line in file)


def merge_ms(record: events.Event) -> int:
    """Return the record's merge time."""
    return _first_of(record, _merge_times(type(record)))


@cache
def _merge_times(record: type[events.Event]) -> tuple[str, ...]:
    return tuple(name for name in MERGE_TIMES if name in record.__struct_fields__)


def _first_of(record: Any, names: tuple[str, ...]) -> int:
    for name in names:
        value: int | None = getattr(record, name)
        if value is not None:
            return value
    return 0


def files(folder: Path, topic: Topic) -> list[Path]:
    """Return where the records of a topic are, in the order in which they are read."""
    paths = (folder / f"{topic.name}.jsonl", folder / f"{topic.name}.jsonl.gz")
    return [path for path in paths if path.exists()]


# --------------------------------------------------------------------------------------------- which day it is


def _span_ms(days: Counter[int]) -> tuple[int, int]:
    """Return when the day begins and ends: of stretches with a long silence between them the one with most records."""
    stretches: list[list[int]] = []
    for day in sorted(day for day in days if 0 <= day <= events.LATEST_MS // DAY_MS):
        if not stretches or day - stretches[-1][-1] > LONGEST_SILENCE_DAYS:
            stretches.append([])
        stretches[-1].append(day)
    longest = max(stretches, key=lambda stretch: sum(days[day] for day in stretch), default=[0])
    return longest[0] * DAY_MS, (longest[-1] + 1) * DAY_MS


def _astray(line: Line, begin_ms: int, end_ms: int) -> str:
    names = _merge_times(type(line.record))
    name = next(name for name in names if getattr(line.record, name) is not None)
    return (
        f"{name} is {line.merge_ms}, more than {LONGEST_SILENCE_DAYS} days from the other records, expected milliseconds "
        f"since 1970 UTC between {begin_ms} and {end_ms}"
    )


# --------------------------------------------------------------------------------------------- one topic


def _topic(folder: Path, scratch: Path, topic: Topic, rank: int, aside: Aside, *, days: Counter[int]) -> Iterator[Line]:
    if topic.record is None:
        raise ValueError(f"{topic.name} carries opaque bytes, not records")
    names = _merge_times(topic.record)
    first = attrgetter(names[0])
    for number, raw in _ordered_lines(folder, scratch, topic, aside, Counter() if topic in topics.REFERENCE else days):
        try:
            record = codec.decode(topic, raw)
        except codec.Undecodable as error:
            aside(Letter(topic.name, number, "decode", str(error), raw))
        else:
            time_ms = first(record)  # as nearly all say
            yield Line(_first_of(record, names) if time_ms is None else time_ms, rank, number, record, raw)


def _ordered_lines(
    folder: Path, scratch: Path, topic: Topic, aside: Aside, days: Counter[int]
) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines by merge time, those of equal time as they stand in the file.

    How many there are on each day is counted in ``days`` before the first one is yielded.
    """
    broken: list[Letter] = []
    seen: Counter[int] = Counter()
    before = -_LARGEST
    for time_ms, _, _ in _timed_lines(folder, topic, broken.append):
        if time_ms < before:
            break
        before = time_ms
        seen[time_ms // DAY_MS] += 1
    else:
        days.update(seen)
        yield from _raw_lines(folder, topic.name, aside)
        return
    for line in sorted_lines(_keyed_lines(folder, topic, aside, days), scratch):
        yield int(line[21:33]), line[34:]


def _keyed_lines(folder: Path, topic: Topic, aside: Aside, days: Counter[int]) -> Iterator[bytes]:
    """Yield each line behind what it is sorted by."""
    for time_ms, number, raw in _timed_lines(folder, topic, aside):
        days[time_ms // DAY_MS] += 1
        yield b"%020d %012d %b" % (max(0, min(time_ms + _LARGEST, 2 * _LARGEST)), number, raw)


def _timed_lines(folder: Path, topic: Topic, aside: Aside) -> Iterator[tuple[int, int, bytes]]:
    """Yield merge time, number and bytes of each line; one that is no record stands with the one before it."""
    decode, names = _times_decoder(topic)
    first, time_ms = attrgetter(names[0]), -_LARGEST
    for number, raw in _raw_lines(folder, topic.name, aside):
        try:
            times = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # a dead letter, once its turn comes
        else:
            time_ms = first(times)
            if time_ms is None:
                time_ms = _first_of(times, names)
        yield time_ms, number, raw


@cache
def _times_decoder(topic: Topic) -> tuple[Callable[[bytes], Any], tuple[str, ...]]:
    """Return what reads only the merge times of a topic's records: a third of the cost of reading all of them."""
    names = _merge_times(cast("type[events.Event]", topic.record))
    times = msgspec.defstruct("Times", [(name, int | None, None) for name in names], gc=False)
    return msgspec.json.Decoder(times).decode, names


class _Unpacked(io.RawIOBase):
    """An archive's bytes in pieces of many lines: lines are then found in C, not one by one as `GzipFile` does.

    What was unpacked before a damage is still given.
    """

    def __init__(self, path: Path) -> None:
        self._archive = gzip.open(path, "rb")  # noqa: SIM115  # closed with this

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = self._archive.read1(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._archive.close()
        super().close()


def _opened(path: Path) -> BinaryIO:
    if path.suffix != ".gz":
        return path.open("rb")
    return cast("BinaryIO", io.BufferedReader(_Unpacked(path), _PIECE))


def _raw_lines(folder: Path, name: str, aside: Aside | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a topic with their numbers. An archive that is cut off or damaged ends there.

    Raises
    ------
    OSError
        Without ``aside``, for a damaged archive; always, if a file cannot be opened.
    """
    number = 0
    for path in files(folder, topics.BY_NAME[name]):
        with _opened(path) as file:
            try:
                for raw in file:
                    number += 1
                    line = raw.strip(b" \t\r\n")
                    if line:
                        yield number, line
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                if aside is None:
                    raise OSError(f"{path} is damaged after line {number}: {error}") from error
                aside(Letter(name, number + 1, "read", f"{path.name} is damaged after line {number}: {error}", b""))
