"""JT/T 808 on the wire: ``7e | header | body | XOR check | 7e``, escaped; 2013 and 2019 headers.

Sources: JT/T 808-2013 and -2019 as implemented in public (SmallChi/JT808, yezhihao/jt808-server). Numbers are
big-endian, text is GBK. All pure: bytes in, frames out, whatever the cuts between reads.
"""

import functools
import operator
import re
from dataclasses import dataclass, field
from typing import Final

FLAG: Final = b"\x7e"
MAX_BODY_BYTES: Final = 1023
"""Ten bits of the attributes hold the length."""
LONGEST_HEADER_BYTES: Final = 21
MAX_RAW_BYTES: Final = 2 * (LONGEST_HEADER_BYTES + MAX_BODY_BYTES + 1)
"""Between two flags: every byte escaped."""

_ESCAPED: Final = re.compile(rb"\x7d(.?)", re.DOTALL)
_PLAIN: Final = {b"\x01": b"\x7d", b"\x02": b"\x7e"}
_SPECIAL: Final = re.compile(rb"[\x7d\x7e]")
_SUBPACKAGED: Final = 1 << 13
_VERSIONED: Final = 1 << 14
_ENCRYPTED: Final = 0b111 << 10


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame, unescaped and checked. ``raw`` is what stood between (and with) the flags."""

    message_id: int
    phone: bytes
    """The terminal's phone number as BCD: 6 bytes (2013) or 10 bytes (2019)."""
    serial: int
    body: bytes
    raw: bytes = b""
    protocol_version: int | None = None
    """None = a 2013 header; 2019 headers carry 1 or more."""
    encrypted: bool = False
    part: tuple[int, int] | None = None
    """(total, index from 1) of a sub-packaged message."""

    @property
    def phone_number(self) -> str:
        """The phone number's digits without leading zeros: the same for both header kinds."""
        return self.phone.hex().lstrip("0")


@dataclass(frozen=True)
class BadFrame:
    """Bytes that are no frame, and why."""

    reason: str
    raw: bytes


def unescape(data: bytes) -> bytes:
    """Undo the escaping in one pass; raises ValueError for an escape that means nothing.

    Two passes of replacing would turn ``7d 01 02`` (an escaped 7d, then 02) into 7e.
    """
    if b"\x7d" not in data:
        return data
    return _ESCAPED.sub(_unescaped, data)


def _unescaped(found: re.Match[bytes]) -> bytes:
    try:
        return _PLAIN[found[1]]
    except KeyError:
        raise ValueError(f"escape 7d {found[1].hex()} at byte {found.start()}, expected 7d 01 or 7d 02") from None


def escape(data: bytes) -> bytes:
    """Replace 7e by 7d 02 and 7d by 7d 01."""
    return _SPECIAL.sub(lambda found: b"\x7d\x02" if found[0] == FLAG else b"\x7d\x01", data)


def check_of(data: bytes) -> int:
    """XOR of all bytes."""
    return functools.reduce(operator.xor, data, 0)


def encode(*, message_id: int, phone: bytes, serial: int, body: bytes, protocol_version: int | None = None) -> bytes:
    """Return the frame, escaped, between its flags.

    Raises
    ------
    ValueError
        For a body that needs sub-packages.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"body has {len(body)} bytes, at most {MAX_BODY_BYTES} fit one frame")
    attributes = len(body) | (0 if protocol_version is None else _VERSIONED)
    version = b"" if protocol_version is None else protocol_version.to_bytes(1)
    content = message_id.to_bytes(2) + attributes.to_bytes(2) + version + phone + serial.to_bytes(2) + body
    return FLAG + escape(content + check_of(content).to_bytes(1)) + FLAG


def decode(between: bytes) -> Frame | BadFrame:
    """Return the frame whose escaped bytes stood between two flags."""
    raw = FLAG + between + FLAG
    try:
        content = unescape(between)
        return _parse(content, raw)
    except ValueError as error:
        return BadFrame(str(error), raw)


def _parse(content: bytes, raw: bytes) -> Frame:
    if len(content) < 13:
        raise ValueError(f"frame has {len(content)} bytes, expected at least 13")
    if check_of(content):  # the check XORed with itself is 0
        raise ValueError(f"check is {content[-1]:02x}, expected {check_of(content[:-1]):02x}")
    attributes = int.from_bytes(content[2:4])
    versioned = bool(attributes & _VERSIONED)
    phone_at, phone_end = (5, 15) if versioned else (4, 10)
    body_at = phone_end + 2 + (4 if attributes & _SUBPACKAGED else 0)
    body_bytes = attributes & MAX_BODY_BYTES
    if len(content) != body_at + body_bytes + 1:
        raise ValueError(f"body length is {body_bytes}, but {len(content) - body_at - 1} bytes follow the header")
    phone = content[phone_at:phone_end]
    if not phone.hex().isdecimal():
        raise ValueError(f"phone is {phone.hex()}, expected BCD digits")
    return Frame(
        message_id=int.from_bytes(content[:2]),
        phone=phone,
        serial=int.from_bytes(content[phone_end : phone_end + 2]),
        body=content[body_at:-1],
        raw=raw,
        protocol_version=content[4] if versioned else None,
        encrypted=bool(attributes & _ENCRYPTED),
        part=_part(content[phone_end + 2 : body_at]),
    )


def _part(numbers: bytes) -> tuple[int, int] | None:
    if not numbers:
        return None
    total, index = int.from_bytes(numbers[:2]), int.from_bytes(numbers[2:])
    if not 1 <= index <= total:
        raise ValueError(f"sub-package {index} of {total}, expected an index from 1 to the total")
    return total, index


@dataclass
class Framer:
    """Cuts a byte stream into frames; holds at most `MAX_RAW_BYTES` of an unfinished one.

    After rubbish it finds its feet at the next flag. Two frames may share a flag.
    """

    _held: bytearray = field(default_factory=bytearray)
    _skipping: bool = False

    def feed(self, data: bytes) -> list[Frame | BadFrame]:
        """Take the next bytes; return the frames they complete, in order."""
        found: list[Frame | BadFrame] = []
        *complete, rest = data.split(FLAG)
        for piece in complete:
            self._hold(piece, found)
            if self._held and not self._skipping:
                found.append(decode(bytes(self._held)))
            self._held.clear()
            self._skipping = False
        self._hold(rest, found)
        return found

    def _hold(self, piece: bytes, found: list[Frame | BadFrame]) -> None:
        if self._skipping:
            return
        self._held += piece
        if len(self._held) > MAX_RAW_BYTES:
            reason = f"more than {MAX_RAW_BYTES} bytes without a flag"
            found.append(BadFrame(reason, bytes(self._held[:MAX_RAW_BYTES])))
            self._held.clear()
            self._skipping = True
