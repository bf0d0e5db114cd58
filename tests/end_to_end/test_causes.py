"""Each change that matters, from a real door to the driver's page: a new plan, why, and nobody's plan for nothing.

One test a cause: a person or a device says it where people and devices say things; the page of a driver it concerns
shows the changed plan with the reason in words. Every other new plan that names this very cause asks something else
than the one before. How long the pages took is printed at the end of the run, and judged by nobody.
"""

import hashlib
import json
import math
import random
import re
import shutil
import struct
import uuid
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from services.clock import wall_now_ms
from streams.events import PLAN_REASONS
from streams.units import HOUR_MS, MINUTE_MS
from tests.browser import ROOT
from tests.end_to_end.cab import Cab, Shown
from tests.end_to_end.conftest import LogInAs, NoteSeconds, System, eventually, wait_for
from tests.end_to_end.desk import Desk, Json, collections

pytestmark = pytest.mark.end_to_end

WITHIN_S: Final = 60
"""Far above the ten seconds we aim for: a test waits for what happens, the table says how fast it was."""
VANS: Final = ("t51", "t52")
FIRST_VAN, SECOND_VAN = VANS
TIPPERS: Final = ("t53", "t54")
PERMIT: Final = "p-of-two"
PERMIT_SOURCE: Final = "s-01"
"""The building site whose permit of the default city is copied for the two tippers."""
VAN_KG: Final = 1_200
TICKET_KG: Final = 25_000
"""What a neighbour's truck brings."""
AMPLE: Final = 1.5
"""So many times what all plans bring leaves room for them, also if some of them change meanwhile."""
DEPOT: Final = {"lon": -8.64353, "lat": 41.162526}
"""Where the vans are at home: depot d-3 of the default city. Stops near it are worth a van's way, lone ones afar are not."""
PASSWORD: Final = "for-this-test-only"

OpenCab = Callable[[str], Cab]
Expecting = Callable[..., "Happening"]


@dataclass(frozen=True)
class Cause:
    """What a plan names as its reason: the code, and the members of ``reason_params`` that say whose it is."""

    reason: str
    about: Mapping[str, str]

    def of(self, plan: Json) -> bool:
        """Whether a plan names this very cause."""
        params = plan.get("reason_params", {})
        return plan["reason"] == self.reason and all(params.get(name) == value for name, value in self.about.items())


class Happening:
    """Something that happens while one page is looked at. `told` is called when a door has taken it."""

    def __init__(self, desk: Desk, cab: Cab, cause: Cause, note_seconds: NoteSeconds) -> None:
        self._desk, self._cab, self._cause, self._note_seconds = desk, cab, cause, note_seconds
        self._since = len(desk.live.plans_so_far())
        self._before = desk.plans()[cab.truck_id]["plan_version"]
        self._told_ms = wall_now_ms()

    def told(self) -> None:
        """Begin to count: the door has said that it has it."""
        self._told_ms = wall_now_ms()

    def shown(self, words: str, that: Callable[[Json], bool] = lambda _: True) -> tuple[Shown, Json]:
        """Wait until the page shows a plan with this cause, in these words (a pattern); return both.

        ``that``: what the plan must be where the cause comes bit by bit, and the first plan answers a part of it.
        """
        shown, plan = eventually(
            lambda: self._look(that), within_s=WITHIN_S, what=f"{self._cause} on the page of {self._cab.truck_id}"
        )
        seconds = (shown.wall_ms - self._told_ms) / 1000
        assert seconds >= 0, "the page showed the plan before it was told"
        self._note_seconds(self._cause.reason, seconds)
        assert re.fullmatch(words, shown.words), shown.words
        planned = [visit["stop_id"] for visit in collections(plan)]
        assert [stop for stop in planned if stop in shown.stops] == shown.stops
        return shown, plan

    def comes(self, within_s: float) -> bool:
        """Whether the page shows a plan with this cause by then."""
        return wait_for(lambda: self._look(lambda _: True), within_s=within_s) is not None

    def _look(self, that: Callable[[Json], bool]) -> tuple[Shown, Json] | None:
        plans = {
            plan["plan_version"]: plan
            for plan in self._desk.live.plans_so_far()
            if plan["truck_id"] == self._cab.truck_id
            and plan["plan_version"] > self._before
            and self._cause.of(plan)
            and that(plan)
        }
        return next(((one, plans[one.version]) for one in self._cab.shown() if one.version in plans), None)

    def plans_of_the_cause(self) -> list[Json]:
        """Return all plans that name this cause; there is one at least."""
        found = []
        for _, plan in self._desk.changes(self._since):
            assert plan["reason"] in PLAN_REASONS
            if self._cause.of(plan):
                found.append(plan)
        assert found
        return found


@pytest.fixture
def expecting(desk: Desk, note_seconds: NoteSeconds) -> Expecting:
    """Give a function that begins to look out for plans of a cause: on a page, and for all trucks."""

    def expect_plans(cab: Cab, reason: str, **about: str) -> Happening:
        return Happening(desk, cab, Cause(reason, about), note_seconds)

    return expect_plans


@pytest.fixture
def open_cab(system: System, log_in_as: LogInAs, drivers: set[str]) -> OpenCab:
    """Give a function that opens the page of a truck's driver, who is added as a user the first time."""

    def cab(truck_id: str) -> Cab:
        login = f"driver-of-{truck_id}"
        if login not in drivers:
            system.add_driver(login, PASSWORD, driver_id=f"dr{truck_id[1:]}", truck_id=truck_id)
            drivers.add(login)
        return Cab(log_in_as(login, PASSWORD, width=390, height=844), truck_id)

    return cab


@pytest.fixture(scope="session")
def drivers() -> set[str]:
    """Keep which drivers' users there are."""
    return set()


# --------------------------------------------------------------------------------------------- places and sites


def test_a_skipped_stop(desk: Desk, open_cab: OpenCab, expecting: Expecting) -> None:
    """The driver cannot get at the next bin and says so on the page: this truck alone gets a new plan, without it."""
    cab = _a_cab_on_its_way(desk, open_cab)
    truck_id = cab.truck_id
    happening = expecting(cab, "stop_skipped", truck_id=truck_id)
    cab.page.get_by_test_id("skipped").click()
    with cab.page.expect_response(lambda answer: "/driver-actions/" in answer.url and answer.ok) as sent:
        cab.page.get_by_test_id("skip-blocked").click()
    stop_id = sent.value.request.post_data_json["stop_id"]
    happening.told()
    shown, plan = happening.shown(".+ was skipped: Blocked")
    assert plan["reason_params"]["stop_id"] == stop_id
    assert stop_id not in shown.stops
    assert {one["truck_id"] for one in happening.plans_of_the_cause()} == {truck_id}


def test_a_facility_that_is_closed(desk: Desk, open_cab: OpenCab, expecting: Expecting) -> None:
    """The dispatcher closes a facility: the driver who was to tip there reads where to tip now; nobody tips there."""
    facility_id, cab = _a_cab_with_a_tip_ahead(desk, open_cab)
    happening = expecting(cab, "facility_closed", facility_id=facility_id)
    closure = f"/api/v1/facilities/{facility_id}/closure"
    desk.put(closure, {"closed_until_ms": desk.now_ms + 12 * HOUR_MS, "reason": "fire drill"})
    happening.told()
    try:
        _, plan = happening.shown(rf"{re.escape(_name(desk, facility_id))} is closed until .+")
        assert facility_id not in _tips(plan)
        happening.plans_of_the_cause()
        eventually(
            lambda: not _who_tips_at(desk, facility_id), within_s=WITHIN_S, what=f"no plan tips at {facility_id}"
        )
    finally:
        desk.put(closure, {"closed_until_ms": None, "reason": "open again"})


def test_a_facility_that_is_full(desk: Desk, open_cab: OpenCab, expecting: Expecting) -> None:
    """Other towns' trucks use up a facility's day: its tickets say so, and the driver reads where to tip instead."""
    facility_id, cab = _a_cab_with_a_tip_ahead(desk, open_cab)
    happening = expecting(cab, "facility_full", facility_id=facility_id)
    site = desk.live.by_id("facility")[facility_id]
    tickets = math.ceil(_room_kg(site) / TICKET_KG)
    ample = max(0, math.floor((_room_kg(site) - AMPLE * _coming_kg(desk, facility_id)) / TICKET_KG))
    for number in range(tickets):
        if number == ample:
            happening.told()  # any ticket from here on may be the one that leaves too little room for the plans
        desk.ticket(facility_id, f"neighbour-{number}", TICKET_KG)
    # While some room is left the driver may be sent there still: the plan after the last ticket does not.
    happening.shown(rf"{re.escape(site['name'])} takes no more today", that=lambda plan: facility_id not in _tips(plan))
    happening.plans_of_the_cause()
    in_hand = {truck for truck, at in _next_tips(desk).items() if at == facility_id}
    eventually(
        lambda: set(_who_tips_at(desk, facility_id)) <= in_hand,
        within_s=WITHIN_S,
        what=f"no plan tips at {facility_id}",
    )


def test_a_bin_that_overflows_earlier(desk: Desk, open_cab: OpenCab, expecting: Expecting) -> None:
    """A sensor finds a bin much fuller than forecast: its truck, or one that is nearer, comes before it overflows."""
    truck_id, _, _ = eventually(lambda: _a_bin_planned_late(desk), within_s=120, what="a bin planned late")
    cab = open_cab(truck_id)
    tried: set[str] = set()

    def overflowing() -> tuple[Happening, Json] | None:
        """Opening the page took its time: the same bin, or another of this truck's, as things are now."""
        found = _a_bin_planned_late(desk, truck_id, tried)
        if found is None:
            return None
        _, visit, fill = found
        tried.add(visit["stop_id"])
        happening = expecting(cab, "overflow_earlier", stop_id=visit["stop_id"])
        desk.uplink(visit["stop_id"], fill)
        happening.told()
        # A plan names one reason: where this truck is late too, or another bin was read, that may stand for both.
        return (happening, visit) if happening.comes(within_s=20) else None

    happening, visit = eventually(
        overflowing, within_s=2 * WITHIN_S, what=f"a plan of {truck_id} for a bin that overflows earlier"
    )
    _, plan = happening.shown(rf"{re.escape(visit['name'])} overflows earlier, at \d\d:\d\d")
    assert plan in happening.plans_of_the_cause()

    def arrivals() -> list[int]:
        changed = happening.plans_of_the_cause()
        return [one["arrive_ms"] for new in changed for one in collections(new) if one["stop_id"] == visit["stop_id"]]

    # Where a colleague takes the bin, the plan of who is rid of it may be the first to come.
    planned = eventually(arrivals, within_s=WITHIN_S, what="the bin in one of the new plans")
    assert min(planned) < visit["arrive_ms"]


# --------------------------------------------------------------------------------------------- trucks


@pytest.fixture(scope="module")
def trucks(system: System, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two vans, and two tippers with a permit of their own, that the register knows since a moment ago.

    The town does not know them, so only the tests drive them. What the keeper of a city does for a new truck: lines in
    its folder, and the folder is loaded again.
    """
    copy = tmp_path_factory.mktemp("city") / "porto"
    shutil.copytree(ROOT / "deploy" / "cities" / "porto", copy)
    with (copy / "trucks.csv").open("a", encoding="utf-8") as rows:
        rows.writelines(_row(van, f"van,recyclable,{VAN_KG},3500,9000,2300,d-3,c1", "day") for van in VANS)
        rows.writelines(_row(one, "tipper,construction,16000,29000,14000,13000,d-2,c3", "site") for one in TIPPERS)
    permits = json.loads((copy / "permits.geojson").read_text(encoding="utf-8"))
    permits["features"].append(copy_of := json.loads(json.dumps(permits["features"][0])))
    copy_of["properties"] |= {"permit_id": PERMIT, "truck_ids": list(TIPPERS)}
    (copy / "permits.geojson").write_text(json.dumps(permits), encoding="utf-8")
    loaded = system.command("deploy.local", "tool", "city", "load", str(copy))
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    added = {*VANS, *TIPPERS}
    eventually(lambda: desk.plans().keys() >= added, within_s=WITHIN_S, what="a plan for each new truck")
    yield
    for truck_id in added:
        desk.report(truck_id, kind="off_duty")


def _row(truck_id: str, what_it_is: str, shift: str) -> str:
    number = truck_id[1:]
    return (
        f"{truck_id},ZZ-{number}-ZZ,{what_it_is},dr{number},{shift},0139000000{number},QY000{number},2013,"
        f"muck-truck-a,phone-dr{number}\n"
    )


Lock = Callable[[str, list[str]], Json]


@pytest.fixture
def lock(desk: Desk, trucks: None) -> Iterator[Lock]:  # noqa: ARG001  # they must be there
    """Give a function that locks stops to a van, and returns its plan once that has them."""
    locked: list[str] = []

    def lock_to(van: str, stops: list[str]) -> Json:
        locked.extend(stops)
        for stop in stops:
            desk.overrule(stop, "lock", truck_id=van)

        def has_them() -> Json | None:
            plan = desk.plans()[van]
            return plan if {visit["stop_id"] for visit in collections(plan)} >= set(stops) else None

        return eventually(has_them, within_s=WITHIN_S, what=f"{van} has the stops locked to it")

    yield lock_to
    for stop in locked:
        desk.overrule(stop, "unlock")


def test_a_truck_that_breaks_down(desk: Desk, open_cab: OpenCab, expecting: Expecting, trucks: None) -> None:  # noqa: ARG001
    """A driver reports a breakdown: a colleague reads whose load is theirs now; the truck itself has none left."""
    _is_down(desk, open_cab, expecting, kind="breakdown", words="{plate} broke down")


def test_a_driver_who_calls_for_help(desk: Desk, open_cab: OpenCab, expecting: Expecting, trucks: None) -> None:  # noqa: ARG001
    """A driver presses SOS: nobody there need think of the load, the colleague is sent for it and reads why."""
    _is_down(desk, open_cab, expecting, kind="sos", words="{plate} called SOS")


def _is_down(desk: Desk, open_cab: OpenCab, expecting: Expecting, *, kind: str, words: str) -> None:
    """Book a load that only two trucks may fetch; the one that is to fetch it is taken off the road by its driver."""
    order_id = f"{kind}-{uuid.uuid4()}"
    desk.put(
        f"/api/v1/orders/{order_id}",
        {"source_id": PERMIT_SOURCE, "material": "construction", "kg": 9_000, "permit_id": PERMIT},
    )
    holder = eventually(lambda: _who_fetches(desk, order_id), within_s=WITHIN_S, what="a truck that is to fetch it")
    other = next(truck_id for truck_id in TIPPERS if truck_id != holder)
    own, colleague = open_cab(holder), open_cab(other)
    happening, at_home = expecting(colleague, kind, truck_id=holder), expecting(own, kind, truck_id=holder)
    own.page.get_by_test_id(kind).click()
    with own.page.expect_response(lambda answer: "/driver-actions/" in answer.url and answer.ok):
        own.page.get_by_test_id(f"{kind}-yes").click()
    happening.told()
    at_home.told()
    try:
        shown, plan = happening.shown(words.format(plate=f"ZZ-{holder[1:]}-ZZ"))
        taken = [visit["stop_id"] for visit in collections(plan) if visit.get("order_id") == order_id]
        assert taken, "the colleague has the load"
        assert set(taken) <= set(shown.stops)
        assert {change.get("from_truck_id") for change in plan["changed"] if change.get("stop_id") in taken} == {holder}
        shown, _ = at_home.shown(words.format(plate=f"ZZ-{holder[1:]}-ZZ"))
        assert shown.stops == []
    finally:
        with own.page.expect_response(lambda answer: "/driver-actions/" in answer.url and answer.ok):
            own.page.get_by_test_id("runs-again").click()
        eventually(lambda: _called(desk, kind, holder), within_s=WITHIN_S, what="the call on the desk")
        desk.acknowledge(kind, holder)


def _who_fetches(desk: Desk, order_id: str) -> str | None:
    return next(
        (
            truck_id
            for truck_id, plan in desk.plans().items()
            if any(visit.get("order_id") == order_id for visit in collections(plan))
        ),
        None,
    )


def test_a_truck_that_is_late(desk: Desk, open_cab: OpenCab, expecting: Expecting, lock: Lock) -> None:
    """A van is believed in its depot; its phone says it is at the other end of the town: it gets times it can keep."""
    plan = lock(FIRST_VAN, _stops_of_others(desk))
    cab = open_cab(FIRST_VAN)
    happening = expecting(cab, "truck_late", truck_id=FIRST_VAN)
    first = collections(plan)[0]
    # The town is 16 minutes wide: from its other end the van is late at once if it should be there by now.
    eventually(lambda: desk.now_ms >= first["arrive_ms"], within_s=WITHIN_S, what="the van's time to arrive")
    far = max(desk.live.all("bin"), key=lambda one: _metres(one, first))
    desk.fix(f"phone-dr{FIRST_VAN[1:]}", far["lon"], far["lat"])
    happening.told()
    shown, plan = happening.shown(r"ZZ-51-ZZ is late by \d+ min")
    assert collections(plan)[0]["arrive_ms"] > first["arrive_ms"] + 15 * MINUTE_MS
    assert FIRST_VAN in {one["truck_id"] for one in happening.plans_of_the_cause()}
    _confirm(cab.page, shown)


def test_a_truck_that_is_full_early(desk: Desk, open_cab: OpenCab, expecting: Expecting, lock: Lock) -> None:
    """A driver weighs in a far heavier load than forecast: this van alone is sent to tip first, then to what is left."""
    plan = lock(SECOND_VAN, _stops_of_others(desk))
    cab = open_cab(SECOND_VAN)
    happening = expecting(cab, "truck_full", truck_id=SECOND_VAN)
    stop_id = collections(plan)[0]["stop_id"]
    desk.report(SECOND_VAN, kind="collected", stop_id=stop_id, bin_id=stop_id, weight_kg=VAN_KG - 5)
    happening.told()
    shown, plan = happening.shown(r"ZZ-52-ZZ is full earlier than planned \(1\.2 t\)")
    assert [visit["kind"] for visit in desk.left(plan)][:2] == ["tip", "collect"]
    assert stop_id not in shown.stops
    assert {one["truck_id"] for one in happening.plans_of_the_cause()} == {SECOND_VAN}
    _guides_and_takes_photos(desk, cab.page)


def _guides_and_takes_photos(desk: Desk, page: Page) -> None:
    """The page says its way's turns, which came with the plan; a photo of 30 MB is sent small, a broken one refused."""
    desk.fix(f"phone-dr{SECOND_VAN[1:]}", DEPOT["lon"], DEPOT["lat"])
    expect(page.get_by_test_id("turn")).not_to_have_attribute("data-on", "none", timeout=30_000)
    page.get_by_test_id("photo-file").set_input_files(
        {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8 no photo"}
    )
    expect(page.get_by_test_id("photo")).to_have_attribute("data-state", "broken", timeout=30_000)
    with page.expect_response(lambda answer: "/api/v1/photos/" in answer.url and answer.ok, timeout=120_000) as sent:
        page.get_by_test_id("photo-file").set_input_files(
            {"name": "large.png", "mimeType": "image/png", "buffer": _noise(3_200, 3_200)}
        )
    photo_id = urlsplit(sent.value.url).path.rpartition("/")[2]
    expect(page.get_by_test_id("photo")).to_have_attribute("data-count", "1")
    span = {"from_ms": desk.now_ms - HOUR_MS, "to_ms": desk.now_ms + HOUR_MS}
    photos = desk.client.get(f"/api/v1/trucks/{SECOND_VAN}/photos", params=span).json()["photos"]
    about = next(one for one in photos if one["photo_id"] == photo_id)
    assert (about["width"], about["height"]) == (1_600, 1_600)
    assert about["facility_id"] or about["stop_id"]
    shown = desk.client.get(f"/api/v1/photos/{photo_id}").content
    assert len(shown) == about["size_bytes"] < 2_000_000
    assert hashlib.sha256(shown).hexdigest() == about["sha256"]


def _noise(width: int, height: int) -> bytes:
    """Return a PNG of as many bytes as pixels times three: it cannot be packed, nor is it."""
    rows = b"".join(b"\0" + random.Random(row).randbytes(3 * width) for row in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows, level=0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_nobody_is_told_for_nothing(desk: Desk) -> None:
    """Whatever happened above: a plan that replaces another asks something new, or gives a late truck its times."""
    told = [
        (plan["truck_id"], plan["plan_version"], plan["reason"], plan["changed"])
        for before, plan in desk.changes(0)
        if before and not _of_the_late_truck(plan) and not desk.differs(before, plan)
    ]
    assert told == []


def _of_the_late_truck(plan: Json) -> bool:
    return plan["reason"] == "truck_late" and plan["reason_params"].get("truck_id") == plan["truck_id"]


# --------------------------------------------------------------------------------------------- who and where


def _busy(desk: Desk, material: str | None = None) -> dict[str, list[Json]]:
    """Which of the town's trucks are on the road by their plan, with what is left of it."""
    trucks = desk.live.by_id("truck")
    return {
        truck_id: left
        for truck_id, plan in desk.plans().items()
        if material in (None, plan.get("material"))
        and truck_id not in (*VANS, *TIPPERS)
        and trucks[truck_id].get("shift")
        and not trucks[truck_id].get("down")
        and len(left := desk.left(plan)) >= 3
    }


def _a_bin_planned_late(
    desk: Desk, truck_id: str | None = None, but: Collection[str] = ()
) -> tuple[str, Json, float] | None:
    """Return a truck, a bin that it is to empty long from now, and the fill from which that overflows within the hour."""
    now_ms, due, bins = desk.now_ms, desk.live.by_id("due"), desk.live.by_id("bin")
    for truck, left in _busy(desk).items():
        for visit in left:
            known, bin_ = due.get(visit.get("stop_id") or ""), bins.get(visit.get("stop_id") or "")
            if visit.get("stop_id") in but:
                continue
            if truck_id in (None, truck) and known and bin_ and visit["arrive_ms"] > now_ms + 60 * MINUTE_MS:
                fill = _fill_that_overflows(known, bin_, now_ms, in_ms=20 * MINUTE_MS)
                # however full, the next thing thrown in is waited for: up to a quarter of the time that was foreseen
                soonest_ms = now_ms + 0.3 * ((known.get("overflow_ms") or now_ms) - now_ms)
                late = not (known.get("overflow_ms") or math.inf) < visit["arrive_ms"]
                if fill is not None and late and soonest_ms < visit["arrive_ms"]:
                    return truck, visit, fill
    return None


def _fill_that_overflows(known: Json, bin_: Json, now_ms: int, in_ms: int) -> float | None:
    """Return the fill that, read now, makes the forecast of a bin an overflow in ``in_ms``; None = not to be foreseen.

    By the mean; the forecast is later by a part of what is thrown in at a time (`streams.crossing`), at a small rest several
    times. A bin with a forecast keeps its rate if it is read again within five minutes (`streams.filling`); a bin that was
    read once has its rate from the next reading.
    """
    room, since_ms = 1.0 - bin_["fill"], now_ms - bin_["event_time_ms"]
    if room < 0.03:
        return None
    if known.get("overflow_ms") is None:
        second = known["at_ms"] == bin_["event_time_ms"] and 6 * MINUTE_MS < since_ms < 26 * MINUTE_MS
        return (since_ms + in_ms * bin_["fill"]) / (since_ms + in_ms) if second else None
    until_ms = known["overflow_ms"] - bin_["event_time_ms"]
    return 1.0 - room * in_ms / until_ms if since_ms < 3 * MINUTE_MS and until_ms > 3 * in_ms else None


def _on_their_way(desk: Desk, least_m: float) -> dict[str, float]:
    """Trucks whose next visit is a bin that is so far away or farther, with the metres."""
    trucks = desk.live.by_id("truck")
    ways = {
        truck_id: _metres(trucks[truck_id], left[0])
        for truck_id, left in _busy(desk).items()
        if left[0].get("kind", "collect") == "collect" and trucks[truck_id].get("lon") is not None
    }
    return {truck_id: metres for truck_id, metres in ways.items() if metres > least_m}


def _a_cab_on_its_way(desk: Desk, open_cab: OpenCab) -> Cab:
    """Give the open page of the driver with the longest way to the next bin: the truck drives while the page opens.

    What is left of the way is enough for one click: nobody collects the bin meanwhile.
    """

    def opened() -> Cab | None:
        ways = _on_their_way(desk, least_m=1_000)
        if not ways:
            return None
        cab = open_cab(max(ways, key=ways.__getitem__))
        return cab if cab.truck_id in _on_their_way(desk, least_m=500) else None

    return eventually(opened, within_s=3 * WITHIN_S, what="a truck on its way to a bin")


def _tips(plan: Json) -> list[str]:
    return [visit["facility_id"] for visit in plan["visits"] if visit.get("kind") == "tip"]


def _next_tips(desk: Desk) -> dict[str, str]:
    """Which trucks go to tip now, and where."""
    return {
        truck: left[0]["facility_id"] for truck, left in _left(desk).items() if left and left[0].get("kind") == "tip"
    }


def _left(desk: Desk) -> dict[str, list[Json]]:
    return {truck_id: desk.left(plan) for truck_id, plan in desk.plans().items()}


def _a_cab_with_a_tip_ahead(desk: Desk, open_cab: OpenCab) -> tuple[str, Cab]:
    """A facility, and the open page of a driver who is to tip there: plans may change while the page opens."""

    def opened() -> tuple[str, Cab] | None:
        ahead = _tips_ahead(desk)
        if not ahead:
            return None
        _, facility_id, truck_id = min(ahead)
        cab = open_cab(truck_id)
        return (facility_id, cab) if (facility_id, truck_id) in {one[1:] for one in _tips_ahead(desk)} else None

    return eventually(opened, within_s=WITHIN_S, what="a truck that is to tip")


def _tips_ahead(desk: Desk) -> list[tuple[float, str, str]]:
    """Each facility for residual waste that is open and not full, with a truck that tips there after some other stops.

    With what the facility takes a day: the least is the soonest full.
    """
    sites = desk.live.by_id("facility")
    return [
        (sites[visit["facility_id"]]["daily_kg"], visit["facility_id"], truck_id)
        for truck_id, left in _busy(desk, "residual").items()
        for number, visit in enumerate(left)
        if visit.get("kind") == "tip"
        and number >= 3
        and _room_kg(sites[visit["facility_id"]]) > 0
        and not any(one.get("facility_id") == visit["facility_id"] for one in left[:number])
    ]


def _room_kg(site: Json) -> float:
    return float(site["daily_kg"] - site["today_kg"])


def _coming_kg(desk: Desk, facility_id: str) -> float:
    """What all plans bring to a facility, at most: each truck's heaviest load for each of its tips there."""
    return sum(
        max(visit.get("load_kg") or 0.0 for visit in plan["visits"])
        * sum(visit.get("facility_id") == facility_id for visit in plan["visits"])
        for plan in desk.plans().values()
        if plan["visits"]
    )


def _who_tips_at(desk: Desk, facility_id: str) -> list[str]:
    """Trucks that are still to tip at a facility; who stands there already may finish."""
    soon_ms = desk.now_ms + 5 * MINUTE_MS
    return [
        truck_id
        for truck_id, left in _left(desk).items()
        for visit in left
        if visit.get("facility_id") == facility_id and visit["arrive_ms"] > soon_ms
    ]


def _stops_of_others(desk: Desk) -> list[str]:
    """Return three bins of recyclables in the later part of other trucks' rounds, the nearest to the vans."""
    late = [visit for left in _busy(desk, "recyclable").values() for visit in _later_stops(desk, left)]
    return [visit["stop_id"] for visit in sorted(late, key=lambda visit: _metres(visit, DEPOT))[:3]]


def _later_stops(desk: Desk, left: list[Json]) -> list[Json]:
    """Return the collections that are half an hour away or more, the nearest to the vans' depot first."""
    later_ms = desk.now_ms + 30 * MINUTE_MS
    late = [visit for visit in left[1:] if visit.get("stop_id") and visit["arrive_ms"] > later_ms]
    return sorted(late, key=lambda visit: _metres(visit, DEPOT))


def _called(desk: Desk, kind: str, truck_id: str) -> bool:
    return any(alert["rule"] == kind and alert.get("truck_id") == truck_id for alert in desk.live.all("alert"))


def _name(desk: Desk, facility_id: str) -> str:
    return str(desk.live.by_id("facility")[facility_id]["name"])


def _metres(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    east = (one["lon"] - other["lon"]) * math.cos(math.radians(one["lat"]))
    return 111_320 * math.hypot(east, one["lat"] - other["lat"])


def _confirm(page: Page, shown: Shown) -> None:
    """The driver has understood: the banner goes, the reason stays in a line, and the office has it."""
    banner = page.locator(f'[data-testid="changed"][data-plan-version="{shown.version}"]')
    banner.get_by_test_id("confirm-plan").click()
    expect(banner).to_be_hidden(timeout=20_000)
    expect(page.get_by_test_id("last-change").get_by_test_id("plan-reason")).to_have_text(shown.words)
    expect(page.get_by_test_id("queue")).to_have_attribute("data-waiting", "0", timeout=30_000)
