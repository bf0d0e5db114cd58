"""Every error as a problem (RFC 9457): one shape, a stable ``code``, a sentence that says what to do."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from services import store

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_TITLES: Final = {
    400: "Bad request",
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Not usable",
    429: "Too many requests",
    500: "Our fault",
    503: "Not available now",
}


class Problem(Exception):  # noqa: N818  # the standard's word
    """An answer that is not the one asked for."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """``more``: members besides those that every problem has."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []
        self.headers = headers
        self.more = more or {}

    def response(self) -> Response:
        """Return it as an answer."""
        body = {
            "type": "about:blank",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": self.errors,
            **self.more,
        }
        headers = {"Cache-Control": "no-store", **(self.headers or {})}
        return Response(msgspec.json.encode(body), self.status, headers, MEDIA_TYPE)


def not_found() -> Problem:
    """Return the one answer for what is not there and for what is another tenant's: the two are the same bytes."""
    return Problem(404, "not_found", "There is nothing here.")


def database_away() -> Problem:
    """Return the answer while PostgreSQL cannot be reached."""
    detail = "The database does not answer now. Live data goes on; try again in a moment."
    return Problem(503, "database_away", detail, headers={"Retry-After": "2"})


def install(app: FastAPI) -> None:
    """Let every error leave as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _not_usable)
    app.add_exception_handler(HTTPException, _http)
    for away in store.Away:
        app.add_exception_handler(away, _away)
    app.add_exception_handler(store.Refused, _refused)
    app.add_exception_handler(Exception, _unexpected)


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # registered for this type
    return error.response()


def _not_usable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [{"pointer": _pointer(one["loc"]), "detail": _sentence(one)} for one in error.errors()]
    first = errors[0] if errors else {"pointer": "", "detail": ""}
    detail = f"{first['pointer'] or 'The body'}: {first['detail']}"
    return Problem(422, "not_usable", detail, errors=errors).response()


def _pointer(place: tuple[Any, ...]) -> str:
    where, *path = place
    inside = "".join(f"/{step}" for step in path)
    return inside if where == "body" else f"{where}{inside}"


def _sentence(error: Mapping[str, Any]) -> str:
    given = error.get("input")
    shown = f", got {given!r}"[:100] if isinstance(given, str | int | float | bool) else ""
    return f"{error['msg']}{shown}"


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return not_found().response()
    return Problem(error.status_code, f"http_{error.status_code}", str(error.detail), headers=error.headers).response()


def _away(request: Request, error: Exception) -> Response:
    logger.warning("the database is away", extra={"path": request.url.path, "why": str(error).splitlines()[0]})
    return database_away().response()


def _refused(request: Request, error: Exception) -> Response:
    """Asked again, the database would say the same: whoever sent the value must hear that it is the value."""
    meaning = store.understood(error)
    if isinstance(meaning, store.Away):
        return _away(request, meaning)
    if not isinstance(meaning, store.RefusedValueError):
        return _unexpected(request, error)
    logger.warning("the database refused a value", extra={"path": request.url.path, "why": str(meaning)})
    return Problem(422, "not_usable", str(meaning)).response()


def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected", exc_info=error, extra={"path": request.url.path})
    return Problem(500, "unexpected", "This should not have happened; it is in the log.").response()
