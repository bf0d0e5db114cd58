"""The past on a real PostgreSQL: what history shows of a moment is what live showed at it."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from gateway_trial import FORGIVING, own_database
from sqlalchemy import Engine, text

from services import bus, clock, store
from services.gateway import app as application
from services.gateway.hub import Hub
from services.gateway.live_state import LISTS, Scope
from services.gateway.run import make_parts, midnights
from services.newest import Arrival
from services.recorder import mappings
from services.settings import Settings
from services.store import access, history, partitions, retention, sink
from services.store.schema import PARTITIONED
from streams import codec, events
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

pytestmark = [pytest.mark.integration, FORGIVING]

TENANT = "porto"
NOW_MS = clock.city_now_ms()
BEGIN_MS = NOW_MS - NOW_MS % DAY_MS - 14 * HOUR_MS
"""Yesterday at ten in the morning, UTC."""
LONG_MS = HOUR_MS
ASKED_MS = tuple(BEGIN_MS + minute * MINUTE_MS + 137 for minute in (7, 23, 41, 58))
PLACE = {"lon": -8.6, "lat": 41.15}


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
def hour(engine: Engine) -> list[Arrival]:
    """An hour of a small town, in order of arrival, as the recorder has kept it."""
    records = [*_what_exists(), *_what_happened(random.Random(7))]
    records.sort(key=lambda arrival: arrival.at_ms)
    _record(engine, [arrival.event for arrival in records])
    return records


@pytest.fixture(scope="module")
def app(url: str, hour: list[Arrival]) -> Iterator[FastAPI]:  # noqa: ARG001  # it is there before it is asked for
    parts = make_parts(Settings(database_url=url))
    yield application.make(parts)
    parts.engine.dispose()


@pytest.fixture(scope="module")
def keys(engine: Engine) -> dict[str, str]:
    return {
        "desk": access.create_key(engine, TENANT, "desk", "dispatcher"),
        "west": access.create_key(engine, TENANT, "west", "officer", district_id="west"),
        "cab": access.create_key(engine, TENANT, "cab", "driver", driver_id="dr1", truck_id="t1"),
        "stranger": access.create_key(engine, "elsewhere", "stranger", "dispatcher"),
    }


SCOPES = {"desk": Scope(), "west": Scope(district_id="west"), "cab": Scope(truck_id="t1")}


def test_history_shows_what_live_showed(app: FastAPI, keys: dict[str, str], hour: list[Arrival]) -> None:
    """At four moments, for the desk, for a district's officer and for a driver: every list is the same, thing by thing."""
    hub = Hub(midnights(app.state.parts.city))
    waiting = list(hour)
    for at_ms in ASKED_MS:
        while waiting and waiting[0].at_ms <= at_ms:
            arrival = waiting.pop(0)
            hub.take([arrival.event], arrival.at_ms)
        hub.tenant(TENANT).town.advance(at_ms)
        for who, scope in SCOPES.items():
            live = hub.snapshot(TENANT, scope)
            then = get(app, keys[who], f"?at_ms={at_ms}").json()
            assert then["now_ms"] == at_ms
            assert then["kept"]["places"] == "every"
            for name in LISTS.values():
                assert _by_id(then[name]) == _by_id(live[name]), f"{name} at {at_ms} for {who}"


@pytest.mark.parametrize("step_ms", [SECOND_MS, 20 * SECOND_MS])
def test_playing_there_is_going_there(app: FastAPI, keys: dict[str, str], step_ms: int) -> None:
    """The state of a moment with the changes from it on is the state of the later moment, for each who may ask."""
    begin_ms, end_ms = ASKED_MS[0], ASKED_MS[0] + 300 * SECOND_MS
    if step_ms > SECOND_MS:
        begin_ms, end_ms = ASKED_MS[0], ASKED_MS[2]
    for who in SCOPES:
        known = _all(get(app, keys[who], f"?at_ms={begin_ms}").json())
        answer = get(app, keys[who], f"/changes?from_ms={begin_ms}&to_ms={end_ms}&step_ms={step_ms}").json()
        assert (answer["to_ms"], answer["next"]) == (end_ms, None)
        times = [delta["now_ms"] for delta in answer["deltas"]]
        assert times == sorted(set(times))
        for delta in answer["deltas"]:
            known |= {(change["kind"], change["id"]): change["value"] for change in delta["changes"]}
        played = {key: value for key, value in known.items() if value is not None}
        assert played == _all(get(app, keys[who], f"?at_ms={end_ms}").json())


def test_moments_are_in_order_and_only_theirs(app: FastAPI, keys: dict[str, str]) -> None:
    """Alerts, routes and reports by time, forwards and backwards, one at a time; of a district, of a truck."""
    span = f"/events?from_ms={BEGIN_MS}&to_ms={BEGIN_MS + LONG_MS}"
    found = get(app, keys["desk"], span).json()["events"]
    assert [one["at_ms"] for one in found] == sorted(one["at_ms"] for one in found)
    assert {one["kind"] for one in found} == {"alert", "plan", "action"}
    one = get(app, keys["desk"], f"{span}&what=alert&newest_first=true&limit=1").json()
    assert one["more"]
    assert one["events"][0] == max((m for m in found if m["kind"] == "alert"), key=lambda m: (m["at_ms"], m["id"]))
    trucks = {m["truck_id"] for m in get(app, keys["west"], span).json()["events"]}
    assert trucks == {"t2"}
    assert {m["kind"] for m in get(app, keys["cab"], span).json()["events"]} == {"plan", "action"}
    of_truck = get(app, keys["desk"], f"{span}&truck_id=t1").json()["events"]
    assert {m["truck_id"] for m in of_truck} == {"t1"}
    assert get(app, keys["west"], f"{span}&truck_id=t1").status_code == 404


def test_strangers_see_nothing_and_bad_questions_are_refused(app: FastAPI, keys: dict[str, str]) -> None:
    """Another tenant's past is empty; the future, too many steps and too long a span are problems with a code."""
    empty = get(app, keys["stranger"], f"?at_ms={ASKED_MS[0]}").json()
    assert [name for name in LISTS.values() if empty[name]] == []
    path = f"/changes?from_ms={ASKED_MS[0]}&to_ms={ASKED_MS[1]}"
    assert get(app, keys["stranger"], f"{path}&step_ms=60000").json()["deltas"] == []
    later_ms = clock.city_now_ms() + HOUR_MS
    refused = {
        f"?at_ms={later_ms}": "future",
        f"/changes?from_ms={later_ms - 1_000}&to_ms={later_ms}": "future",
        f"/changes?from_ms={ASKED_MS[0]}&to_ms={ASKED_MS[0]}": "too_many_steps",
        f"/changes?from_ms={BEGIN_MS}&to_ms={BEGIN_MS + LONG_MS}": "too_many_steps",
        f"/events?from_ms={BEGIN_MS - 3 * DAY_MS}&to_ms={BEGIN_MS}": "span",
        "?at_ms=yesterday": "not_usable",
    }
    for path, code in refused.items():
        assert get(app, keys["desk"], path).json()["code"] == code, path


def test_what_is_no_longer_kept_is_said(
    engine: Engine, app: FastAPI, keys: dict[str, str], hour: list[Arrival]
) -> None:
    """When the day's fixes are dropped, one a minute is shown and said; when those go too, trucks have no place, and it is said."""
    assert hour
    at_ms = ASKED_MS[3]
    retention.keep(engine, BEGIN_MS + 5 * DAY_MS, positions_kept_days=2, thinned_positions_kept_days=9)
    then = get(app, keys["desk"], f"?at_ms={at_ms}").json()
    assert then["kept"]["places"] == "minute"
    places = {truck["truck_id"]: truck["event_time_ms"] for truck in then["trucks"] if truck["lon"] is not None}
    assert places.keys() == {"t1", "t2", "t3"}
    assert all(at_ms - 3 * MINUTE_MS < of_ms <= at_ms for of_ms in places.values())
    path = f"/changes?from_ms={ASKED_MS[2]}&to_ms={at_ms}&step_ms=60000"
    assert any(
        change["kind"] == "truck" for d in get(app, keys["desk"], path).json()["deltas"] for change in d["changes"]
    )
    retention.keep(engine, BEGIN_MS + 12 * DAY_MS, positions_kept_days=2, thinned_positions_kept_days=9)
    then = get(app, keys["desk"], f"?at_ms={at_ms}").json()
    assert then["kept"]["places"] == "none"
    assert {truck["lon"] for truck in then["trucks"]} == {None}


def test_every_question_goes_by_an_index(engine: Engine, hour: list[Arrival]) -> None:
    """With sequential scans made dear, none is left in the questions about measurements, plans, alerts and reports."""
    assert hour
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for _, query in [
            *history._newest(TENANT, ASKED_MS[0]),
            *history._came(TENANT, ASKED_MS[0], ASKED_MS[1]),
        ]:
            written = query.compile(engine, compile_kwargs={"literal_binds": True})
            plan = "\n".join(connection.execute(text(f"EXPLAIN {written}".replace(":", "\\:"))).scalars())
            assert "Seq Scan" not in plan, plan


def get(app: FastAPI, key: str, path: str) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://city.example") as client:
            return await client.get(f"/api/v1/history{path}", headers={"Authorization": f"Bearer {key}"})

    return asyncio.run(once())


def _all(state: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(kind, key): value for kind, name in LISTS.items() for key, value in _by_id(state[name]).items()}


def _by_id(things: list[dict[str, Any]]) -> dict[str, Any]:
    """Each thing by what tells it from the others of its list."""
    names = ("action_id", "alert_id", "zone_id", "permit_id", "order_id", "place_id", "bin_id", "id")
    found = {}
    for thing in things:
        named = "material" if "run_id" in thing and "engine" in thing else "truck_id"
        name = next((one for one in names if one in thing), named)
        found[thing["truck_id"] if "visits" in thing else thing[name]] = thing
    assert len(found) == len(things)
    return found


def _record(engine: Engine, records: list[events.Event]) -> None:
    """Write records into the tables as the recorder does, with the districts it fills in."""
    districts = {"t1": "east", "t2": "west"}
    writes: list[sink.Write] = []
    for offset, event in enumerate(records):
        topic = codec.topic_of(event)
        headers = dict(codec.headers(topic))
        value = codec.encode(event)
        writes += mappings.writes_of(bus.Record(topic.name, 0, offset, codec.key_of(event).encode(), value, headers, 0))
    for write in mappings.gathered(writes):
        rows = [{"district_id": districts.get(row.get("truck_id", "")), **row} for row in write.rows]
        if write.table in PARTITIONED:
            partitions.make(engine, write.table, {row[PARTITIONED[write.table]] for row in rows})
        with engine.begin() as connection:
            sink._write(connection, write._replace(rows=rows))


def _what_exists() -> list[Arrival]:
    def asset(kind: str, asset_id: str, version: int = 1, from_ms: int = BEGIN_MS - HOUR_MS, **more: Any) -> Arrival:
        made = events.Asset(
            tenant_id=TENANT, id=asset_id, kind=kind, version=version, valid_from_ms=from_ms, **(PLACE | more)
        )  # type: ignore[arg-type]
        return Arrival(from_ms, made)

    common: dict[str, Any] = {"tenant_id": TENANT, "version": 1, "valid_from_ms": BEGIN_MS - HOUR_MS}
    shift = events.Shift(
        **common,
        shift_id="s1",
        truck_id="t1",
        start_ms=BEGIN_MS + 20 * MINUTE_MS,
        end_ms=BEGIN_MS + 8 * HOUR_MS,
        driver_id="dr1",
    )
    others = (
        events.Zone(**common, zone_id="z1", kind="forbidden"),
        events.Permit(**common, permit_id="p1", truck_ids=("t1",), material="construction"),
        events.Order(**common, order_id="o1", source_id="src", material="construction", kg=9_000.0),
        shift,
    )
    return [
        asset("truck", "t1", plate="QY-1", district_id="east"),
        asset("truck", "t2", plate="QY-2", district_id="west"),
        asset("truck", "t3", plate="QY-3"),
        asset("bin", "b1", material="kitchen"),
        asset("bin", "b2", material="kitchen", district_id="west"),
        asset("facility", "f1", accepts=("kitchen",)),
        asset("facility", "f1", 2, BEGIN_MS + 30 * MINUTE_MS, closed_until_ms=BEGIN_MS + 9 * HOUR_MS),
        asset("depot", "d1"),
        asset("source", "src"),
        *(Arrival(other.valid_from_ms, other) for other in others),
    ]


def _what_happened(chance: random.Random) -> list[Arrival]:
    return [*_fixes(chance), *_readings(chance), *_conclusions(chance), *_reports()]


def _fixes(chance: random.Random) -> Iterator[Arrival]:
    """A fix every ten seconds: some without a place, some a phone's, some late, some from a clock that is ahead; t3 falls silent."""
    for truck_id in ("t1", "t2", "t3"):
        for number in range(LONG_MS // (10 * SECOND_MS)):
            at_ms = BEGIN_MS + number * 10 * SECOND_MS + chance.randrange(900)
            if truck_id == "t3" and 120 <= number < 200:
                continue  # twenty minutes of silence
            seen = chance.random() > 0.1
            late_ms = chance.choice([400, 400, 400, 1_300, 45_000])
            phone = truck_id == "t2" and chance.random() < 0.2
            state = events.TruckState(
                tenant_id=TENANT,
                truck_id=truck_id,
                event_time_ms=at_ms + (70_000 if truck_id == "t1" and number % 50 == 0 else 0),
                received_time_ms=at_ms + late_ms,
                terminal_id=None if phone else f"terminal-{truck_id}",
                seq=None if phone else number,
                source=events.PHONE if phone else "jt808",
                fix=seen,
                lon=-8.6 + number * 1e-5 if seen else None,
                lat=41.15 if seen else None,
                speed_mps=float(number % 20),
                load_kg=4_000.0 + number,
                cover="closed",
                alarms=("overspeed",) if number % 7 == 0 else (),
                driver_id="dr1",
            )
            yield Arrival(at_ms + late_ms, state)


def _readings(chance: random.Random) -> Iterator[Arrival]:
    for bin_id in ("b1", "b2"):
        for number in range(12):
            at_ms = BEGIN_MS + number * 5 * MINUTE_MS + chance.randrange(60_000)
            tilted = chance.random() < 0.3
            reading = events.BinReading(
                tenant_id=TENANT,
                bin_id=bin_id,
                event_time_ms=at_ms,
                received_time_ms=at_ms + 2_000,
                seq=number,
                fill=None if tilted else number / 12,
                invalid="tilted" if tilted else None,
                battery=0.8,
            )
            yield Arrival(at_ms + 2_000, reading)


def _conclusions(chance: random.Random) -> Iterator[Arrival]:
    for number in range(20):
        at_ms = BEGIN_MS + number * 3 * MINUTE_MS + 11
        truck_id, bin_id = chance.choice(["t1", "t2"]), chance.choice(["b1", "b2"])
        made: tuple[events.Event, ...] = (
            events.CollectionDue(
                tenant_id=TENANT,
                place_id=bin_id,
                place_kind="bin",
                due=chance.random() < 0.6,
                material="kitchen",
                at_ms=at_ms,
            ),
            events.TruckPlan(
                tenant_id=TENANT,
                truck_id=truck_id,
                plan_version=number + 1,
                made_ms=at_ms,
                reason="new_due",
                material="kitchen",
            ),
            events.PlanningRun(
                tenant_id=TENANT, run_id=f"r{number}", material="kitchen", made_ms=at_ms, reason="new_due"
            ),
        )
        yield from (Arrival(at_ms, one) for one in made)
    for number, truck_id in enumerate(("t1", "t2", "t1")):
        raised_ms = BEGIN_MS + (5 + 15 * number) * MINUTE_MS
        for revision, state in enumerate(("raised", "updated", "ended"), 1):
            alert = events.Alert(
                tenant_id=TENANT,
                alert_id=f"a{number}",
                revision=revision,
                rule="spillage",
                rule_version="1",
                state=state,  # type: ignore[arg-type]
                severity="high",
                certainty="likely",
                start_ms=raised_ms - MINUTE_MS,
                raised_ms=raised_ms,
                emitted_ms=raised_ms + revision * 4 * MINUTE_MS,
                truck_id=truck_id,
            )
            yield Arrival(alert.emitted_ms, alert)
        said = events.AlertAction(
            tenant_id=TENANT,
            action_id=f"said{number}",
            alert_id=f"a{number}",
            actor="officer",
            kind="ack",
            at_ms=raised_ms + 9 * MINUTE_MS,
        )
        yield Arrival(said.at_ms, said)


def _reports() -> Iterator[Arrival]:
    for number, (minute, truck_id, kind, corrects) in enumerate(
        [
            (3, "t1", "accepted_plan", None),
            (21, "t2", "sos", None),
            (25, "t1", "arrived", None),
            (40, "t2", "corrected", "did1"),
            (50, "t1", "breakdown", None),
        ]
    ):
        at_ms = BEGIN_MS + minute * MINUTE_MS
        report = events.DriverAction(
            tenant_id=TENANT,
            action_id=f"did{number}",
            truck_id=truck_id,
            kind=kind,  # type: ignore[arg-type]
            event_time_ms=at_ms - 1_500,
            received_time_ms=at_ms,
            corrects=corrects,
            plan_version=1 if kind == "accepted_plan" else None,
        )
        yield Arrival(at_ms, report)
    weighed = events.Weighing(
        tenant_id=TENANT,
        weighing_id="w1",
        facility_id="f1",
        truck_id="t1",
        event_time_ms=BEGIN_MS + 33 * MINUTE_MS,
        net_kg=3_300.0,
    )
    yield Arrival(weighed.event_time_ms, weighed)
