"""Bring a city's folder into the running system: what exists to Kafka, who may speak to the registers.

Loading again changes only what differs: a record that is already known with the same content is not sent; one whose
content changed becomes the next version, valid from now; one that vanished from the folder is retired.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from services import bus, store
from services.city.folder import City
from services.store import access, register
from streams import codec, events
from streams.topics import BY_NAME, REFERENCE

SHIFT_DAYS: Final = 28
"""Local days for which shifts are laid down, today included."""
ORDER_DAYS: Final = 2
"""Local days for which bookings become orders, today included."""

_BOOKKEEPING: Final = frozenset({"version", "valid_from_ms", "received_time_ms", "closed_until_ms"})
"""Members that do not make two versions differ; a dispatcher's closure outlives a load."""

Name = tuple[str, str]
"""Topic and key without the version: what a record is about."""
Known = Mapping[Name, events.Versioned]


class Loaded(NamedTuple):
    """What a load did."""

    new: int
    changed: int
    retired: int
    unchanged: int


# --------------------------------------------------------------------------------------------- what is to be sent


def name_of(record: events.Versioned) -> Name:
    """Return what a record is about, whichever its version."""
    return codec.topic_of(record).name, codec.key_of(record).rpartition("@")[0]


def newest(records: Iterable[events.Versioned]) -> dict[Name, events.Versioned]:
    """Return the highest version of each."""
    found: dict[Name, events.Versioned] = {}
    for record in records:
        name = name_of(record)
        if name not in found or found[name].version < record.version:
            found[name] = record
    return found


def wanted(city: City, now_ms: int) -> list[events.Versioned]:
    """Return everything the folder says exists, with shifts and orders of the coming local days."""
    today = city.local_date(now_ms)
    days = [today + dt.timedelta(days=ahead) for ahead in range(SHIFT_DAYS)]
    shifts = [shift for day in days for shift in city.shifts(day)]
    orders = [order for day in days[:ORDER_DAYS] for order in city.orders(day)]
    return [*city.assets, *city.zones, *city.permits, *city.calendars, *shifts, *orders]


def differences(city: City, known: Known, now_ms: int) -> tuple[list[events.Versioned], Loaded]:
    """Return the records to send, and the count of what they are. Pure: the same folder twice sends nothing."""
    to_send: list[events.Versioned] = []
    folder = wanted(city, now_ms)
    new = changed = 0
    for record in folder:
        before = known.get(name_of(record))
        if before is None:
            to_send.append(record)
            new += 1
        elif _may_change(before, now_ms) and _content(before) != _content(record):
            to_send.append(_next_version(record, before, now_ms))
            changed += 1
    gone = _gone(city, known, {name_of(record) for record in folder})
    to_send += [_next_version(msgspec.structs.replace(one, retired=True), one, now_ms) for one in gone]
    return to_send, Loaded(new, changed, len(gone), len(folder) - new - changed)


def _gone(city: City, known: Known, names: set[Name]) -> list[events.Versioned]:
    """Return what the folder no longer holds; orders and shifts are not the folder's alone, so they stay."""
    return [
        record
        for name, record in known.items()
        if name not in names
        and record.tenant_id == city.tenant_id
        and not record.retired
        and not isinstance(record, (events.Order, events.Shift))
    ]


def _may_change(before: events.Versioned, now_ms: int) -> bool:
    """Orders live on in the planner and at the desk; a shift that has begun is history."""
    if isinstance(before, events.Shift):
        return before.start_ms > now_ms
    return not isinstance(before, events.Order)


def _content(record: events.Versioned) -> dict[str, Any]:
    document = msgspec.json.decode(codec.encode(record))
    return {member: value for member, value in document.items() if member not in _BOOKKEEPING}


def _next_version(record: events.Versioned, before: events.Versioned, now_ms: int) -> events.Versioned:
    fields: dict[str, Any] = {"version": before.version + 1, "valid_from_ms": max(now_ms, before.valid_from_ms)}
    if isinstance(before, events.Asset):
        fields["closed_until_ms"] = before.closed_until_ms
    return msgspec.structs.replace(record, **fields)


# --------------------------------------------------------------------------------------------- Kafka


def publish(bootstrap: str, city: City, now_ms: int) -> Loaded:
    """Send what differs from what Kafka has; returns when the broker has confirmed all of it.

    Raises
    ------
    bus.BusError
        If the broker cannot be reached or refuses.
    """
    to_send, loaded = differences(city, known_records(bootstrap), now_ms)
    producer = bus.Producer(bootstrap, client_id="city-load")
    try:
        for future in [producer.send_event(record) for record in to_send]:
            future.result(timeout=60)
    finally:
        producer.close()
    return loaded


def known_records(bootstrap: str) -> dict[Name, events.Versioned]:
    """Read the reference topics to their end and return the newest version of everything."""
    follower = bus.Follower(bootstrap, REFERENCE, client_id="city-load")
    try:
        return newest(
            codec.decode(BY_NAME[record.topic], record.value)
            for record in follower.read_to_end()
            if record.value is not None
        )
    finally:
        follower.close()


# --------------------------------------------------------------------------------------------- registers


def terminals(city: City) -> list[register.Terminal]:
    """Return the city's JT/T 808 terminals."""
    return [
        register.Terminal(
            phone=truck.phone,
            tenant_id=city.tenant_id,
            district_id=city.asset["truck", truck.truck_id].district_id,
            truck_id=truck.truck_id,
            terminal_id=truck.terminal_id,
            plate=truck.plate,
            profile=truck.profile,
        )
        for truck in city.trucks
    ]


def devices(city: City, secrets: Mapping[str, Mapping[str, str]]) -> list[register.Device]:
    """Return the city's other devices; ``secrets`` as `make_secrets` returns them."""
    found = [
        register.Device(
            protocol="chirpstack",
            device_id=city.header.chirpstack_source,
            tenant_id=city.tenant_id,
            entity_kind="source",
            entity_id=city.header.chirpstack_source,
            secret_hash=register.secret_hash(secrets["chirpstack"][city.header.chirpstack_source]),
        )
    ]
    found += [
        register.Device(
            protocol="chirpstack",
            device_id=bin_.dev_eui,
            tenant_id=city.tenant_id,
            district_id=city.asset["bin", bin_.bin_id].district_id,
            entity_kind="bin",
            entity_id=bin_.bin_id,
            profile={"sensor": bin_.sensor, "depth_mm": bin_.depth_mm, "dead_zone_mm": bin_.dead_zone_mm},
        )
        for bin_ in city.bins
    ]
    found += [
        register.Device(
            protocol="weighbridge",
            device_id=place.id,
            tenant_id=city.tenant_id,
            district_id=place.district_id,
            entity_kind="facility",
            entity_id=place.id,
            secret_hash=register.secret_hash(secrets["weighbridge"][place.id]),
        )
        for place in city.of_kind("facility")
    ]
    return found + [
        register.Device(
            protocol="osmand",
            device_id=truck.osmand_id,
            tenant_id=city.tenant_id,
            district_id=city.asset["truck", truck.truck_id].district_id,
            entity_kind="truck",
            entity_id=truck.truck_id,
            secret_hash=register.secret_hash(secrets["osmand"][truck.osmand_id]),
        )
        for truck in city.trucks
        if truck.osmand_id is not None
    ]


def make_secrets(city: City, kept: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return a secret for every device that needs one: the kept one, else a new one."""
    needed = {
        "osmand": [truck.osmand_id for truck in city.trucks if truck.osmand_id is not None],
        "chirpstack": [city.header.chirpstack_source],
        "weighbridge": [place.id for place in city.of_kind("facility")],
    }
    made = {kind: dict(kept.get(kind, {})) for kind in ("osmand", "chirpstack", "weighbridge", "driver_keys")}
    for kind, ids in needed.items():
        for device_id in ids:
            made[kind].setdefault(device_id, register.new_secret())
    return made


def register_devices(database_url: str, city: City, secrets_file: Path, *, driver_keys: bool = True) -> int:
    """Put terminals, devices and (for the simulator) one key a driver into the database; return how many there are.

    Secrets that are kept stay. The file holds them in clear, so only its owner may read it; give it away with care.

    Raises
    ------
    store.Away
        If the database cannot be reached.
    """
    engine = store.connect(database_url, name="city-load")
    try:
        secrets = make_secrets(city, read_secrets(secrets_file))
        if driver_keys:
            for truck in city.trucks:
                token = secrets["driver_keys"].get(truck.truck_id)
                if token is None or access.key_user(engine, token) is None:
                    secrets["driver_keys"][truck.truck_id] = access.create_key(
                        engine,
                        city.tenant_id,
                        f"driver of {truck.truck_id}",
                        "driver",
                        driver_id=truck.driver_id,
                        truck_id=truck.truck_id,
                    )
        write_secrets(secrets_file, secrets)
        for terminal in terminals(city):
            register.upsert_terminal(engine, terminal)
        others = devices(city, secrets)
        register.upsert_devices(engine, others)
        return len(city.trucks) + len(others)
    finally:
        engine.dispose()


def read_secrets(file: Path) -> dict[str, dict[str, str]]:
    """Return the kept secrets; none if there is no file yet."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def write_secrets(file: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
    """Replace the file at once (never half of it), readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(secrets, indent=1, sort_keys=True), encoding="utf-8")
    new.replace(file)


def devices_file(data_dir: str) -> Path:
    """Where a local start keeps its devices' secrets."""
    return Path(data_dir) / "secrets" / "devices.json"
