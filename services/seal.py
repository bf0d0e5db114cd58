"""Documents that can be proven unaltered: canonical bytes, their SHA-256, and a chain in which each holds the hash before it.

A seal is inside the bytes that are hashed. So who changes, inserts or removes an entry has to make every later one anew, and
then the newest hash is another than the one that was noted elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

SEAL: Final = "seal"
"""The member of a document that holds its seal."""


class Link(NamedTuple):
    """An entry that another follows."""

    number: int
    sha256: str


FIRST: Final = Link(0, "")
"""What the first entry of a chain follows."""


class Sealed(NamedTuple):
    """One entry of a chain. ``document`` holds number, ``previous_sha256`` and ``about`` in its seal; ``sha256`` is of its bytes."""

    number: int
    previous_sha256: str
    sha256: str
    document: bytes
    about: Mapping[str, Any]
    """What the seal says beside its place in the chain, as it is also kept outside of the bytes."""

    @property
    def link(self) -> Link:
        """It as the one before the next."""
        return Link(self.number, self.sha256)


def sha256(value: bytes) -> str:
    """Return the SHA-256, in hex."""
    return hashlib.sha256(value).hexdigest()


def canonical(value: Any) -> bytes:
    """Return JSON of which there is one for each value: members in order, no spaces, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def sealed(content: Mapping[str, Any], about: Mapping[str, Any], after: Link) -> Sealed:
    """Return the entry that follows ``after``. ``about`` is sealed too, but is no part of what `content_of` compares."""
    place = {"number": after.number + 1, "previous_sha256": after.sha256}
    document = canonical({**content, SEAL: {**about, **place}})
    return Sealed(after.number + 1, after.sha256, sha256(document), document, about)


def content_of(document: bytes) -> bytes:
    """Return, as canonical JSON, what a document says, without its seal."""
    said = msgspec.json.decode(document)
    return canonical({name: member for name, member in said.items() if name != SEAL})


def frame_hashes(document: bytes) -> list[str]:
    """Return the hashes of the bytes a document names; none of one that cannot be read."""
    try:
        said = msgspec.json.decode(document, type=_Naming)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    return [frame.sha256 for frame in said.frames]


class _Frame(msgspec.Struct):
    sha256: str


class _Naming(msgspec.Struct):
    """The part of a document that names bytes."""

    frames: tuple[_Frame, ...] = ()


def faults(entry: Sealed) -> Iterator[str]:
    """Yield a sentence for all that does not hold of one entry by itself."""
    if sha256(entry.document) != entry.sha256:
        yield f"entry {entry.number}: its bytes are not those that were sealed"
        return
    try:
        said = msgspec.json.decode(entry.document)[SEAL]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        yield f"entry {entry.number}: its bytes are no sealed document"
        return
    kept = {**entry.about, "number": entry.number, "previous_sha256": entry.previous_sha256}
    for name, member in kept.items():
        if said.get(name) != member:
            yield f"entry {entry.number}: {name} is {member!r} beside it, {said.get(name)!r} in what was sealed"


def chain_faults(entries: Iterable[Sealed]) -> Iterator[str]:
    """Yield a sentence for all that does not hold of a whole chain, given from its first entry on, in order."""
    before = FIRST
    for entry in entries:
        for number in range(before.number + 1, entry.number):
            yield f"entry {number}: it is gone"
        yield from faults(entry)
        if entry.number == before.number + 1 and entry.previous_sha256 != before.sha256:
            yield f"entry {entry.number}: it was not sealed behind entry {before.number} as that is now"
        before = entry.link
