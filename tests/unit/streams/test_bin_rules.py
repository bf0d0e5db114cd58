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
    bin_ = Reporting().say(fill=0.7).say(fill=0.96).say(fill=0.97).say(fill=0.99)
    bin_.say(fill=0.05).say(fill=0.06).say(fill=0.06)
    assert bin_.states("bin-overflow") == ["raised", "ended"]
    (raised, ended) = bin_.said
    assert (raised.bin_id, raised.truck_id, raised.tenant_id, raised.zone_ids) == ("b1", None, "porto", ("g1",))
    assert (raised.source_id, raised.where) == ("s9", {"type": "Point", "coordinates": [-8.6, 41.2]})
    assert raised.alert_id == ended.alert_id == events.alert_id("bin-overflow", "b1", raised.start_ms)
    assert all(condition.met for condition in raised.because)
    assert ended.end_ms == bin_.at_ms - 60 * MINUTE_MS


def test_false_echoes_do_not_end_an_overflow() -> None:
    """Within its dead zone a sensor hears the wall now and then: told once."""
    bin_ = Reporting().say(fill=0.8)
    for fill in (1.0, 0.45, 1.0, 1.0, 0.3, 1.0, 0.2, 0.25, 1.0, 0.03, 0.04, 0.04):
        bin_.say(fill=fill)
    assert bin_.states("bin-overflow") == ["raised", "ended"]


@pytest.mark.parametrize(("readings", "expected"), [(2, []), (3, ["raised"])])
def test_what_jumps_to_the_brim_must_stay_there(readings: int, expected: list[str]) -> None:
    """`Thresholds.overflow_jump`: a bag before the sensor slides down, a mattress on top stays."""
    bin_ = Reporting().say(fill=0.4)
    for _ in range(readings):
        bin_.say(fill=0.99)
    assert bin_.states("bin-overflow") == expected


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
    bin_ = Reporting().say(fill=0.9).say(fill=0.97).say(apart_s * 1_000, fill=0.97)
    assert bin_.states("bin-overflow") == expected


def test_a_fire_is_told_at_once() -> None:
    """By what no sun does, whenever it was measured before, or by its rise; its fill may be none by then."""
    hot = (
        Reporting().say(fill=0.5, temperature_c=22.0).say(invalid="no echo", temperature_c=83.0).say(temperature_c=44.0)
    )
    assert hot.states("bin-fire") == ["raised", "ended"]
    assert hot.said[0].severity == "critical"
    sudden = Reporting().say(fill=0.5, temperature_c=31.0).say(10 * MINUTE_MS, invalid="no echo", temperature_c=61.0)
    assert sudden.states("bin-fire") == ["raised"]


@pytest.mark.parametrize(("hours", "expected"), [(7, []), (8, ["raised"])])
def test_embers_last_longer_than_a_noon(hours: int, expected: list[str]) -> None:
    """`Thresholds.fire_lasts_h`."""
    bin_ = Reporting()
    for _ in range(hours + 1):
        bin_.say(HOUR_MS, temperature_c=66.0)
    assert bin_.states("bin-fire") == expected


def test_a_thermometer_that_has_not_measured_is_no_fire() -> None:
    """85 °C once is what a DS18B20 says when it starts; again, it is hot."""
    assert Reporting().say(temperature_c=22.0).say(temperature_c=85.0).say(temperature_c=22.5).said == []
    assert Reporting().say(temperature_c=70.0).say(temperature_c=85.0).states("bin-fire") == ["raised"]


@pytest.mark.parametrize(
    "degrees",
    [
        pytest.param([25.0, 42.0, 58.0, 70.0, 76.0, 72.0, 61.0, 44.0], id="a black lid in the sun"),
        pytest.param([30.0, 62.0, 65.0, 50.0], id="a black lid that comes out of the shade"),
        pytest.param([45.0, 61.0, 58.0], id="a reading that is a little too hot"),
        pytest.param([20.0, 45.0], id="a sudden rise to what is not hot"),
        pytest.param([22.0, 2_000.0, 412.0, 22.0], id="a thermometer that is broken"),
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
    """And while it lies, what is not measured says nothing."""
    bin_ = Reporting().say(fill=0.4, tilted=True).say(fill=0.4, tilted=True).say(fill=0.4).say(fill=0.4, tilted=False)
    assert bin_.states("bin-moved") == ["raised", "ended"]
    assert Reporting().say(fill=0.4, tilted=True).say(fill=0.1, tilted=False).said == []


def test_tilted_twice_with_readings_between_that_do_not_say_is_two_tilts() -> None:
    """Some sensors say how they stand only when that changes; what it said when it was set up is lost."""
    bin_ = Reporting().say(fill=0.4, tilted=True).say(fill=0.4).say(fill=0.4).say(fill=0.4, tilted=True)
    assert bin_.states("bin-moved") == []


def test_a_sensor_that_does_not_look_into_its_bin_is_well() -> None:
    """A bin on its side is `bin-moved`; also where the sensor says so once, and then only that it hears nothing."""
    for more in ({"tilted": True}, {}):
        bin_ = Reporting().say(fill=0.4).say(invalid="tilted", tilted=True)
        for _ in range(20):
            bin_.say(invalid="no echo", **more)
        assert bin_.states("sensor-fault") == []


@pytest.mark.parametrize(("again_ms", "expected"), [(8_000, []), (30 * MINUTE_MS, ["raised"])])
def test_what_the_radio_sends_again_is_one_reading(again_ms: int, expected: list[str]) -> None:
    """The same number, stamped anew seconds later, even behind the next: no second word."""
    bin_ = Reporting().say(temperature_c=22.0, seq=6).say(temperature_c=85.0, seq=7)
    assert bin_.say(again_ms, temperature_c=90.0, seq=7 if again_ms < MINUTE_MS else 8).states("bin-fire") == expected


@pytest.mark.parametrize(("readings", "expected"), [(12, []), (13, ["raised"])])
def test_a_sensor_whose_readings_cannot_be_used(readings: int, expected: list[str]) -> None:
    """Over six hours: dew and steam are gone by then."""
    bin_ = Reporting().say(fill=0.4)
    for _ in range(readings):
        bin_.say(invalid="no echo")
    assert bin_.states("sensor-fault") == expected
    bin_.say(fill=0.5)
    assert bin_.states("sensor-fault") == [*expected, *(["ended"] if expected else [])]


def filling_bin(digits: int) -> Reporting:
    """A bin that gains a third a day; an echo falls now and then, whole percents do not."""
    bin_ = Reporting()
    for n in range(96):
        bin_.say(HOUR_MS // 2, fill=round(0.1 + n / 144 + (0.02 * (n % 3) if digits > 2 else 0.0), digits))
    return bin_


@pytest.mark.parametrize(
    ("digits", "hours", "expected"), [(4, 23, []), (4, 25, ["raised"]), (2, 95, []), (2, 97, ["raised"])]
)
def test_a_reading_that_is_the_same_for_days(digits: int, hours: int, expected: list[str]) -> None:
    """An echo that trembled is frozen after a day; whole percents of a bin that used to fill are odd after four."""
    bin_ = filling_bin(digits)
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
    bin_.say(fill=0.98)
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
    for _ in range(13):
        bin_.say(invalid="no echo")
    assert bin_.say(fill=0.4).states("sensor-fault") == ["raised", "ended"]


def test_a_clock_far_ahead_does_not_silence_a_bin() -> None:
    """Nobody said when it came; the next ones are judged as ever."""
    bin_ = Reporting()
    bin_.one, _ = bins.step(bin_.one, events.BinReading(bin_id="b1", event_time_ms=AT_MS * 2, fill=0.3), KNOWN)
    assert bin_.say(fill=0.97).say(fill=0.98).say(fill=0.98).states("bin-overflow") == ["raised"]


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
