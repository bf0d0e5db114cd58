"""ChirpStack uplinks to bin readings, model by model: missing is not zero, text is not a number.

Source of the Milesight bytes: Milesight-IoT/SensorDecoders, EM400-UDL README.
"""

import base64
import datetime as dt
from typing import Any

import msgspec
import pytest

from services.ingest import chirpstack
from services.ingest.intake import Rejected
from services.store.register import Device
from streams.events import BinReading

EUI = "24e1240000000001"
TIME = "2026-11-24T09:30:00.123456789Z"
TIME_MS = round(dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC).timestamp() * 1000) + 123
PROFILE = {"sensor": "milesight-em400", "depth_mm": 1200, "dead_zone_mm": 200}


def reading(
    decoded: dict[str, Any] | None = None, *, data: bytes = b"", profile: dict[str, Any] = PROFILE
) -> BinReading:
    """Return the reading of an uplink."""
    body = {"deviceInfo": {"devEui": EUI.upper()}, "time": TIME, "fCnt": 5, "data": base64.b64encode(data).decode()}
    uplink = chirpstack.envelope(msgspec.json.encode(body | ({} if decoded is None else {"object": decoded})))
    device = Device(
        protocol="chirpstack", device_id=EUI, tenant_id="porto", entity_kind="bin", entity_id="b1", profile=profile
    )
    return chirpstack.decode(uplink, device, TIME_MS + 500)


def test_a_reading() -> None:
    """Fill of the usable depth from the distance, percent to a fraction, the counter as seq."""
    assert reading({"distance": 480, "temperature": 21.5, "position": "normal", "battery": 93}) == BinReading(
        tenant_id="porto",
        bin_id="b1",
        event_time_ms=TIME_MS,
        received_time_ms=TIME_MS + 500,
        seq=5,
        source="chirpstack",
        fill=0.52,
        distance_mm=480.0,
        temperature_c=21.5,
        tilted=False,
        battery=0.93,
    )


@pytest.mark.parametrize(("distance_mm", "fill"), [(1, 0.999), (500, 0.5), (1000, 0.0), (1190, 0.0)])
def test_fill_is_clipped(distance_mm: int, fill: float) -> None:
    """(depth - dead zone - distance) / (depth - dead zone), between 0 and 1."""
    assert reading({"distance": distance_mm}).fill == fill


def test_published_milesight_bytes() -> None:
    """Without a codec in ChirpStack the bytes are read here, by the maker's own example."""
    found = reading(data=bytes.fromhex("01755C0367010104824408050001"))
    assert (found.battery, found.temperature_c, found.distance_mm, found.tilted) == (0.92, 25.7, 2116.0, True)
    assert found.invalid is not None  # tilted: it does not look into the bin
    alarm = reading(data=bytes.fromhex("8367e800018482410601"))
    assert (alarm.temperature_c, alarm.distance_mm) == (23.2, 1601.0)


def test_em310_channels() -> None:
    """EM310-UDL has distance on channel 3 and position on channel 4."""
    found = reading(
        data=bytes.fromhex("017564 03821E01 040000".replace(" ", "")), profile=PROFILE | {"sensor": "milesight-em310"}
    )
    assert (found.distance_mm, found.tilted, found.battery) == (286.0, False, 1.0)


@pytest.mark.parametrize(
    ("decoded", "profile", "reason"),
    [
        ({"battery": 90}, PROFILE, "no distance, fill or weight came"),
        ({"distance": "far"}, PROFILE, "distance is 'far', expected a number"),
        ({"distance": 0}, PROFILE, "distance is 0 mm"),
        ({"distance": 65535}, PROFILE, "distance is 65535 mm"),
        ({"distance": 300, "temperature": 900}, PROFILE, "temperature is 900.0"),
        ({"distance": 300, "position": "tilt"}, PROFILE, "tilted"),
        ({"distance": 300, "position": "upside down"}, PROFILE, "expected normal or tilt"),
        ({"distance": 300}, {"sensor": "crystal ball"}, "sensor is 'crystal ball', expected one of"),
        ({"distance": 300}, PROFILE | {"dead_zone_mm": 1200}, "leaves nothing"),
        ({"distance": 300}, PROFILE | {"depth_mm": "deep"}, "depth_mm of device"),
        ({"Distance": "Invalid Reading"}, PROFILE | {"sensor": "dragino-ldds75"}, "'Invalid Reading'"),
        ({"Distance": "No Sensor"}, PROFILE | {"sensor": "dragino-ldds75"}, "'No Sensor'"),
        ({"fill": 1.4}, {"sensor": "generic"}, "fill is 1.4"),
    ],
)
def test_what_cannot_be_used_is_an_invalid_reading(
    decoded: dict[str, Any], profile: dict[str, Any], reason: str
) -> None:
    """Still an event, with the reason and without a fill: a sensor's health, never an empty bin."""
    found = reading(decoded, profile=profile)
    assert found.invalid is not None
    assert reason in found.invalid
    assert found.fill is None


def test_dragino_distance_as_text() -> None:
    """A text such as "1840 mm" is a number with its unit."""
    found = reading({"Distance": "700 mm", "Bat": 3.3}, profile=PROFILE | {"sensor": "dragino-ldds75"})
    assert (found.distance_mm, found.fill, found.invalid) == (700.0, 0.3, None)


def test_netvox_voltage_as_text_is_no_battery() -> None:
    """A text such as "3.1(low battery)" is no fraction; the fill in percent is used."""
    found = reading({"Volt": "3.1(low battery)", "FillLevel": 40}, profile={"sensor": "netvox-r718x"})
    assert (found.fill, found.battery, found.invalid) == (0.4, None, None)


def test_a_distance_without_a_depth_gives_no_fill() -> None:
    """Unknown is not empty; the distance is passed on."""
    found = reading({"distance": 300}, profile={"sensor": "generic"})
    assert (found.fill, found.distance_mm, found.invalid) == (None, 300.0, None)


def test_battery_255_is_not_measured() -> None:
    """What is no percentage is unknown."""
    assert reading({"distance": 300, "battery": 255}).battery is None


@pytest.mark.parametrize("data", ["0175", "01", "99", "0175640482", "ff0b01"])
def test_bytes_that_end_early_or_are_of_another_model(data: str) -> None:
    """An invalid reading, never an exception; a lone byte at the end carries nothing."""
    assert reading(data=bytes.fromhex(data)).invalid is not None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "body is not JSON"),
        (b"[]", "expected an object"),
        (b'{"deviceInfo": {}}', "deviceInfo.devEui is missing"),
        (b'{"deviceInfo": 5}', "deviceInfo is 5, expected an object"),
        (b'{"deviceInfo": {"devEui": 7}}', "devEui is 7, expected text"),
        (b'{"deviceInfo": {"devEui": "a"}, "data": "!"}', "data is not base64"),
        (b'{"deviceInfo": {"devEui": "a"}, "time": "noon"}', "time is 'noon'"),
        (b'{"deviceInfo": {"devEui": "a"}, "fCnt": NaN}', "body is not JSON"),
        (b'{"a":' * 100_000, "body is not JSON"),
    ],
)
def test_an_uplink_that_cannot_be_read_is_rejected(body: bytes, sentence: str) -> None:
    """The sentence names the member, its value and what was expected."""
    with pytest.raises(Rejected, match=sentence):
        chirpstack.envelope(body)
