"""What a file is, from its bytes: pictures are taken, everything else is refused in a sentence."""

import struct

import pytest

from services.gateway.pictures import NoPicture, Picture, look


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(width: int, height: int, *before: bytes, end: bytes = b"\xff\xd9") -> bytes:
    frame = segment(0xC0, b"\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00")
    return b"\xff\xd8" + b"".join(before) + frame + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\x34" + end


def png(width: int, height: int, end: bytes = b"\0\0\0\0IEND\xaeB`\x82") -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + bytes(9) + end


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        (jpeg(1600, 1200), Picture("image/jpeg", 1600, 1200)),
        (jpeg(3, 2, segment(0xE1, b"Exif\0\0" + bytes(100)), segment(0xC4, bytes(20))), Picture("image/jpeg", 3, 2)),
        (jpeg(3, 2, b"\xff\xff" + segment(0xE0, bytes(4))), Picture("image/jpeg", 3, 2)),
        (jpeg(3, 2, end=b"\xff\xd9\0\0"), Picture("image/jpeg", 3, 2)),
        (png(40, 30), Picture("image/png", 40, 30)),
    ],
)
def test_a_picture_says_its_kind_and_size(data: bytes, picture: Picture) -> None:
    """From the frame header, whatever segments, tables and fill bytes stand before it."""
    assert look(data) == picture


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "begin as neither"),
        (b"<svg onload='alert(1)'/>", "begin as neither"),
        (b"GIF89a" + bytes(20), "begin as neither"),
        (jpeg(1600, 1200)[:-2], "cut off"),
        (b"\xff\xd8\xff\xd9", "does not begin where the one before ends"),
        (b"\xff\xd8" + segment(0xE0, bytes(4)) + b"<html>" + b"\xff\xd9", "does not begin where the one before ends"),
        (b"\xff\xd8" + segment(0xDA, bytes(6)) + b"\xff\xd9", "does not say its size"),
        (jpeg(0, 5), "0 x 5 pixels"),
        (jpeg(60_000, 60_000), "expected edges of 1 to 8000"),
        (png(40, 30, end=b""), "cut off"),
        (png(40, 30)[:20], "does not begin with its size"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "does not begin with its size"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes, why: str) -> None:
    """Broken, cut off, of another kind, or of a size no camera makes."""
    with pytest.raises(NoPicture, match=why):
        look(data)


def test_no_bytes_hold_it_up() -> None:
    """A segment that says it has no length, or a tail of fill bytes, ends the look at once."""
    for data in (b"\xff\xd8" + b"\xff\xe0\0\0" * 4 + b"\xff\xd9", b"\xff\xd8" + b"\xff" * 5_000 + b"\xd9"):
        with pytest.raises(NoPicture):
            look(data)
