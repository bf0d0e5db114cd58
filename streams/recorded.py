"""A recorded day as a folder: its records in merge order, whatever its size (contract: "A recorded day").

A file is read twice: for its merge times alone, to see whether it is in order, and for its records. One that is not in
order is sorted on disk. What cannot be read is handed to ``aside`` with its line number; the day goes on.
"""

import gzip
import heapq
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec

from streams import codec, events, topics
from streams.topics import Topic

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
_LARGEST: Final = 1 << 63


class Line(NamedTuple):
    """One record of a file. Sorts by merge time, topic, line."""

    merge_ms: int
    rank: int
    number: int
    record: events.Event


class Letter(NamedTuple):
    """A line that could not be used."""

    topic: str
    line: int
    stage: str
    reason: str
    value: bytes


Aside = Callable[[Letter], None]


def records(folder: Path, scratch: Path, aside: Aside, merged: tuple[Topic, ...] = MERGED) -> Iterator[Line]:
    """Yield the records of these topics in merge order; ``rank`` is the topic's place in ``merged``.

    Parameters
    ----------
    scratch
        Folder for what is sorted on disk; everything put there is removed.
    aside
        Called with each line that is no record.
    """
    return heapq.merge(*(_topic(folder, scratch, topic, rank, aside) for rank, topic in enumerate(merged)))


def values(folder: Path, topic: Topic) -> Iterator[Any]:
    """Yield the records of one topic as they stand in the folder.

    Raises
    ------
    streams.codec.Undecodable
        For the first line that is none.
    """
    for _, raw in _raw_lines(folder, topic.name):
        yield codec.decode(topic, raw)


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


# --------------------------------------------------------------------------------------------- one topic


def _topic(folder: Path, scratch: Path, topic: Topic, rank: int, aside: Aside) -> Iterator[Line]:
    if topic.record is None:
        raise ValueError(f"{topic.name} carries opaque bytes, not records")
    names = _merge_times(topic.record)
    for number, raw in _ordered_lines(folder, scratch, topic, aside):
        try:
            record = codec.decode(topic, raw)
        except codec.Undecodable as error:
            aside(Letter(topic.name, number, "decode", str(error), raw))
        else:
            yield Line(_first_of(record, names), rank, number, record)


def _ordered_lines(folder: Path, scratch: Path, topic: Topic, aside: Aside) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines by merge time, those of equal time as they stand in the file."""
    broken: list[Letter] = []
    before = -_LARGEST
    for time_ms, _, _ in _timed_lines(folder, topic, broken.append):
        if time_ms < before:
            break
        before = time_ms
    else:
        yield from _raw_lines(folder, topic.name, aside)
        return
    keyed = (
        b"%020d %012d %b" % (max(0, min(time_ms + _LARGEST, 2 * _LARGEST)), number, raw)
        for time_ms, number, raw in _timed_lines(folder, topic, aside)
    )
    for line in sorted_lines(keyed, scratch):
        yield int(line[21:33]), line[34:]


def _timed_lines(folder: Path, topic: Topic, aside: Aside) -> Iterator[tuple[int, int, bytes]]:
    """Yield merge time, number and bytes of each line; one that is no record stands with the one before it."""
    decode, names = _times_decoder(topic)
    time_ms = -_LARGEST
    for number, raw in _raw_lines(folder, topic.name, aside):
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a dead letter, once its turn comes
            time_ms = _first_of(decode(raw), names)
        yield time_ms, number, raw


@cache
def _times_decoder(topic: Topic) -> tuple[Callable[[bytes], Any], tuple[str, ...]]:
    """Return what reads only the merge times of a topic's records: a third of the cost of reading all of them."""
    names = _merge_times(cast("type[events.Event]", topic.record))
    times = msgspec.defstruct("Times", [(name, int | None, None) for name in names], gc=False)
    return msgspec.json.Decoder(times).decode, names


def _raw_lines(folder: Path, name: str, aside: Aside | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a topic with their numbers. An archive that is cut off or damaged ends there.

    Raises
    ------
    OSError
        Without ``aside``, for a damaged archive; always, if a file cannot be opened.
    """
    number = 0
    for path in (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz"):
        if not path.exists():
            continue
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
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
