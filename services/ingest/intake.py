"""The words every door shares: what comes in, what is kept of it, and how it is refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from services.store.register import Device
from streams import codec, events
from streams.topics import DEAD_LETTERS, RAW_FRAMES

MAX_SPEED_MPS: Final = 60.0
"""No truck is faster (216 km/h); a higher speed is a decoding or device error, not a measurement."""
STAGE: Final = "ingest"


class Rejected(ValueError):  # noqa: N818  # a verdict on what came in, not a failure of ours
    """What came in cannot be used. The message names the field, its value and what was expected, for people."""


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """One record on its way to Kafka."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Bytes as they came, where from and when. ``received_time_ms`` is city time, UTC ms."""

    protocol: str
    source_id: str
    """Terminal or device id: the key on ``raw-frames``."""
    tenant_id: str
    session: str
    raw: bytes
    received_time_ms: int


def raw_record(arrival: Arrival) -> Outgoing:
    """Return the record of ``raw-frames`` (contract) that keeps the bytes as they came."""
    return Outgoing(
        RAW_FRAMES.name,
        arrival.source_id.encode(),
        arrival.raw,
        (
            *codec.headers(RAW_FRAMES),
            ("received_time_ms", str(arrival.received_time_ms).encode()),
            ("session", arrival.session.encode()),
            ("protocol", arrival.protocol.encode()),
            ("tenant_id", arrival.tenant_id.encode()),
        ),
    )


def event_record(event: events.Event) -> Outgoing:
    """Return the record of an event on its own topic under its own key."""
    topic = codec.topic_of(event)
    return Outgoing(topic.name, codec.key_of(event).encode(), codec.encode(event), tuple(codec.headers(topic)))


def dead_letter(arrival: Arrival, reason: str) -> Outgoing:
    """Return the record that sets bytes aside with the reason; ``topic`` names where the bytes would have gone."""
    letter = codec.DeadLetter(
        topic=RAW_FRAMES.name, stage=STAGE, reason=reason, value=arrival.raw, key=arrival.source_id.encode()
    )
    return Outgoing(DEAD_LETTERS.name, letter.key or b"", letter.value, tuple(letter.headers()))


def not_in_register(protocol: str, device_id: str) -> str:
    """Say so, for people."""
    return f"{protocol} device {device_id!r} is not in the register"


def kept(arrival: Arrival, found: Iterable[events.Event]) -> tuple[Outgoing, ...]:
    """Return the raw record and the canonical ones: what must be on Kafka before ``arrival`` is acknowledged."""
    return (raw_record(arrival), *map(event_record, found))


# --------------------------------------------------------------------------------------------- checks of fields


def place(lon: float, lat: float) -> tuple[float, float]:
    """Return the position, or raise `Rejected` for one that no truck can have (outside the globe, or 0, 0)."""
    if not -90.0 <= lat <= 90.0:
        raise Rejected(f"lat is {lat}, expected -90 to 90")
    if not -180.0 <= lon <= 180.0:
        raise Rejected(f"lon is {lon}, expected -180 to 180")
    if lon == 0.0 and lat == 0.0:
        raise Rejected("lon, lat is 0, 0, expected a position: devices send this when they have none")
    return lon, lat


def speed(speed_mps: float) -> float:
    """Return the speed, or raise `Rejected` for one that no truck can have."""
    if not 0.0 <= speed_mps <= MAX_SPEED_MPS:
        raise Rejected(f"speed is {speed_mps:.1f} m/s, expected 0 to {MAX_SPEED_MPS:.0f}")
    return speed_mps


def profile_number(device: Device, name: str) -> float | None:
    """Return a positive number of a device's profile; None if it is not given."""
    value: Any = device.profile.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Rejected(f"profile member {name} of device {device.device_id} is {value!r}, expected a number above 0")
    return float(value)
