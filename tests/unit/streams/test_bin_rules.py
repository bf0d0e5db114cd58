"""What is wrong with a bin: full, on fire, carried off, its sensor at fault; and what only looks like it."""

from typing import Any

import pytest

from streams import bins, events
from streams.assets import Reference
from streams.rules.scoped import CityThresholds
from streams.rules.thresholds import Thresholds
from streams.units import HOUR_MS, MINUTE_MS

AT_MS = 1_781_586_000_000
KNOWN = Reference([
    events.Asset(id="b1", kind="bin", material="residual", source_id="s9", lon=-8.6, lat=41.2, valid_from_ms=0, tenant_id="porto"),
    events.Zone(
        zone_id="g1",
        kind="grid",
        valid_from_ms=0,
        area={"type": "Polygon", "coordinates": [[[-8.7, 41.1], [-8.5, 41.1], [-8.5, 41.3], [-8.7, 41.3], [-8.7, 41.1]]]},
    ),
])  # fmt: skip


class Reporting:
    """One bin and its sensor."""

    def __init__(self, known: Reference = KNOWN) -> None:
        self.one, self.known, self.at_ms = bins.new("b1"), known, AT_MS
        self.said: list[events.Alert] = []

    def say(self, after_ms: int = 30 * MINUTE_MS, **reading: Any) -> "Reporting":
        """Report once, so long after the last time."""
        self.at_ms += after_ms
        given = {"event_time_ms": self.at_ms, "received_time_ms": self.at_ms + 5_000} | reading
        self.one, told = bins.step(self.one, events.BinReading(bin_id="b1", **given), self.known)
        self.said += [one for one in told if isinstance(one, events.Alert)]
        return self

    def states(self, rule: str) -> list[str]:
        """States of the revisions of a rule's alerts."""
        return [alert.state for alert in self.said if alert.rule == rule]


def test_a_bin_that_is_full_twice_overflows() -> None:
    """Told at the second reading, over when it is emptied; it knows the bin's place, grid and tenant."""
    bin_ = Reporting().say(fill=0.7).say(fill=0.96).say(fill=0.97).say(fill=0.99).say(fill=0.05)
    assert bin_.states("bin-overflow") == ["raised", "ended"]
    (raised, ended) = bin_.said
    assert (raised.bin_id, raised.truck_id, raised.tenant_id, raised.zone_ids) == ("b1", None, "porto", ("g1",))
    assert (raised.source_id, raised.where) == ("s9", {"type": "Point", "coordinates": [-8.6, 41.2]})
    assert raised.alert_id == ended.alert_id == events.alert_id("bin-overflow", "b1", raised.start_ms)
    assert all(condition.met for condition in raised.because)


@pytest.mark.parametrize(
    "fills",
    [
        pytest.param([0.5, 1.0, 0.52, 0.55], id="an echo of the lid"),
        pytest.param([0.94, 0.94, 0.94, 0.94], id="just not full"),
        pytest.param([0.93, 0.96, 0.03, 0.1], id="full, then emptied unannounced"),
        pytest.param([0.3, 1.0, 0.3, 1.0, 0.3], id="a lid that is open now and then"),
    ],
)
def test_what_only_looks_like_overflow(fills: list[float]) -> None:
    """One reading is none."""
    bin_ = Reporting()
    for fill in fills:
        bin_.say(fill=fill)
    assert bin_.said == []


@pytest.mark.parametrize(("apart_s", "expected"), [(299, []), (300, ["raised"])])
def test_two_readings_are_so_far_apart(apart_s: int, expected: list[str]) -> None:
    """`Thresholds.overflow_s`: a burst is one reading."""
    bin_ = Reporting().say(fill=0.97).say(apart_s * 1_000, fill=0.97)
    assert bin_.states("bin-overflow") == expected


def test_a_fire_is_told_at_once_by_its_rise() -> None:
    """Or by two hot readings; its fill may be none by then."""
    sudden = Reporting().say(fill=0.5, temperature_c=22.0).say(invalid="no echo", temperature_c=65.0)
    assert sudden.states("bin-fire") == ["raised"]
    assert sudden.said[0].severity == "critical"
    twice = (
        Reporting()
        .say(fill=0.5, temperature_c=61.0)
        .say(fill=0.5, temperature_c=62.0)
        .say(fill=0.5, temperature_c=44.0)
    )
    assert twice.states("bin-fire") == ["raised", "ended"]


@pytest.mark.parametrize(
    "degrees",
    [
        pytest.param([25.0, 35.0, 45.0, 55.0, 59.9, 50.0], id="a black lid in the sun"),
        pytest.param([45.0, 61.0, 58.0], id="a reading that is a little too hot"),
        pytest.param([20.0, 45.0], id="a sudden rise to what is not hot"),
        pytest.param([22.0, 2_000.0, 22.0], id="no temperature on earth"),
        pytest.param([None, None], id="not measured"),
    ],
)
def test_what_only_looks_like_a_fire(degrees: list[float | None]) -> None:
    """Heat is no fire."""
    bin_ = Reporting()
    for temperature_c in degrees:
        bin_.say(fill=0.4, temperature_c=temperature_c)
    assert bin_.states("bin-fire") == []


def test_a_rise_over_many_hours_is_not_sudden() -> None:
    """The reading before was of last night."""
    assert Reporting().say(fill=0.4, temperature_c=10.0).say(9 * HOUR_MS, fill=0.4, temperature_c=61.0).said == []


@pytest.mark.parametrize(("apart_s", "expected"), [(60, []), (599, []), (600, ["raised"])])
def test_a_bin_that_stays_tilted_was_moved(apart_s: int, expected: list[str]) -> None:
    """`Thresholds.moved_s`: the lift of a truck takes a minute."""
    bin_ = (
        Reporting().say(fill=0.4, tilted=False).say(fill=0.4, tilted=True).say(apart_s * 1_000, fill=0.4, tilted=True)
    )
    assert bin_.states("bin-moved") == expected


def test_it_is_over_when_it_stands_again() -> None:
    """And what is not measured says nothing."""
    bin_ = Reporting().say(fill=0.4, tilted=True).say(fill=0.4).say(fill=0.4, tilted=True).say(fill=0.4, tilted=False)
    assert bin_.states("bin-moved") == ["raised", "ended"]
    assert Reporting().say(fill=0.4, tilted=True).say(fill=0.1, tilted=False).said == []


@pytest.mark.parametrize(("readings", "expected"), [(6, []), (7, ["raised"])])
def test_a_sensor_whose_readings_cannot_be_used(readings: int, expected: list[str]) -> None:
    """Six in a row over three hours."""
    bin_ = Reporting().say(fill=0.4)
    for _ in range(readings):
        bin_.say(invalid="no echo")
    assert bin_.states("sensor-fault") == expected
    bin_.say(fill=0.5)
    assert bin_.states("sensor-fault") == [*expected, *(["ended"] if expected else [])]


def filling_bin() -> Reporting:
    """A bin that gains a third a day, with the noise of an echo."""
    bin_ = Reporting()
    for n in range(48):
        bin_.say(HOUR_MS, fill=round(0.1 + n / 72 + 0.001 * (n % 3), 4))
    return bin_


@pytest.mark.parametrize(("hours", "expected"), [(47, []), (49, ["raised"])])
def test_a_reading_that_is_the_same_for_days(hours: int, expected: list[str]) -> None:
    """Of a bin that used to fill: possible, for perhaps nobody uses it now."""
    bin_ = filling_bin()
    for _ in range(hours + 1):
        bin_.say(HOUR_MS, fill=0.4)
    assert bin_.states("sensor-fault") == expected
    assert [alert.certainty for alert in bin_.said if alert.rule == "sensor-fault"] == ["possible"] * len(expected)


def test_a_bin_that_does_not_fill_has_no_fault() -> None:
    """Nobody uses it."""
    bin_ = Reporting()
    for _ in range(200):
        bin_.say(HOUR_MS, fill=0.4)
    assert bin_.said == []


def test_what_comes_late_or_again_says_nothing_more() -> None:
    """Rules see each time once, in order; a bin not in the register is judged, and said to be unknown."""
    bin_ = Reporting(Reference()).say(fill=0.97).say(0, fill=0.97).say(-HOUR_MS, fill=0.2).say(2 * HOUR_MS, fill=0.98)
    assert bin_.states("bin-overflow") == ["raised"]
    assert bin_.said[0].gaps == ("the bin is not in the register",)


def test_what_is_not_measured_is_no_fault() -> None:
    """A sensor of weight, or of heat alone."""
    bin_ = Reporting()
    for _ in range(20):
        bin_.say(weight_kg=12.0, temperature_c=20.0)
    assert bin_.said == []


def test_a_fault_ends_with_the_first_reading_whatever_it_says() -> None:
    """Also the same as before it."""
    bin_ = Reporting().say(fill=0.4)
    for _ in range(8):
        bin_.say(invalid="no echo")
    assert bin_.say(fill=0.4).states("sensor-fault") == ["raised", "ended"]


def test_a_clock_far_ahead_does_not_silence_a_bin() -> None:
    """Nobody said when it came; the next ones are judged as ever."""
    bin_ = Reporting()
    bin_.one, _ = bins.step(bin_.one, events.BinReading(bin_id="b1", event_time_ms=AT_MS * 2, fill=0.3), KNOWN)
    assert bin_.say(fill=0.97).say(fill=0.98).states("bin-overflow") == ["raised"]


@pytest.mark.parametrize("fill", [0.55, 0.95, 0.97])
def test_its_reasons_hold(fill: float) -> None:
    """Whatever the threshold, and however it is rounded."""
    one, limits = bins.new("b1"), CityThresholds(Thresholds(overflow_fill=fill, overflow_left_fill=fill))
    said: list[events.Event] = []
    for n in range(3):
        reading = events.BinReading(bin_id="b1", event_time_ms=AT_MS + n * HOUR_MS, fill=fill)
        said += bins.step(one, reading, KNOWN, limits)[1]
    (alert,) = [out for out in said if isinstance(out, events.Alert)]
    assert all(condition.met for condition in alert.because)
