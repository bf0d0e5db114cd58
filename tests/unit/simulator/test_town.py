"""The town: the same told, the same done; mass is neither made nor lost; drivers do what their plan says."""

import itertools

import msgspec
import pytest

from services.city.folder import City
from services.planner.roads import Roads
from services.simulator import keep, script
from services.simulator.driving import metres
from services.simulator.keep import Saved
from services.simulator.script import Play
from services.simulator.state import Output, PhoneFix, Pressed, Report, Ticketed, TownState, Truth, Uplink
from services.simulator.town import Town
from streams import events


def run(town: Town, seconds: int) -> list[Output]:
    """Let seconds pass."""
    return [output for _ in range(seconds) for output in town.step()]


def a_plan(
    city: City,
    town: Town,
    truck_id: str,
    bins: list[str],
    facility_id: str,
    *,
    version: int = 1,
    material: str | None = None,
) -> events.TruckPlan:
    """Collect some containers, tip, go home; times are of no matter to a driver who is not early."""
    at_ms = town.state.now_ms
    stops = [city.asset["bin", bin_id] for bin_id in bins]
    sink = city.asset["facility", facility_id]
    truck = town.state.trucks[truck_id]

    def visit(kind: str, lon: float | None, lat: float | None, **more: object) -> events.PlanVisit:
        given = {"kind": kind, "arrive_ms": at_ms, "leave_ms": at_ms, "lon": lon or 0.0, "lat": lat or 0.0, **more}
        return msgspec.convert(given, events.PlanVisit)

    return events.TruckPlan(
        tenant_id=city.tenant_id,
        truck_id=truck_id,
        plan_version=version,
        made_ms=at_ms,
        reason="first_plan",
        material=material or stops[0].material,  # type: ignore[arg-type]  # a material's code
        visits=(
            visit("start", truck.lon, truck.lat),
            *(visit("collect", stop.lon, stop.lat, stop_id=stop.id, bin_ids=(stop.id,)) for stop in stops),
            visit("tip", sink.lon, sink.lat, facility_id=facility_id),
            visit("end", truck.lon, truck.lat),
        ),
    )


def near_bins(city: City, town: Town, truck_id: str, count: int) -> list[str]:
    """Return the containers of the truck's material nearest to it."""
    truck = town.state.trucks[truck_id]
    own = [row for row in city.bins if row.material == truck.material]
    return [row.bin_id for row in sorted(own, key=lambda row: metres((row.lon, row.lat), (truck.lon, truck.lat)))][
        :count
    ]


def test_the_same_seed_is_the_same_day(porto: City, play: Play, roads: Roads, town: Town) -> None:
    """Two runs of twenty minutes give the same outputs, to the last digit."""
    again = Town(porto, play, roads, msgspec.json.decode(msgspec.json.encode(town.state), type=TownState))
    assert run(town, 1200) == run(again, 1200)


def test_a_kept_play_goes_on_as_if_nothing_had_been(porto: City, play: Play, roads: Roads, town: Town) -> None:
    """Stopped in the middle of a spill, kept, read, taken up: the rest of the day is the same."""
    run(town, 400)
    kept = keep.encode(Saved(city="porto", seed=7, town=town.state))
    resumed = Town(porto, play, roads, msgspec.json.decode(kept, type=Saved).town)
    assert any(truck.deed is not None for truck in resumed.state.trucks.values())
    assert run(resumed, 900) == run(town, 900)


def test_the_first_scene(porto: City, town: Town) -> None:
    """At 07:00 early shifts are out; of each material two trucks or more are over 70 % full."""
    rows = {row.truck_id: row for row in porto.trucks}
    full = [
        truck.material for truck in town.state.trucks.values() if truck.load_kg > 0.7 * rows[truck.truck_id].payload_kg
    ]
    assert all(full.count(material) >= 2 for material in events.MATERIALS)
    early = [truck for truck in town.state.trucks.values() if rows[truck.truck_id].shift in ("early", "site")]
    assert all(truck.on_duty for truck in early)
    late = [truck for truck in town.state.trucks.values() if rows[truck.truck_id].shift == "late"]
    assert not any(truck.on_duty or truck.load_kg for truck in late)
    residual = [row for row in porto.bins if row.material == "residual"]
    due = sum(town.level_l(row.bin_id) > 0.75 * row.volume_l for row in residual) / len(residual)
    assert 0.2 < due < 0.35


def test_a_spill_and_a_dump_happen_in_the_first_quarter(porto: City, town: Town) -> None:
    """By 07:15 one truck has strewn tonnes on a street with its cover open, another has dumped far from every yard."""
    outputs = run(town, 900)
    truths = {truth.what: truth for truth in outputs if isinstance(truth, Truth)}
    spill, dump = truths["spill"], truths["dump"]
    assert spill.details["lost_kg"] > 1000
    assert len(spill.details["where"]) > 5
    seen = [report for report in outputs if isinstance(report, Report) and report.truck_id == spill.truck_id]
    during = [report for report in seen if spill.begin_ms < report.time_ms < spill.end_ms]
    assert all(report.cover_open for report in during[1:])
    assert sum(report.speed_mps > 3 for report in during) > 10
    assert dump.details["lost_kg"] > 5000
    (place,) = dump.details["where"]
    yards = [(one.lon or 0, one.lat or 0) for kind in ("facility", "source", "depot") for one in porto.of_kind(kind)]
    assert min(metres(place, yard) for yard in yards) > 400
    tipping = [
        report
        for report in outputs
        if isinstance(report, Report) and report.truck_id == dump.truck_id and report.bed_raised
    ]
    assert tipping


def test_a_plan_that_turns_a_truck_round_stops_no_spill(porto: City, town: Town) -> None:
    """Sent to another facility in the middle of a spill, the truck goes on to lose its load on the new way."""
    truck = town.state.trucks["t25"]
    run(town, 342)
    assert truck.deed is not None
    lost_kg = truck.deed.lost_kg
    town.take_plan("t25", a_plan(porto, town, "t25", [], "f-landfill", material="construction"))
    assert truck.drive is None
    (spill,) = [
        truth
        for truth in run(town, 600)
        if isinstance(truth, Truth) and truth.what == "spill" and truth.truck_id == "t25"
    ]
    assert spill.details["lost_kg"] > 3 * lost_kg > 0


def test_a_driver_follows_the_plan(porto: City, town: Town) -> None:
    """Three containers collected in the plan's order, then tipped at the plan's facility, each pressed once."""
    truck_id = "t17"
    bins = near_bins(porto, town, truck_id, 3)
    pressed = town.take_plan(truck_id, a_plan(porto, town, truck_id, bins, "f-kitchen-centre"))
    outputs = [*pressed, *run(town, 5400)]
    actions = [one.action for one in outputs if isinstance(one, Pressed) and one.action.truck_id == truck_id]
    assert [action.kind for action in actions][:6] == [
        "accepted_plan",
        "collected",
        "collected",
        "collected",
        "arrived",
        "tipped",
    ]
    assert [action.stop_id for action in actions[1:4]] == bins
    assert actions[5].facility_id == "f-kitchen-centre"
    assert len({action.action_id for action in actions}) == len(actions)
    for bin_id in bins:
        assert town.level_l(bin_id) < 0.2 * next(row.volume_l for row in porto.bins if row.bin_id == bin_id)


def test_mass_is_conserved(porto: City, town: Town) -> None:
    """What was on board and in the containers is on board, in the containers, or on a weighbridge's ticket."""
    truck_id = "t17"
    truck, rows = town.state.trucks[truck_id], {row.bin_id: row for row in porto.bins}
    bins = near_bins(porto, town, truck_id, 4)
    town.take_plan(truck_id, a_plan(porto, town, truck_id, bins, "f-kitchen-centre"))
    board_kg, expected_kg, ticket_kg, levels = truck.load_kg, truck.load_kg, 0.0, {}
    for _ in range(5400):
        levels = {bin_id: town.level_l(bin_id) for bin_id in bins}
        for output in town.step():
            if isinstance(output, Pressed) and output.action.truck_id == truck_id and output.action.kind == "collected":
                bin_id = output.action.stop_id or ""
                taken_l = levels[bin_id] - town.level_l(bin_id)
                expected_kg += taken_l * rows[bin_id].density_kg_per_l
                board_kg = truck.load_kg
                # The level rose a little while the truck stood there, and 2 % stick to the walls.
                assert board_kg == pytest.approx(expected_kg, abs=0.03 * rows[bin_id].volume_l * 0.55 * 4)
            if isinstance(output, Ticketed) and output.weighing.truck_id == truck_id:
                ticket_kg += output.weighing.net_kg or 0.0
    assert ticket_kg == pytest.approx(board_kg, abs=20)
    assert truck.load_kg == 0.0


def test_a_changed_plan_turns_a_truck_round(porto: City, town: Town) -> None:
    """A newer plan with another next stop changes the way at once; an older one is ignored."""
    truck_id = "t18"
    one, two, *_ = near_bins(porto, town, truck_id, 20)[10:]
    town.take_plan(truck_id, a_plan(porto, town, truck_id, [one], "f-kitchen-centre", version=2))
    run(town, 30)
    truck = town.state.trucks[truck_id]
    assert truck.target is not None
    assert truck.target.stop_id == one
    town.take_plan(truck_id, a_plan(porto, town, truck_id, [two, one], "f-kitchen-centre", version=3))
    assert town.take_plan(truck_id, a_plan(porto, town, truck_id, [one], "f-kitchen-centre", version=2)) == []
    run(town, 30)
    assert truck.target is not None
    assert truck.target.stop_id == two


def test_a_plan_with_the_same_next_stop_disturbs_nobody(porto: City, town: Town) -> None:
    """Where the newer plan begins with the stop in hand the truck drives on."""
    truck_id = "t18"
    one, two, *_ = near_bins(porto, town, truck_id, 20)[10:]
    town.take_plan(truck_id, a_plan(porto, town, truck_id, [one], "f-kitchen-centre", version=2))
    run(town, 30)
    way = town.state.trucks[truck_id].drive
    town.take_plan(truck_id, a_plan(porto, town, truck_id, [one, two], "f-kitchen-centre", version=3))
    assert town.state.trucks[truck_id].drive is way
    assert way is not None


def test_a_truck_that_is_down_stands(porto: City, town: Town) -> None:
    """A truck whose driver reported a breakdown stays where it is until the report is taken back, then goes on."""
    truck_id = "t18"
    bins = near_bins(porto, town, truck_id, 20)[15:]
    town.take_plan(truck_id, a_plan(porto, town, truck_id, bins, "f-kitchen-centre"))
    run(town, 60)
    truck = town.state.trucks[truck_id]
    assert truck.speed_mps > 0
    town.set_down(truck_id, down=True)
    here = truck.lon, truck.lat
    run(town, 600)
    assert (truck.lon, truck.lat) == here
    town.set_down(truck_id, down=False)
    run(town, 60)
    assert (truck.lon, truck.lat) != here


def test_a_full_truck_without_a_plan_tips_by_itself(town: Town) -> None:
    """A driver with a full truck waits a while for a plan, then goes to a facility that takes the load."""
    tickets = [one.weighing for one in run(town, 3000) if isinstance(one, Ticketed)]
    accepted = {"residual": {"f-incineration", "f-transfer-station", "f-landfill"}, "kitchen": {"f-kitchen-centre"},
                "recyclable": {"f-sorting-centre"}, "construction": {"f-construction-yard", "f-landfill"}}  # fmt: skip
    assert {ticket.material for ticket in tickets} == set(events.MATERIALS)
    assert all(ticket.facility_id in accepted[ticket.material or ""] for ticket in tickets)
    assert all((ticket.gross_kg or 0) - (ticket.tare_kg or 0) == ticket.net_kg for ticket in tickets)


def test_devices_speak_in_their_rhythm(porto: City, town: Town) -> None:
    """In half an hour each terminal reports every 10 s under way and 30 s standing, each sensor about once."""
    outputs = run(town, 1800)
    times: dict[str, list[Report]] = {}
    for output in outputs:
        if isinstance(output, Report):
            times.setdefault(output.truck_id, []).append(output)
    assert times.keys() == town.state.trucks.keys()
    for reports in times.values():
        gaps = [after.time_ms - before.time_ms for before, after in itertools.pairwise(reports)]
        assert max(gaps) <= 120_000
    assert sum(isinstance(output, Uplink) for output in outputs) >= len(porto.bins)
    assert {output.truck_id for output in outputs if isinstance(output, PhoneFix)} <= {"t05", "t20"}


def test_gps_errs_by_some_metres(town: Town) -> None:
    """Reported places are a few metres off, not nailed to the street and not far away."""
    errors = []
    for _ in range(600):
        for output in town.step():
            if isinstance(output, Report):
                truck = town.state.trucks[output.truck_id]
                errors.append(metres((output.lon, output.lat), (truck.lon, truck.lat)))
    errors.sort()
    assert 2.0 < errors[len(errors) // 2] < 8.0
    assert errors[-1] < 30.0


def test_the_day_ends_at_home(porto: City, play: Play, roads: Roads, town: Town) -> None:
    """Two hours after its shift a truck stands empty in its depot, off duty, its engine off."""
    town.state.now_ms = porto.local_ms(porto.local_date(town.state.now_ms), "13:55")
    evening = Town(porto, play, roads, town.state)
    run(evening, 7200)
    for row in porto.trucks:
        truck = evening.state.trucks[row.truck_id]
        if row.shift == "early":
            gate = porto.asset["depot", row.depot_id]
            assert (truck.on_duty, truck.ignition, truck.load_kg) == (False, False, 0.0)
            assert metres((truck.lon, truck.lat), (gate.lon or 0, gate.lat or 0)) < 150


def test_misdeeds_can_be_made_more_frequent(porto: City, play: Play) -> None:
    """So many times as often, kinds in the same proportion, up to one on every drive; 0 leaves what is planned."""
    once = play.script.deeds_per_trip
    assert script.read(porto, 2.0).script.deeds_per_trip == {kind: 2 * chance for kind, chance in once.items()}
    always = script.read(porto, 1000.0).script.deeds_per_trip
    assert sum(always.values()) == pytest.approx(1.0)
    assert always["spill"] / always["dump"] == pytest.approx(once["spill"] / once["dump"])
    never = script.read(porto, 0.0).script
    assert not any(never.deeds_per_trip.values())
    assert never.planned == play.script.planned
