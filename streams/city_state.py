"""The state of a whole city at one moment, and its file (``state.json.gz`` of a recorded day).

Each truck and bin is in it as the bytes the worker's table holds (`streams.state`): one encoding, one version, one migration.
"""

import base64
import gzip
import zlib
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct, field

from streams import state
from streams.bins import Bin
from streams.hearing import Hearing
from streams.sites import Site

_NO_STATE: Final = (OSError, EOFError, zlib.error, msgspec.MsgspecError, ValueError, RecursionError)
"""What bytes that are no state may raise."""


class BadState(ValueError):  # noqa: N818  # a verdict on a file, not a failure of ours
    """A file that is no state of this program; the message says what is wrong."""


class _File(Struct, frozen=True):
    at_ms: int
    trucks: dict[str, str]
    bins: dict[str, str]
    hearing: Hearing = field(default_factory=Hearing)
    sites: dict[str, str] = field(default_factory=dict)


class CityState(NamedTuple):
    """Trucks and bins by id, after all records and ticks up to ``at_ms`` (merge time)."""

    at_ms: int
    trucks: dict[str, state.Truck]
    bins: dict[str, Bin]
    hearing: Hearing = Hearing()
    sites: dict[str, Site] | None = None
    """By cell; None = none."""

    def write(self, path: Path) -> None:
        """Write the state; the same state gives the same bytes."""
        document = _File(
            self.at_ms,
            {truck_id: _text(one) for truck_id, one in sorted(self.trucks.items())},
            {bin_id: _text(one) for bin_id, one in sorted(self.bins.items())},
            self.hearing,
            {cell: _text(one) for cell, one in sorted((self.sites or {}).items())},
        )
        path.write_bytes(gzip.compress(msgspec.json.encode(document), mtime=0))

    @classmethod
    def read(cls, path: Path) -> "CityState":
        """Read a state.

        Raises
        ------
        BadState
            If the file is damaged, or written by a program whose states this one cannot read.
        """
        try:
            document = msgspec.json.decode(gzip.decompress(path.read_bytes()), type=_File)
            trucks = {truck_id: state.decode("truck", _bytes(text)).state for truck_id, text in document.trucks.items()}
            bins = {bin_id: state.decode("bin", _bytes(text)).state for bin_id, text in document.bins.items()}
            places = {cell: state.decode("site", _bytes(text)).state for cell, text in document.sites.items()}
        except _NO_STATE as error:
            raise BadState(f"{path} is no state this program can start from: {error}") from error
        return cls(document.at_ms, trucks, bins, document.hearing, places)


def _text(one: state.Truck | Bin | Site) -> str:
    return base64.b64encode(state.encode(state.Stamped(v=state.VERSION, state=one))).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
