"""mass-balance: what the weighbridge took, and what was on board before it."""

import pytest

from streams import events
from streams.truck import TruckRecord
from tests.unit.streams import town
from tests.unit.streams.judging import fold, states
from tests.unit.streams.rules.receipts import delivered, weighing

RULE = "mass-balance"


def told(records: list[TruckRecord]) -> list[events.Alert]:
    """Revisions of the rule's alerts."""
    return [out for out in fold(records) if isinstance(out, events.Alert) and out.rule == RULE]


@pytest.mark.parametrize(
    ("net_kg", "expected"), [(14_000, []), (12_900, []), (12_600, ["raised", "ended"]), (9_000, ["raised", "ended"])]
)
def test_what_is_missing_on_the_weighbridge(net_kg: float, expected: list[str]) -> None:
    """Of 14 t on board, nine per cent may be the sensor's error."""
    found = told(delivered(net_kg))
    assert states(found) == expected
    for alert in found:
        assert alert.lost_kg == pytest.approx(14_000 - net_kg, abs=200)
        assert (alert.facility_id, alert.used["weighing"]) == ("f1", "g1")
        assert alert.lost_kg_low is not None
        assert alert.lost_kg_high is not None
        assert alert.lost_kg_low < alert.lost_kg < alert.lost_kg_high


def test_what_was_lost_on_the_way_is_not_missing_again() -> None:
    """The last minutes on the road count, not the first."""
    drive = town.loaded().go(2_000).go(5_000, falling_kg=3_000).go(town.STREET_M).wait(60)
    assert told([*drive.fixes, weighing(drive.time_ms, 11_000)]) == []


def test_two_receipts_for_one_load() -> None:
    """Weighed again within the hour, as heavy, and nothing loaded between."""
    records = delivered(14_000)
    last_ms = max(record.event_time_ms for record in records if isinstance(record, events.TruckState))
    again = weighing(last_ms, 13_900, "g2")
    (found, _) = told([*records, again])
    assert found.because[0].measured == "g1"


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"net_kg": 14_000}, id="the same receipt again"),
        pytest.param({"net_kg": 2_500, "weighing_id": "g2"}, id="a light load that no sensor told of"),
        pytest.param({"net_kg": 14_000, "weighing_id": "g2", "accepted": False}, id="a load that was not taken"),
        pytest.param({"net_kg": 14_000, "weighing_id": "g2", "inbound": False}, id="what goes out"),
    ],
)
def test_a_second_receipt_that_is_none_for_this_load(second: dict[str, object]) -> None:
    """Said twice by the network, or of something else."""
    records = delivered(14_000)
    last_ms = max(record.event_time_ms for record in records if isinstance(record, events.TruckState))
    assert told([*records, weighing(last_ms, **second)]) == []  # type: ignore[arg-type]


def test_a_sensor_that_sticks_says_nothing_of_the_load() -> None:
    """Neither does one with hardly a reading."""
    stuck = town.loaded(noise_kg=0).go(town.STREET_M).wait(60)
    assert told([*stuck.fixes, weighing(stuck.time_ms, 9_000)]) == []
    short = town.loaded().go(600)
    assert told([*short.fixes, weighing(short.time_ms, 9_000)]) == []


def test_a_receipt_that_comes_after_the_next_load_is_of_the_load_before() -> None:
    """By its own time."""
    first = town.loaded().go(town.STREET_M).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
    weighed_ms = first.time_ms
    first.go(0).wait(30).load(15_000).go(3_000)
    late = weighing(weighed_ms, 11_000, received_time_ms=first.time_ms)
    (found, _) = told([*first.fixes, late])
    assert found.lost_kg == pytest.approx(3_000, abs=200)


@pytest.mark.parametrize("hours_later", [0.2, 3.0])
def test_a_load_that_was_turned_away_is_weighed_again_elsewhere(hours_later: float) -> None:
    """One load, one ticket, one accepted receipt; however long the way."""
    drive = town.loaded().go(town.STREET_M).wait(60)
    away = weighing(drive.time_ms, 14_000, "g1", facility_id="f0", accepted=False)
    before = list(drive.fixes)
    drive.silence(hours_later * 3_600)
    taken = weighing(drive.time_ms, 14_010, "g2")
    outputs = fold([*before, away, taken])
    assert [out for out in outputs if isinstance(out, events.Alert) and out.rule == RULE] == []
    assert [out.state for out in outputs if isinstance(out, events.Ticket)][-4:] == [
        "weighed", "rejected", "weighed", "accepted"
    ]  # fmt: skip
    assert len({out.ticket_id for out in outputs if isinstance(out, events.Ticket)}) == 1


def test_two_loads_of_a_truck_without_sensors_are_two() -> None:
    """As heavy, and within the hour: nobody knows what it loaded between."""
    bare = {"sensor_health": events.SensorHealth()}
    drive = town.Drive().fix().go(3_000, **bare)  # type: ignore[arg-type]
    fixes: list[TruckRecord] = [*drive.fixes]
    assert told([*fixes, weighing(drive.time_ms, 9_000, "g1"), weighing(drive.time_ms + 1_000_000, 9_100, "g2")]) == []
