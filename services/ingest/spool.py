"""Records waiting on disk for Kafka: append-only segments, each entry with its length and CRC, synced before it counts.

For senders that do not send again (ChirpStack). Entries leave in the order they came; a segment is deleted when all of
it is on Kafka, so after a crash at most one segment is sent a second time (consumers know duplicates).
A torn tail, left by a crash in the middle of a write, is cut off: its sender never got an answer. What can never leave is
set aside in a file of its own, with the reason; it counts for the bound until somebody has taken it away.
"""

import hashlib
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

logger = logging.getLogger(__name__)

MAX_BYTES: Final = 256 * 1024 * 1024
SEGMENT_BYTES: Final = 1024 * 1024
_HEAD: Final = struct.Struct("<II")
_SUFFIX: Final = ".spool"
_ASIDE_SUFFIX: Final = ".refused"


class SpoolFull(Exception):  # noqa: N818  # an answer to the sender, not a failure of ours
    """The bound is reached: refuse what comes."""


@dataclass
class _Segment:
    path: Path
    entries: int
    size: int


class Spool:
    """The segments of one folder. Not for two processes or threads at once. Every method may block on the disk."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the folder, cutting a torn tail off."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._segments = [_recover(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
        self._aside_bytes = sum(path.stat().st_size for path in folder.glob(f"*{_ASIDE_SUFFIX}"))
        self._next_number = 1 + max((int(segment.path.stem) for segment in self._segments), default=0)

    @property
    def entries(self) -> int:
        """How many entries wait."""
        return sum(segment.entries for segment in self._segments)

    @property
    def size(self) -> int:
        """Bytes on disk, with what was set aside."""
        return self._aside_bytes + sum(segment.size for segment in self._segments)

    def append(self, payloads: Iterable[bytes]) -> None:
        """Write entries and sync them; all of them are safe when this returns.

        Raises
        ------
        SpoolFull
            Nothing was written.
        """
        data = [_HEAD.pack(len(payload), zlib.crc32(payload)) + payload for payload in payloads]
        joined = b"".join(data)
        if self.size + len(joined) > self._max_bytes:
            raise SpoolFull(f"the spool holds {self.size} bytes, at most {self._max_bytes} are allowed")
        segment = self._open_segment()
        with segment.path.open("ab") as file:
            file.truncate(segment.size)  # a write that failed half-way left a tail nobody was told of
            file.write(joined)
            file.flush()
            os.fsync(file.fileno())
        segment.size += len(joined)
        segment.entries += len(data)

    def oldest(self) -> list[bytes]:
        """Return the entries of the oldest segment; an empty list if nothing waits. No more is added to it."""
        if not self._segments:
            return []
        self._seal()
        return [payload for payload, _ in _entries(self._segments[0].path.read_bytes())]

    def drop_oldest(self) -> None:
        """Delete the oldest segment: all of it is on Kafka."""
        self._segments.pop(0).path.unlink()
        _sync_folder(self._folder)

    def set_aside(self, payload: bytes, reason: str) -> None:
        """Write an entry into a file of its own, ``<digest>.refused``: JSON with the reason and, base64, the bytes.

        The same entry twice (after a crash) is one file. The entry itself goes with its segment.
        """
        path = self._folder / f"{hashlib.sha256(payload).hexdigest()[:16]}{_ASIDE_SUFFIX}"
        content = msgspec.json.encode({"reason": reason, "entry": payload})
        if not path.exists():
            self._aside_bytes += len(content)
        path.touch(mode=0o600)
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self._folder)

    def _seal(self) -> None:
        if len(self._segments) == 1:
            self._segments.append(self._new_segment())

    def _open_segment(self) -> _Segment:
        if not self._segments or self._segments[-1].size >= self._segment_bytes:
            self._segments.append(self._new_segment())
        return self._segments[-1]

    def _new_segment(self) -> _Segment:
        path = self._folder / f"{self._next_number:012d}{_SUFFIX}"
        self._next_number += 1
        path.touch(mode=0o600)
        _sync_folder(self._folder)
        return _Segment(path, 0, 0)


def _entries(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each whole entry and where it ends; stop at the first that is torn or damaged."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, crc = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(payload) != length or zlib.crc32(payload) != crc:
            return
        at += _HEAD.size + length
        yield payload, at


def _recover(path: Path) -> _Segment:
    data = path.read_bytes()
    ends = [end for _, end in _entries(data)]
    good = ends[-1] if ends else 0
    if good < len(data):
        damaged = path.with_suffix(".damaged")
        damaged.write_bytes(data[good:])
        with path.open("r+b") as file:
            file.truncate(good)
            os.fsync(file.fileno())
        logger.warning(
            "the spool's segment was torn; the rest was set aside",
            extra={"segment": str(path), "bytes": len(data) - good, "set_aside": str(damaged)},
        )
    return _Segment(path, len(ends), good)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
