"""What holds for every request, whatever its route: size, origin, headers, time taken. Plain ASGI, outermost first."""

import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services import metrics
from services.gateway.problems import Problem

MAX_BODY_BYTES: Final = 256 * 1024
MAX_PHOTO_BYTES: Final = 2 * 1024 * 1024
"""A phone sends edges of 1,600 pixels: 0.2 to 0.8 MB."""
_PHOTOS: Final = "/api/v1/photos/"
LARGER_BODY_BYTES: Final = {("POST", "/report"): 64 * 1024 * 1024}
"""A citizen's form with a photo is read to its end, also where the photo is too large: else the browser shows no answer."""
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
}


class Guardrails:
    """Limits bodies, refuses other sites' writes, adds the security headers, measures."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        most_bytes = _most_bytes(scope["method"], scope["path"])
        refusal = _refusal(scope["method"], Headers(scope=scope), most_bytes)
        if refusal is not None:
            await refusal.response()(scope, receive, send_guarded)
        else:
            await self._app(scope, _limited(receive, most_bytes), send_guarded)
        route = getattr(scope.get("route"), "path", "none")
        metrics.REQUEST_SECONDS.labels(route, str(status)).observe(time.monotonic() - started)


def _most_bytes(method: str, path: str) -> int:
    if path.startswith(_PHOTOS):
        return MAX_PHOTO_BYTES
    return LARGER_BODY_BYTES.get((method, path), MAX_BODY_BYTES)


def _refusal(method: str, headers: Headers, most_bytes: int) -> Problem | None:
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > most_bytes:
        return too_large(most_bytes)
    if method not in _SAFE_METHODS and not same_origin(headers):
        return Problem(403, "other_site", "This request comes from another site's page.")
    return None


def too_large(most_bytes: int) -> Problem:
    """Return the answer to a body over the limit."""
    return Problem(413, "too_large", f"The body is larger than {most_bytes} bytes.")


def same_origin(headers: Headers) -> bool:
    """Whether a write comes from our own page, or from no page at all (a program, which sends no cookies by itself).

    Browsers say so in ``Sec-Fetch-Site``; over plain HTTP they may not, then ``Origin`` must be the host asked.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def _limited(receive: Receive, most_bytes: int) -> Receive:
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most_bytes:
            raise HTTPException(413, too_large(most_bytes).detail)
        return message

    return receive_limited
