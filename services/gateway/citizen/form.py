"""A browser's form with a file (multipart/form-data, RFC 7578), read as it comes. Pure.

What is kept is bounded, whatever comes: of a file that is too large not one byte is left, and the other fields are read all
the same, so that the page can be shown again with what was typed.
"""

import re
from typing import Final, NamedTuple

MAX_TEXT_BYTES: Final = 64 * 1024
"""All fields but the file, together."""
_MOST_PARTS: Final = 40
_MOST_HEAD_BYTES: Final = 8 * 1024
_NAME: Final = re.compile(rb';\s*name="([^"\r\n]*)"')
_FILE: Final = re.compile(rb";\s*filename\*?=")
_BOUNDARY: Final = re.compile(r'^multipart/form-data\s*;.*?boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)


class NotAFormError(ValueError):
    """These bytes are not a form."""


class Form(NamedTuple):
    """``file`` None = none was chosen; empty with ``too_large``."""

    fields: dict[str, str]
    file: bytes | None
    too_large: bool


def boundary_of(content_type: str) -> bytes:
    """Return what stands between the parts; raises `NotAFormError`."""
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise NotAFormError("the content type is not multipart/form-data with a boundary")
    return found[1].encode("latin-1", "replace")


class Reader:
    """Takes the bytes of a form piece by piece. Every method may raise `NotAFormError`."""

    def __init__(self, boundary: bytes, most_file_bytes: int) -> None:
        self._between = b"\r\n--" + boundary
        self._most_file_bytes = most_file_bytes
        self._buffer = bytearray(b"\r\n")  # the first boundary has no line before it
        self._place = self._before
        self._fields: dict[str, str] = {}
        self._file: bytearray | None = None
        self._too_large = False
        self._name, self._is_file, self._text = "", False, bytearray()
        self._text_bytes = self._parts = 0
        self._over = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._buffer += piece
        while self._place():
            pass

    def end(self) -> Form:
        """Return the form; all of it must have come."""
        if not self._over:
            raise NotAFormError("the form ends in the middle")
        return Form(self._fields, None if self._file is None else bytes(self._file), self._too_large)

    def _before(self) -> bool:
        """Skip to the first boundary."""
        at = self._buffer.find(self._between)
        if at < 0:
            del self._buffer[: max(0, len(self._buffer) - len(self._between))]
            return False
        del self._buffer[: at + len(self._between)]
        self._place = self._behind
        return True

    def _behind(self) -> bool:
        """Behind a boundary: another part, or the end."""
        if len(self._buffer) < 2:
            return False
        told = bytes(self._buffer[:2])
        if told == b"--":
            self._over, self._place = True, self._after
            return True
        if told != b"\r\n":
            raise NotAFormError("a boundary is not followed by a line")
        self._place = self._head
        return True

    def _head(self) -> bool:
        at = self._buffer.find(b"\r\n\r\n")
        if at < 0:
            if len(self._buffer) > _MOST_HEAD_BYTES:
                raise NotAFormError("a part's head does not end")
            return False
        head = bytes(self._buffer[:at])
        del self._buffer[: at + 4]
        self._parts += 1
        name = _NAME.search(head)
        if name is None or self._parts > _MOST_PARTS:
            raise NotAFormError("a part has no name, or there are too many")
        self._name, self._is_file = name[1].decode("utf-8", "replace"), _FILE.search(head) is not None
        self._text = bytearray()
        self._place = self._body
        return True

    def _body(self) -> bool:
        at = self._buffer.find(self._between)
        if at < 0:
            sure = len(self._buffer) - len(self._between)
            if sure > 0:
                self._take(bytes(self._buffer[:sure]))
                del self._buffer[:sure]
            return False
        self._take(bytes(self._buffer[:at]))
        del self._buffer[: at + len(self._between)]
        if not self._is_file:
            self._fields[self._name] = self._text.decode("utf-8", "replace").replace("\r\n", "\n")
        self._place = self._behind
        return True

    def _take(self, content: bytes) -> None:
        if self._is_file:
            self._take_file(content)
            return
        self._text_bytes += len(content)
        if self._text_bytes > MAX_TEXT_BYTES:
            raise NotAFormError("the text is too long")
        self._text += content

    def _take_file(self, content: bytes) -> None:
        """A browser sends a file without a byte where none was chosen."""
        if not content or self._too_large:
            return
        if self._file is None:
            self._file = bytearray()
        if len(self._file) + len(content) > self._most_file_bytes:
            self._too_large = True
            self._file.clear()
            return
        self._file += content

    def _after(self) -> bool:
        self._buffer.clear()
        return False
