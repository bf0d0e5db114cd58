"""Weighbridge tickets: the contract's fields, weights that can be, one facility a key."""

from typing import Any

import msgspec
import pytest

from services.ingest import weighbridge
from services.ingest.intake import Rejected
from services.store.register import Device
from streams.events import Weighing

DEVICE = Device(protocol="weighbridge", device_id="f-1", tenant_id="porto", entity_kind="facility", entity_id="f-1")
NOW_MS = 1_795_462_332_400
TICKET = {"weighing_id": "w1", "truck_id": "t1", "event_time_ms": NOW_MS - 5000, "gross_kg": 20_000, "tare_kg": 12_000}


def weighing(**changes: Any) -> Weighing:
    """Return the ticket, changed."""
    return weighbridge.decode(msgspec.json.encode(TICKET | changes), DEVICE, NOW_MS)


def test_a_ticket() -> None:
    """Facility, tenant and arrival come from us; net from gross and tare."""
    found = weighing(material="residual", ticket_id=None)
    assert (found.facility_id, found.tenant_id, found.received_time_ms) == ("f-1", "porto", NOW_MS)
    assert (found.net_kg, found.inbound, found.accepted, found.ticket_id) == (8000.0, True, True, None)


def test_a_net_weight_alone_is_enough() -> None:
    """Some bridges send only that."""
    assert weighing(gross_kg=None, tare_kg=None, net_kg=7990).net_kg == 7990


def test_nobody_speaks_for_another_tenant() -> None:
    """Tenant and arrival time in the body are not believed."""
    found = weighing(tenant_id="other", received_time_ms=1)
    assert (found.tenant_id, found.received_time_ms) == ("porto", NOW_MS)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"facility_id": "f-2"}, "facility_id is 'f-2', expected 'f-1'"),
        ({"weighing_id": None}, "weighing_id"),
        ({"truck_id": ""}, "truck_id"),
        ({"gross_kg": -1}, "gross_kg is -1.0, expected 0 to 200000"),
        ({"gross_kg": 1e9}, "gross_kg is 1000000000.0"),
        ({"gross_kg": "heavy"}, "gross_kg"),
        ({"tare_kg": 21_000}, "tare_kg is 21000.0, expected at most gross_kg"),
        ({"net_kg": 9000}, "net_kg is 9000.0, expected gross_kg less tare_kg = 8000.0"),
        ({"gross_kg": None}, "gross_kg and net_kg are missing"),
        ({"event_time_ms": 0}, "event_time_ms is 0"),
        ({"event_time_ms": "noon"}, "event_time_ms"),
        ({"inbound": "yes"}, "inbound"),
    ],
)
def test_a_wrong_ticket_is_rejected(changes: dict[str, Any], sentence: str) -> None:
    """The sentence names the member."""
    with pytest.raises(Rejected, match=sentence):
        weighing(**changes)
