"""A location report becomes a truck state: SI units, words for bits, and unknown stays unknown."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from services.ingest.intake import Rejected
from services.ingest.jt808 import profiles
from services.ingest.jt808.messages import Location
from services.ingest.jt808.profiles import Profile
from services.ingest.jt808.report import truck_state
from services.store.register import Terminal
from streams.events import SensorHealth, TruckState

TERMINAL = Terminal(
    phone="013912345678",
    tenant_id="porto",
    truck_id="t1",
    terminal_id="QY00001",
    plate="QY-001",
    profile="muck-truck-a",
)
NOON_MS = round(dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC).timestamp() * 1000)
REPORT = Location(
    alarm=0,
    status=0b11 | 1 << 3,
    lat_e6=41_150_000,
    lon_e6=8_610_000,
    altitude_m=90,
    speed_dkmh=360,
    heading_deg=270,
    time_ms=NOON_MS,
    items={0x01: (1204).to_bytes(4), 0xE1: (9800).to_bytes(4)},
)


def state(profile: str | Profile = "muck-truck-a", **changes: Any) -> TruckState:
    """Return the state of the report, changed."""
    known = profiles.named(profile) if isinstance(profile, str) else profile
    return truck_state(
        replace(REPORT, **changes), TERMINAL, known, seq=17, received_time_ms=NOON_MS + 400, resent=False
    )


def status(*bits: int) -> int:
    """Status word of a report with a fix, west of Greenwich, and these bits."""
    return REPORT.status | sum(1 << bit for bit in bits)


def test_units_become_si() -> None:
    """36.0 km/h are 10 m/s, 1204 tenths of km are 120,400 m, millionths of degrees are degrees."""
    found = state()
    assert (found.speed_mps, found.odometer_m, found.load_kg) == (10.0, 120_400.0, 9800.0)
    assert (found.lon, found.lat, found.heading_deg) == (-8.61, 41.15, 270.0)
    assert (found.truck_id, found.terminal_id, found.tenant_id, found.seq) == ("t1", "013912345678", "porto", 17)
    assert (found.event_time_ms, found.received_time_ms, found.source) == (NOON_MS, NOON_MS + 400, "jt808")


@pytest.mark.parametrize(
    ("bits", "place"),
    [(0b0011, (8.61, 41.15)), (0b0111, (8.61, -41.15)), (0b1011, (-8.61, 41.15)), (0b1111, (-8.61, -41.15))],
)
def test_hemispheres(bits: int, place: tuple[float, float]) -> None:
    """Bit 2 is south, bit 3 is west."""
    found = state(status=bits)
    assert (found.lon, found.lat) == place


def test_cover_and_bed_of_the_default_profile() -> None:
    """Bit 29 opens the cover, bit 30 raises the bed."""
    assert (state().cover, state().bed) == ("closed", "level")
    found = state(status=status(29, 30))
    assert (found.cover, found.bed) == ("open", "raised")


@pytest.mark.parametrize(
    ("bits", "expected"),
    [((), "empty"), ((28,), "half"), ((28, 8), "half"), ((28, 8, 9), "full"), ((28, 9), "half")],
)
def test_load_states(bits: tuple[int, ...], expected: str) -> None:
    """Bit 28 says loaded; bits 8-9 say how much, where 00 and the reserved 10 say nothing."""
    assert state(status=status(*bits)).load_state == expected


def test_load_bits_that_contradict_each_other_are_unknown() -> None:
    """Empty by one bit and full by the others: no state is believed, the sensor is suspect."""
    found = state(status=status(8, 9))
    assert (found.load_state, found.sensor_health.load) == ("unknown", "suspect")


def test_a_missing_load_item_is_a_finding() -> None:
    """No weight came: not zero, and the sensor counts as missing."""
    found = state(items={})
    assert found.load_kg is None
    assert found.sensor_health == SensorHealth(cover="ok", bed="ok", load="missing")
    assert found.odometer_m is None


@pytest.mark.parametrize("value", [b"\xff\xff\xff\xff", (500_000).to_bytes(4)])
def test_a_load_no_truck_carries_is_not_a_weight(value: bytes) -> None:
    """All ones mean not measured; half a thousand tonnes mean a broken sensor."""
    found = state(items={0xE1: value})
    assert (found.load_kg, found.sensor_health.load) == (None, "suspect")


def test_a_standard_terminal_knows_no_cover_bed_or_load() -> None:
    """Without sensors in the profile the reserved bits mean nothing: unknown, never closed or empty."""
    found = state("standard", status=status(28, 29, 30, 31, 8, 9))
    assert (found.cover, found.bed, found.load_state, found.load_kg) == ("unknown", "unknown", "unknown", None)
    assert found.sensor_health == SensorHealth()
    assert not found.maintenance


def test_a_profile_with_an_extra_word_and_faults() -> None:
    """Bits may stand in a vendor item, with other polarity and with bits that say a sensor is broken."""
    profile = profiles.parse(
        b"""
        name = "word-2"
        source = "test"
        [cover]
        item = 0xE5
        bit = 9
        off = "open"
        on = "closed"
        faults = [{ item = 0xE5, bit = 29, health = "open" }]
        [bed]
        item = 0xE5
        bit = 10
        off = "level"
        on = "raised"
        """
    )
    word = (1 << 9 | 1 << 29).to_bytes(4)
    found = state(profile, items={0xE5: word})
    assert (found.cover, found.bed) == ("closed", "level")
    assert found.sensor_health == SensorHealth(cover="open", bed="ok")
    without = state(profile, items={})
    assert (without.cover, without.bed, without.sensor_health) == ("unknown", "unknown", SensorHealth())


def test_maintenance_ignition_and_power() -> None:
    """Bit 31 is maintenance, bit 0 the ignition, alarm bit 8 a cut supply."""
    found = state(status=status(31), alarm=1 << 8)
    assert (found.maintenance, found.ignition, found.power) == (True, True, "cut")
    assert state(status=0b1010).ignition is False
    assert state().power == "main"


def test_alarms_have_names() -> None:
    """The bits the contract names, and those whose meaning changed between versions are not read."""
    assert state(alarm=1 | 1 << 29 | 1 << 30 | 1 << 31 | 0b111 << 15).alarms == (
        "sos",
        "collision",
        "rollover",
        "illegal_door",
    )


def test_without_a_fix_the_place_is_the_last_good_one_or_none() -> None:
    """``fix`` false is passed on; 0, 0 is then no place at all."""
    found = state(status=0b1001)
    assert (found.fix, found.lon, found.lat) == (False, -8.61, 41.15)
    nowhere = state(status=0b1001, lat_e6=0, lon_e6=0)
    assert (nowhere.fix, nowhere.lon, nowhere.lat) == (False, None, None)


def test_encrypted_coordinates_are_no_place() -> None:
    """Status bit 5: a plug-in scrambled them."""
    found = state(status=status(5))
    assert (found.fix, found.lon, found.lat) == (False, None, None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lat_e6": 0, "lon_e6": 0}, "lon, lat is 0, 0"),
        ({"lat_e6": 91_000_000}, "lat is 91.0, expected -90 to 90"),
        ({"lon_e6": 181_000_000}, "lon is -181.0, expected -180 to 180"),
        ({"speed_dkmh": 2200}, "speed is 61.1 m/s, expected 0 to 60"),
    ],
)
def test_what_no_truck_can_do_is_rejected(changes: dict[str, int], sentence: str) -> None:
    """An impossible place or speed is a decoding or device error; the sentence names it."""
    with pytest.raises(Rejected, match=sentence):
        state(**changes)


def test_a_wrong_clock_is_no_reason_to_drop_a_fix() -> None:
    """A terminal that believes it is 2009 is passed on: the worker corrects by the offset seen at arrival."""
    assert state(time_ms=NOON_MS - 17 * 365 * 86_400_000).event_time_ms < NOON_MS


def test_an_impossible_heading_is_unknown() -> None:
    """360 is north; 400 is nothing."""
    assert state(heading_deg=360).heading_deg == 0.0
    assert state(heading_deg=400).heading_deg is None


def test_every_carried_profile_can_be_read() -> None:
    """The files are data, and they are all right."""
    assert {"standard", "muck-truck-a"} <= set(profiles.profiles())


@pytest.mark.parametrize(
    "wrong",
    [
        b"name = 1",
        b'name = "x"\nsource = "y"\n[cover]\nbit = 40\noff = "open"\non = "closed"',
        b'name = "x"\nsource = "y"\nspeed = 1',
        b"=",
    ],
)
def test_a_wrong_profile_is_refused(wrong: bytes) -> None:
    """A misspelt or impossible profile is an error with the member's name, not ignored."""
    with pytest.raises(Rejected, match="terminal profile cannot be used"):
        profiles.parse(wrong)


def test_an_unknown_profile_is_named() -> None:
    """A register that names a profile nobody has is told which there are."""
    with pytest.raises(Rejected, match=r"'mystery', expected one of .*standard"):
        profiles.named("mystery")
