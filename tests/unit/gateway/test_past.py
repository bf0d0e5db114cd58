"""The past is told as live told it: the state at a moment and the changes from there on make the state at a later one."""

import random
from typing import Any

import msgspec
import pytest

from services.gateway import past
from services.gateway.live_state import LISTS, Scope, Town
from services.newest import Arrival, Picture, Position
from streams import events
from streams.units import DAY_MS, MINUTE_MS, SECOND_MS

T_MS = 1_795_500_000_000
DESK = Scope()
TENANT = events.DEFAULT_TENANT


def town() -> Town:
    return Town(lambda now_ms: now_ms - now_ms % DAY_MS)


def fix(at_ms: int, truck_id: str = "t1", **more: Any) -> Arrival:
    came_ms = more.pop("received_time_ms", at_ms)
    state = events.TruckState(
        truck_id=truck_id, event_time_ms=at_ms, received_time_ms=came_ms, lon=-8.6, lat=41.15, **more
    )
    return Arrival(came_ms, state)


def asset(truck_id: str, **more: Any) -> events.Asset:
    given: dict[str, Any] = {"valid_from_ms": 1, "version": 1}
    return events.Asset(id=truck_id, kind="truck", **(given | more))


def picture(*known: events.Event, positions: tuple[Position, ...] = ()) -> Picture:
    return Picture(offsets={}, positions=list(positions), readings=[], events=list(known))


def at(known: Picture, at_ms: int = T_MS) -> Town:
    return past.at(town(), known, TENANT, at_ms)


def things(lists: dict[str, list[Any]]) -> dict[tuple[str, str], Any]:
    names = {"plan": "truck_id", "run": "material", "due": "place_id"}
    return {
        (kind, one[names.get(kind, "id" if "id" in one else f"{kind}_id")]): one
        for kind, name in LISTS.items()
        for one in lists[name]
    }


def shown(film: past.Film, begin: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """What a page has that began with ``begin`` and took every frame."""
    known = dict(begin)
    for frame in film.frames:
        for change in frame.changes:
            known[change["kind"], change["id"]] = msgspec.json.decode(change["value"])
    return {key: value for key, value in known.items() if value is not None}


def test_a_frame_holds_the_last_of_each_thing_in_its_step() -> None:
    """Of a truck's fixes within a step the newest is told, at the end of the step; steps without change are left out."""
    came = [fix(T_MS + second * SECOND_MS, speed_mps=float(second)) for second in (1, 2, 3, 27)]
    film = past.film(at(picture(asset("t1"))), came, DESK, T_MS, T_MS + 30 * SECOND_MS, 10 * SECOND_MS)
    told = [
        (frame.now_ms - T_MS, [msgspec.json.decode(c["value"])["speed_mps"] for c in frame.changes])
        for frame in film.frames
    ]
    assert told == [(10_000, [3.0]), (30_000, [27.0])]
    assert film.to_ms == T_MS + 30 * SECOND_MS


def test_what_is_too_much_ends_early_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer has an end: the film says up to when it tells, and what follows can be asked for from there."""
    monkeypatch.setattr(past, "MOST_BYTES", 1_000)
    came = [fix(T_MS + second * SECOND_MS) for second in range(1, 60)]
    film = past.film(at(picture(asset("t1"))), came, DESK, T_MS, T_MS + MINUTE_MS, SECOND_MS)
    assert T_MS < film.to_ms < T_MS + MINUTE_MS
    assert film.frames[-1].now_ms == film.to_ms


def test_only_what_is_theirs_is_told() -> None:
    """A district sees its trucks; a driver the own one."""
    known = picture(asset("t1", district_id="a"), asset("t2", district_id="b"))
    came = [fix(T_MS + 1, "t1"), fix(T_MS + 2, "t2")]
    for scope in (Scope(district_id="b"), Scope(truck_id="t2")):
        film = past.film(at(known), came, scope, T_MS, T_MS + SECOND_MS, SECOND_MS)
        assert [change["id"] for frame in film.frames for change in frame.changes] == ["t2"]


def test_a_version_becomes_valid_in_the_middle() -> None:
    """A facility closes at its time, a shift begins: the picture knows what is to come, time brings it out."""
    place = {"id": "f1", "kind": "facility", "lon": -8.6, "lat": 41.15}
    open_, closed = (
        events.Asset(**place, version=version, valid_from_ms=from_ms, closed_until_ms=until_ms)
        for version, from_ms, until_ms in ((1, 1, None), (2, T_MS + MINUTE_MS, T_MS + DAY_MS))
    )
    shift = events.Shift(
        shift_id="s1", truck_id="t1", version=1, valid_from_ms=1, start_ms=T_MS + 2 * MINUTE_MS, end_ms=T_MS + DAY_MS
    )
    made = at(picture(open_, closed, shift, asset("t1")))
    film = past.film(made, [], DESK, T_MS, T_MS + 3 * MINUTE_MS, MINUTE_MS)
    told = [(frame.now_ms - T_MS, [change["id"] for change in frame.changes]) for frame in film.frames]
    assert told == [(MINUTE_MS, ["f1"]), (2 * MINUTE_MS, ["t1"])]


@pytest.mark.parametrize("seed", range(5))
def test_state_and_changes_make_the_later_state(seed: int) -> None:
    """Whatever came, and in whatever steps it is told: a page that played to a moment shows what a page shows that went there."""
    chance = random.Random(seed)
    records = _records(chance)
    begin_ms, end_ms = T_MS + 10 * MINUTE_MS, T_MS + 20 * MINUTE_MS

    def until(to_ms: int) -> Town:
        made = town()
        for arrival in records:
            if arrival.at_ms <= to_ms:
                made.apply(arrival.event, arrival.at_ms)
        made.advance(to_ms)
        made.changes()
        return made

    begin = things(until(begin_ms).everything(DESK))
    came = [arrival for arrival in records if begin_ms < arrival.at_ms <= end_ms]
    for step_ms in (SECOND_MS, 7 * SECOND_MS, 5 * MINUTE_MS):
        film = past.film(until(begin_ms), came, DESK, begin_ms, end_ms, step_ms)
        assert shown(film, begin) == things(until(end_ms).everything(DESK))


def _records(chance: random.Random) -> list[Arrival]:
    """Half an hour of two trucks, a bin that is due now and then, an alert with revisions, plans."""
    found = [Arrival(T_MS, asset("t1")), Arrival(T_MS, asset("t2", district_id="a"))]
    for number in range(200):
        at_ms = T_MS + chance.randrange(30 * MINUTE_MS)
        truck_id = chance.choice(["t1", "t2"])
        late_ms = chance.choice([0, 400, 90_000])
        event = chance.choice(
            [
                fix(at_ms, truck_id, received_time_ms=at_ms + late_ms, speed_mps=float(number)).event,
                events.CollectionDue(
                    place_id="b1", place_kind="bin", due=chance.random() < 0.5, material="kitchen", at_ms=at_ms
                ),
                events.TruckPlan(truck_id=truck_id, plan_version=at_ms - T_MS, made_ms=at_ms, reason="first_plan"),
            ]
        )
        found.append(Arrival(at_ms + (late_ms if isinstance(event, events.TruckState) else 0), event))
    for revision in (1, 2, 3):
        emitted_ms = T_MS + revision * 6 * MINUTE_MS
        alert = events.Alert(
            alert_id="a1",
            revision=revision,
            rule="spillage",
            rule_version="1",
            state=("raised", "updated", "ended")[revision - 1],  # type: ignore[arg-type]
            severity="high",
            certainty="likely",
            start_ms=T_MS,
            raised_ms=T_MS,
            emitted_ms=emitted_ms,
            truck_id="t1",
        )
        found.append(Arrival(emitted_ms, alert))
    return sorted(found, key=lambda arrival: arrival.at_ms)
