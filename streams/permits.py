"""What a load's permits are, and where they bind.

Only permits for the load count (contract): of the source it was loaded at, for its material, in force at the event's own
time. A load whose origin or material is not known is granted every permit of its truck that may be the one.
"""

from typing import Final

from streams import events
from streams.assets import Permission, Reference
from streams.cargo import Cargo

FREE_PLACES: Final = frozenset({"facility", "source", "depot", "parking", "fuel", "workshop", "approach"})
"""Where permits do not bind."""


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
    return found and [permission for permission in found if _fits(permission.permit, source_id, material)]


def _fits(permit: events.Permit, source_id: str | None, material: str | None) -> bool:
    source_fits = permit.source_id is None or source_id is None or permit.source_id == source_id
    material_fits = permit.material is None or material is None or permit.material == material
    return source_fits and material_fits


def named(permissions: list[Permission]) -> str:
    """Name permits as `used` of an alert does."""
    return ", ".join(permission.versioned_id for permission in permissions)
