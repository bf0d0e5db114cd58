"""The built pages, their assets and the base map: files, no log-in (the pages ask who is logged in)."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse

from services.gateway.access import GuardedRoute, action
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts

router = APIRouter(include_in_schema=False, route_class=GuardedRoute)

ENTRIES: Final = {
    "": "index.html",
    "dispatch": "dispatch.html",
    "driver": "driver.html",
    "enforcement": "enforcement.html",
    "manager": "manager.html",
    "intake": "intake.html",
}
"""Address -> entry page."""
_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
_ASK_FIRST: Final = "no-cache"


@router.api_route("/tiles/{name}.pmtiles", methods=["GET", "HEAD"])
@action("tiles.read")
async def tiles(name: str, parts: Parts) -> Response:
    """Return (ranges of) the city's base map."""
    if name != parts.city.city or not parts.base_map.is_file():
        raise not_found()
    return FileResponse(
        parts.base_map, media_type="application/vnd.pmtiles", headers={"Cache-Control": "public, max-age=300"}
    )


@router.api_route("/assets/{path:path}", methods=["GET", "HEAD"])
@action("pages.read")
async def asset(path: str, parts: Parts) -> Response:
    """Return a built file; its name contains its content's hash, so it may be kept."""
    return _file(parts.web, f"assets/{path}", _FOR_A_YEAR)


@router.api_route("/{name}", methods=["GET", "HEAD"])
@action("pages.read")
async def page(name: str, parts: Parts) -> Response:
    """Return an entry page, or another file beside them."""
    return _entry(parts.web, name) if name in ENTRIES else _file(parts.web, name, _ASK_FIRST)


@router.api_route("/", methods=["GET", "HEAD"])
@action("pages.read")
async def first_page(_request: Request, parts: Parts) -> Response:
    """Return the log-in page."""
    return _entry(parts.web, "")


def _entry(web: Path, name: str) -> Response:
    if not (web / ENTRIES[name]).is_file():
        raise Problem(503, "pages_not_built", "The pages are not built yet: run `make setup`.")
    return FileResponse(web / ENTRIES[name], headers={"Cache-Control": _ASK_FIRST})


def _file(web: Path, path: str, cache_control: str) -> Response:
    found = (web / path).resolve()
    if not found.is_relative_to(web.resolve()) or not found.is_file():
        raise not_found()
    return FileResponse(found, headers={"Cache-Control": cache_control})
