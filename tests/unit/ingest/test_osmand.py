"""OsmAnd: knots in the form, m/s in the JSON; -1 is not measured."""

from typing import Any

import msgspec
import pytest

from services.ingest import osmand
from services.ingest.intake import Rejected
from services.store.register import Device
from streams.events import TruckState

DEVICE = Device(protocol="osmand", device_id="ph1", tenant_id="porto", entity_kind="truck", entity_id="t1")
NOW_MS = 1_795_462_332_400


def form(**params: str) -> TruckState:
    """Return the fix in a query string."""
    return osmand.decode(params, b"", DEVICE, NOW_MS)


def document(location: Any) -> TruckState:
    """Return the fix in a JSON body."""
    return osmand.decode({}, msgspec.json.encode({"device_id": "ph1", "location": location}), DEVICE, NOW_MS)


def test_the_form() -> None:
    """Ten knots are 5.144 m/s; everything else as named."""
    found = form(id="ph1", timestamp="1795462332", lat="41.15", lon="-8.61", speed="10", bearing="90", accuracy="5")
    assert found == TruckState(
        tenant_id="porto",
        truck_id="t1",
        terminal_id="ph1",
        event_time_ms=1_795_462_332_000,
        received_time_ms=NOW_MS,
        source="osmand",
        lon=-8.61,
        lat=41.15,
        speed_mps=5.144,
        heading_deg=90.0,
        accuracy_m=5.0,
    )


@pytest.mark.parametrize(
    "timestamp", ["1795462332", "1795462332000", "2026-11-23T19:32:12Z", "2026-11-23T20:32:12+01:00"]
)
def test_times(timestamp: str) -> None:
    """Seconds, milliseconds or ISO 8601."""
    assert form(timestamp=timestamp, lat="41", lon="-8").event_time_ms == 1_795_462_332_000


def test_a_fix_without_a_time_happened_now() -> None:
    """The arrival is the best that is known."""
    assert form(lat="41", lon="-8").event_time_ms == NOW_MS


def test_the_place_in_one_parameter() -> None:
    """``location=lat,lon``: latitude first, as this protocol has it."""
    found = form(location="41.15,-8.61")
    assert (found.lon, found.lat) == (-8.61, 41.15)


def test_without_a_fix_no_place_is_needed() -> None:
    """``valid=false`` passes on as ``fix`` false."""
    found = form(valid="false")
    assert (found.fix, found.lon, found.lat) == (False, None, None)


def test_mocked_positions_are_marked() -> None:
    """A fake-position app is passed on, not believed."""
    assert form(lat="41", lon="-8", mock="true").mocked
    assert document({"coords": {"latitude": 41, "longitude": -8}, "mock": True}).mocked


def test_the_document() -> None:
    """The JSON form: m/s, and -1 where the phone has measured nothing."""
    found = document(
        {
            "timestamp": "2026-11-23T19:32:12.500Z",
            "coords": {"latitude": 41.15, "longitude": -8.61, "speed": 8.5, "heading": -1, "accuracy": 5},
            "odometer": 1234,
            "extras": {"driverUniqueId": "dr7", "alarm": "sos"},
        }
    )
    assert (found.speed_mps, found.heading_deg, found.accuracy_m, found.odometer_m) == (8.5, None, 5.0, 1234.0)
    assert (found.event_time_ms, found.driver_id, found.alarms) == (1_795_462_332_500, "dr7", ("sos",))


def test_a_phone_knows_no_cover() -> None:
    """Unknown stays unknown."""
    found = form(lat="41", lon="-8")
    assert (found.cover, found.bed, found.load_state, found.sensor_health.cover) == ("unknown",) * 3 + ("missing",)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"lat": "41"}, "lon is missing, expected a number"),
        ({"lat": "north", "lon": "-8"}, "lat is 'north', expected a number"),
        ({"lat": "nan", "lon": "-8"}, "lat is 'nan', expected a number"),
        ({"lat": "0", "lon": "0"}, "lon, lat is 0, 0"),
        ({"lat": "91", "lon": "0"}, "lat is 91.0, expected -90 to 90"),
        ({"lat": "41", "lon": "-8", "speed": "200"}, "speed is 102.9 m/s"),
        ({"lat": "41", "lon": "-8", "timestamp": "yesterday"}, "timestamp is 'yesterday', expected seconds"),
        ({"lat": "41", "lon": "-8", "timestamp": "inf"}, "timestamp is 'inf', expected a time"),
        ({"lat": "41", "lon": "-8", "timestamp": "-5"}, "between 1970 and 9999"),
        ({"lat": "41", "lon": "-8", "valid": "maybe"}, "valid is 'maybe', expected true or false"),
        ({"location": "41"}, "lon is missing"),
        ({"lat": "41", "lon": "-8", "alarm": ",".join("a" * 17)}, "alarm names 17 alarms"),
    ],
)
def test_a_wrong_parameter_is_named(params: dict[str, str], sentence: str) -> None:
    """Field, value, and what was expected."""
    with pytest.raises(Rejected, match=sentence):
        form(**params)


@pytest.mark.parametrize("location", [None, [], "here", {"coords": []}, {"coords": {"latitude": True, "longitude": 1}}])
def test_a_wrong_document_is_rejected(location: Any) -> None:
    """Whatever the JSON holds."""
    with pytest.raises(Rejected):
        document(location)


def test_who_speaks() -> None:
    """``id``, ``deviceid``, or ``device_id`` of the document."""
    assert osmand.device_id({"id": "a"}, b"") == "a"
    assert osmand.device_id({"deviceid": "b"}, b"") == "b"
    assert osmand.device_id({}, b' {"device_id": "c"}') == "c"
    assert osmand.device_id({}, b"") is None
