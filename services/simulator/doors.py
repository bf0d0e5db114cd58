"""The HTTP sides of devices and drivers: ChirpStack uplinks, OsmAnd phones, weighbridge tickets, the driver's page."""

import asyncio
import base64
import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from services import metrics
from services.city.folder import BinRow
from services.simulator import noise
from services.simulator.ledger import Ledger
from services.simulator.state import PhoneFix, Uplink
from streams import events
from streams.units import KNOT_MPS

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
UPLINKS_AT_ONCE: Final = 8
UPLINKS_WAITING: Final = 2_000
"""A network server that falls further behind loses uplinks: ChirpStack does not send again either."""

Secrets = Mapping[str, Mapping[str, str]]


class Ingest:
    """The HTTP doors of ingest, as the devices use them."""

    def __init__(
        self, client: httpx.AsyncClient, base_url: str, secrets: Secrets, chirpstack_source: str, ledger: Ledger
    ) -> None:
        self._client, self._base, self._secrets, self._source = client, base_url, secrets, chirpstack_source
        self._ledger = ledger
        self._uplinks: asyncio.Queue[tuple[BinRow, Uplink]] = asyncio.Queue(UPLINKS_WAITING)

    async def phone(self, device_id: str, fix: PhoneFix) -> httpx.Response:
        """Send a phone's fix, as the Traccar client does (speed in knots)."""
        params = osmand_form(device_id, fix.time_ms, fix.lon, fix.lat)
        params |= {
            "speed": f"{fix.speed_mps / KNOT_MPS:.2f}",
            "bearing": f"{fix.heading_deg:.0f}",
            "accuracy": f"{fix.accuracy_m:.1f}",
        }
        return await self._client.post(
            f"{self._base}/osmand/", params=params, headers=_bearer(self._secrets["osmand"][device_id])
        )

    async def ticket(self, facility_id: str, weighing: events.Weighing) -> httpx.Response:
        """Send a weighbridge's ticket."""
        body = {
            name: value
            for name, value in msgspec.to_builtins(weighing).items()
            if name not in ("tenant_id", "received_time_ms")
        }
        return await self._client.post(
            f"{self._base}/weighbridge/{facility_id}/tickets",
            json=body,
            headers=_bearer(self._secrets["weighbridge"][facility_id]),
        )

    def uplink(self, row: BinRow, uplink: Uplink) -> None:
        """Hand an uplink to the network server; it is sent once, or lost."""
        try:
            self._uplinks.put_nowait((row, uplink))
        except asyncio.QueueFull:
            metrics.SIMULATED.labels("chirpstack", "lost").inc()

    async def send_uplinks(self) -> None:
        """Send what `uplink` was given, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(UPLINKS_AT_ONCE):
                group.create_task(self._send_uplinks())

    async def _send_uplinks(self) -> None:
        headers = _bearer(self._secrets["chirpstack"][self._source])
        while True:
            row, uplink = await self._uplinks.get()
            try:
                answer = await self._client.post(
                    f"{self._base}/chirpstack/{self._source}?event=up",
                    json=chirpstack_event(row, uplink),
                    headers=headers,
                )
                outcome = "taken" if answer.is_success else f"lost_{answer.status_code}"
            except httpx.TransportError:
                outcome = "lost"
            if outcome == "taken":
                self._ledger.note("chirpstack", row.bin_id, time_ms=uplink.time_ms, counter=uplink.counter)
            metrics.SIMULATED.labels("chirpstack", outcome).inc()


class PageTruck(msgspec.Struct):
    """The own truck on the driver's page; ``down`` = breakdown or sos, as reported."""

    down: str | None = None


class Page(msgspec.Struct):
    """What a driver reads off the page."""

    truck: PageTruck
    plan: events.TruckPlan | None = None


class DriversPage:
    """The driver's page of the gateway, as a phone in the cab uses it: one bearer key a truck."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, keys: Mapping[str, str]) -> None:
        self._client, self._base, self._keys = client, base_url, keys
        self._etags: dict[str, str] = {}

    async def look(self, truck_id: str) -> Page | None:
        """Look at the page; return what it says, or None if it has not changed.

        Raises
        ------
        httpx.HTTPError
            If the gateway is away, or does not know the key.
        """
        headers = _bearer(self._keys.get(truck_id, ""))
        if truck_id in self._etags:
            headers["If-None-Match"] = self._etags[truck_id]
        answer = await self._client.get(f"{self._base}/api/v1/driver", headers=headers)
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return None
        answer.raise_for_status()
        page = msgspec.json.decode(answer.content, type=Page)
        self._etags[truck_id] = answer.headers.get("etag", "")
        return page

    async def press(self, truck_id: str, action: events.DriverAction) -> httpx.Response:
        """Press a button; the same press again does nothing."""
        return await self._client.put(
            f"{self._base}/api/v1/driver-actions/{action.action_id}",
            json=pressed(action),
            headers=_bearer(self._keys.get(truck_id, "")),
        )


def pressed(action: events.DriverAction) -> dict[str, Any]:
    """Return the body of a press: what the page knows; who presses is the gateway's to say."""
    theirs = ("action_id", "truck_id", "driver_id", "tenant_id", "received_time_ms", "photo_ids")
    return {
        name: value for name, value in msgspec.to_builtins(action).items() if name not in theirs and value is not None
    }


def osmand_form(device_id: str, time_ms: int, lon: float, lat: float) -> dict[str, str]:
    """Return the parameters every OsmAnd fix has."""
    return {"id": device_id, "timestamp": str(time_ms // 1000), "lat": f"{lat:.6f}", "lon": f"{lon:.6f}"}


def chirpstack_event(row: BinRow, uplink: Uplink) -> dict[str, Any]:
    """Return the uplink as ChirpStack v4's HTTP integration sends it (JSON, camelCase)."""
    time = dt.datetime.fromtimestamp(uplink.time_ms / 1000, dt.UTC).isoformat(timespec="milliseconds")
    event: dict[str, Any] = {
        "deduplicationId": events.derived_id("uplink", row.dev_eui, uplink.counter),
        "time": time,
        "deviceInfo": {
            "tenantName": "city",
            "applicationName": "bins",
            "deviceProfileName": row.sensor,
            "deviceName": row.bin_id,
            "devEui": row.dev_eui,
            "deviceClassEnabled": "CLASS_A",
            "tags": {},
        },
        "devAddr": f"{noise.key(row.dev_eui):08x}",
        "adr": True,
        "dr": 3,
        "fCnt": uplink.counter,
        "fPort": 85,
        "confirmed": False,
        "rxInfo": [{"gatewayId": "a84041ffff1ef0a0", "rssi": -97, "snr": 6.2}],
        "txInfo": {"frequency": 868_100_000},
    }
    if row.sensor == "generic":  # a device profile with a codec: ChirpStack has decoded the payload
        decoded = {"distance": uplink.distance_mm, "temperature": uplink.temperature_c, "battery": uplink.battery}
        return event | {"object": decoded}
    return event | {"data": base64.b64encode(milesight_payload(uplink)).decode()}


def milesight_payload(uplink: Uplink) -> bytes:
    """Return the EM400's bytes: channel, type, value; little-endian (Milesight-IoT/SensorDecoders)."""
    return (
        b"\x01\x75" + bytes((uplink.battery,))
        + b"\x03\x67" + round(uplink.temperature_c * 10).to_bytes(2, "little", signed=True)
        + b"\x04\x82" + uplink.distance_mm.to_bytes(2, "little")
        + b"\x05\x00\x00"
    )  # fmt: skip


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
