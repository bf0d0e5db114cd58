"""Loaded or empty, since when, from where. Unknown stays unknown.

The sensor says it, with hysteresis; where it is stuck or silent, the course of work says it: a bed raised at a facility
or a weighing there empties a truck, minutes of standing at a source load it.
"""

from typing import Final, Literal

from msgspec import Struct

from streams import events
from streams.assets import Place
from streams.load import Load
from streams.units import SECOND_MS

LOADED_SHARE: Final = 0.20
"""Share of the payload above which a truck is loaded (domain rule R1)."""
EMPTY_SHARE: Final = 0.10
"""Share below which it is empty; between the two nothing changes."""
_CONFIRM_MS: Final = 15 * SECOND_MS
"""A change must hold this long, and be said twice."""
_LOADING_MS: Final = 180 * SECOND_MS
"""Standing this long at a source loads a truck whose sensor says nothing."""
AT_PLACE_M: Final = 35.0
"""So near a place a truck stands at it."""
_STANDING_MPS: Final = 1.4

State = Literal["unknown", "empty", "loaded"]


class Cargo(Struct, array_like=True):
    """State of what is on board."""

    state: State = "unknown"
    since_ms: int = 0
    source_id: str | None = None
    """Where it was loaded; None = not known."""
    material: str | None = None
    """What was loaded there; None = not known."""
    pending: State = "unknown"
    pending_ms: int = 0
    stood_at: str | None = None
    """The source it stands at or stood at last."""
    stood_since_ms: int = 0
    stood_until_ms: int = 0
    tipping_ms: int = 0
    """Since when the bed is raised at a facility; 0 = it is not."""
    emptied_ms: int = 0
    """When work emptied it: tipped or weighed at a facility."""
    cover_suspect: bool = False
    """The bed was raised under a cover said to be closed: its sensor is not believed until it says open while tipping."""
    stood_material: str | None = None
    """What the source gives at which it stands or stood last."""


def follow(  # noqa: PLR0917  # called once a fix; names at the call cost as much as the work
    cargo: Cargo,
    fix: events.TruckState,
    time_ms: int,
    near: list[tuple[float, Place]],
    load: Load,
    truck: events.Asset | None,
) -> None:
    """Take one fix in."""
    resting = (fix.speed_mps or 0.0) < _STANDING_MPS
    bed_raised = fix.sensor_health.bed == "ok" and fix.bed == "raised"
    if resting and near:
        _stand(cargo, time_ms, near, truck)
    if bed_raised or cargo.tipping_ms:
        _tip(cargo, fix, time_ms, near, bed_raised=bed_raised)
    said = _said(cargo, fix, time_ms, load, truck.payload_kg if truck else None)
    if said in (cargo.state, "unknown"):
        cargo.pending = "unknown"
    elif said != cargo.pending:
        cargo.pending, cargo.pending_ms = said, time_ms
    elif time_ms - cargo.pending_ms >= _CONFIRM_MS:
        _become(cargo, said, cargo.pending_ms)


def weighed(cargo: Cargo, weighing: events.Weighing, arrival_ms: int) -> None:
    """Take a receipt in: an accepted inbound load has left the truck, not after ``arrival_ms``, whatever its clock says."""
    weighed_ms = min(weighing.event_time_ms, arrival_ms)
    if weighing.inbound and weighing.accepted and weighed_ms >= cargo.stood_until_ms:
        cargo.emptied_ms = max(cargo.emptied_ms, weighed_ms)


def _stand(cargo: Cargo, time_ms: int, near: list[tuple[float, Place]], truck: events.Asset | None) -> None:
    for distance_m, place in near:
        if place.kind == "source" and distance_m <= AT_PLACE_M and _may_load(place, truck):
            if cargo.stood_at != place.place_id or time_ms - cargo.stood_until_ms > 10 * _LOADING_MS:
                cargo.stood_at, cargo.stood_since_ms = place.place_id, time_ms
                cargo.stood_material = place.record.material if isinstance(place.record, events.Asset) else None
            cargo.stood_until_ms = time_ms
            return


def _may_load(source: Place, truck: events.Asset | None) -> bool:
    """False for a source of what the truck does not carry: it stands there in traffic."""
    material = source.record.material if isinstance(source.record, events.Asset) else None
    return truck is None or material is None or not truck.materials or material in truck.materials


def _tip(
    cargo: Cargo, fix: events.TruckState, time_ms: int, near: list[tuple[float, Place]], *, bed_raised: bool
) -> None:
    if bed_raised and fix.sensor_health.cover == "ok":
        cargo.cover_suspect = fix.cover == "closed"
    at_facility = any(place.kind == "facility" and distance_m <= AT_PLACE_M for distance_m, place in near)
    if bed_raised and at_facility:
        cargo.tipping_ms = cargo.tipping_ms or time_ms
        if time_ms - cargo.tipping_ms >= _CONFIRM_MS:
            cargo.emptied_ms = time_ms
    else:
        cargo.tipping_ms = 0


def _said(cargo: Cargo, fix: events.TruckState, time_ms: int, load: Load, payload_kg: float | None) -> State:
    """What this fix says about the cargo, "unknown" if nothing."""
    if fix.sensor_health.load == "ok" and not load.stuck:
        if load.kg is not None and fix.load_kg is not None and payload_kg:
            share = load.kg / payload_kg
            return "loaded" if share >= LOADED_SHARE else "empty" if share <= EMPTY_SHARE else "unknown"
        if fix.load_kg is None and fix.load_state != "unknown":
            return "empty" if fix.load_state == "empty" else "loaded"
    loaded_ms = cargo.stood_until_ms if cargo.stood_until_ms - cargo.stood_since_ms >= _LOADING_MS else 0
    if max(loaded_ms, cargo.emptied_ms) <= cargo.since_ms or time_ms - max(loaded_ms, cargo.emptied_ms) < 0:
        return "unknown"
    return "loaded" if loaded_ms > cargo.emptied_ms else "empty"


def _become(cargo: Cargo, state: State, since_ms: int) -> None:
    cargo.state, cargo.since_ms, cargo.pending = state, since_ms, "unknown"
    if state == "loaded" and since_ms - cargo.stood_until_ms <= _LOADING_MS:
        cargo.source_id, cargo.material = cargo.stood_at, cargo.stood_material
    else:
        cargo.source_id = cargo.material = None
