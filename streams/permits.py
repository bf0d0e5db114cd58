"""What a load's permits are, and where they bind.

Only permits for the load count (contract): of the source it was loaded at, for its material, in force at the event's own
time. A load whose origin or material is not known is granted every permit of its truck that may be the one.
"""

from typing import Final

from msgspec import Struct

from streams import events
from streams.assets import Permission, Reference
from streams.cargo import Cargo
from streams.geo import LonLat
from streams.moment import Moment

FREE_PLACES: Final = frozenset({"facility", "source", "depot", "parking", "fuel", "workshop", "approach"})
"""Where permits do not bind."""
DRIVING_MPS: Final = 2.78
"""10 km/h: faster is driving [P]."""


def covering(reference: Reference, truck_id: str, time_ms: int, cargo: Cargo) -> list[Permission]:
    """Return the permits that cover what is on board, by id; none where nothing is."""
    if cargo.state != "loaded":
        return []
    return of_load(reference, truck_id, time_ms, cargo.source_id, cargo.material)


def of_load(
    reference: Reference, truck_id: str, time_ms: int, source_id: str | None, material: str | None
) -> list[Permission]:
    """Return the permits in force at a moment that cover a load of this origin and material; None = not known."""
    found = reference.permissions(truck_id, time_ms)
    return [permission for permission in found if _fits(permission.permit, source_id, material)]


def _fits(permit: events.Permit, source_id: str | None, material: str | None) -> bool:
    source_fits = permit.source_id is None or source_id is None or permit.source_id == source_id
    material_fits = permit.material is None or material is None or permit.material == material
    return source_fits and material_fits


def named(permissions: list[Permission]) -> str:
    """Name permits as `used` of an alert does."""
    return ", ".join(permission.versioned_id for permission in permissions)


_LONGEST_STEP_MS: Final = 60_000
"""Of a longer silence between two fixes no more is counted as driving."""


class Driving(Struct, array_like=True):
    """How long, and at how many fixes, a truck has driven on the road where something is not allowed."""

    start_ms: int = 0
    """First fix; 0 = none."""
    place: LonLat | None = None
    driven_ms: int = 0
    fixes: int = 0
    on_the_road: bool = False
    """At the fix before."""


def drive(driving: Driving, moment: Moment, free_m: float) -> None:
    """Take one fix in: only the steps between two fixes on the road are driving, not the hours in a depot between."""
    if not drives_on_the_road(moment, free_m):
        driving.on_the_road = False
        return
    if driving.on_the_road:
        driving.driven_ms += min(moment.time_ms - moment.since_ms, _LONGEST_STEP_MS)
    if not driving.start_ms:
        driving.start_ms, driving.place = moment.time_ms, moment.place
    driving.fixes += 1
    driving.on_the_road = True


def drives_on_the_road(moment: Moment, free_m: float) -> bool:
    """True if the truck drives, seen, farther than ``free_m`` from every place where permits do not bind."""
    return moment.place is not None and moment.speed_mps > DRIVING_MPS and moment.within(FREE_PLACES, free_m) is None
