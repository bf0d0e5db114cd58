"""A load that leaves the truck where nothing may be unloaded."""

import pytest

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, fold, states

RULE = "illegal-dump"


def tip(drive: town.Drive, kg: float = 14_000.0, *, seconds: float = 60, **sensors: object) -> town.Drive:
    """Raise the bed, let the load fall, lower it, stay a little, and drive on."""
    drive.wait(20, cover="open", **sensors)
    drive.wait(seconds, falling_kg=kg, bed="raised").wait(70, bed="level", cover="closed")
    return drive.go(drive.x_m + 1_000)


def test_a_load_tipped_off_the_road_is_observed_once_with_its_kilograms() -> None:
    """Bed and load agree: one alert, observed, high, ended, with place and kilograms."""
    drive = town.loaded().go(3_000).go(3_000, 200)
    place = town.at(3_000, 200)
    found = alerts(tip(drive), RULE)
    assert states(found) == ["raised", "ended"]
    first, last = found
    assert (first.certainty, first.severity, first.revision) == ("observed", "high", 1)
    assert first.alert_id == last.alert_id == events.alert_id(RULE, "t1", first.start_ms)
    assert last.where is not None
    assert last.where["coordinates"] == pytest.approx(place, abs=1e-5)
    assert last.lost_kg == pytest.approx(14_000, rel=0.05)
    assert last.lost_kg_low is not None
    assert last.lost_kg_high is not None
    assert last.lost_kg_low <= 14_000 <= last.lost_kg_high
    assert all(condition.met for condition in last.because)
    assert "m, " in last.unless[0]
    assert first.source_id == "s1"
    assert first.contractor_id == "c1"
    assert first.used["truck"] == "t1@1"  # its payload decides how much is a dump
    assert any(kind in first.used for kind in ("facility", "source", "depot"))


def test_a_bed_raised_for_a_moment_while_the_load_falls_gives_only_reasons_that_hold() -> None:
    """How long it was raised is said; the limit for beds without a load beside them is not: it was not judged by."""
    found = alerts(tip(town.loaded().go(3_000).go(3_000, 200), seconds=12), RULE)
    assert states(found) == ["raised", "ended"]
    assert all(condition.met for one in found for condition in one.because)
    (raised,) = (condition for condition in found[0].because if condition.condition == "bed raised")
    assert (raised.measured, raised.limit) == ("10 s", None)


@pytest.mark.parametrize(("x_m", "y_m"), [(town.STREET_M, 0), (town.STREET_M - 75, 0), (4_000, 500), (2_000, 500)])
def test_tipping_at_a_known_place_or_within_its_buffer_is_lawful(x_m: float, y_m: float) -> None:
    """Yard, 25 m before its fence, workshop, depot: no alert."""
    assert alerts(tip(town.loaded().go(x_m).go(x_m, y_m)), RULE) == []


def test_an_empty_bed_raised_to_clean_it_is_no_dump() -> None:
    """Nothing on board, nothing dumped."""
    drive = town.Drive().fix().wait(60).go(3_000)
    drive.wait(90, bed="raised").wait(90, bed="level").go(4_000)
    assert alerts(drive, RULE) == []


@pytest.mark.parametrize("bad", [events.SensorHealth(bed="suspect", load="ok"), events.SensorHealth(bed="open")])
def test_one_bad_reading_of_a_lawfully_raised_bed_begins_nothing_anew(bad: events.SensorHealth) -> None:
    """Raised in the yard, unknown for a report, raised again on the way out of the gate: it never came down."""
    drive = town.loaded().go(town.STREET_M)
    drive.wait(30, bed="raised").wait(10, bed="unknown", sensor_health=bad).wait(30, bed="raised", falling_kg=14_000)
    drive.wait(20, bed="level").go(town.STREET_M - 1_500)
    assert alerts(drive, RULE) == []


def test_a_bad_reading_does_not_end_a_dump() -> None:
    """Raised, unknown for a report, raised, level: one dump, with all its kilograms."""
    drive = town.loaded().go(3_000).wait(20, cover="open")
    drive.wait(30, falling_kg=7_000, bed="raised").wait(10, bed="unknown").wait(30, falling_kg=7_000, bed="raised")
    found = alerts(drive.wait(70, bed="level").go(4_000), RULE)
    assert len({alert.alert_id for alert in found}) == 1
    assert found[-1].lost_kg == pytest.approx(14_000, rel=0.1)


def test_maintenance_is_no_dump() -> None:
    """The maintenance bit says the bed is moved for repair."""
    drive = town.loaded().go(3_000).wait(20, maintenance=True)
    assert alerts(tip(drive, kg=0), RULE) == []


def test_a_raised_bed_whose_load_stays_is_no_dump() -> None:
    """A healthy load sensor that reads the same afterwards contradicts the bed."""
    assert alerts(tip(town.loaded().go(3_000), kg=0), RULE) == []


@pytest.mark.parametrize(("share", "fires"), [(0.07, False), (0.15, True)])
def test_part_of_a_load_counts_from_a_tenth_of_the_payload(share: float, fires: bool) -> None:
    """Both sides of the threshold of 10 % of 16 t."""
    found = alerts(tip(town.loaded().go(3_000), kg=share * 16_000), RULE)
    assert bool(found) is fires


def test_without_a_load_sensor_the_bed_alone_is_likely() -> None:
    """One signal: to be verified, and the gap is named."""
    health = events.SensorHealth(cover="ok", bed="ok", load="open")
    found = alerts(tip(town.loaded().go(3_000), sensor_health=health, load_kg=None), RULE)
    assert found[0].certainty == "likely"
    assert found[0].severity == "medium"
    assert "load sensor: open" in found[0].gaps


def test_without_a_bed_sensor_the_falling_load_is_likely() -> None:
    """The bed sensor is short-circuited; standing away from every place, the load goes."""
    health = events.SensorHealth(cover="ok", bed="short", load="ok")
    drive = town.loaded().go(3_000).wait(30, sensor_health=health)
    drive.wait(90, falling_kg=14_000).wait(60).go(4_000)
    found = alerts(drive, RULE)
    assert states(found) == ["raised", "ended"]
    assert found[0].certainty == "likely"


def test_air_suspension_that_sinks_with_the_engine_off_is_no_dump() -> None:
    """Parked for lunch: readings without ignition are not believed, even without a bed sensor."""
    health = events.SensorHealth(cover="ok", bed="missing", load="ok")
    drive = town.loaded().go(3_000).wait(30, sensor_health=health)
    drive.wait(1_200, every_s=60, falling_kg=6_000, ignition=False)
    drive.kg = 14_000
    assert alerts(drive.wait(60, ignition=True).go(5_000), RULE) == []


def test_a_compactor_raises_its_tailgate_at_every_stop() -> None:
    """Class compactor: the bed says nothing."""
    reference = town.reference(town.truck("t1", "compactor", version=2))
    drive = town.loaded().go(3_000).wait(90, bed="raised").wait(60, bed="level").go(4_000)
    assert alerts(drive, RULE, reference) == []


def dark(reports_lost: int) -> town.Drive:
    """A drive whose terminal is silent for ten minutes, and whose load is gone afterwards."""
    drive = town.loaded().go(3_000).silence(600, reports_lost=reports_lost)
    drive.kg, drive.x_m = 0.0, 5_000.0
    return drive.fix(10.0).go(6_000)


def test_a_load_gone_while_the_terminal_was_unplugged_is_a_dump_in_the_dark() -> None:
    """No number is missing: the terminal did not report, and the load is gone."""
    found = alerts(dark(0), RULE)
    assert states(found) == ["raised", "ended"]
    assert found[0].certainty == "possible"
    assert found[0].lost_kg == pytest.approx(14_000, rel=0.1)


def test_a_load_gone_in_a_blind_area_is_none() -> None:
    """Numbers are missing: those reports will come, so silence proves nothing."""
    assert alerts(dark(60), RULE) == []


def test_a_dump_in_the_dark_is_withdrawn_when_a_report_of_that_time_comes() -> None:
    """The ground was "the terminal was silent"; a late report takes it away, and is named."""
    drive = dark(0)
    inside_ms = drive.fixes[-1].event_time_ms - 400_000
    late = events.TruckState(
        truck_id="t1",
        terminal_id="tm-t1",
        event_time_ms=inside_ms,
        received_time_ms=drive.time_ms + 60_000,
        resent=True,
    )
    drive.fixes.append(late)
    found = alerts(drive, RULE)
    assert states(found)[-1] == "cancelled"
    assert str(inside_ms) in (found[-1].reason or "")
    assert found[-1].revision == len(found)


def test_a_report_of_that_time_that_comes_first_leaves_nothing_to_say() -> None:
    """After the silence the live report comes first, then, before the load is believed to be gone, one of meanwhile."""
    fixes = dark(0).fixes
    (back,) = (n for n in range(1, len(fixes)) if fixes[n].event_time_ms - fixes[n - 1].event_time_ms > 300_000)
    arrived_ms = fixes[back].received_time_ms or 0
    late = events.TruckState(
        truck_id="t1", terminal_id="tm-t1", event_time_ms=fixes[back].event_time_ms - 200_000, resent=True,
        received_time_ms=arrived_ms + 100,
    )  # fmt: skip
    waited = events.Tick(at_ms=arrived_ms + 5_200)
    told = fold([*fixes[: back + 1], late, waited, *fixes[back + 1 :]])
    assert [one for one in told if isinstance(one, events.Alert) and one.rule == RULE] == []
