"""A photo from somebody we do not know: is it one, is it whole, and the same picture without what the camera wrote beside it.

Nothing is decoded: the containers of JPEG (ITU T.81), PNG (RFC 2083) and WebP (RFC 9649) are walked piece by piece. Pure.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_SIDE: Final = 16_384
MAX_PIECES: Final = 20_000
"""Segments or chunks: a PNG of `MAX_BYTES` in pieces of 8 kB, as screens' pictures come, has 1,300."""
MAX_PIXELS: Final = 110_000_000
"""A phone's largest picture has 108 million; a staff member's browser needs four bytes for each."""

Fault = Literal["photo_kind", "photo_broken", "photo_pixels"]


class BadPhotoError(ValueError):
    """It cannot be taken; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault: Fault = fault


class Photo(NamedTuple):
    """What a picture is."""

    media_type: str
    width: int
    height: int


def look(data: bytes) -> Photo:
    """Return what a picture is; raises `BadPhotoError` if it is none of ours, not whole, or too large to be shown."""
    found = _KINDS[_kind(data)](data)
    if not (found.width and found.height):
        raise BadPhotoError("photo_broken")
    if max(found.width, found.height) > MAX_SIDE or found.width * found.height > MAX_PIXELS:
        raise BadPhotoError("photo_pixels")
    return found


def without_metadata(data: bytes) -> bytes:
    """Return the same picture without place, time, camera, comments and whatever stands behind its end.

    Its colours stay (ICC profile), and which side is up. Raises `BadPhotoError` as `look`.
    """
    return _STRIPPED[_kind(data)](data)


def _kind(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(_PNG):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise BadPhotoError("photo_kind")


# ------------------------------------------------------------------------------------------------------------- JPEG

_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame: they say how large the picture is."""
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN: Final = 0xDA
_END: Final = 0xD9
_EXIF: Final = 0xE1
_KEPT: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Application segments that say how colours are meant."""
_COMMENT: Final = 0xFE
_APPLICATION: Final = range(0xE0, 0xF0)
_FILL: Final = re.compile(rb"(?:\xff(?=\xff))*")
_AFTER_SCAN: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


class _Segment(NamedTuple):
    marker: int
    whole: bytes
    content: bytes


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield a JPEG's segments after its first two bytes, each scan with its data, up to its end."""
    at = 2
    for _ in range(MAX_PIECES):
        start = at
        at = _FILL.match(data, at).end()  # type: ignore[union-attr]  # it matches nothing too
        head = data[at : at + 4]
        if len(head) < 2 or head[0] != 0xFF:
            raise BadPhotoError("photo_broken")
        marker, at = head[1], at + 2
        if marker == _END:
            yield _Segment(marker, data[start:at], b"")
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(head[2:4])
        if len(head) < 4 or length < 2 or at + length > len(data):
            raise BadPhotoError("photo_broken")
        content, at = data[at + 2 : at + length], at + length
        if marker == _SCAN:
            next_one = _AFTER_SCAN.search(data, at)
            if next_one is None:
                raise BadPhotoError("photo_broken")
            at = next_one.end() - 2
        yield _Segment(marker, data[start:at], content)
    raise BadPhotoError("photo_broken")


def _jpeg(data: bytes) -> Photo:
    size, scans = (0, 0), 0
    for segment in _segments(data):
        if segment.marker in _SIZES and len(segment.content) >= 5:
            height, width = struct.unpack_from(">HH", segment.content, 1)
            size = (width, height)
        scans += segment.marker == _SCAN
    if not scans:
        raise BadPhotoError("photo_broken")
    return Photo("image/jpeg", *size)


def _stripped_jpeg(data: bytes) -> bytes:
    kept, up = [data[:2]], b""
    for segment in _segments(data):
        if segment.marker == _EXIF:
            up = up or _which_side_is_up(segment.content)
        elif _is_of_the_picture(segment):
            kept.append(segment.whole)
    return b"".join([kept[0], up, *kept[1:]])


def _is_of_the_picture(segment: _Segment) -> bool:
    if segment.marker in _APPLICATION:
        named = _KEPT.get(segment.marker)
        return named is not None and segment.content.startswith(named)
    return segment.marker != _COMMENT


def _which_side_is_up(exif: bytes) -> bytes:
    """Return an EXIF segment that says the orientation and nothing else; empty if none is said."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return b""
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        for at in range(first + 2, first + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == 0x0112 and 1 <= value <= 8:
                up: int = value
                said = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + up.to_bytes(2) + bytes(6)
                return b"\xff\xe1" + (len(said) + 2).to_bytes(2) + said
    except struct.error:
        pass
    return b""


# -------------------------------------------------------------------------------------------------------------- PNG

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"}
)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield name, content and the whole of each chunk of a PNG up to its end; each must fit its own check sum."""
    at = len(_PNG)
    for _ in range(MAX_PIECES):
        length = int.from_bytes(data[at : at + 4])
        whole = data[at : at + 12 + length]
        name, content = whole[4:8], whole[8:-4]
        if len(whole) != 12 + length or zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:]):
            raise BadPhotoError("photo_broken")
        yield name, content, whole
        if name == b"IEND":
            return
        at += len(whole)
    raise BadPhotoError("photo_broken")


def _png(data: bytes) -> Photo:
    chunks = [(name, content[:8]) for name, content, _ in _png_chunks(data)]
    first, head = chunks[0]
    if first != b"IHDR" or len(head) < 8 or b"IDAT" not in {name for name, _ in chunks}:
        raise BadPhotoError("photo_broken")
    return Photo("image/png", *struct.unpack(">II", head))


def _stripped_png(data: bytes) -> bytes:
    return _PNG + b"".join(whole for name, _, whole in _png_chunks(data) if name in _PNG_KEPT)


# ------------------------------------------------------------------------------------------------------------- WebP

_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_SAYS_METADATA: Final = 0x08 | 0x04
"""Flags of VP8X: there is EXIF, there is XMP."""


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise BadPhotoError("photo_broken")
    at = 12
    for _ in range(MAX_PIECES):
        if at >= end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + length]
        if at + 8 + length > end:
            raise BadPhotoError("photo_broken")
        yield data[at : at + 4], content
        at += 8 + length + length % 2
    raise BadPhotoError("photo_broken")


def _webp(data: bytes) -> Photo:
    sizes = [size for name, content in _webp_chunks(data) if (size := _webp_size(name, content))]
    if not sizes:
        raise BadPhotoError("photo_broken")
    return Photo("image/webp", *sizes[0])


def _webp_size(name: bytes, content: bytes) -> tuple[int, int] | None:
    if name == b"VP8X" and len(content) >= 10:
        return 1 + int.from_bytes(content[4:7], "little"), 1 + int.from_bytes(content[7:10], "little")
    if name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a" and len(content) >= 10:
        width, height = struct.unpack_from("<HH", content, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"VP8L" and content[:1] == b"\x2f" and len(content) >= 5:
        bits = int.from_bytes(content[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _stripped_webp(data: bytes) -> bytes:
    parts = [b"WEBP"]
    for name, content in _webp_chunks(data):
        if name in _WEBP_KEPT:
            said = bytes([content[0] & ~_SAYS_METADATA]) + content[1:] if name == b"VP8X" and content else content
            parts += [name, len(said).to_bytes(4, "little"), said, b"\0" * (len(said) % 2)]
    kept = b"".join(parts)
    return b"RIFF" + len(kept).to_bytes(4, "little") + kept


_KINDS: Final = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}
_STRIPPED: Final = {"image/jpeg": _stripped_jpeg, "image/png": _stripped_png, "image/webp": _stripped_webp}
