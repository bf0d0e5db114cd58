"""Photos as proof: kept once with what the phone said of them, never changed, shown to whoever may see the truck."""

import asyncio
import hashlib
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from gateway_trial import FORGIVING, own_database, value
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services import clock, store
from services.gateway import app as application
from services.gateway.middleware import MAX_PHOTO_BYTES
from services.gateway.run import make_parts
from services.settings import Settings
from services.store import access, commands
from streams import events
from streams.units import DAY_MS

pytestmark = [pytest.mark.integration, FORGIVING]

DRIVERS = {"driver": "dr01", "driver, later": "dr01", "colleague": "dr02"}

Trial = tuple[FastAPI, Engine, dict[str, str]]


@pytest.fixture(scope="module")
def trial(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """The application on a database of its own, with two trucks of two districts, and a session a person."""
    with own_database(postgres) as url:
        parts = make_parts(Settings(database_url=url, build_dir=str(tmp_path_factory.mktemp("gateway"))))
        engine = store.connect(url)
        with engine.begin() as connection:
            for truck_id, district in (("t01", "north"), ("t02", "south")):
                truck = events.Asset(
                    tenant_id="porto", id=truck_id, kind="truck", valid_from_ms=1, district_id=district
                )
                commands._insert(connection, truck, district)
        people = {
            "driver": ("porto", "driver", None, "t01"),
            "driver, later": ("porto", "driver", None, "t02"),
            "colleague": ("porto", "driver", None, "t02"),
            "officer": ("porto", "officer", None, None),
            "southern officer": ("porto", "officer", "south", None),
            "dispatcher": ("porto", "dispatcher", None, None),
            "stranger": ("elsewhere", "administrator", None, None),
        }
        tokens = {}
        for login, (tenant_id, role, district_id, truck_id) in people.items():
            user = access.add_user(
                engine, tenant_id=tenant_id, district_id=district_id, login=login, password="long enough to be one",
                name=login, role=role, driver_id=DRIVERS.get(login), truck_id=truck_id,
            )  # fmt: skip
            tokens[login] = access.open_session(engine, user)
        yield application.make(parts), engine, tokens
        engine.dispose()
        parts.engine.dispose()


def jpeg(marker: bytes = b"", size: int = 40) -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 30, size, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + frame + b"\xff\xda" + struct.pack(">H", 8) + bytes(6) + marker + b"\xff\xd9"


def ask(trial: Trial, who: str, method: str, path: str, content: bytes | None = None, **query: Any) -> httpx.Response:
    app, _, tokens = trial

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://city.example") as client:
            address = f"{path}?{urlencode(query)}" if query else path
            headers = {"Authorization": f"Bearer {tokens[who]}", "Content-Type": "image/jpeg"}
            return await client.request(method, address, content=content, headers=headers)

    return asyncio.run(once())


def put(trial: Trial, photo_id: str, data: bytes, who: str = "driver", **query: Any) -> httpx.Response:
    asked = {"taken_ms": clock.city_now_ms(), **query}
    return ask(trial, who, "PUT", f"/api/v1/photos/{photo_id}", data, **asked)


def test_a_photo_is_kept_once_with_its_moment(trial: Trial) -> None:
    """Sent twice it is one; other bytes under its id are 409; time, place, stop and hash are what the phone said."""
    data, now_ms = jpeg(b"once"), clock.city_now_ms()
    digest = hashlib.sha256(data).hexdigest()
    moment = {
        "taken_ms": now_ms - 5_000,
        "sha256": digest,
        "stop_id": "b1",
        "lon": -8.6,
        "lat": 41.15,
        "plan_version": 7,
    }
    first, again = (put(trial, "p-1", data, **moment) for _ in range(2))
    assert (first.status_code, first.json()) == (202, {"photo_id": "p-1", "state": "received", "sha256": digest})
    assert again.content == first.content
    other = put(trial, "p-1", jpeg(b"other"), **(moment | {"sha256": hashlib.sha256(jpeg(b"other")).hexdigest()}))
    assert (other.status_code, other.json()["code"]) == (409, "different_body")
    assert put(trial, "p-1", data, who="colleague").status_code == 409
    listed = ask(
        trial, "dispatcher", "GET", "/api/v1/trucks/t01/photos", from_ms=now_ms - DAY_MS, to_ms=now_ms + DAY_MS
    )
    about = next(one for one in listed.json()["photos"] if one["photo_id"] == "p-1")
    assert about["received_ms"] >= now_ms
    assert (about["truck_id"], about["driver_id"]) == ("t01", "dr01")
    assert {name: about[name] for name in moment} == moment
    assert (about["width"], about["height"], about["size_bytes"]) == (40, 30, len(data))
    seen = ask(trial, "officer", "GET", "/api/v1/photos/p-1")
    assert (seen.content, seen.headers["content-type"]) == (data, "image/jpeg")
    assert seen.headers["x-content-type-options"] == "nosniff"
    assert seen.headers["content-disposition"] == 'inline; filename="p-1.jpeg"'


def test_a_photo_sent_again_days_later_is_the_same(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was lost; by now it is too old to be taken, and its driver has another truck."""
    moment = {"taken_ms": clock.city_now_ms()}
    first = put(trial, "p-late", jpeg(b"late"), **moment)
    monkeypatch.setattr("services.gateway.photos.PAST_MS", -1)
    again = put(trial, "p-late", jpeg(b"late"), who="driver, later", **moment)
    assert (again.status_code, again.content) == (202, first.content)
    assert put(trial, "p-late", jpeg(b"other"), who="driver, later", **moment).status_code == 409
    assert put(trial, "p-never", jpeg(b"late"), **moment).status_code == 422


def test_who_may_not_see_the_truck_sees_no_photo(trial: Trial) -> None:
    """Another tenant, another district, another driver: the same bytes as for a photo that is nowhere."""
    assert put(trial, "p-2", jpeg(b"two")).status_code == 202
    nowhere = ask(trial, "officer", "GET", "/api/v1/photos/p-nowhere")
    for who in ("stranger", "southern officer", "colleague"):
        answer = ask(trial, who, "GET", "/api/v1/photos/p-2")
        assert (answer.status_code, answer.content) == (404, nowhere.content), who
        listed = ask(trial, who, "GET", "/api/v1/trucks/t01/photos", from_ms=0, to_ms=9)
        assert (listed.status_code, listed.content) == (404, nowhere.content), who
    assert ask(trial, "driver", "GET", "/api/v1/photos/p-2").status_code == 200
    assert put(trial, "p-3", jpeg(), who="dispatcher").status_code == 403


@pytest.mark.parametrize(
    ("data", "query", "status", "code"),
    [
        (b"<html>", {}, 422, "no_picture"),
        (jpeg()[:-2], {}, 422, "no_picture"),
        (jpeg(size=17_000), {}, 422, "no_picture"),
        (jpeg(), {"sha256": "0" * 64}, 422, "photo_damaged"),
        (jpeg(), {"taken_ms": 5}, 422, "not_usable"),
        (jpeg(), {"taken_ms": 10**19}, 422, "not_usable"),
        (jpeg(), {"lon": 999}, 422, "not_usable"),
        (jpeg(), {"stop_id": "b\0"}, 422, "not_usable"),
        (bytes(MAX_PHOTO_BYTES + 1), {}, 413, "too_large"),
    ],
)
def test_what_is_no_photo_is_refused_in_a_sentence(
    trial: Trial, data: bytes, query: dict[str, Any], status: int, code: str
) -> None:
    """Broken, damaged, of another time, too large: refused for good, with why, and nothing is kept."""
    answer = put(trial, "p-bad", data, **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["detail"]) > 20
    assert value(trial[1], "SELECT count(*) FROM photos WHERE photo_id = 'p-bad'") == 0


def test_a_report_names_its_photos_and_says_what_was_corrected(trial: Trial) -> None:
    """Photos and the phone's wrong clock stand in the driver's report as it goes to Kafka."""
    body = {
        "kind": "skipped", "exception": "blocked", "stop_id": "b1", "event_time_ms": clock.city_now_ms(),
        "photo_ids": ["p-1", "p-2"], "clock_ahead_ms": DAY_MS,
    }  # fmt: skip
    app, engine, tokens = trial

    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city.example") as client:
            headers = {"Authorization": f"Bearer {tokens['driver']}"}
            return await client.put("/api/v1/driver-actions/with-photos", json=body, headers=headers)

    for _ in range(2):
        assert asyncio.run(once()).status_code == 202
    kept = value(engine, "SELECT record FROM driver_actions WHERE action_id = 'with-photos'")
    assert (kept["photo_ids"], kept["clock_ahead_ms"]) == (["p-1", "p-2"], DAY_MS)


def test_a_photo_is_never_changed(trial: Trial) -> None:
    """The database itself refuses: it is evidence."""
    assert put(trial, "p-4", jpeg(b"four")).status_code == 202
    for statement in ("UPDATE photos SET bytes = ''", "DELETE FROM photos"):
        with pytest.raises(DBAPIError, match="never"), trial[1].begin() as connection:
            connection.execute(text(statement))
