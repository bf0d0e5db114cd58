"""What officers say of many alerts at once, on a real database: all of it or what of it fits, once, and taken back whole."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from gateway_trial import FORGIVING, own_database, value
from sqlalchemy import Engine, text

from services import clock, store
from services.gateway import app as application
from services.gateway.run import make_parts
from services.settings import Settings
from services.store import access
from streams.units import DAY_MS, HOUR_MS

pytestmark = [pytest.mark.integration, FORGIVING]

TENANT = "porto"
Json = dict[str, Any]


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
def app(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    parts = make_parts(Settings(database_url=url, build_dir=str(tmp_path_factory.mktemp("gateway"))))
    yield application.make(parts)
    parts.engine.dispose()


class Person:
    """Somebody with a session."""

    def __init__(self, app: FastAPI, engine: Engine, role: str = "officer", district_id: str | None = None) -> None:
        self._app = app
        user = access.add_user(
            engine,
            tenant_id=TENANT,
            district_id=district_id,
            login=f"{role}-{uuid4().hex[:6]}",
            password="correct horse battery",
            name=role,
            role=role,
        )
        self.login = user.login
        self._token = access.open_session(engine, user)

    def ask(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """Return the answer to a request of theirs."""

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://city.example") as client:
                headers = {"Authorization": f"Bearer {self._token}"}
                return await client.request(method, f"/api/v1{path}", headers=headers, json=body)

        return asyncio.run(once())

    def say(self, kind: str, alerts: list[str], batch_id: str = "", *, seen_ms: int = 0, **more: Any) -> Json:
        """Say it of alerts as seen at revision 1; return what they are told."""
        seen = [{"alert_id": one, "alert_revision": 1, "seen_ms": seen_ms} for one in alerts]
        body = {"kind": kind, "alerts": seen, **more}
        answer = self.ask("PUT", f"/alert-action-batches/{batch_id or uuid4()}", body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())


@pytest.fixture
def officer(app: FastAPI, engine: Engine) -> Person:
    return Person(app, engine)


@pytest.fixture
def other(app: FastAPI, engine: Engine) -> Person:
    return Person(app, engine)


def raised(engine: Engine, number: int, district_id: str | None = None, **more: Any) -> list[str]:
    """Write so many alerts, as the recorder does; return their ids."""
    name, now_ms = uuid4().hex[:8], clock.city_now_ms()
    alerts = [
        {
            "tenant_id": TENANT,
            "alert_id": f"{name}-{at:03}",
            "revision": 1,
            "rule": "spillage",
            "rule_version": "1",
            "state": "raised",
            "severity": "high",
            "certainty": "likely",
            "start_ms": now_ms,
            "raised_ms": now_ms,
            "emitted_ms": now_ms,
            "truck_id": "t01",
            **more,
        }
        for at in range(number)
    ]
    columns = "alert_id, revision, rule, state, severity, truck_id, raised_ms, emitted_ms"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO alerts (tenant_id, district_id, {columns}, record) "  # noqa: S608  # ours
                "VALUES (:tenant_id, :district_id, :" + columns.replace(", ", ", :") + ", CAST(:record AS jsonb))"
            ),
            [{**alert, "district_id": district_id, "record": json.dumps(alert)} for alert in alerts],
        )
    return [str(alert["alert_id"]) for alert in alerts]


def said_of(engine: Engine, alert_id: str) -> list[str]:
    with engine.connect() as connection:
        query = text("SELECT kind FROM alert_actions WHERE alert_id = :id ORDER BY at_ms, action_id")
        return list(connection.execute(query, {"id": alert_id}).scalars())


def test_500_alerts_are_acknowledged_in_a_second_and_once(engine: Engine, officer: Person) -> None:
    """One row and one record for Kafka each; the same batch again gets the same answer and writes nothing; 501 are too many."""
    took_s: list[float] = []
    for batch_id in ("b-499", "b-500"):  # the first pays for the connection
        alerts = raised(engine, 500)
        begin = time.monotonic()
        answer = officer.say("ack", alerts, batch_id)
        took_s.append(time.monotonic() - begin)
    assert (len(answer["done"]), answer["refused"]) == (500, [])
    assert min(took_s) < 1.0, took_s
    assert officer.say("ack", alerts, "b-500") == answer
    count = "SELECT count(*) FROM {} WHERE convert_from({}, 'UTF8')::jsonb ->> 'batch_id' = 'b-500'"
    assert value(engine, count.format("outbox", "value")) == 500
    assert value(engine, "SELECT count(*) FROM alert_actions WHERE record ->> 'batch_id' = 'b-500'") == 500
    different = officer.ask("PUT", "/alert-action-batches/b-500", {"kind": "ack", "alerts": [{"alert_id": alerts[0]}]})
    assert (different.status_code, different.json()["code"]) == (409, "different_body")
    many = {"kind": "ack", "alerts": [{"alert_id": f"x{n}"} for n in range(501)]}
    assert officer.ask("PUT", "/alert-action-batches/b-501", many).status_code == 422


def test_two_officers_at_once_do_not_overwrite_each_other(engine: Engine, officer: Person, other: Person) -> None:
    """Of what somebody handled since it was seen, who, when and what is told; the rest is done; who has seen it may go on."""
    alerts = raised(engine, 3)
    theirs = other.say("dismiss", alerts[:1], reason="sensor")
    answer = officer.say("confirm", alerts)
    assert [one["alert_id"] for one in answer["done"]] == alerts[1:]
    assert answer["refused"] == [
        {
            "alert_id": alerts[0],
            "code": "handled_meanwhile",
            "actor": other.login,
            "at_ms": theirs["at_ms"],
            "kind": "dismiss",
        }
    ]
    assert said_of(engine, alerts[0]) == ["dismiss"]
    again = officer.say("confirm", alerts[:1], seen_ms=theirs["at_ms"])
    assert len(again["done"]) == 1
    assert said_of(engine, alerts[0]) == ["dismiss", "confirm"]


def test_a_batch_is_taken_back_whole_and_leaves_what_others_said(
    engine: Engine, officer: Person, other: Person
) -> None:
    """Hours later too, by its id from the history; a second time nothing stands any more."""
    alerts = raised(engine, 3)
    done = officer.say("ack", alerts, "b-undo")
    other.say("confirm", alerts[:1], seen_ms=done["at_ms"])
    back = officer.ask("PUT", "/alert-action-batches/u-1", {"kind": "undo", "undoes_batch": "b-undo"}).json()
    assert len(back["done"]) == 3
    assert said_of(engine, alerts[0]) == ["ack", "confirm", "undo"]
    shown = officer.ask("GET", f"/alerts/{alerts[0]}").json()["alert"]
    assert shown["acked_by"] == other.login, "the confirmation of the other stands"
    assert officer.ask("GET", f"/alerts/{alerts[1]}").json()["alert"]["acked_by"] is None
    twice = officer.ask("PUT", "/alert-action-batches/u-2", {"kind": "undo", "undoes_batch": "b-undo"}).json()
    assert [one["code"] for one in twice["refused"]] == ["nothing_to_undo"] * 3
    kept = {one["batch_id"]: one for one in officer.ask("GET", "/alert-action-batches?limit=100").json()["batches"]}
    assert (kept["b-undo"]["done"], kept["b-undo"]["undone"], kept["u-1"]["undone"]) == (3, True, False)
    assert "u-2" not in kept, "nothing came of it"
    unknown = {"kind": "undo", "undoes_batch": "nowhere"}
    assert officer.ask("PUT", "/alert-action-batches/u-3", unknown).status_code == 404


def test_alerts_are_given_to_people_who_may_act_on_them(app: FastAPI, engine: Engine, officer: Person) -> None:
    """To officers of their district or of the whole city; handed over, and given back to nobody."""
    north, driverless = Person(app, engine, district_id="north"), Person(app, engine, "dispatcher")
    alerts = [*raised(engine, 1, "north"), *raised(engine, 1, "south"), *raised(engine, 1)]
    answer = officer.say("assign", alerts, assignee=north.login, note="yours")
    assert [one["code"] for one in answer["refused"]] == ["not_theirs"]
    assert [one["alert_id"] for one in answer["done"]] == [alerts[0], alerts[2]]
    over = north.say("assign", alerts[:1], seen_ms=answer["at_ms"], assignee=officer.login)
    assert len(over["done"]) == 1
    assert len(officer.say("assign", alerts[:1], seen_ms=over["at_ms"])["done"]) == 1
    wrong = officer.ask(
        "PUT",
        "/alert-action-batches/w-1",
        {"kind": "assign", "alerts": [{"alert_id": alerts[0]}], "assignee": driverless.login},
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/assignee")
    logins = {one["login"] for one in officer.ask("GET", "/alert-handlers").json()["handlers"]}
    assert {north.login, officer.login} <= logins
    assert driverless.login not in logins
    assert [one["code"] for one in north.say("ack", alerts[1:2])["refused"]] == ["not_found"]
    assert [one["code"] for one in driverless.say("ack", alerts[2:])["refused"]] == ["not_allowed"]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"kind": "dismiss"}, "/reason"),
        ({"kind": "dismiss", "reason": "because"}, "/reason"),
        ({"kind": "dismiss", "reason": "other"}, "/note"),
        ({"kind": "ack", "reason": "sensor"}, "/reason"),
        ({"kind": "note", "note": " "}, "/note"),
        ({"kind": "snooze"}, "/until_ms"),
        ({"kind": "snooze", "until_ms": 5}, "/until_ms"),
        ({"kind": "ack", "assignee": "lin"}, "/assignee"),
        ({"kind": "undo"}, "/alerts"),
        ({"kind": "ack", "alerts": []}, "/alerts"),
        ({"kind": "ack", "alerts": [{"alert_id": "a"}, {"alert_id": "a"}]}, "/alerts"),
    ],
)
def test_what_says_nothing_is_refused_by_name(engine: Engine, officer: Person, more: Json, pointer: str) -> None:
    """422 with the member and what was expected; nothing is written."""
    before = value(engine, "SELECT count(*) FROM alert_action_batches")
    body = {"alerts": [{"alert_id": "a"}], **more}
    answer = officer.ask("PUT", f"/alert-action-batches/{uuid4()}", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    assert value(engine, "SELECT count(*) FROM alert_action_batches") == before


def test_a_snooze_waits_and_a_retry_of_it_stays_the_same(engine: Engine, officer: Person) -> None:
    """Sent again when its time is over it is not refused: it is the same batch."""
    alerts = raised(engine, 1)
    until_ms = clock.city_now_ms() + 300
    first = officer.say("snooze", alerts, "z-1", until_ms=until_ms)
    time.sleep(0.35)
    assert officer.say("snooze", alerts, "z-1", until_ms=until_ms) == first
    late = officer.ask(
        "PUT",
        "/alert-action-batches/z-2",
        {"kind": "snooze", "alerts": [{"alert_id": alerts[0]}], "until_ms": clock.city_now_ms() + 31 * DAY_MS},
    )
    assert late.status_code == 422


def test_repeat_places_and_trucks_are_counted_in_cells(app: FastAPI, engine: Engine) -> None:
    """Withdrawn, dismissed and old alerts do not count; a dismissal taken back does; a stretch counts where it begins."""
    officer = Person(app, engine)
    before = officer.ask("GET", "/alert-places?days=7&rule=off-route").json()
    assert (before["cells"], before["trucks"]) == ([], [])
    here = {"rule": "off-route", "truck_id": "t07", "where": {"type": "Point", "coordinates": [-8.6, 41.1501]}}
    line = {"type": "MultiLineString", "coordinates": [[[-8.6001, 41.1502], [-8.4, 41.3]]]}
    counted = [*raised(engine, 2, **here), *raised(engine, 1, **here | {"where": line, "truck_id": "t08"})]
    raised(engine, 1, **here | {"state": "cancelled"})
    raised(engine, 1, **here | {"raised_ms": clock.city_now_ms() - 8 * DAY_MS})
    raised(engine, 1, **here | {"where": {"type": "Point", "coordinates": [-8.5, 41.2]}, "truck_id": "t07"})
    gone, back = raised(engine, 2, **here)
    officer.say("dismiss", [gone, back], "d-1", reason="sensor")
    undone = [{"alert_id": back, "undoes": one["action_id"]} for one in _done(officer, "d-1", back)]
    assert officer.ask("PUT", "/alert-action-batches/d-2", {"kind": "undo", "alerts": undone}).status_code == 202
    found = officer.ask("GET", "/alert-places?days=7&rule=off-route").json()
    cells = [(one["count"], one["trucks"], one["rules"]) for one in found["cells"]]
    assert cells == [(len(counted) + 1, 2, ["off-route"]), (1, 1, ["off-route"])]
    assert found["cells"][0]["lat"] == pytest.approx(41.15, abs=0.001)
    assert [(one["truck_id"], one["count"]) for one in found["trucks"]] == [("t07", 4), ("t08", 1)]
    assert found["since_ms"] > clock.city_now_ms() - 7 * DAY_MS - HOUR_MS


def _done(officer: Person, batch_id: str, alert_id: str) -> list[Json]:
    actions = officer.ask("GET", f"/alerts/{alert_id}").json()["actions"]
    return [one for one in actions if one["batch_id"] == batch_id]
