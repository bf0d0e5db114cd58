"""What rules see: one fix in its place, with what was true then."""

from msgspec import Struct

from streams import events
from streams.assets import Permission, Place, Reference
from streams.cargo import Cargo
from streams.geo import LonLat
from streams.load import Load
from streams.plans import KeptPlan

RESTING_MPS = 1.4
"""5 km/h: slower is standing or creeping (domain rule R1)."""


class Moment(Struct, kw_only=True, gc=False):
    """One released fix of one truck. Lives for one step; nothing of it is kept, and nothing it names knows it."""

    fix: events.TruckState
    time_ms: int
    """Corrected event time."""
    since_ms: int
    """Event time of the fix before; equal to ``time_ms`` for the first."""
    after_gap: bool
    clock_offset_ms: int
    clock_moved: bool
    """The device's clock was corrected otherwise at the fix before: the time between the two is no silence."""
    silent_ms: int
    """For how long before this fix there was no report, where by the terminal's numbers none is missing; else 0."""
    place: LonLat | None
    """Where the truck is, if that can be believed now."""
    speed_mps: float
    near: list[tuple[float, Place]]
    """Places but bins within `streams.assets.REACH_M`, nearest first; empty without a believable place."""
    truck: events.Asset | None
    tenant_id: str
    load: Load
    cargo: Cargo
    permissions: list[Permission]
    """Permits that cover the load (`streams.permits`); empty for an empty truck."""
    plans: list[KeptPlan]
    reference: Reference
    cover_open: bool | None
    """Whether the load can be seen; None = not known."""
    bed_raised: bool | None
    """Whether the bed is raised; None = not known."""

    @property
    def accuracy_m(self) -> float:
        """How far off the place may be; a fix that says nothing is taken as good to 10 m."""
        return self.fix.accuracy_m or 10.0

    @property
    def payload_kg(self) -> float | None:
        """Permitted load, if known."""
        return self.truck.payload_kg if self.truck else None

    @property
    def truck_class(self) -> str | None:
        """Class of the truck, if known."""
        return self.truck.truck_class if self.truck else None

    def bins(self) -> list[tuple[float, Place]]:
        """Return bins within `streams.assets.REACH_M`, nearest first: looked for when asked for, as few trucks stop at any."""
        if self.place is None:
            return []
        return self.reference.bins_near(*self.place, self.time_ms, self.tenant_id)

    def within(self, kinds: frozenset[str], buffer_m: float) -> Place | None:
        """Return the nearest place of these kinds, none of them bins, that holds the truck, its area widened by ``buffer_m``."""
        for distance_m, place in self.near:
            if distance_m > buffer_m:
                return None
            if place.kind in kinds:
                return place
        return None


def cover_open(fix: events.TruckState, cargo: Cargo) -> bool | None:
    """Return what `Moment.cover_open` is."""
    if fix.sensor_health.cover != "ok" or cargo.cover_suspect or fix.cover == "unknown":
        return None
    return fix.cover != "closed"


def bed_raised(fix: events.TruckState) -> bool | None:
    """Return what `Moment.bed_raised` is."""
    if fix.sensor_health.bed != "ok" or fix.bed == "unknown":
        return None
    return fix.bed == "raised"
