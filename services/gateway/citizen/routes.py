"""GET and POST /report, and what became of one: pages for anybody, without account, cookie or script."""

import asyncio
import re
import secrets
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, RedirectResponse

from services import clock, store
from services.gateway.access import GuardedRoute, action
from services.gateway.citizen import form, page, words
from services.gateway.citizen.page import Fault, Followed, Step, Town, Typed
from services.gateway.citizen.words import Language
from services.gateway.photo import MAX_BYTES, BadPhotoError, look
from services.gateway.report_steps import KINDS, Kind, State, due_ms
from services.gateway.state import Parts
from services.gateway.state import State as Gateway
from services.store import reports

router = APIRouter(include_in_schema=False, route_class=GuardedRoute)

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without the four that look like others: 32 signs, 5 bits each."""
_DIGITS: Final = 16
"""80 random bits: nobody finds a report by trying."""
_NUMBER: Final = re.compile(f"[{_ALPHABET}]{{{_DIGITS}}}")
_PER_ADDRESS: Final = (parse("12 per 10 minutes"), parse("100 per day"))
_sent: Final = MovingWindowRateLimiter(MemoryStorage())
READ_WITHIN_S: Final = 300.0
"""Ten megabytes over a slow telephone take so long; whoever sends slower is left."""
READ_AT_ONCE: Final = 40
"""Forms on their way in: each may hold `MAX_BYTES` of memory."""
_reading = asyncio.Semaphore(READ_AT_ONCE)
_COORDINATE: Final = re.compile(r"[+-]?\d{1,3}(\.\d{1,12})?")
_HEADERS: Final = {"Cache-Control": "no-store"}


def wanted_language(request: Request) -> Language:
    """Return the language of the address, else the browser's."""
    return words.language_of(request.query_params.get("lang"), request.headers.get("accept-language", "")[:500])


Spoken = Annotated[Language, Depends(wanted_language)]


class _Read(NamedTuple):
    """What a form says: as typed, what it says as a report, and why it cannot be taken."""

    typed: Typed
    said: dict[str, str | float | None]
    faults: list[Fault]


@router.get("/report")
@action("citizen.report")
async def empty_form(parts: Parts, language: Spoken) -> Response:
    """Return an empty form under a number of its own."""
    return _html(page.form_page(language, _town(parts), Typed(number=new_number())))


@router.post("/report")
@action("citizen.report")
async def send(request: Request, parts: Parts, language: Spoken) -> Response:
    """Keep a report and lead to its page; what cannot be taken is said above the form, with all that was typed."""
    wait_minutes = _wait_minutes(request)
    try:
        given = await _read(request, MAX_BYTES if wait_minutes is None else 0)
    except (form.NotAFormError, TimeoutError):
        return _refused(language, parts, Typed(number=new_number()), [Fault("form", "kind")], 400)
    found = _understood(given.fields, parts)
    if wait_minutes is not None:
        return _refused(language, parts, found.typed, [Fault("too_many", "kind", {"minutes": str(wait_minutes)})], 429)
    picture, fault = await asyncio.to_thread(_picture, given)  # the live state is folded in this loop
    faults = [*found.faults, *([fault] if fault else [])]
    if faults:
        if picture is not None:
            faults.append(Fault("photo_again", "photo"))
        return _refused(language, parts, found.typed, faults, 422)
    return await asyncio.to_thread(_kept, language, parts, found, picture)


@router.get("/report/find")
@action("citizen.follow")
async def find(parts: Parts, language: Spoken, number: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Lead to the page of the number somebody typed."""
    wanted = plain_number(number)
    if wanted is None:
        return _html(page.no_report_page(language, _town(parts)), 404)
    return RedirectResponse(f"/report/{wanted}?lang={language}", 303, headers=_HEADERS)


@router.get("/report/{number}")
@action("citizen.follow")
def follow(
    number: str,
    parts: Parts,
    language: Spoken,
    new: Annotated[str | None, Query(max_length=1)] = None,
) -> Response:
    """Say what has become of a report, to whoever has its number."""
    wanted = plain_number(number)
    try:
        found = None if wanted is None else reports.by_number(parts.engine, parts.city.tenant_id, wanted)
    except store.Away:
        return _html(page.no_report_page(language, _town(parts), is_away=True), 503)
    if wanted is None or found is None:
        return _html(page.no_report_page(language, _town(parts)), 404)
    shown = _followed(wanted, *found)
    address = f"/report/{wanted}"
    now_ms = clock.city_now_ms()
    return _html(page.follow_page(language, _town(parts), shown, now_ms, address, is_new=new is not None))


def new_number() -> str:
    """Return a number that nobody can guess."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_DIGITS))


def plain_number(typed: str) -> str | None:
    """Return a number as it is kept, however it was typed; None = it is none."""
    plain = re.sub(r"[\s\-–]", "", typed).upper()
    return plain if _NUMBER.fullmatch(plain) else None


# ------------------------------------------------------------------------------------------------ what a form says


async def _read(request: Request, most_file_bytes: int) -> form.Form:
    """Read the body to its end, whatever it is: a browser whose file is refused half-way shows no answer at all."""
    reader = form.Reader(form.boundary_of(request.headers.get("content-type", "")), most_file_bytes)
    async with asyncio.timeout(READ_WITHIN_S), _reading:
        try:
            async for piece in request.stream():
                reader.feed(piece)
        except ClientDisconnect as error:
            raise form.NotAFormError("the browser went away") from error
    return reader.end()


def _understood(fields: dict[str, str], parts: Gateway) -> _Read:
    given = {name: value.replace("\0", "").strip() for name, value in fields.items()}
    typed = Typed(
        number=plain_number(given.get("number", "")) or new_number(),
        **{name: given.get(name, "") for name in ("kind", "place", "lat", "lon", "note")},
    )
    faults = []
    if typed.kind not in KINDS:
        faults.append(Fault("kind", "kind"))
    spot, fault = _spot(typed, parts)
    if fault is not None:
        faults.append(fault)
    elif spot is None and not typed.place:
        faults.append(Fault("where", "place"))
    for name, most in (("place", page.PLACE_CHARACTERS), ("note", page.NOTE_CHARACTERS)):
        if len(getattr(typed, name)) > most:
            faults.append(Fault(f"{name}_long", name, {"most": str(most)}))
    lon, lat = spot or (None, None)
    said = {"kind": typed.kind, "place": typed.place or None, "lon": lon, "lat": lat, "note": typed.note or None}
    return _Read(typed, said, faults)


def _spot(typed: Typed, parts: Gateway) -> tuple[tuple[float, float] | None, Fault | None]:
    """Return lon and lat, or why they are none. A comma may stand for the point, and a true minus for the hyphen."""
    written = [one.replace("−", "-").replace(",", ".") for one in (typed.lon, typed.lat)]
    if not any(written):
        return None, None
    if not all(_COORDINATE.fullmatch(one) for one in written):
        return None, Fault("coordinates", "lat")
    lon, lat = (float(one) for one in written)
    if abs(lat) > 90 or abs(lon) > 180:
        return None, Fault("coordinates", "lat")
    west, south, east, north = parts.city.bounds
    # the bounds are those of the map; the city's rim is somewhat wider
    margin = 0.25 * max(east - west, north - south)
    if not (west - margin <= lon <= east + margin and south - margin <= lat <= north + margin):
        return None, Fault("far", "lat")
    return (lon, lat), None


def _picture(given: form.Form) -> tuple[reports.Picture | None, Fault | None]:
    if given.too_large:
        return None, Fault("photo_large", "photo")
    if given.file is None:
        return None, None
    try:
        photo = look(given.file)
    except BadPhotoError as error:
        return None, Fault(error.fault, "photo")
    return reports.Picture(photo.media_type, photo.width, photo.height, given.file), None


# ------------------------------------------------------------------------------------------- what becomes of a form


def _kept(language: Language, parts: Gateway, found: _Read, picture: reports.Picture | None) -> Response:
    now_ms, number = clock.city_now_ms(), found.typed.number
    kind: Kind = next(kind for kind in KINDS if kind == found.typed.kind)
    try:
        reports.new_report(
            parts.engine,
            parts.city.tenant_id,
            number,
            found.said,
            picture,
            language=language,
            at_ms=now_ms,
            due_ms=due_ms(kind, "received", now_ms) or now_ms,
        )
    except reports.OtherReportError:
        again = replace(found.typed, number=new_number())
        fault = Fault("sent_before", "kind", {"number": page.grouped(number)})
        return _refused(language, parts, again, [fault, *_choose_again(picture)], 409)
    except store.Away:
        faults = [Fault("database_away", "kind"), *_choose_again(picture)]
        return _refused(language, parts, found.typed, faults, 503)
    return RedirectResponse(f"/report/{number}?lang={language}&new=1", 303, headers=_HEADERS)


def _choose_again(picture: reports.Picture | None) -> list[Fault]:
    return [] if picture is None else [Fault("photo_again", "photo")]


def _refused(language: Language, parts: Gateway, typed: Typed, faults: list[Fault], status: int) -> Response:
    return _html(page.form_page(language, _town(parts), typed, faults), status)


def _followed(number: str, report: reports.Report, steps: list[reports.Step]) -> Followed:
    """Return what its sender may see: states, times, and the reason only where it was declined; no names."""
    kind: Kind = next((kind for kind in KINDS if kind == report.kind), "other")
    shown = [
        Step(_state(one.state), one.at_ms, one.due_ms, one.reason if one.state == "declined" else None) for one in steps
    ]
    return Followed(
        number=number,
        kind=kind,
        place=report.place,
        lat=report.lat,
        lon=report.lon,
        note=report.note,
        has_photo=report.has_photo,
        steps=[Step("received", report.at_ms, report.due_ms), *shown],
    )


def _state(kept: str) -> State:
    return kept  # type: ignore[return-value]  # only `report_steps` puts states into the table


def _wait_minutes(request: Request) -> int | None:
    """Count this form; return how long its sender has to wait if there were too many, else None."""
    who = neighbourhood(request.client.host if request.client else "")
    for limit in _PER_ADDRESS:
        if not _sent.hit(limit, "report", who):
            reset_s = _sent.get_window_stats(limit, "report", who).reset_time - clock.wall_now_ms() / 1000
            return max(1, round(reset_s / 60 + 0.5))
    return None


def neighbourhood(address: str) -> str:
    """Return whom a limit counts: an IPv4 address; of IPv6 the /64, which is one connection's."""
    try:
        known = ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip_network(f"{known}/64", strict=False)) if known.version == 6 else str(known)


def _town(parts: Gateway) -> Town:
    city = parts.city
    base_map = f"/tiles/{city.city}.pmtiles" if parts.base_map.is_file() else None
    return Town(name=city.name, zone=city.zone, bounds=city.bounds, attribution=city.attribution, base_map=base_map)


def _html(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers=_HEADERS)
