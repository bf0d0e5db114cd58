"""Photos in the tables: bytes and what the phone said of them, in one row that nobody changes or deletes."""

from typing import Any, NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from services.store.schema import photos


class Photo(NamedTuple):
    """A photo without its bytes. Times are city time; ``clock_ahead_ms`` as in `streams.events.DriverAction`."""

    photo_id: str
    truck_id: str
    driver_id: str | None
    taken_ms: int
    received_ms: int
    clock_ahead_ms: int | None
    stop_id: str | None
    order_id: str | None
    facility_id: str | None
    plan_version: int | None
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    media_type: str
    width: int
    height: int
    size_bytes: int
    sha256: str


_ABOUT: Any = [photos.c[name] for name in Photo._fields]
_MOST: int = 200
"""Of one answer."""


def keep(engine: Engine, tenant_id: str, district_id: str | None, photo: Photo, data: bytes) -> Photo:
    """Keep a photo, unless one with its id is there; returns what is there now. Raises `engine.Away`."""
    row = {"tenant_id": tenant_id, "district_id": district_id, **photo._asdict(), "bytes": data}
    with engine.begin() as connection:
        connection.execute(insert(photos).values(row).on_conflict_do_nothing())
        of_it = (photos.c.tenant_id == tenant_id, photos.c.photo_id == photo.photo_id)
        return Photo(*connection.execute(select(*_ABOUT).where(*of_it)).one())


def about(engine: Engine, tenant_id: str, photo_id: str) -> Photo | None:
    """Return what is known of a photo. Raises `engine.Away`."""
    query = select(*_ABOUT).where(photos.c.tenant_id == tenant_id, photos.c.photo_id == photo_id)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Photo(*row)


def find(engine: Engine, tenant_id: str, photo_id: str) -> tuple[Photo, bytes] | None:
    """Return a photo with its bytes."""
    query = select(*_ABOUT, photos.c.bytes).where(photos.c.tenant_id == tenant_id, photos.c.photo_id == photo_id)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else (Photo(*row[:-1]), bytes(row[-1]))


def taken(engine: Engine, tenant_id: str, truck_id: str, from_ms: int, to_ms: int) -> list[Photo]:
    """Return the photos of a truck's drivers in a time, newest first, at most 200."""
    p = photos.c
    query = select(*_ABOUT).where(p.tenant_id == tenant_id, p.truck_id == truck_id, p.taken_ms.between(from_ms, to_ms))
    with engine.connect() as connection:
        return [Photo(*row) for row in connection.execute(query.order_by(p.taken_ms.desc(), p.photo_id).limit(_MOST))]
