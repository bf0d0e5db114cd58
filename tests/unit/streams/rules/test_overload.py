"""overload: above the permitted load, by the truck's own sensor on the road or by a weighbridge."""

import pytest
from msgspec.structs import replace

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, fold, states
from tests.unit.streams.rules.receipts import delivered, weighing

RULE = "overload"


def told(records: list[object], *more: events.Event) -> list[events.Alert]:
    """Revisions of the rule's alerts."""
    outputs = fold(records, town.reference(*more))  # type: ignore[arg-type]
    return [out for out in outputs if isinstance(out, events.Alert) and out.rule == RULE]


@pytest.mark.parametrize(("kg", "expected"), [(16_100, []), (16_500, []), (17_400, ["raised"]), (19_000, ["raised"])])
def test_the_middle_of_some_minutes_on_the_road_counts(kg: float, expected: list[str]) -> None:
    """Permitted are 16 t: one per cent more is within what a sensor may be wrong by, nine is not."""
    found = alerts(town.loaded(kg=kg, noise_kg=420).go(7_000), RULE)
    assert states(found) == expected
    for alert in found:
        assert alert.certainty == "likely"
        assert all(condition.met for condition in alert.because)


@pytest.mark.parametrize(("driven_m", "expected"), [(2_300, []), (2_700, ["raised"])])
def test_four_minutes_are_needed(driven_m: float, expected: list[str]) -> None:
    """`Thresholds.overload_s`."""
    assert states(alerts(town.loaded(kg=19_000).go(driven_m), RULE)) == expected


def test_it_is_over_when_the_load_is_gone() -> None:
    """Once, however long it drives."""
    assert states(told(delivered(None, kg=19_000))) == ["raised", "ended"]


def test_a_bump_is_no_load() -> None:
    """A minute of high readings is outvoted."""
    drive = town.loaded(kg=15_500).go(3_000)
    drive.kg = 18_500
    drive.go(3_600)
    drive.kg = 15_500
    assert alerts(drive.go(7_000), RULE) == []


@pytest.mark.parametrize(("net_kg", "expected"), [(16_400.0, []), (16_500.0, ["raised", "ended"])])
def test_a_weighbridge_says_it_at_once(net_kg: float, expected: list[str]) -> None:
    """Its margin is `Thresholds.overload_weighed_share`: observed."""
    found = told(delivered(net_kg, kg=16_300))
    assert states(found) == expected
    for alert in found:
        assert (alert.certainty, alert.facility_id, alert.used) == (
            "observed",
            "f1",
            {"weighing": "g1", "truck": "t1@1"},
        )


def test_the_gross_limit_counts_as_well() -> None:
    """Contract: gross at a weighbridge over the limit."""
    heavy = town.truck(gross_limit_kg=30_000.0, version=2)
    assert states(told(delivered(None, gross_kg=31_000.0), heavy)) == ["raised", "ended"]
    assert told(delivered(None, gross_kg=30_500.0), heavy) == []


def test_one_load_is_told_once() -> None:
    """By its sensor on the road; the receipt adds nothing."""
    assert states(told(delivered(19_000, kg=19_000))) == ["raised", "ended"]


def test_what_is_not_known_is_no_guilt() -> None:
    """No payload on record, a stuck or broken sensor, an outbound weighing."""
    drive = town.loaded(kg=19_000).go(7_000)
    assert told(drive.fixes, town.truck(payload_kg=None, version=2)) == []  # type: ignore[arg-type]
    broken = replace(town.HEALTHY, load="short")
    assert alerts(town.loaded(kg=19_000).go(7_000, sensor_health=broken), RULE) == []
    assert alerts(town.loaded(kg=19_000, noise_kg=0).go(7_000), RULE) == []
    outbound = [*town.Drive().fix().fixes, weighing(town.START_MS + 60_000, 20_000, inbound=False)]
    assert told(outbound) == []  # type: ignore[arg-type]
