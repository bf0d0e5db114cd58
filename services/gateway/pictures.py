"""What a file that calls itself a picture is, from its bytes: kind and size. Nothing is decoded, nothing is believed. Pure.

A picture is never executed, shown inline in a page of ours as anything but an ``<img>``, or given another type than the
one found here.
"""

from itertools import takewhile
from typing import Final, NamedTuple

MOST_PIXELS: Final = 8_000
"""Of an edge. Phones send at most 1,600; a program may send a camera's own picture."""
_JPEG_BEGIN, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_BEGIN: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"IEND\xaeB`\x82"
_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Frame headers of JPEG (ITU-T T.81, table B.1): they hold the size."""
_SCAN: Final = 0xDA


class Picture(NamedTuple):
    """A picture's media type, and its edges in pixels."""

    media_type: str
    width: int
    height: int


class NoPicture(ValueError):  # noqa: N818  # what is missing, in one sentence
    """These bytes are no picture that can be taken; the message says why, in English."""


def look(data: bytes) -> Picture:
    """Return what a file is; raises `NoPicture`."""
    if data.startswith(_JPEG_BEGIN):
        picture = Picture("image/jpeg", *_jpeg_size(data))
    elif data.startswith(_PNG_BEGIN):
        picture = Picture("image/png", *_png_size(data))
    else:
        raise NoPicture("expected a JPEG or PNG file; these bytes begin as neither")
    if not all(0 < edge <= MOST_PIXELS for edge in picture[1:]):
        size = f"{picture.width} x {picture.height} pixels"
        raise NoPicture(f"the picture says it has {size}, expected edges of 1 to {MOST_PIXELS}")
    return picture


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the picture's own data."""
    if not data.rstrip(b"\0").endswith(_JPEG_END):
        raise NoPicture("the JPEG file has no end: it was cut off")
    at, size = 2, None
    while True:
        at += sum(1 for _ in takewhile(lambda byte: byte == 0xFF, data[at + 1 : at + 16]))  # fill bytes
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF:
            raise NoPicture("the JPEG file is broken: a segment does not begin where the one before ends")
        marker, length = head[1], int.from_bytes(head[2:4])
        if marker in _SIZES:
            frame = data[at + 5 : at + 9]
            size = (int.from_bytes(frame[2:4]), int.from_bytes(frame[0:2]))
        if marker == _SCAN:
            break
        at += 2 + length
    if size is None:
        raise NoPicture("the JPEG file is broken: it does not say its size")
    return size


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise NoPicture("the PNG file is broken: it does not begin with its size")
    if not data.endswith(_PNG_END):
        raise NoPicture("the PNG file has no end: it was cut off")
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
