"""Photos drivers take as proof: kept once, never changed or deleted, shown to whoever may see the truck."""

import asyncio
import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import StringConstraints

from services import clock
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.driver import FUTURE_MS, PAST_MS
from services.gateway.fields import Ms, Span, Text, Version
from services.gateway.photo import BadPhotoError, look
from services.gateway.photo import Photo as Picture
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts
from services.gateway.trucks import MAX_SPAN_MS, see_truck
from services.store import photos
from services.store.photos import Photo

router = APIRouter(prefix="/api/v1", tags=["photos"], route_class=GuardedRoute)

Id = Annotated[Text, Path(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_FAULTS: Final = {
    "photo_kind": "expected a JPEG, PNG or WebP file; these bytes begin as none of them",
    "photo_broken": "the file is broken or was cut off",
    "photo_pixels": "it is too large to be shown",
}
_KEPT_S: Final = 600
"""So long a browser may show a photo again without asking."""


@router.put("/photos/{photo_id}", status_code=202)
@action("photos.take")
async def take(  # noqa: PLR0917  # a route's parameters are its query
    photo_id: Id,
    request: Request,
    me: Me,
    parts: Parts,
    taken_ms: Ms,
    sha256: Annotated[Sha256 | None, Query(description="of the bytes, made when the photo was taken")] = None,
    stop_id: Annotated[Text | None, Query()] = None,
    order_id: Annotated[Text | None, Query()] = None,
    facility_id: Annotated[Text | None, Query()] = None,
    plan_version: Annotated[Version | None, Query()] = None,
    lon: Annotated[float | None, Query(ge=-180, le=180, allow_inf_nan=False)] = None,
    lat: Annotated[float | None, Query(ge=-90, le=90, allow_inf_nan=False)] = None,
    accuracy_m: Annotated[float | None, Query(ge=0, le=1e6, allow_inf_nan=False)] = None,
    clock_ahead_ms: Annotated[Span | None, Query()] = None,
) -> Json:
    """Keep the photo that is the body: a JPEG or PNG file. The same again is the same, days later too; other bytes are 409.

    Time, place and stop are what the phone said at the moment it was taken.
    """
    now_ms = clock.city_now_ms()
    data = await request.body()
    found = hashlib.sha256(data).hexdigest()
    known = await asyncio.to_thread(photos.about, parts.engine, me.user.tenant_id, photo_id)
    if known is not None:
        return _taken(known, found, me)
    if not now_ms - PAST_MS <= taken_ms <= now_ms + FUTURE_MS:
        raise Problem(
            422,
            "not_usable",
            f"taken_ms is {taken_ms}, expected within two days before now ({now_ms}, city time)",
            errors=[{"pointer": "/taken_ms", "detail": f"expected about {now_ms}"}],
        )
    picture = await asyncio.to_thread(_picture, data)  # the live state is folded in this loop
    if sha256 is not None and sha256 != found:
        detail = f"sha256 is {sha256}, the bytes that came have {found}: the photo was damaged on its way"
        raise Problem(422, "photo_damaged", detail, errors=[{"pointer": "/sha256", "detail": f"expected {found}"}])
    taken = Photo(
        photo_id=photo_id,
        truck_id=me.user.truck_id or "",
        driver_id=me.user.driver_id,
        taken_ms=taken_ms,
        received_ms=now_ms,
        clock_ahead_ms=clock_ahead_ms,
        stop_id=stop_id,
        order_id=order_id,
        facility_id=facility_id,
        plan_version=plan_version,
        lon=lon,
        lat=lat,
        accuracy_m=accuracy_m,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size_bytes=len(data),
        sha256=found,
    )
    kept = await asyncio.to_thread(photos.keep, parts.engine, me.user.tenant_id, me.user.district_id, taken, data)
    return _taken(kept, found, me)


def _taken(kept: Photo, sha256: str, me: Asker) -> Json:
    """Say that it is there, if it is this one; its driver may have another truck by now."""
    if kept.sha256 != sha256 or kept.driver_id != me.user.driver_id:
        raise Problem(409, "different_body", f"a photo {kept.photo_id!r} with other bytes is there already")
    return Json({"photo_id": kept.photo_id, "state": "received", "sha256": sha256}, 202)


@router.get("/photos/{photo_id}")
@action("photos.read")
def photo(photo_id: Id, me: Me, parts: Parts) -> Response:
    """Return the photo's bytes as they came."""
    found = photos.find(parts.engine, me.user.tenant_id, photo_id)
    if found is None:
        raise not_found()
    about, data = found
    see_truck(me, parts.engine, about.truck_id)
    headers = {
        "Cache-Control": f"private, max-age={_KEPT_S}",
        "Content-Disposition": f'inline; filename="{photo_id}.{about.media_type.removeprefix("image/")}"',
        "ETag": f'"{about.sha256}"',
    }
    return Response(data, media_type=about.media_type, headers=headers)


@router.get("/trucks/{truck_id}/photos")
@action("photos.read")
def photos_of(truck_id: Annotated[Text, Path()], me: Me, parts: Parts, from_ms: Ms, to_ms: Ms) -> Json:
    """Return what is known of the photos a truck's drivers took in at most two days, newest first; without the bytes."""
    if not 0 <= to_ms - from_ms <= MAX_SPAN_MS:
        raise Problem(400, "span", f"to_ms - from_ms is {to_ms - from_ms}, expected 0 to {MAX_SPAN_MS} (two days)")
    see_truck(me, parts.engine, truck_id)
    found = photos.taken(parts.engine, me.user.tenant_id, truck_id, from_ms, to_ms)
    return Json({"photos": [_said(one) for one in found]})


def _picture(data: bytes) -> Picture:
    try:
        return look(data)
    except BadPhotoError as error:
        raise Problem(422, "no_picture", f"The photo cannot be taken: {_FAULTS[error.fault]}") from error


def _said(one: Photo) -> dict[str, Any]:
    return one._asdict()
