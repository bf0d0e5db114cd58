"""GET /api/v1/export/{sheet}.{format}: the lists and the past as files, streamed, with the list's own filters.

Lists are what the live state shows; alerts, plans and tracks come from the database, page by page. Who may see what is as
everywhere: the own tenant, and of it the own district.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from services import clock
from services.gateway import kept_rows, live_rows, sheets
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.fields import Ms, Text
from services.gateway.kept_rows import Kept, Rows
from services.gateway.live_rows import Seen, Wanted
from services.gateway.problems import Problem
from services.gateway.state import Parts, State
from services.gateway.trucks import see_truck
from streams import events
from streams.units import DAY_MS

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1/export", tags=["export"], route_class=GuardedRoute)

SheetName = Literal["trucks", "bins", "due", "left-out", "orders", "facilities", "alerts", "plans", "tracks"]
Format = Literal["csv", "geojson"]

MAX_SPAN_MS: Final = 31 * DAY_MS
PAGE: Final = 500
BREATH: Final = 100
"""Of a live list so many things are looked at, asked for or not, before the loop serves others."""
SLOW_S: Final = 30.0
"""Who takes nothing for so long is dropped."""
_TYPES: Final = {"csv": "text/csv; charset=utf-8; header=present", "geojson": "application/geo+json"}
_LIMIT: Final = parse("30 per minute")
_asked: Final = MovingWindowRateLimiter(MemoryStorage())

Word = Annotated[str, Query(max_length=200)]


class Download(StreamingResponse):
    """A file sent as it is made; who does not read is dropped."""

    async def stream_response(self, send: Send) -> None:
        """Send it piece by piece, each within `SLOW_S`."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SLOW_S):
                await send(message)

        await super().stream_response(in_time)


@router.get("/{sheet}.{form}", response_class=Response)
@action("exports.read")
async def export(  # noqa: PLR0917  # a route's parameters are its query
    sheet: SheetName,
    form: Format,
    me: Me,
    parts: Parts,
    find: Annotated[Word, Query(description="part of a name or id")] = "",
    waste: Annotated[Word, Query(description="kinds of waste, comma between; default: all")] = "",
    show: Annotated[Word, Query(description="the list's own choice, such as unplanned; default: all")] = "",
    rule: Annotated[Word, Query(description="of alerts")] = "",
    severity: Annotated[Word, Query(description="of alerts")] = "",
    truck_id: Annotated[Text | None, Query(description="tracks need one")] = None,
    from_ms: Annotated[Ms | None, Query(description="alerts, plans, tracks; default: a day before to_ms")] = None,
    to_ms: Annotated[Ms | None, Query(description="default: now")] = None,
) -> Response:
    """Return a list or a table as a file. Times of CSV are the city's, of GeoJSON ISO 8601; not known = empty or null."""
    parts.require_live()
    _count(me)
    now_ms = clock.city_now_ms()
    columns, shows = _columns_of(sheet)
    _check_show(sheet, show, shows)
    materials = _materials(waste)
    seen = Seen(parts.hub.tenant(me.user.tenant_id).town, me.scope)
    if sheet in live_rows.SHEETS:
        pages = _live_pages(sheet, seen, Wanted(now_ms, find, materials, show))
    else:
        span_ms = _span(from_ms, to_ms, now_ms)
        if sheet == "tracks":
            await asyncio.to_thread(see_truck, me, parts.engine, _needed(truck_id))
        kept = Kept(me.user.tenant_id, span_ms, find, show, rule, severity, materials, truck_id or "")
        pages = kept_rows.SHEETS[sheet].pages(parts.engine, seen, kept)
    zone = zone_of(me, parts)
    # the first page before the headers: what is wrong can still be said as a problem
    nothing: list[dict[str, Any]] = []
    first = await anext(pages, nothing)
    logger.info("an export", extra={"user_id": me.user.user_id, "sheet": sheet, "format": form})
    written = _csv(columns, first, pages, zone) if form == "csv" else _geojson(columns, first, pages, zone)
    name = f"{sheet}-{datetime.fromtimestamp(now_ms / 1000, zone):%Y%m%d-%H%M}.{form}"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Download(written, headers=headers, media_type=_TYPES[form])


def _columns_of(sheet: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = live_rows.SHEETS.get(sheet) or kept_rows.SHEETS[sheet]
    return found.columns, found.shows


async def _live_pages(sheet: str, seen: Seen, wanted: Wanted) -> Rows:
    page: list[dict[str, Any]] = []
    for number, row in enumerate(live_rows.SHEETS[sheet].rows(seen, wanted), 1):
        if row is not None:
            page.append(row)
        if number % BREATH == 0:
            await asyncio.sleep(0)
        if len(page) == PAGE:
            yield page
            page = []
    yield page


async def _csv(columns: tuple[str, ...], first: list[Any], pages: Rows, zone: tzinfo) -> AsyncIterator[str]:
    yield sheets.csv_header(columns)
    yield sheets.csv_lines(columns, first, zone)
    async for page in pages:
        yield sheets.csv_lines(columns, page, zone)


async def _geojson(columns: tuple[str, ...], first: list[Any], pages: Rows, zone: tzinfo) -> AsyncIterator[bytes]:
    yield b'{"type":"FeatureCollection","features":['
    begun = False
    async for page in _with(first, pages):
        written = b",\n".join(sheets.features(columns, page, zone))
        if written:
            yield b",\n" + written if begun else written
            begun = True
    yield b"]}\n"


async def _with(first: list[Any], pages: Rows) -> Rows:
    yield first
    async for page in pages:
        yield page


def _span(from_ms: int | None, to_ms: int | None, now_ms: int) -> tuple[int, int]:
    until_ms = now_ms if to_ms is None else to_ms
    since_ms = max(0, until_ms - DAY_MS) if from_ms is None else from_ms
    if not 0 <= until_ms - since_ms <= MAX_SPAN_MS:
        raise Problem(
            400, "export_span", f"to_ms - from_ms is {until_ms - since_ms}, expected 0 to {MAX_SPAN_MS} (31 days)"
        )
    return since_ms, until_ms


def _check_show(sheet: str, show: str, shows: tuple[str, ...]) -> None:
    if show and show not in shows:
        expected = f"one of {', '.join(shows)}, or nothing" if shows else "nothing"
        raise _not_usable("show", f"{show!r} is no choice of {sheet}: expected {expected}")


def _materials(waste: str) -> frozenset[str]:
    wanted = frozenset(one for one in waste.split(",") if one)
    unknown = sorted(wanted - set(events.MATERIALS))
    if unknown:
        raise _not_usable("waste", f"{unknown[0]!r} is no kind of waste: expected {', '.join(events.MATERIALS)}")
    return wanted


def _needed(truck_id: str | None) -> str:
    if truck_id is None:
        raise _not_usable("truck_id", "tracks are of one truck: expected a truck's id")
    return truck_id


def _not_usable(member: str, detail: str) -> Problem:
    return Problem(422, "not_usable", detail, errors=[{"pointer": f"query/{member}", "detail": detail}])


def _count(me: Asker) -> None:
    if not _asked.hit(_LIMIT, me.user.user_id):
        raise Problem(
            429, "too_many_exports", "More than 30 exports in a minute; wait a little.", headers={"Retry-After": "20"}
        )


def zone_of(me: Asker, parts: State) -> tzinfo:
    """Return the time zone of the asker's city; UTC where nobody has said one."""
    if me.user.tenant_id == parts.city.tenant_id:
        return parts.city.zone
    name = parts.hub.tenant(me.user.tenant_id).town.time_zone()
    return ZoneInfo(name) if name else UTC
