"""Answers as JSON, written by msgspec."""

from typing import Any

import msgspec
from fastapi import Response


class Json(Response):
    """A JSON answer that nobody keeps: what it says is true now."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"Cache-Control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        """Return the content as JSON text."""
        return msgspec.json.encode(content)
