"""Every route, every role: the policy file is what the gateway does, and other tenants' things do not exist."""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from gateway_trial import FORGIVING, own_database, value
from sqlalchemy import Engine, func, select, text

from services import clock, seal, store
from services.gateway import app as application
from services.gateway import policy
from services.gateway.run import make_parts
from services.gateway.state import State
from services.settings import Settings
from services.store import access, commands, evidence, schema
from services.store.access import ROLES, User
from streams import events

pytestmark = [pytest.mark.integration, FORGIVING]

PASSWORD = "correct horse battery"
NOW_MS = 1_795_500_000_000


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
    folder = tmp_path_factory.mktemp("gateway")
    made = make_parts(Settings(database_url=url, build_dir=str(folder)))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def app(parts: State) -> FastAPI:
    return application.make(parts)


def person(engine: Engine, tenant_id: str, role: str, district_id: str | None = None, truck_id: str = "t01") -> User:
    return access.add_user(
        engine,
        tenant_id=tenant_id,
        district_id=district_id,
        login=f"{role}-{uuid4().hex[:6]}",
        password=PASSWORD,
        name=role,
        role=role,
        driver_id="dr01",
        truck_id=truck_id,
    )


@pytest.fixture(scope="module")
def tokens(engine: Engine) -> dict[str, str]:
    """One session a role, in the city's tenant; and the same for a stranger's tenant."""
    found = {role: access.open_session(engine, person(engine, "porto", role)) for role in ROLES}
    strangers = {f"other {role}": access.open_session(engine, person(engine, "elsewhere", role)) for role in ROLES}
    return found | strangers


@pytest.fixture(scope="module")
def filled(engine: Engine) -> None:
    """A facility, a source, a truck, an order and an alert of the city's tenant."""
    with engine.begin() as connection:
        for kind, asset_id in (("facility", "f-1"), ("source", "s-1"), ("truck", "t01"), ("truck", "t02")):
            asset = events.Asset(tenant_id="porto", id=asset_id, kind=kind, valid_from_ms=1)
            commands._insert(connection, asset, None)
        order = events.Order(
            tenant_id="porto", order_id="o-1", source_id="s-1", material="residual", kg=5, valid_from_ms=1
        )
        commands._insert(connection, order, None)
        connection.execute(
            text(
                "INSERT INTO alerts VALUES ('porto', NULL, 'al-1', 1, 'sos', 'raised', 'high', 't01', NULL, 5, 5, "
                "CAST(:record AS jsonb))"
            ),
            {"record": ALERT},
        )


@pytest.fixture
def live(parts: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """The live state is there: the picture has been taken."""
    monkeypatch.setattr(parts.hub, "ready", True)


ALERT = (
    '{"tenant_id":"porto","alert_id":"al-1","revision":1,"rule":"sos","rule_version":"1","state":"raised",'
    '"severity":"high","certainty":"observed","start_ms":5,"raised_ms":5,"emitted_ms":5,"truck_id":"t01"}'
)


def ask(app: FastAPI, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://city.example") as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return await client.request(method, path, headers=headers | more.pop("headers", {}), **more)

    return asyncio.run(once())


def routes_of(app: FastAPI) -> list[tuple[str, str, str]]:
    """Every method and path that is served, with the action it names."""
    return [
        (method, re.sub(r"{[^}]*}", "x", route.path), route.action)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods - {"HEAD"})
    ]


def test_every_route_asks_the_policy(app: FastAPI, tokens: dict[str, str]) -> None:
    """Anonymous: 401. A role the policy does not name: 403. Both before the body is read: the body sent is garbage."""
    rules = app.state.rules
    checked = 0
    for method, path, action in routes_of(app):
        rule = rules[action]
        garbage = (
            {"content": b"{", "headers": {"content-type": "application/json"}} if method in ("PUT", "POST") else {}
        )
        anonymous = ask(app, method, path, **garbage)
        assert (anonymous.status_code == 401) is not rule.everyone, (method, path)
        for role in ROLES:
            if action in ("session.close", "session.open"):
                continue
            answer = ask(app, method, path, tokens[role], **dict(garbage))
            allowed = rule.everyone or role in rule.roles
            assert (answer.status_code not in (401, 403)) is allowed, (method, path, role, answer.text)
            if not allowed:
                assert answer.json()["code"] == "not_allowed"
            checked += 1
    assert checked >= 5 * 20


@pytest.mark.usefixtures("filled", "live")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/alerts/{}", None),
        ("GET", "/api/v1/alerts/{}/evidence", None),
        ("GET", "/api/v1/alerts/{}/evidence/1", None),
        ("GET", "/api/v1/trucks/{}/track?from_ms=0&to_ms=9", None),
        ("GET", "/api/v1/plans/{}", None),
        ("PUT", "/api/v1/alert-actions/a-1", {"alert_id": "{}", "kind": "ack"}),
        ("PUT", "/api/v1/facilities/{}/closure", {"closed_until_ms": None}),
        ("POST", "/api/v1/orders/{}/cancel", None),
        ("PUT", "/api/v1/dispatch-actions/a-1", {"subject_id": "b1", "kind": "lock", "truck_id": "{}"}),
    ],
)
def test_another_tenants_things_do_not_exist(  # noqa: PLR0917  # fixtures and one case
    app: FastAPI, engine: Engine, tokens: dict[str, str], method: str, path: str, body: dict[str, Any] | None
) -> None:
    """What is another tenant's and what is nowhere get the same bytes, and nothing is written."""
    before = _written(engine)
    answers = []
    for thing in ("al-1", "t01", "f-1", "o-1", "nowhere"):
        filled_in = {
            name: value.replace("{}", thing) if isinstance(value, str) else value
            for name, value in (body or {}).items()
        }
        answers.append(
            ask(app, method, path.replace("{}", thing), tokens["other administrator"], json=filled_in if body else None)
        )
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.content, str(answer.headers)) for answer in answers}) == 1
    assert _written(engine) == before


def _written(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        names = ("outbox", "orders", "assets", "alert_actions", "dispatch_actions", "driver_actions")
        tables = (schema.metadata.tables[name] for name in names)
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


@pytest.mark.usefixtures("filled")
def test_a_driver_sees_the_own_truck_only(app: FastAPI, tokens: dict[str, str]) -> None:
    """The track of another truck of the same tenant is as absent as one of no truck."""
    own = ask(app, "GET", "/api/v1/trucks/t01/track?from_ms=0&to_ms=9", tokens["driver"])
    other = ask(app, "GET", "/api/v1/trucks/t02/track?from_ms=0&to_ms=9", tokens["driver"])
    none = ask(app, "GET", "/api/v1/trucks/t99/track?from_ms=0&to_ms=9", tokens["driver"])
    assert (own.status_code, own.json()) == (200, {"points": []})
    assert other.status_code == 404
    assert other.content == none.content


@pytest.mark.usefixtures("filled")
def test_an_officer_sees_and_downloads_what_an_alert_was_judged_from(
    app: FastAPI, engine: Engine, tokens: dict[str, str]
) -> None:
    """None yet; then the newest version whole, and of each version the very bytes whose hash it is listed with."""
    address = "/api/v1/alerts/al-1/evidence"
    none = ask(app, "GET", address, tokens["officer"])
    assert none.json() == {"versions": [], "faults": [], "document": None}
    for number, load_kg in enumerate((9_000.0, 8_000.0), 1):
        wanted = evidence.Wanted("porto", None, "e-1", "al-1", number, 5, {})
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM evidence_wanted"))
            connection.execute(
                text("INSERT INTO evidence_wanted VALUES ('porto', NULL, 'e-1', 'al-1', :revision, 5, '{}')"),
                {"revision": number},
            )
        frame = f"~{number}~".encode()
        content = {"complete": True, "load_kg": load_kg, "frames": [{"sha256": seal.sha256(frame)}]}
        assert evidence.add(engine, wanted, content, [frame], made_ms=9, known_to_ms=None, next_look_ms=None)
    found = ask(app, "GET", address, tokens["officer"]).json()
    assert [(one["version"], one["alert_revision"], one["complete"]) for one in found["versions"]] == [
        (1, 1, True),
        (2, 2, True),
    ]
    assert (found["document"]["load_kg"], found["faults"]) == (8_000.0, [])
    first = ask(app, "GET", f"{address}/1", tokens["officer"])
    assert hashlib.sha256(first.content).hexdigest() == found["versions"][0]["sha256"]
    assert found["versions"][1]["previous_sha256"] == found["versions"][0]["sha256"]
    assert ask(app, "GET", f"{address}/3", tokens["officer"]).status_code == 404
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("UPDATE evidence SET document = 'x' WHERE version = 2"))
    altered = ask(app, "GET", address, tokens["officer"]).json()
    assert altered["faults"] == ["entry 2: its bytes are not those that were sealed"]
    assert altered["document"] is None


@pytest.mark.usefixtures("filled")
def test_a_dispatcher_acts_on_safety_alerts_only(app: FastAPI, engine: Engine, tokens: dict[str, str]) -> None:
    """SOS and breakdown are the desk's; every other alert is the officers'."""
    dump = ALERT.replace("al-1", "al-2").replace('"sos"', '"illegal-dump"')
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alerts VALUES ('porto', NULL, 'al-2', 1, 'illegal-dump', 'raised', 'high', 't01', NULL, "
                "5, 5, CAST(:record AS jsonb))"
            ),
            {"record": dump},
        )
    body = {"kind": "ack", "alert_id": "al-1"}
    assert ask(app, "PUT", "/api/v1/alert-actions/d-1", tokens["dispatcher"], json=body).status_code == 202
    body = {"kind": "dismiss", "alert_id": "al-2"}
    assert ask(app, "PUT", "/api/v1/alert-actions/d-2", tokens["dispatcher"], json=body).status_code == 403
    assert ask(app, "PUT", "/api/v1/alert-actions/d-3", tokens["officer"], json=body).status_code == 202


def action(kind: str = "breakdown") -> dict[str, Any]:
    return {"kind": kind, "event_time_ms": clock.city_now_ms()}


def test_the_same_action_twice_is_one(app: FastAPI, engine: Engine, tokens: dict[str, str]) -> None:
    """PUT again: the same answer, one row, one record for Kafka. Another content under the id: 409, nothing written."""
    body = action()
    first = ask(app, "PUT", "/api/v1/driver-actions/once", tokens["driver"], json=body)
    again = ask(app, "PUT", "/api/v1/driver-actions/once", tokens["driver"], json=body)
    other = ask(app, "PUT", "/api/v1/driver-actions/once", tokens["driver"], json=body | {"kind": "sos"})
    assert (first.status_code, first.json()) == (202, {"action_id": "once", "state": "received"})
    assert again.content == first.content
    assert (other.status_code, other.json()["code"]) == (409, "different_body")
    assert value(engine, "SELECT count(*) FROM driver_actions WHERE action_id = 'once'") == 1
    assert value(engine, "SELECT count(*) FROM outbox WHERE convert_from(value, 'UTF8') LIKE '%once%'") == 1
    kept = value(engine, "SELECT record ->> 'truck_id' FROM driver_actions WHERE action_id = 'once'")
    assert kept == "t01"


def test_an_action_sent_again_days_later_is_the_same(
    app: FastAPI, engine: Engine, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost; by now it is too old to be taken, and its driver has another truck."""
    body = action()
    assert ask(app, "PUT", "/api/v1/driver-actions/late", tokens["driver"], json=body).status_code == 202
    later = access.open_session(engine, person(engine, "porto", "driver", truck_id="t02"))
    monkeypatch.setattr("services.gateway.driver.PAST_MS", -1)
    again = ask(app, "PUT", "/api/v1/driver-actions/late", later, json=body)
    other = ask(app, "PUT", "/api/v1/driver-actions/late", later, json=body | {"kind": "sos"})
    never = ask(app, "PUT", "/api/v1/driver-actions/never", later, json=body)
    assert (again.status_code, other.status_code, never.status_code) == (202, 409, 422)
    assert value(engine, "SELECT record ->> 'truck_id' FROM driver_actions WHERE action_id = 'late'") == "t01"


def test_a_driver_cannot_speak_for_another_truck(app: FastAPI, tokens: dict[str, str]) -> None:
    """The truck is the session's: a member that names one is refused, with its name."""
    answer = ask(app, "PUT", "/api/v1/driver-actions/y", tokens["driver"], json=action() | {"truck_id": "t02"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/truck_id"


@pytest.mark.usefixtures("filled", "live")
def test_a_draft_sent_again_is_the_same_though_its_stop_is_gone(
    app: FastAPI, parts: State, tokens: dict[str, str]
) -> None:
    """The answer was lost, and the bin is no more by now; who was not there the first time is told so."""
    town = parts.hub.tenant("porto").town
    known = events.Asset(tenant_id="porto", id="b-late", kind="bin", valid_from_ms=1, lon=-8.6, lat=41.1)
    body = {"actions": [{"subject_id": "b-late", "kind": "exclude"}]}
    town.apply(known, NOW_MS)
    first = ask(app, "PUT", "/api/v1/drafts/late", tokens["dispatcher"], json=body)
    town.apply(msgspec.structs.replace(known, version=2, retired=True), NOW_MS)
    again = ask(app, "PUT", "/api/v1/drafts/late", tokens["dispatcher"], json=body)
    never = ask(app, "PUT", "/api/v1/drafts/never", tokens["dispatcher"], json=body)
    assert (first.status_code, again.status_code, never.status_code) == (202, 202, 404)
    assert again.content == first.content


@pytest.mark.usefixtures("filled", "live")
def test_orders_are_new_versions(app: FastAPI, engine: Engine, parts: State, tokens: dict[str, str]) -> None:
    """A booking changed twice has three versions; the same content again makes none; a final one is refused."""
    source = events.Asset(tenant_id="porto", id="s-1", kind="source", valid_from_ms=1)
    parts.hub.tenant("porto").town.apply(source, NOW_MS)
    booking = {"source_id": "s-1", "material": "construction", "kg": 9000}
    versions = [
        ask(app, "PUT", "/api/v1/orders/o-9", tokens["dispatcher"], json=booking | {"kg": kg}).json()["version"]
        for kg in (9000, 9000, 12_000)
    ]
    assert versions == [1, 1, 2]
    assert ask(app, "POST", "/api/v1/orders/o-9/cancel", tokens["dispatcher"]).json()["state"] == "cancelled"
    refused = ask(app, "PUT", "/api/v1/orders/o-9", tokens["dispatcher"], json=booking)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_final")
    assert value(engine, "SELECT count(*) FROM outbox WHERE key LIKE 'o-9@%'") == 3
    wrong = ask(app, "PUT", "/api/v1/orders/o-8", tokens["dispatcher"], json=booking | {"source_id": "s-9", "kg": -1})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/kg")


@pytest.mark.usefixtures("live")
def test_another_districts_order_cannot_be_overwritten(app: FastAPI, engine: Engine, parts: State) -> None:
    """Whose order it is decides, not where the new booking is to go: written or cancelled, it is not there."""
    town = parts.hub.tenant("porto").town
    for district in ("north", "south"):
        source = events.Asset(
            tenant_id="porto", id=f"s-{district}", kind="source", valid_from_ms=1, district_id=district
        )
        town.apply(source, NOW_MS)
    north, south = (person(engine, "porto", "dispatcher", district) for district in ("north", "south"))
    theirs, other = (access.open_session(engine, user) for user in (north, south))
    booking = {"material": "construction", "kg": 9000}
    assert ask(app, "PUT", "/api/v1/orders/o-n", theirs, json=booking | {"source_id": "s-north"}).status_code == 202
    before = _written(engine)
    written = ask(app, "PUT", "/api/v1/orders/o-n", other, json=booking | {"source_id": "s-south"})
    cancelled = ask(app, "POST", "/api/v1/orders/o-n/cancel", other)
    nowhere = ask(app, "POST", "/api/v1/orders/nowhere/cancel", other)
    assert {answer.status_code for answer in (written, cancelled, nowhere)} == {404}
    assert written.content == cancelled.content == nowhere.content
    assert _written(engine) == before
    assert ask(app, "POST", "/api/v1/orders/o-n/cancel", theirs).status_code == 202


@pytest.mark.usefixtures("filled")
def test_who_closed_a_facility_and_why_is_kept(app: FastAPI, engine: Engine, tokens: dict[str, str]) -> None:
    """With the new version an action: once for the same request, anew where somebody closes it for another reason."""

    def close(until_ms: int | None, reason: str) -> dict[str, Any]:
        body = {"closed_until_ms": until_ms, "reason": reason}
        answer = ask(app, "PUT", "/api/v1/facilities/f-1/closure", tokens["dispatcher"], json=body)
        assert answer.status_code == 202
        return answer.json()

    versions = [
        close(until_ms, reason)["version"]
        for until_ms, reason in ((NOW_MS, "full"), (NOW_MS, "full"), (NOW_MS, "fault"), (None, ""))
    ]
    assert versions == [2, 2, 2, 3]
    with engine.connect() as connection:
        kept = connection.execute(
            text(
                "SELECT kind, record ->> 'reason' AS reason, record ->> 'until_ms' AS until, actor FROM dispatch_actions "
                "WHERE subject_id = 'f-1' ORDER BY kind, reason"
            )
        ).all()
    assert [tuple(row)[:3] for row in kept] == [
        ("close", "fault", str(NOW_MS)),
        ("close", "full", str(NOW_MS)),
        ("reopen", None, None),
    ]
    assert all(row.actor.startswith("dispatcher-") for row in kept)
    assert value(engine, "SELECT count(*) FROM outbox WHERE topic = 'dispatch-actions' AND key = 'f-1'") == 3
    assert value(engine, "SELECT count(*) FROM outbox WHERE topic = 'assets' AND key LIKE 'facility:f-1@%'") == 2


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/api/v1/driver-actions/a%00", {"kind": "sos"}),
        ("PUT", "/api/v1/driver-actions/a", {"kind": "sos", "note": "a\0"}),
        ("PUT", "/api/v1/driver-actions/a", {"kind": "sos", "event_time_ms": 10**19}),
        ("PUT", "/api/v1/driver-actions/a", {"kind": "sos", "\ud800": 1}),
        ("GET", "/api/v1/trucks/t01%00/track?from_ms=0&to_ms=9", None),
        ("PUT", "/api/v1/orders/o%00", {"due_ms": 10**19}),
        ("PUT", "/api/v1/facilities/f-1%00/closure", {"closed_until_ms": None}),
        ("PUT", "/api/v1/facilities/f-1/closure", {"closed_until_ms": 10**17}),
        ("PUT", "/api/v1/dispatch-actions/d", {"subject_id": "b1", "kind": "exclude", "until_ms": 10**19}),
        # no field of ours says so: the database itself refuses
        ("GET", "/api/v1/alerts?state=a%00", None),
        ("GET", f"/api/v1/alerts?before={'9' * 100}.a", None),
    ],
)
def test_a_value_nobody_can_keep_is_refused_for_good(
    app: FastAPI, tokens: dict[str, str], method: str, path: str, body: dict[str, Any] | None
) -> None:
    """422 with a sentence, never 500: a phone that gets 500 sends the same again, and all behind it waits for ever."""
    role = "driver" if "driver-actions" in path else "administrator"
    more = {} if body is None else {"content": json.dumps(body), "headers": {"content-type": "application/json"}}
    answer = ask(app, method, path, tokens[role], **more)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_usable"), answer.text
    assert answer.json()["detail"]


def test_log_in_gives_a_cookie_no_script_reads(app: FastAPI, engine: Engine) -> None:
    """The right password: 200 and an HttpOnly, SameSite cookie; it opens the session API until log-out."""
    user = person(engine, "porto", "manager")
    wrong = ask(app, "POST", "/api/v1/session", json={"login": user.login, "password": "wrong password"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_credentials")
    right = ask(app, "POST", "/api/v1/session", json={"login": user.login, "password": PASSWORD})
    cookie = right.headers["set-cookie"]
    assert right.json()["user"]["role"] == "manager"
    assert right.json()["city"]["time_zone"] == "Europe/Lisbon"
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = {"Cookie": cookie.partition(";")[0]}
    assert ask(app, "GET", "/api/v1/session", headers=token).json()["user"]["login"] == user.login
    assert ask(app, "DELETE", "/api/v1/session", headers=token).status_code == 204
    assert ask(app, "GET", "/api/v1/session", headers=token).status_code == 401


def test_guessing_is_slowed_down(app: FastAPI) -> None:
    """The ninth attempt on one login in a minute is 429, with the seconds to wait."""
    login = f"guess-{uuid4().hex[:6]}"
    statuses = [
        ask(app, "POST", "/api/v1/session", json={"login": login, "password": "x"}).status_code for _ in range(9)
    ]
    assert statuses == [401] * 8 + [429]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://city.example"}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({}, 202),
    ],
)
def test_another_sites_page_cannot_write(
    app: FastAPI, tokens: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """A write that a browser sends for another site's page is refused, whoever is logged in."""
    body = action("arrived")
    answer = ask(app, "PUT", f"/api/v1/driver-actions/{uuid4()}", tokens["driver"], json=body, headers=headers)
    assert answer.status_code == status


def test_a_body_too_large_is_refused(app: FastAPI, tokens: dict[str, str]) -> None:
    """Above 256 KiB: 413, whether the length is announced or not."""
    big = b"x" * 300_000

    async def piecewise() -> Any:
        yield big

    path = "/api/v1/driver-actions/big"
    assert ask(app, "PUT", path, tokens["driver"], content=big).status_code == 413
    assert ask(app, "PUT", path, tokens["driver"], content=piecewise()).status_code == 413


@pytest.mark.parametrize(
    "path", ["/assets/../../README.md", "/assets/%2e%2e/%2e%2e/README.md", "/tiles/..%2fporto.pmtiles"]
)
def test_no_path_leads_out_of_the_pages(app: FastAPI, path: str) -> None:
    """Dots in an address do not leave the folder of the built pages."""
    assert ask(app, "GET", path).status_code == 404


def test_the_base_map_comes_in_ranges(app: FastAPI, parts: State) -> None:
    """A range is answered with 206 and exactly these bytes; another city's map is not there."""
    parts.base_map.parent.mkdir(parents=True, exist_ok=True)
    parts.base_map.write_bytes(bytes(range(256)))
    part = ask(app, "GET", "/tiles/porto.pmtiles", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/256"
    assert ask(app, "GET", "/tiles/lisbon.pmtiles").status_code == 404
    parts.base_map.unlink()


@pytest.mark.usefixtures("live")
def test_a_page_of_another_session_gets_no_stream(app: FastAPI, tokens: dict[str, str]) -> None:
    """Somebody else has logged in meanwhile in the same browser: a page left open must not go on with their data."""
    answer = ask(app, "GET", "/api/v1/live?user=somebody", tokens["dispatcher"], headers={"Last-Event-ID": "e-1"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in")


def test_every_answer_carries_the_security_headers(app: FastAPI) -> None:
    """Pages, errors and data alike say what a page may load and that types are meant."""
    for path in ("/", "/api/v1/live", "/nothing/here", "/health"):
        headers = ask(app, "GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


def test_the_api_describes_itself(app: FastAPI) -> None:
    """The description names every API route that is served."""
    paths = ask(app, "GET", "/api/openapi.json").json()["paths"]
    served = {route.path for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema}
    assert set(paths) == served
    assert "/api/v1/driver-actions/{action_id}" in paths


def test_an_unnamed_route_is_a_start_up_error(parts: State, tmp_path: Path) -> None:
    """Without its line in the policy, no route is served: the gateway does not start."""
    kept = "".join(
        f'["{name}"]\n' + ("everyone = true\n" if rule.everyone else 'manager = "tenant"\n')
        for name, rule in policy.read().items()
        if name != "alerts.act"
    )
    file = tmp_path / "policy.toml"
    file.write_text(kept)
    with pytest.raises(policy.PolicyError, match=r"alerts\.act"):
        application.make(parts, policy.read(file))
