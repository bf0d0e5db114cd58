"""Pictures as cameras write them, with a place and a name in them, made by hand."""

import struct
import zlib

SECRET = b"41.1500N 8.6110W Owner"


def jpeg(width: int = 640, height: int = 480, *, up: int = 6) -> bytes:
    """Return a JPEG's container: EXIF that says which side is up and where it was, a comment, a frame, a scan."""
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, up, 0) + struct.pack("<HHII", 0x8825, 4, 1, 38)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + SECRET
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
    scan = _segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\x00\x34\xff\xd0\x56" * 50
    return (
        b"\xff\xd8"
        + _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
        + _segment(0xE1, exif)
        + _segment(0xED, b"Photoshop 3.0\0" + SECRET)
        + _segment(0xFE, SECRET)
        + _segment(0xC0, frame)
        + scan
        + b"\xff\xd9"
        + SECRET
    )


def png(width: int = 3, height: int = 2) -> bytes:
    """Return a picture any browser draws, with a text beside it."""
    rows = b"".join(b"\0" + bytes([200, 60, 40]) * width for _ in range(height))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"tEXt", b"Location\0" + SECRET)
        + _chunk(b"eXIf", SECRET)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def webp(width: int = 640, height: int = 480) -> bytes:
    """Return a WebP's container with EXIF."""
    head = bytes([0x08, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + _riff(b"VP8X", head) + _riff(b"VP8L", b"\x2f" + bytes(9)) + _riff(b"EXIF", SECRET + b"!")
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def _chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


def _riff(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
