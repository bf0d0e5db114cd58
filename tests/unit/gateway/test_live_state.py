"""The live state is a fold in which the newer wins: order, repetition and the way a record came do not matter."""

import random
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import live_state
from services.gateway.handling import acknowledged
from services.gateway.live_state import ACTIONS_KEPT, Scope, Town
from services.gateway.run import midnight_before
from services.newest import Picture, Position, Reading
from streams import codec, events
from streams.units import DAY_MS, HOUR_MS

NOW_MS = 1_795_500_000_000
DESK = Scope()


def town() -> Town:
    return Town(lambda now_ms: now_ms - now_ms % DAY_MS)


def fix(event_time_ms: int = NOW_MS, **more: Any) -> events.TruckState:
    given: dict[str, Any] = {"truck_id": "t1", "lon": -8.6, "lat": 41.15, "source": "jt808"}
    return events.TruckState(event_time_ms=event_time_ms, **(given | more))


def asset(kind: str, asset_id: str, version: int = 1, **more: Any) -> events.Asset:
    given: dict[str, Any] = {"valid_from_ms": 1, "lon": -8.6, "lat": 41.15}
    return events.Asset(id=asset_id, kind=kind, version=version, **(given | more))


def alert(revision: int = 1, **more: Any) -> events.Alert:
    given: dict[str, Any] = {
        "alert_id": "a1",
        "revision": revision,
        "rule": "spillage",
        "rule_version": "1",
        "state": "raised",
        "severity": "high",
        "certainty": "likely",
        "start_ms": NOW_MS,
        "raised_ms": NOW_MS,
        "emitted_ms": NOW_MS,
        "truck_id": "t1",
    }
    return events.Alert(**(given | more))


def act(kind: str, action_id: str, at_ms: int = NOW_MS, **more: Any) -> events.DriverAction:
    given: dict[str, Any] = {"truck_id": "t1"}
    return events.DriverAction(action_id=action_id, kind=kind, event_time_ms=at_ms, **(given | more))


def shown(made: Town, kind: str, thing_id: str) -> Any:
    return made.thing(kind, thing_id).value


def test_a_late_fix_does_not_move_the_truck_back() -> None:
    """A resent fix is older than what is shown: nothing changes."""
    made = town()
    made.apply(fix(NOW_MS, speed_mps=9.0), NOW_MS)
    made.changes()
    made.apply(fix(NOW_MS - 1, speed_mps=1.0, resent=True), NOW_MS)
    assert made.changes() == []
    assert shown(made, "truck", "t1")["speed_mps"] == 9.0


def test_a_clock_that_was_ahead_once_stops_neither_truck_nor_bin() -> None:
    """What comes next is newer than what came before it, whatever day the first one showed."""
    made = town()
    made.apply(asset("bin", "b1", material="kitchen"), NOW_MS)
    for at_ms, speed, came_ms in ((NOW_MS + 9 * DAY_MS, 1.0, NOW_MS), (NOW_MS + 1_000, 2.0, NOW_MS + 1_400)):
        made.apply(fix(at_ms, speed_mps=speed, received_time_ms=came_ms), NOW_MS)
        made.apply(
            events.BinReading(bin_id="b1", event_time_ms=at_ms, received_time_ms=came_ms, fill=speed / 10), NOW_MS
        )
    assert shown(made, "truck", "t1")["speed_mps"] == 2.0
    assert shown(made, "bin", "b1")["fill"] == 0.2


def test_without_a_fix_the_last_good_place_stays() -> None:
    """In a tunnel the truck stays where it was last seen, and the page is told that this is no fix."""
    made = town()
    made.apply(fix(NOW_MS), NOW_MS)
    made.apply(fix(NOW_MS + 1, fix=False, lon=None, lat=None), NOW_MS)
    truck = shown(made, "truck", "t1")
    assert (truck["lon"], truck["lat"], truck["fix"], truck["event_time_ms"]) == (-8.6, 41.15, False, NOW_MS + 1)


@pytest.mark.parametrize(("silence_ms", "source"), [(59_000, "jt808"), (61_000, "osmand")])
def test_a_phone_fills_only_long_gaps(silence_ms: int, source: str) -> None:
    """The terminal's fixes win; a phone's counts after more than 60 s of the terminal's silence."""
    made = town()
    made.apply(fix(NOW_MS, speed_mps=1.0), NOW_MS)
    made.apply(fix(NOW_MS + silence_ms, source="osmand", speed_mps=2.0), NOW_MS)
    assert shown(made, "truck", "t1")["speed_mps"] == (1.0 if source == "jt808" else 2.0)


def test_unknown_is_shown_as_unknown() -> None:
    """A truck that never said anything has no load, no place, no cover: null and "unknown", never 0 or closed."""
    made = town()
    made.apply(asset("truck", "t1", plate="QY-001"), NOW_MS)
    truck = shown(made, "truck", "t1")
    assert (truck["plate"], truck["load_kg"], truck["lon"], truck["cover"], truck["load_state"]) == (
        "QY-001",
        None,
        None,
        "unknown",
        "unknown",
    )


def test_an_invalid_reading_keeps_the_last_usable_fill() -> None:
    """A tilted sensor says nothing about the fill: the old one stays, with the reason beside it."""
    made = town()
    made.apply(asset("bin", "b1", material="kitchen"), NOW_MS)
    made.apply(events.BinReading(bin_id="b1", event_time_ms=NOW_MS, fill=0.4), NOW_MS)
    made.apply(events.BinReading(bin_id="b1", event_time_ms=NOW_MS + 1, fill=0.0, invalid="tilted"), NOW_MS)
    assert shown(made, "bin", "b1") | {"fill": 0.4, "invalid": "tilted"} == shown(made, "bin", "b1")


def test_a_version_counts_from_its_time_on() -> None:
    """A facility that closes tomorrow is open today."""
    made = town()
    made.apply(asset("facility", "f1"), NOW_MS)
    made.apply(asset("facility", "f1", 2, valid_from_ms=NOW_MS + 1000, closed_until_ms=NOW_MS + DAY_MS), NOW_MS)
    assert shown(made, "facility", "f1")["closed_until_ms"] is None
    made.advance(NOW_MS + 1000)
    assert shown(made, "facility", "f1")["closed_until_ms"] == NOW_MS + DAY_MS
    assert ("facility", "f1") in {(change.kind, change.id) for change in made.changes()}


def test_a_retired_truck_is_gone() -> None:
    """A retired version is a change to nothing, and the snapshot leaves the truck out."""
    made = town()
    made.apply(asset("truck", "t1"), NOW_MS)
    made.apply(asset("truck", "t1", 2, retired=True), NOW_MS)
    assert [change.value for change in made.changes()] == [None]
    assert made.everything(DESK)["trucks"] == []


def test_down_ends_with_its_correction_whatever_comes_first() -> None:
    """A breakdown stands until it is corrected; a correction that arrives before it counts as well."""
    made = town()
    made.apply(fix(), NOW_MS)
    made.apply(act("breakdown", "x1"), NOW_MS)
    assert shown(made, "truck", "t1")["down"] == "breakdown"
    made.apply(act("corrected", "x2", corrects="x1"), NOW_MS)
    assert shown(made, "truck", "t1")["down"] is None
    made.apply(act("corrected", "x4", corrects="x3"), NOW_MS)
    made.apply(act("sos", "x3"), NOW_MS)
    assert shown(made, "truck", "t1")["down"] is None


def test_a_call_taken_back_leaves_the_other_standing() -> None:
    """A breakdown, then an SOS by mistake: when the SOS is taken back, the truck is still broken down."""
    made = town()
    made.apply(fix(), NOW_MS)
    made.apply(act("breakdown", "x1"), NOW_MS)
    made.apply(act("sos", "x2", NOW_MS + 1), NOW_MS)
    truck = shown(made, "truck", "t1")
    assert (truck["down"], truck["down_action_id"]) == ("sos", "x2")
    made.apply(act("corrected", "x3", NOW_MS + 2, corrects="x2"), NOW_MS)
    truck = shown(made, "truck", "t1")
    assert (truck["down"], truck["down_action_id"]) == ("breakdown", "x1")
    made.apply(act("corrected", "x4", NOW_MS + 3, corrects="x1"), NOW_MS)
    assert shown(made, "truck", "t1")["down"] is None


def test_a_correction_takes_back_only_what_the_same_truck_called() -> None:
    """As the planner has it: what another truck's driver calls stays, whichever of the two comes first."""
    for order in ((0, 1), (1, 0)):
        made = town()
        records = (act("sos", "x1"), act("corrected", "x2", truck_id="t2", corrects="x1"))
        for index in order:
            made.apply(records[index], NOW_MS)
        assert shown(made, "truck", "t1")["down"] == "sos"


def test_what_was_done_under_the_running_plan_is_never_forgotten() -> None:
    """However much other trucks report: the desk that is opened hours later sees how far this one is in its plan."""
    made = town()
    made.apply(events.TruckPlan(truck_id="t1", plan_version=1, made_ms=NOW_MS, reason="first_plan"), NOW_MS)
    made.apply(act("accepted_plan", "old", NOW_MS - HOUR_MS), NOW_MS)
    made.apply(act("collected", "before", NOW_MS - HOUR_MS), NOW_MS)
    made.apply(act("collected", "done", NOW_MS), NOW_MS)
    made.apply(act("corrected", "taken-back", NOW_MS + 1, corrects="done"), NOW_MS)
    made.changes()
    for number in range(3 * ACTIONS_KEPT):
        made.apply(act("tipped", f"a{number}", NOW_MS + number, truck_id="t2"), NOW_MS)
    kept = {action["action_id"] for action in made.everything(DESK)["actions"]}
    assert {"done", "taken-back", "old", f"a{3 * ACTIONS_KEPT - 1}"} <= kept
    assert "a0" not in kept
    assert {change.id for change in made.changes() if change.kind == "action" and change.value is None} >= {"a0"}
    assert len(kept) < 2 * ACTIONS_KEPT + 5


def test_down_ends_with_the_next_shift() -> None:
    """A truck that broke down yesterday drives again when its next shift begins."""
    made = town()
    start_ms = NOW_MS + HOUR_MS
    made.apply(fix(), NOW_MS)
    made.apply(act("breakdown", "x1"), NOW_MS)
    shift = events.Shift(shift_id="s1", truck_id="t1", valid_from_ms=1, start_ms=start_ms, end_ms=start_ms + HOUR_MS)
    made.apply(shift, NOW_MS)
    made.advance(NOW_MS)
    assert shown(made, "truck", "t1")["down"] == "breakdown"
    made.advance(start_ms)
    truck = shown(made, "truck", "t1")
    assert (truck["down"], truck["shift"]) == (None, {"start_ms": start_ms, "end_ms": start_ms + HOUR_MS})
    made.advance(start_ms + HOUR_MS)
    assert shown(made, "truck", "t1")["shift"] is None


def test_a_facility_counts_todays_kilograms_and_the_trucks_inside() -> None:
    """Weighed in since midnight, once a weighing; yesterday's, outgoing and refused loads do not count."""
    made = town()
    made.apply(asset("facility", "f1"), NOW_MS)
    made.advance(NOW_MS)
    for weighing_id, net_kg, more in (
        ("w1", 1000.0, {}),
        ("w1", 1000.0, {}),
        ("w2", 500.0, {}),
        ("w3", 70.0, {"inbound": False}),
        ("w4", 80.0, {"accepted": False}),
        ("w5", 90.0, {"event_time_ms": NOW_MS - DAY_MS}),
    ):
        members = {"event_time_ms": NOW_MS, "net_kg": net_kg} | more
        made.apply(events.Weighing(weighing_id=weighing_id, facility_id="f1", truck_id="t1", **members), NOW_MS)
    made.apply(fix(), NOW_MS)
    facility = shown(made, "facility", "f1")
    assert (facility["today_kg"], facility["queue"]) == (1500.0, 1)
    made.apply(fix(NOW_MS + 1, lon=-8.7), NOW_MS)
    made.advance(NOW_MS + DAY_MS)
    facility = shown(made, "facility", "f1")
    assert (facility["today_kg"], facility["queue"]) == (0.0, 0)


def test_a_collection_no_longer_due_goes() -> None:
    """Due false takes the place away; an older due that arrives later does not bring it back."""
    made = town()
    due = events.CollectionDue(place_id="b1", place_kind="bin", due=True, material="kitchen", at_ms=NOW_MS)
    made.apply(due, NOW_MS)
    made.apply(msgspec.structs.replace(due, due=False, at_ms=NOW_MS + 1), NOW_MS)
    made.apply(due, NOW_MS)
    assert made.everything(DESK)["due"] == []


@given(st.permutations(range(5)))
def test_an_alert_is_the_same_in_any_order(order: list[int]) -> None:
    """Revisions and what officers said, in any order and twice, give one alert with its newest revision."""
    ack = events.AlertAction(action_id="c1", alert_id="a1", actor="officer", kind="ack", at_ms=NOW_MS + 5)
    note = events.AlertAction(action_id="c2", alert_id="a1", actor="chief", kind="note", at_ms=NOW_MS + 9)
    records: list[events.Event] = [alert(1), alert(2), alert(3, state="ended"), ack, note]
    made = town()
    for index in [*order, *order]:
        made.apply(records[index], NOW_MS)
    value = shown(made, "alert", "a1")
    assert (value["revision"], value["state"], value["acked_by"], value["ack_ms"]) == (
        3,
        "ended",
        "officer",
        NOW_MS + 5,
    )
    assert [action["action_id"] for action in value["actions"]] == ["c1", "c2"]


def test_an_undone_acknowledgement_is_none() -> None:
    """Undo takes the last one back."""
    kinds = ("ack", "undo")
    actions = [
        events.AlertAction(action_id=f"c{n}", alert_id="a1", actor="o", kind=kind, at_ms=n)
        for n, kind in enumerate(kinds)
    ]
    assert acknowledged(actions[:1]) is not None
    assert acknowledged(actions) is None


def test_old_alerts_that_are_over_go_and_open_ones_stay() -> None:
    """A day after it was raised an ended alert leaves the live state; one that goes on stays."""
    made = town()
    made.apply(alert(state="ended"), NOW_MS)
    made.apply(alert(alert_id="a2"), NOW_MS)
    made.advance(NOW_MS + DAY_MS + 1)
    assert [value["alert_id"] for value in made.everything(DESK)["alerts"]] == ["a2"]


def test_of_too_many_alerts_only_settled_ones_go_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on, and what is over but nobody has looked at, stays however many there are."""
    monkeypatch.setattr(live_state, "ALERTS_KEPT", 4)
    made = town()

    def raised(alert_id: str, at_ms: int, state: str = "raised", said: str | None = None) -> None:
        made.apply(alert(alert_id=alert_id, raised_ms=NOW_MS + at_ms, state=state), NOW_MS)
        if said:
            action = events.AlertAction(action_id=alert_id, alert_id=alert_id, actor="o", kind=said, at_ms=NOW_MS)
            made.apply(action, NOW_MS)

    raised("open", 1)
    raised("open, seen", 2, said="ack")
    raised("over, not seen", 3, "ended")
    raised("settled late", 5, "ended", "confirm")
    raised("settled early", 4, "cancelled")
    made.advance(NOW_MS + 10)
    assert shown(made, "alert", "settled early") is None
    assert shown(made, "alert", "settled late") is not None
    for number in range(5):
        raised(f"more {number}", 6 + number)
    made.changes()
    made.advance(NOW_MS + 20)
    assert [(change.id, change.value) for change in made.changes()] == [("settled late", None)]
    assert len(made.everything(DESK)["alerts"]) == 8


def test_a_driver_sees_the_own_truck_and_nothing_else() -> None:
    """Of everything, a driver's snapshot holds the own truck, plan, actions and permits, and where one may tip."""
    made = town()
    for truck_id in ("t1", "t2"):
        made.apply(fix(truck_id=truck_id), NOW_MS)
        made.apply(events.TruckPlan(truck_id=truck_id, plan_version=1, made_ms=NOW_MS, reason="first_plan"), NOW_MS)
        permit = events.Permit(permit_id=f"p-{truck_id}", truck_ids=(truck_id,), valid_from_ms=1)
        made.apply(permit, NOW_MS)
    made.apply(alert(), NOW_MS)
    for kind in ("bin", "depot", "facility", "source"):
        made.apply(asset(kind, kind), NOW_MS)
    seen = made.everything(Scope(truck_id="t1"))
    counted = {name: len(things) for name, things in seen.items() if things}
    assert counted == {"trucks": 1, "plans": 1, "permits": 1, "facilities": 1}
    assert made.everything(Scope(truck_id=""))["trucks"] == []


def test_a_district_sees_its_own_and_what_belongs_to_none() -> None:
    """A truck, bin or alert of another district is not in a district's snapshot; a city-wide one is."""
    made = town()
    for number, district_id in enumerate(("north", "south", None)):
        made.apply(asset("truck", f"t{number}", district_id=district_id), NOW_MS)
        made.apply(asset("bin", f"b{number}", district_id=district_id), NOW_MS)
        made.apply(alert(alert_id=f"a{number}", truck_id=f"t{number}"), NOW_MS)
    seen = made.everything(Scope(district_id="north"))
    assert [truck["truck_id"] for truck in seen["trucks"]] == ["t0", "t2"]
    assert [bin_["bin_id"] for bin_ in seen["bins"]] == ["b0", "b2"]
    assert [one["alert_id"] for one in seen["alerts"]] == ["a0", "a2"]


def test_a_district_may_act_on_what_it_sees() -> None:
    """What is hidden from an officer of a district cannot be acknowledged by that officer either."""
    made = town()
    for number, district in enumerate(["d1", "d2"], start=1):
        made.apply(asset("truck", f"t{number}", district_id=district), NOW_MS)
        made.apply(alert(alert_id=f"a{number}", truck_id=f"t{number}"), NOW_MS)
    assert [made.alert_rule("a1", scope) for scope in (None, "d1", "d2")] == ["spillage", "spillage", None]


def test_every_member_is_there_also_at_its_default() -> None:
    """Kafka leaves defaults out, pages get them: a plan's visit says that it is a collection."""
    made = town()
    visit = events.PlanVisit(arrive_ms=1, leave_ms=2, lon=-8.6, lat=41.1, stop_id="b1")
    plan = events.TruckPlan(truck_id="t1", plan_version=1, made_ms=1, reason="first_plan", visits=(visit,))
    made.apply(codec.decode(codec.topic_of(plan), codec.encode(plan)), NOW_MS)
    value = shown(made, "plan", "t1")
    assert (value["visits"][0]["kind"], value["changed"], value["path"]) == ("collect", [], None)


def test_from_the_picture_or_from_the_start_the_state_is_the_same() -> None:
    """The newest of everything plus an overlap of what it contains = all records from the beginning."""
    chance = random.Random(5)
    records: list[events.Event] = [asset("truck", "t1"), asset("bin", "b1"), asset("facility", "f1", lon=-8.0)]
    records += [fix(NOW_MS + n * 1000, speed_mps=float(n), fix=n % 3 > 0) for n in range(20)]
    records += [events.BinReading(bin_id="b1", event_time_ms=NOW_MS + n, fill=n / 20) for n in range(20)]
    records += [alert(n + 1) for n in range(5)]
    whole_town = town()
    for record in records:
        whole_town.apply(record, NOW_MS)
    last_fix, last_reading = records[22], records[42]
    assert isinstance(last_fix, events.TruckState)
    assert isinstance(last_reading, events.BinReading)
    picture = Picture(
        offsets={},
        positions=[Position(last_fix, -8.6, 41.15)],
        readings=[Reading(last_reading, last_reading.fill)],
        events=[*records[:3], records[-1]],
    )
    restored = town()
    restored.restore(picture, "default", NOW_MS)
    for record in chance.sample(records, 15):
        restored.apply(record, NOW_MS)
    assert restored.everything(DESK) == whole_town.everything(DESK)


def test_only_changed_things_are_told() -> None:
    """Ten fixes between two batches are one change; a batch without news is empty."""
    made = town()
    for number in range(10):
        made.apply(fix(NOW_MS + number), NOW_MS)
    assert [(change.kind, change.id) for change in made.changes()] == [("truck", "t1")]
    assert made.changes() == []


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2026-03-29T12:00:00+01:00", "2026-03-29T00:00:00+00:00"),
        ("2026-10-25T12:00:00+00:00", "2026-10-25T00:00:00+01:00"),
        ("2026-11-24T00:00:00+00:00", "2026-11-24T00:00:00+00:00"),
    ],
)
def test_midnight_is_the_citys(now: str, midnight: str) -> None:
    """Also on the days when clocks change the day begins at local midnight."""
    before = midnight_before(ZoneInfo("Europe/Lisbon"))
    now_ms = round(datetime.fromisoformat(now).timestamp() * 1000)
    assert before(now_ms) == round(datetime.fromisoformat(midnight).timestamp() * 1000)


def test_turns_are_only_the_drivers() -> None:
    """A plan on the stream leaves its turns out: a thousand desks' worth of them. The driver's day has them."""
    made = town()
    guide = events.Guide(roads=("Rua A",), legs=(((0, "depart", 0), (1, "arrive", -1)),))
    plan = events.TruckPlan(truck_id="t1", plan_version=1, made_ms=1, reason="first_plan", guide=guide)
    made.apply(plan, NOW_MS)
    assert shown(made, "plan", "t1")["guide"] is None
    assert made.day_of("t1").plan == plan
