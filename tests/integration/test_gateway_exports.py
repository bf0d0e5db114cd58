"""Files of lists and of the past, on a real database: whose rows, all of them, and none that runs in a spreadsheet."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from gateway_trial import FORGIVING, own_database
from sqlalchemy import Engine, text

from services import store
from services.gateway import app as application
from services.gateway import kept_rows
from services.gateway.run import make_parts
from services.gateway.state import State
from services.settings import Settings
from services.store import access, partitions
from streams import events
from streams.units import DAY_MS, MINUTE_MS

pytestmark = [pytest.mark.integration, FORGIVING]

NOW_MS = 1_795_500_000_000
SPAN = f"from_ms={NOW_MS - DAY_MS}&to_ms={NOW_MS}"
EVIL = '=HYPERLINK("http://evil.example","see")'


@pytest.fixture(scope="module")
def url(postgres: str) -> Iterator[str]:
    with own_database(postgres) as address:
        yield address


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    made = store.connect(url)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def parts(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    made = make_parts(Settings(database_url=url, build_dir=str(tmp_path_factory.mktemp("gateway"))))
    for district in ("north", "south"):
        truck = events.Asset(
            tenant_id="porto", id=f"t-{district}", kind="truck", valid_from_ms=1, district_id=district, plate=EVIL
        )
        made.hub.tenant("porto").town.apply(truck, NOW_MS)
    made.hub.ready = True
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def app(parts: State) -> FastAPI:
    return application.make(parts)


@pytest.fixture(scope="module")
def filled(engine: Engine) -> None:
    """1,203 alerts a minute apart and 1,203 fixes of one truck, two at each moment; a plan of each district's truck."""
    partitions.make(engine, "positions", (NOW_MS - DAY_MS, NOW_MS))
    with engine.begin() as connection:
        for number in range(1_203):
            at_ms = NOW_MS - number * MINUTE_MS
            connection.execute(ADD_ALERT, alert(number, at_ms))
            connection.execute(ADD_FIX, {"ms": NOW_MS - (number // 2) * MINUTE_MS, "key": f"k{number}", "kg": number})
        for district in ("north", "south"):
            connection.execute(ADD_PLAN, {"truck": f"t-{district}", "made": NOW_MS, "record": PLAN})
            connection.execute(ADD_TRUCK, {"truck": f"t-{district}", "district": district})


ADD_ALERT = text(
    "INSERT INTO alerts VALUES ('porto', :district, :id, 1, 'spillage', 'raised', 'high', :truck, NULL, :ms, :ms, "
    "CAST(:record AS jsonb))"
)
ADD_FIX = text(
    "INSERT INTO positions (tenant_id, truck_id, event_time_ms, fix_key, lon, lat, fix, cover, bed, load_state, load_kg, "
    "sensor_health, power, alarms) VALUES ('porto', 't-north', :ms, :key, -8.6, 41.1, true, 'open', 'level', 'unknown', "
    ":kg, '{}', 'ok', '[]')"
)
ADD_PLAN = text(
    "INSERT INTO plans VALUES ('porto', NULL, :truck, 7, :made, 'shift', 'kitchen', NULL, CAST(:record AS jsonb))"
)
ADD_TRUCK = text(
    "INSERT INTO assets (tenant_id, district_id, kind, id, version, valid_from_ms, record) VALUES "
    "('porto', :district, 'truck', :truck, 1, 1, '{}')"
)
PLAN = json.dumps(
    {
        "visits": [
            {"kind": "start", "arrive_ms": 1, "leave_ms": 1, "lon": 0.0, "lat": 0.0},
            {"arrive_ms": 2, "leave_ms": 3, "lon": 1.0, "lat": 1.0, "stop_id": "b"},
        ]
    }
)


def alert(number: int, at_ms: int) -> dict[str, Any]:
    district = (None, "north", "south")[number % 3]
    truck_id = f"t-{district}" if district else None
    record = {
        "alert_id": f"al-{number:05}",
        "revision": 1,
        "rule": "spillage",
        "rule_version": "1",
        "state": "raised",
        "severity": "high",
        "certainty": "likely",
        "start_ms": at_ms,
        "raised_ms": at_ms,
        "emitted_ms": at_ms,
        "driver_id": EVIL,
        "where": {"type": "Point", "coordinates": [-8.6, 41.1]},
    } | ({"truck_id": truck_id} if truck_id else {})
    return {
        "id": record["alert_id"],
        "district": district,
        "truck": truck_id,
        "ms": at_ms,
        "record": json.dumps(record),
    }


def who(engine: Engine, role: str, tenant_id: str = "porto", district_id: str | None = None) -> str:
    user = access.add_user(
        engine,
        tenant_id=tenant_id,
        district_id=district_id,
        login=f"{role}-{uuid4().hex[:6]}",
        password="correct horse battery",
        name=role,
        role=role,
        driver_id="dr01",
        truck_id="t-north",
    )
    return access.open_session(engine, user)


def get(app: FastAPI, path: str, token: str) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://city.example") as client:
            return await client.get(f"/api/v1/export/{path}", headers={"Authorization": f"Bearer {token}"})

    return asyncio.run(once())


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.mark.usefixtures("filled")
def test_every_alert_is_there_once_and_none_runs(app: FastAPI, engine: Engine) -> None:
    """More than two pages, newest first; a driver's id that is a formula is text; times are the city's."""
    answer = get(app, f"alerts.csv?{SPAN}", who(engine, "officer"))
    found = rows(answer)
    assert [row["alert_id"] for row in found] == [f"al-{number:05}" for number in range(1_203)]
    assert {row["driver_id"] for row in found} == {f"'{EVIL}"}
    assert found[0]["raised_local"] == "2026-11-24 06:00:00"
    assert 'filename="alerts-' in answer.headers["content-disposition"]
    assert answer.headers["content-type"].startswith("text/csv")


@pytest.mark.usefixtures("filled")
def test_a_track_has_every_fix_also_those_of_one_moment(app: FastAPI, engine: Engine) -> None:
    """Pages end between two fixes of the same moment and lose neither; points of a map have time and load."""
    token = who(engine, "manager")
    found = rows(get(app, f"tracks.csv?truck_id=t-north&{SPAN}", token))
    assert sorted(float(row["load_kg"]) for row in found) == [float(number) for number in range(1_203)]
    answer = get(app, f"tracks.geojson?truck_id=t-north&{SPAN}", token)
    collection = json.loads(answer.content)
    assert answer.headers["content-type"] == "application/geo+json"
    assert (collection["type"], len(collection["features"])) == ("FeatureCollection", 1_203)
    newest = collection["features"][-1]
    assert newest["geometry"] == {"type": "Point", "coordinates": [-8.6, 41.1]}
    assert newest["properties"]["at_time"] == "2026-11-24T06:00:00+00:00"


@pytest.mark.usefixtures("filled")
def test_a_page_at_a_time_is_asked_of_the_database(
    app: FastAPI, engine: Engine, parts: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much there is, so many rows are held at once, and no connection between two pages."""
    asked: list[int] = []
    whole = kept_rows.pages.track

    def page(*given: Any, **more: Any) -> Any:
        assert parts.engine.pool.checkedout() == 0
        found = whole(*given, **more)
        asked.append(len(found[0]))
        return found

    monkeypatch.setattr(kept_rows.pages, "track", page)
    assert len(rows(get(app, f"tracks.csv?truck_id=t-north&{SPAN}", who(engine, "manager")))) == 1_203
    assert asked == [kept_rows.PAGE, kept_rows.PAGE, 203]


@pytest.mark.usefixtures("filled")
def test_a_file_has_what_its_reader_may_see(app: FastAPI, engine: Engine) -> None:
    """A district's person gets the district's rows and those of none; another tenant's person none at all."""
    north, stranger = who(engine, "dispatcher", district_id="north"), who(engine, "dispatcher", "elsewhere")
    assert {row["truck_ids"] for row in rows(get(app, f"alerts.csv?{SPAN}", north))} == {"", "t-north"}
    assert [row["truck_id"] for row in rows(get(app, "trucks.csv", north))] == ["t-north"]
    assert [row["plate"] for row in rows(get(app, "trucks.csv", north))] == [f"'{EVIL}"]
    assert [row["truck_id"] for row in rows(get(app, f"plans.csv?{SPAN}", north))] == ["t-north"]
    for path in (f"alerts.csv?{SPAN}", "trucks.csv", f"plans.csv?{SPAN}", "due.csv"):
        assert rows(get(app, path, stranger)) == []
    for reader in (stranger, who(engine, "dispatcher", district_id="south")):
        assert get(app, f"tracks.csv?truck_id=t-north&{SPAN}", reader).status_code == 404
    assert get(app, "trucks.csv", who(engine, "driver")).status_code == 403


@pytest.mark.usefixtures("filled")
def test_a_plan_is_a_row_with_its_stops_counted(app: FastAPI, engine: Engine) -> None:
    """Of a plan a file says how much it is, and on a map in which order."""
    token = who(engine, "dispatcher")
    (north, _) = rows(get(app, f"plans.csv?{SPAN}", token))
    assert (north["plan_version"], north["stops"], north["tips"]) == ("7", "1", "0")
    (feature, _) = json.loads(get(app, f"plans.geojson?{SPAN}", token).content)["features"]
    assert feature["geometry"]["coordinates"] == [[0.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("path", "status", "code", "said"),
    [
        ("trucks.csv?show=unplanned", 422, "not_usable", "'unplanned' is no choice of trucks"),
        ("due.csv?waste=kitchen,plutonium", 422, "not_usable", "'plutonium' is no kind of waste"),
        ("tracks.csv", 422, "not_usable", "expected a truck's id"),
        (f"alerts.csv?from_ms=0&to_ms={NOW_MS}", 400, "export_span", "31 days"),
        ("secrets.csv", 422, "not_usable", "trucks"),
        ("trucks.exe", 422, "not_usable", "geojson"),
    ],
)
def test_what_cannot_be_a_file_is_refused_with_a_sentence(  # noqa: PLR0917  # fixtures and one case
    app: FastAPI, engine: Engine, path: str, status: int, code: str, said: str
) -> None:
    """A misspelt filter must not give a whole list that looks like a filtered one."""
    answer = get(app, path, who(engine, "dispatcher"))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert said in answer.json()["detail"]
