"""What devices send over HTTP is what ingest and gateway read."""

import json

import pytest

from services.city.folder import BinRow, City
from services.city.load import devices, make_secrets
from services.gateway.driver import DriverActionBody
from services.ingest import chirpstack, osmand, sensors, weighbridge
from services.simulator.doors import chirpstack_event, milesight_payload, osmand_form, pressed
from services.simulator.state import Ticketed, Uplink
from services.simulator.town import Town
from streams import codec, events

UPLINK = Uplink(bin_id="b0001", time_ms=1_795_503_930_000, counter=7, distance_mm=480, temperature_c=-2.5, battery=91)


def row_of(porto: City, sensor: str) -> BinRow:
    """The first container with such a sensor."""
    return next(row for row in porto.bins if row.sensor == sensor)


def test_milesight_bytes() -> None:
    """Battery 91 %, -2.5 °C, 480 mm, upright: the published payload table, little-endian."""
    assert milesight_payload(UPLINK).hex() == "01755b" + "0367e7ff" + "0482e001" + "050000"
    measured = sensors.milesight({}, milesight_payload(UPLINK))
    assert (measured.battery, measured.temperature_c, measured.distance_mm, measured.tilted) == (0.91, -2.5, 480, False)


@pytest.mark.parametrize("sensor", ["milesight-em400", "generic"])
def test_ingest_reads_an_uplink(porto: City, sensor: str) -> None:
    """From bytes or decoded by ChirpStack, the reading has its bin, time, counter and fill."""
    row = row_of(porto, sensor)
    device = next(one for one in devices(porto, make_secrets(porto, {})) if one.device_id == row.dev_eui)
    envelope = chirpstack.envelope(json.dumps(chirpstack_event(row, UPLINK)).encode())
    reading = chirpstack.decode(envelope, device, 0)
    usable_mm = row.depth_mm - row.dead_zone_mm
    assert reading.invalid is None
    assert (reading.bin_id, reading.event_time_ms, reading.seq) == (row.bin_id, UPLINK.time_ms, 7)
    assert reading.fill == pytest.approx(1 - 480 / usable_mm, abs=1e-3)


def test_ingest_reads_a_phone(porto: City) -> None:
    """A phone's fix has the truck of its device, to the second and the sixth decimal."""
    device = next(one for one in devices(porto, make_secrets(porto, {})) if one.protocol == "osmand")
    form = osmand_form(device.device_id, 1_795_503_930_999, -8.6112345, 41.1509876)
    state = osmand.decode(form, b"", device, 0)
    assert (state.truck_id, state.event_time_ms) == (device.entity_id, 1_795_503_930_000)
    assert (state.lon, state.lat) == (-8.611235, 41.150988)


def test_ingest_takes_the_tickets(porto: City, town: Town) -> None:
    """A ticket of the play passes ingest's checks: net is gross less tare, in the facility of the key."""
    tickets = [one.weighing for _ in range(2400) for one in town.step() if isinstance(one, Ticketed)]
    by_id = {one.device_id: one for one in devices(porto, make_secrets(porto, {})) if one.protocol == "weighbridge"}
    assert tickets
    for ticket in tickets:
        body = {name: value for name, value in json.loads(codec.encode(ticket)).items() if name != "tenant_id"}
        kept = weighbridge.decode(json.dumps(body).encode(), by_id[ticket.facility_id], 5)
        assert (kept.net_kg, kept.truck_id, kept.received_time_ms) == (ticket.net_kg, ticket.truck_id, 5)


def test_the_gateway_takes_a_press() -> None:
    """A press names what the page knows and nothing that is the gateway's to say; the gateway's own check passes it."""
    action = events.DriverAction(
        action_id="a", truck_id="t1", kind="skipped", event_time_ms=5, driver_id="dr1", stop_id="b1", bin_id="b1",
        exception="blocked", plan_version=3,
    )  # fmt: skip
    body = DriverActionBody.model_validate(pressed(action))
    assert (body.kind, body.stop_id, body.exception, body.plan_version) == ("skipped", "b1", "blocked", 3)
