"""Citizens' reports and the manager's figures, through the gateway's routes on a real PostgreSQL."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from gateway_trial import FORGIVING, own_database, value
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services import bus, clock, store
from services.gateway import app as application
from services.gateway.citizen import routes as citizen
from services.gateway.run import make_parts
from services.recorder import mappings
from services.settings import Settings
from services.store import access, sink
from services.store.access import ROLES
from streams import codec, events
from tests.pictures import SECRET, jpeg, png

pytestmark = [pytest.mark.integration, FORGIVING]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RUBBISH = "<script>alert(1)</script> 🗑️ \u202egnp.exe \" ' &lt;"
PLACE = {"kind": "spill", "place": RUBBISH, "note": RUBBISH}


@pytest.fixture(scope="module")
def engine(postgres: str) -> Iterator[Engine]:
    with own_database(postgres) as url:
        made = store.connect(url)
        yield made
        made.dispose()


@pytest.fixture(scope="module")
def app(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    address = engine.url.render_as_string(hide_password=False)
    parts = make_parts(Settings(database_url=address, build_dir=str(tmp_path_factory.mktemp("gateway"))))
    yield application.make(parts)
    parts.engine.dispose()


@pytest.fixture(scope="module")
def tokens(engine: Engine) -> dict[str, str]:
    """One session a role; of another tenant; of a district."""

    def session(role: Any, tenant_id: str = "porto", district_id: str | None = None) -> str:
        user = access.add_user(
            engine, tenant_id=tenant_id, district_id=district_id, login=uuid4().hex, password="correct horse battery",
            name=role, role=role, driver_id="d1", truck_id="t1",
        )  # fmt: skip
        return access.open_session(engine, user)

    own = {role: session(role) for role in ROLES}
    return own | {"stranger": session("manager", "elsewhere"), "north": session("manager", district_id="north")}


@pytest.fixture(autouse=True)
def nobody_has_sent_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(citizen, "_sent", MovingWindowRateLimiter(MemoryStorage()))


def ask(app: FastAPI, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city.example") as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return await client.request(method, path, headers=headers | more.pop("headers", {}), **more)

    return asyncio.run(once())


def a_number(page: httpx.Response) -> str:
    found = re.search(r'name="number" value="([0-9A-Z]{16})"', page.text)
    assert found, page.text
    return found[1]


def send(app: FastAPI, fields: dict[str, str], photo: bytes | None = None, **more: Any) -> httpx.Response:
    """Post the form as a browser without scripts does."""
    files = {name: (None, content.encode()) for name, content in fields.items()}
    files["photo"] = ("a.jpg", photo or b"", "image/jpeg")  # type: ignore[assignment]
    return ask(app, "POST", "/report?lang=en", files=files, **more)


def reported(app: FastAPI, photo: bytes | None = None, **fields: str) -> str:
    """Report something and return its number."""
    number = a_number(ask(app, "GET", "/report"))
    answer = send(app, {"number": number, **PLACE, **fields}, photo)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/report/{number}?lang=en&new=1"), answer.text
    return number


def test_a_report_is_kept_once_and_followed_by_its_number_alone(app: FastAPI, engine: Engine) -> None:
    """Sent twice it is one; another content under the number is a new report; the number itself is nowhere in the tables."""
    number = reported(app)
    again = send(app, {"number": number, **PLACE})
    assert again.status_code == 303
    other = send(app, {"number": number, **PLACE, "note": "something else"})
    assert (other.status_code, 'data-fault="sent_before"' in other.text) == (409, True)
    assert a_number(other) != number
    assert value(engine, "SELECT count(*) FROM citizen_reports") == 1
    assert number not in value(engine, "SELECT string_agg(r::text, '') FROM citizen_reports AS r")
    page = ask(app, "GET", f"/report/{number}?lang=en")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 🗑️" in page.text
    found = ask(app, "GET", "/report/find", params={"number": f"{number[:8].lower()}-{number[8:]}"})
    assert (found.status_code, found.headers["location"]) == (303, f"/report/{number}?lang=en")
    for unknown in ("A" * 16, "1", "find%20x"):
        assert ask(app, "GET", f"/report/{unknown}").status_code == 404
    for statement in ("DELETE FROM citizen_reports", "UPDATE citizen_reports SET note = ''"):
        with pytest.raises(DBAPIError, match="never"), engine.begin() as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("fields", "photo", "fault"),
    [
        ({}, b"x" * 30_000_000, "photo_large"),
        ({}, jpeg()[:200], "photo_broken"),
        ({}, b"%PDF-1.7", "photo_kind"),
        ({}, jpeg(60_000, 60_000), "photo_pixels"),
        ({"kind": "arson"}, None, "kind"),
        ({"place": " "}, None, "where"),
        ({"lat": "41.15"}, None, "coordinates"),
        ({"lat": "north", "lon": "-8.6"}, None, "coordinates"),
        ({"lat": "31.2", "lon": "121.5"}, None, "far"),
        ({"note": "x" * 2001}, None, "note_long"),
        ({"place": "x" * 301}, None, "place_long"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_rest_is_kept(
    app: FastAPI, engine: Engine, fields: dict[str, str], photo: bytes | None, fault: str
) -> None:
    """A photo of 30 MB, a broken one, a place in another city: 422 in words above the form, and nothing typed is lost."""
    before = value(engine, "SELECT count(*) FROM citizen_reports")
    given = {"number": "", "kind": "spill", "place": "Rua 1", "note": "below the bridge", **fields}
    answer = send(app, given, photo)
    assert (answer.status_code, re.findall(r'data-fault="(\w+)"', answer.text)) == (422, [fault])
    assert "It was not sent" in answer.text
    assert given["note"] in answer.text
    assert f'value="{given["place"].strip()}"' in answer.text
    assert value(engine, "SELECT count(*) FROM citizen_reports") == before


def test_a_good_photo_is_asked_for_again_when_something_else_is_wrong(app: FastAPI) -> None:
    """Browsers forget files: the page says so, in the language of the form."""
    files = {"kind": (None, b"spill"), "photo": ("a.png", png(), "image/png")}
    answer = ask(app, "POST", "/report?lang=zh", files=files)  # type: ignore[arg-type]
    assert re.findall(r'data-fault="(\w+)"', answer.text) == ["where", "photo_again"]
    assert 'lang="zh-Hans"' in answer.text


def test_only_the_citys_own_page_sends_and_not_too_often(app: FastAPI) -> None:
    """Another site's page is refused; the thirteenth form of ten minutes is asked to wait, with its text kept."""
    assert send(app, dict(PLACE), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert send(app, dict(PLACE), headers={"Origin": "http://evil.example"}).status_code == 403
    statuses = [send(app, {"kind": "spill"}).status_code for _ in range(12)]
    assert statuses == [422] * 12
    late = send(app, {"kind": "spill", "note": "still here"}, jpeg())
    assert (late.status_code, "still here" in late.text, "Wait" in late.text) == (429, True, True)
    assert ask(app, "POST", "/report", content=b"{}").status_code == 400


def test_staff_take_the_steps_and_the_citizen_sees_them(app: FastAPI, engine: Engine, tokens: dict[str, str]) -> None:
    """In their order, each with its deadline; two people do not take one step over the other; names and notes stay inside."""
    number = reported(app, jpeg(), lat="41.15", lon="-8.61")
    [report] = [one for one in ask(app, "GET", "/api/v1/reports", tokens["officer"]).json()["reports"] if one["lat"]]
    report_id = report["report_id"]
    assert (report["state"], report["next_states"], report["has_photo"]) == ("received", ["filed", "declined"], True)

    def step(state: str, seen: int, token: str = tokens["officer"], step_id: str = "", **more: str) -> httpx.Response:
        body = {"report_id": report_id, "state": state, "seen": seen, **more}
        return ask(app, "PUT", f"/api/v1/report-steps/{step_id or uuid4()}", token, json=body)

    assert step("handled", 0).json()["errors"][0]["pointer"] == "/state"
    assert step("declined", 0).json()["errors"][0]["pointer"] == "/reason"
    assert step("filed", 0, tokens["manager"]).status_code == 403
    assert [step("filed", 0, step_id="s1").status_code for _ in range(2)] == [202, 202]
    other = step("filed", 0, step_id="s1", reason="another")
    assert (other.status_code, other.json()["code"]) == (409, "different_body")
    assert step("dispatched", 0).status_code == 409, "somebody who had not seen the first step"
    for seen, state in enumerate(("dispatched", "handled", "dispatched", "handled", "verified", "closed"), 1):
        assert step(state, seen, reason="inside only").status_code == 202
    page = ask(app, "GET", f"/report/{number}?lang=en").text
    stands = dict(re.findall(r'data-state="(\w+)" data-stands="(\w+)"', page))
    assert stands == dict.fromkeys(("received", "filed", "dispatched", "handled", "verified", "closed"), "done")
    assert "inside only" not in page
    assert value(engine, "SELECT count(*) FROM citizen_report_steps") == 7
    open_ones = ask(app, "GET", "/api/v1/reports", tokens["officer"]).json()["reports"]
    assert report_id not in {one["report_id"] for one in open_ones}
    closed = ask(app, "GET", "/api/v1/reports?state=closed", tokens["manager"]).json()["reports"]
    assert [one["report_id"] for one in closed] == [report_id]


def test_a_photo_is_staffs_and_says_nothing_but_the_picture(
    app: FastAPI, engine: Engine, tokens: dict[str, str]
) -> None:
    """Kept as it came, served without place and owner; strangers and anonymous people get nothing."""
    number = reported(app, jpeg(), note="with a photo")
    listed = ask(app, "GET", "/api/v1/reports", tokens["officer"]).json()["reports"]
    report_id = next(one["report_id"] for one in listed if one["note"] == "with a photo")
    address = f"/api/v1/reports/{report_id}/photo"
    served = ask(app, "GET", address, tokens["officer"])
    assert (served.headers["content-type"], served.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")
    assert SECRET not in served.content
    kept = value(engine, "SELECT bytes FROM citizen_photos WHERE report_id = :id", id=report_id)
    assert bytes(kept) == jpeg()
    assert ask(app, "GET", address).status_code == 401
    for path in (address, f"/api/v1/reports/{report_id}"):
        assert ask(app, "GET", path, tokens["stranger"]).status_code == 404
    assert ask(app, "GET", "/api/v1/reports", tokens["stranger"]).json()["reports"] == []
    assert report_id not in ask(app, "GET", f"/report/{number}").text


# ---------------------------------------------------------------------------------------------------------- figures


class Rows:
    """Random records of some days, written as the recorder writes them, and kept for a recount by hand."""

    START_MS = 1_795_478_400_000  # 2026-11-24 00:00 in Lisbon
    DAYS = 4

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.kept: list[tuple[str | None, events.Event]] = []

    def add(self, event: events.Event, district_id: str | None) -> None:
        """Note a record of a district."""
        self.kept.append((district_id, event))

    def at_ms(self) -> int:
        """Return any time of the days."""
        return self.START_MS + self.random.randrange(self.DAYS * DAY_MS)

    def write(self, engine: Engine) -> None:
        """Write all of it."""
        writes = []
        for district_id, event in self.kept:
            record = bus.Record(codec.topic_of(event).name, 0, 0, None, codec.encode(event), {}, 0)
            for write in mappings.writes_of(record):
                for row in write.rows:
                    row["district_id"] = district_id
                writes.append(write)
        sink.offsets(engine, [("alerts", 0)])
        sink.take(engine, [sink.Slice(("alerts", 0), 0, len(writes))], mappings.gathered(writes))

    def of(self, kind: type[Any], district_id: str | None) -> list[Any]:
        """Return the records of the city's tenant that somebody of a district sees."""
        return [
            one
            for where, one in self.kept
            if isinstance(one, kind) and one.tenant_id == "porto" and district_id in (None, where or district_id)
        ]


@pytest.fixture(scope="module")
def rows(engine: Engine) -> Rows:
    rows = Rows(7)
    random = rows.random
    for number in range(6):
        contractor = ("c1", "c2", None)[number % 3]
        truck = events.Asset(
            tenant_id="porto", id=f"t{number}", kind="truck", valid_from_ms=1, contractor_id=contractor
        )
        rows.add(truck, None)
    rows.add(events.Asset(tenant_id="porto", id="f1", kind="facility", name="Yard <b>", valid_from_ms=1), None)
    for number in range(300):
        where = random.choice((None, "north", "south"))
        tenant = random.choice(("porto", "porto", "porto", "elsewhere"))
        truck_id, at_ms = f"t{random.randrange(7)}", rows.at_ms()
        rows.add(
            events.Weighing(
                tenant_id=tenant, weighing_id=f"w{number}", facility_id=random.choice(("f1", "f2")), truck_id=truck_id,
                event_time_ms=at_ms, net_kg=random.choice((None, 500.0, 1250.0, 7000.0)),
                material=random.choice(("residual", "kitchen", None)), inbound=random.random() < 0.9,
                accepted=random.random() < 0.9,
            ),
            where,
        )  # fmt: skip
        severity = random.choice(("critical", "high", "medium", "low"))
        rule = random.choice(("bin-overflow", "overspeed", "mass-balance", "sos", "illegal-dump"))
        rows.add(
            events.Alert(
                tenant_id=tenant, alert_id=f"a{number}", revision=1, rule=rule, rule_version="1", certainty="observed",
                state=random.choice(("raised", "ended", "cancelled", "ended")), severity=severity, truck_id=truck_id,
                start_ms=at_ms - HOUR_MS, raised_ms=at_ms, emitted_ms=at_ms,
                end_ms=random.choice((None, at_ms + HOUR_MS)), lost_kg=random.choice((None, 100.0)),
                contractor_id=random.choice((None, None, "c9")),
            ),
            where,
        )  # fmt: skip
        for nth in range(random.randrange(4)):
            kind = random.choice(("ack", "confirm", "dismiss", "undo", "note"))
            done_ms = at_ms + (nth + 1) * random.choice((60_000, 3 * HOUR_MS))
            said = events.AlertAction(
                tenant_id=tenant,
                action_id=f"a{number}-{nth}",
                alert_id=f"a{number}",
                actor="o",
                kind=kind,
                at_ms=done_ms,
            )
            rows.add(said, where)
        done = events.DriverAction(
            tenant_id=tenant, action_id=f"d{number}", truck_id=truck_id, event_time_ms=at_ms,
            kind=random.choice(("collected", "skipped", "arrived")), exception=random.choice((None, "blocked")),
            stop_id=f"b{7 * number % 40}",
        )  # fmt: skip
        rows.add(done, where)
        if random.random() < 0.2:
            taken_back = events.DriverAction(
                tenant_id=tenant, action_id=f"x{number}", truck_id=truck_id, event_time_ms=at_ms, kind="corrected",
                corrects=f"d{number}",
            )  # fmt: skip
            rows.add(taken_back, where)
        for _ in range(2):
            due = events.CollectionDue(
                tenant_id=tenant, place_id=f"b{number % 40}", place_kind="bin", due=random.random() < 0.5,
                material=random.choice(("residual", "kitchen")), at_ms=rows.at_ms(),
            )  # fmt: skip
            rows.add(due, "north" if number % 40 < 10 else None)
        plan = events.TruckPlan(
            tenant_id=tenant, truck_id=truck_id, plan_version=number, made_ms=at_ms,
            reason=random.choice(("truck_late", "new_due")), reason_params={"minutes": random.randrange(90)},
        )  # fmt: skip
        rows.add(plan, where)
        ticket = events.Ticket(
            tenant_id=tenant, ticket_id=f"k{number}", revision=1, state="weighed", truck_id=truck_id, facility_id="f1",
            transit_kg=random.choice((None, 5000.0)), weighed_kg=random.choice((None, 4900.0)), times={"weighed": at_ms},
        )  # fmt: skip
        rows.add(ticket, where)
    rows.write(engine)
    return rows


def spells(
    records: list[events.CollectionDue], collected: list[events.DriverAction], from_ms: int, to_ms: int
) -> list[tuple[str, int, int | None]]:
    """Recount by hand: material, since, until, of every stretch in which a place was due within the span."""
    found = []

    def end(since: events.CollectionDue, told_ms: int | None) -> int | None:
        times = [one.event_time_ms for one in collected if one.stop_id == since.place_id and one.event_time_ms < to_ms]
        first = min((one for one in times if one >= since.at_ms), default=None)
        return min((one for one in (first, told_ms) if one is not None), default=None)

    by_place = defaultdict(list)
    for one in {(one.place_id, one.at_ms): one for one in records}.values():
        if one.at_ms < to_ms:
            by_place[one.place_id].append(one)
    for ones in by_place.values():
        since: events.CollectionDue | None = None
        for one in sorted(ones, key=lambda one: one.at_ms):
            if one.due and since is None:
                since = one
            elif not one.due and since is not None:
                found.append((since.material, since.at_ms, end(since, one.at_ms)))
                since = None
        if since is not None:
            found.append((since.material, since.at_ms, end(since, None)))
    return [one for one in found if one[2] is None or one[2] >= from_ms]


SPANS = pytest.mark.parametrize("span", [(0, 4 * DAY_MS), (DAY_MS, 2 * DAY_MS), (30 * HOUR_MS, 71 * HOUR_MS)])
WHOM = pytest.mark.parametrize("who", ["manager", "north"])


class Counted:
    """The figures of a span as somebody gets them, and the records they should be counted from."""

    def __init__(self, app: FastAPI, token: str, rows: Rows, district_id: str | None, span: tuple[int, int]) -> None:
        self.from_ms, self.to_ms = (rows.START_MS + one for one in span)
        self._rows, self._district_id = rows, district_id
        path = f"/api/v1/figures?from_ms={self.from_ms}&to_ms={self.to_ms}"
        self.found: dict[str, Any] = ask(app, "GET", path, token).json()

    def of(self, kind: type[Any], time: str | None) -> list[Any]:
        """Return the records of a kind that are seen, with a ``time`` within the span."""
        seen = self._rows.of(kind, self._district_id)
        return seen if time is None else [one for one in seen if self.from_ms <= getattr(one, time) < self.to_ms]

    def standing_alerts(self) -> list[events.Alert]:
        """Return what was not withdrawn."""
        return [one for one in self.of(events.Alert, "raised_ms") if one.state != "cancelled"]


@pytest.fixture
def counted(app: FastAPI, tokens: dict[str, str], rows: Rows, who: str, span: tuple[int, int]) -> Counted:
    return Counted(app, tokens[who], rows, "north" if who == "north" else None, span)


@WHOM
@SPANS
def test_what_was_weighed_is_what_a_loop_sums(counted: Counted) -> None:
    """Loads, weights, unknown ones and rejected ones, by site and waste, over two tenants and three districts."""
    found, weighed = counted.found["weighed"], [w for w in counted.of(events.Weighing, "event_time_ms") if w.inbound]
    taken = [w for w in weighed if w.accepted]
    assert found["loads"] == len(taken)
    assert found["kg"] == sum(w.net_kg for w in taken if w.net_kg is not None)
    assert found["unknown_loads"] == sum(w.net_kg is None for w in taken)
    assert found["rejected"] == len(weighed) - len(taken)
    by_site = {(one["facility_id"], one["material"]): one["loads"] for one in found["by"] if one["loads"]}
    assert by_site == Counter((w.facility_id, w.material) for w in taken)
    assert {one["name"] for one in found["by"] if one["facility_id"] == "f1"} == {"Yard <b>"}
    assert sum(one or 0 for one in counted.found["series"]["weighed_kg"]) == found["kg"]


@WHOM
@SPANS
def test_how_alerts_were_handled_is_what_a_loop_counts(counted: Counted, rows: Rows) -> None:
    """Raised, withdrawn, answered in time, confirmed, by rule; deeds of the alert's own time, taken back ones not counted."""
    acts: dict[str, list[events.AlertAction]] = defaultdict(list)
    for act in sorted(rows.of(events.AlertAction, None), key=lambda one: (one.at_ms, one.action_id)):
        if act.kind == "undo" and acts[act.alert_id]:
            acts[act.alert_id].pop()
        elif act.kind in ("ack", "confirm", "dismiss"):
            acts[act.alert_id].append(act)
    found, standing = counted.found["alerts"], counted.standing_alerts()
    limits = {"critical": 5, "high": 30, "medium": 240, "low": 1440}
    first = [(a, acts[a.alert_id][0].at_ms) for a in standing if acts[a.alert_id]]
    assert found["raised"] == len(standing)
    assert found["withdrawn"] == len(counted.of(events.Alert, "raised_ms")) - len(standing)
    assert found["in_time"] == sum(at_ms <= a.raised_ms + limits[a.severity] * 60_000 for a, at_ms in first)
    assert found["in_time"] + found["late"] == len(first)
    assert found["confirmed"] == sum(acts[a.alert_id][-1].kind == "confirm" for a, _ in first)
    assert {row["rule"]: row["raised"] for row in found["by_rule"] if row["raised"]} == Counter(
        a.rule for a in standing
    )
    assert sum(counted.found["series"]["alerts"]) == len(standing)


@WHOM
@SPANS
def test_overflows_and_late_trucks_are_what_a_loop_counts(counted: Counted) -> None:
    """How many, how long within the span; which trucks, how late at worst."""
    overflows = [a for a in counted.standing_alerts() if a.rule == "bin-overflow"]
    end_ms = min(counted.to_ms, counted.found["now_ms"])
    spans = (min(a.end_ms or end_ms, end_ms) - max(a.start_ms, counted.from_ms) for a in overflows)
    assert counted.found["overflows"]["count"] == len(overflows)
    assert counted.found["overflows"]["minutes"] == pytest.approx(sum(max(0, one) for one in spans) / 60_000)
    late = [p for p in counted.of(events.TruckPlan, "made_ms") if p.reason == "truck_late"]
    worst = max(p.reason_params["minutes"] for p in late)
    assert counted.found["late"] == {"trucks": len({p.truck_id for p in late}), "worst_minutes": worst}


@WHOM
@SPANS
def test_collections_are_what_a_loop_counts(counted: Counted, rows: Rows) -> None:
    """Stretches in which places were due, ended or not; what drivers reported, without what they took back.

    What was collected is done before its sensor says so; what was skipped is not.
    """
    found = counted.found["collections"]
    reported = rows.of(events.DriverAction, None)
    corrected = {one.corrects for one in reported if one.corrects}
    collected = [one for one in reported if one.kind == "collected" and one.action_id not in corrected]
    due = spells(counted.of(events.CollectionDue, None), collected, counted.from_ms, counted.to_ms)
    assert found["due"] == len(due)
    assert found["done"] == sum(until is not None for _, _, until in due)
    assert {one["material"]: one["due"] for one in found["by_material"]} == Counter(name for name, _, _ in due)
    drove = [d for d in counted.of(events.DriverAction, "event_time_ms") if d.action_id not in corrected]
    assert found["collected"] == sum(d.kind == "collected" for d in drove)
    assert found["skipped"] == Counter(d.exception or "other" for d in drove if d.kind == "skipped")
    assert sum(counted.found["series"]["collected"]) == found["collected"]


@WHOM
@SPANS
def test_what_weighing_does_not_explain_is_what_a_loop_sums(counted: Counted) -> None:
    """Of loads weighed within the span: those with both weights, and what lies between them."""
    found = counted.found["balance"]
    tickets = [t for t in counted.of(events.Ticket, None) if counted.from_ms <= t.times["weighed"] < counted.to_ms]
    both = [t for t in tickets if t.transit_kg and t.weighed_kg]
    assert (found["receipts"], found["compared"]) == (len(tickets), len(both))
    assert found["difference_kg"] == pytest.approx(len(both) * 100.0)
    told = [a for a in counted.standing_alerts() if a.rule == "mass-balance"]
    assert 0 < found["alerts"] <= len(told)


def test_each_figure_opens_exactly_its_records(app: FastAPI, tokens: dict[str, str], rows: Rows) -> None:
    """As many records as the figure says; a contractor's points are the sum over the records they are linked to."""
    span = f"from_ms={rows.START_MS}&to_ms={rows.START_MS + 2 * DAY_MS}"
    found = ask(app, "GET", f"/api/v1/figures?{span}", tokens["manager"]).json()

    def of(figure: str, **more: str) -> list[dict[str, Any]]:
        path = "&".join([f"/api/v1/figures/records?{span}&figure={figure}", *(f"{k}={v}" for k, v in more.items())])
        return list(ask(app, "GET", path, tokens["manager"]).json()["records"])

    assert len(of("due")) == found["collections"]["due"]
    assert len(of("open")) == found["collections"]["due"] - found["collections"]["done"]
    assert len(of("overflows")) == found["overflows"]["count"]
    assert len({one["truck_id"] for one in of("late")}) == found["late"]["trucks"]
    assert len(of("skipped")) == sum(found["collections"]["skipped"].values())
    assert len(of("alerts")) == found["alerts"]["raised"]
    assert len(of("alerts", answer="overdue")) == found["alerts"]["overdue"]
    assert len(of("weighed")) == found["weighed"]["loads"] + found["weighed"]["rejected"]
    assert len(of("balance")) == found["balance"]["receipts"]
    assert [row["contractor_id"] for row in found["contractors"]] == ["c1", "c2", "c9", ""]
    for row in found["contractors"]:
        ones = of("violations", contractor_id=row["contractor_id"])
        assert sum(one["points"] or 0 for one in ones) == row["confirmed_points"]
        assert len(ones) == sum(row[f"{kind}_alerts"] for kind in ("confirmed", "undecided", "dismissed"))
    assert sum(row["trucks"] for row in found["contractors"]) == 6


def test_what_nobody_measured_is_not_nothing(app: FastAPI, tokens: dict[str, str], rows: Rows) -> None:
    """Of a time before all records nothing is heard and no weight is 0; strangers hear nothing either; spans are bounded."""
    long_ago = ask(app, "GET", f"/api/v1/figures?from_ms=0&to_ms={DAY_MS}", tokens["manager"]).json()
    assert (long_ago["heard"], long_ago["weighed"]["kg"], long_ago["balance"]["difference_kg"]) == (False, None, None)
    assert long_ago["series"]["weighed_kg"] == [None] * 24
    assert long_ago["late"] == {"trucks": 0, "worst_minutes": None}
    today = f"/api/v1/figures?from_ms={rows.START_MS}&to_ms={rows.START_MS + DAY_MS}"
    assert ask(app, "GET", today, tokens["manager"]).json()["heard"] is True
    assert ask(app, "GET", today, tokens["officer"]).status_code == 403
    assert ask(app, "GET", "/api/v1/figures?from_ms=5&to_ms=5", tokens["manager"]).json()["code"] == "span_of_figures"
    year = ask(app, "GET", f"/api/v1/figures?from_ms=0&to_ms={365 * DAY_MS}", tokens["manager"])
    assert (year.status_code, "93 days" in year.json()["detail"]) == (400, True)


def test_citizens_reports_are_figures_too(app: FastAPI, tokens: dict[str, str]) -> None:
    """What was sent in the span is counted by whether each step came in time."""
    now_ms = clock.city_now_ms()
    reported(app, note="counted")
    found = ask(app, "GET", f"/api/v1/figures?from_ms={now_ms}&to_ms={now_ms + DAY_MS}", tokens["manager"]).json()
    assert (found["reports"]["sent"], found["reports"]["waiting"]) == (1, 1)
    path = f"/api/v1/figures/records?figure=reports&from_ms={now_ms}&to_ms={now_ms + DAY_MS}"
    [record] = ask(app, "GET", path, tokens["manager"]).json()["records"]
    assert (record["state"], record["answer"]) == ("received", "waiting")
