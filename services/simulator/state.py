"""What is true in the town, second by second; kept on disk and taken up again. Only values, no behaviour."""

from typing import Any, Literal

import msgspec

from services.simulator.containers import Container
from services.simulator.driving import Drive, LonLat
from streams.events import DriverAction, TruckPlan, Weighing

Cover = Literal["open", "closed"]
Bed = Literal["level", "raised"]
PlaceKind = Literal["collect", "tip", "depot", "dump"]


class Target(msgspec.Struct, kw_only=True):
    """Where a driver is going, and what for."""

    kind: PlaceKind
    lonlat: LonLat
    yard: LonLat | None = None
    """Where in the yard the truck stands; None = at the kerb."""
    facility_id: str | None = None
    stop_id: str | None = None
    order_id: str | None = None
    bin_ids: tuple[str, ...] = ()
    kg: float | None = None
    """What the plan expects to load."""
    not_before_ms: int | None = None
    """The plan means to wait for a window."""
    service_s: float | None = None
    """How long the plan gives the stop."""
    plan_version: int | None = None
    visit: int = 0
    """Index of the plan's visit this serves; None of `plan_version` = the driver's own idea."""


class Work(msgspec.Struct, kw_only=True):
    """What a standing truck is busy with; its load goes from ``from_kg`` to ``to_kg`` between two moments."""

    kind: Literal["collect", "load", "tip", "dump", "break", "wait", "blocked"]
    begin_ms: int
    end_ms: int
    from_kg: float = 0.0
    to_kg: float = 0.0
    to_l: float = 0.0
    break_id: str | None = None


class Deed(msgspec.Struct, kw_only=True):
    """A misdeed or fault that is going on, from ``begin_ms`` to ``end_ms``."""

    kind: str
    begin_ms: int
    end_ms: int
    rate_kgps: float = 0.0
    lost_kg: float = 0.0
    where: list[LonLat] = []


class Truck(msgspec.Struct, kw_only=True):
    """One truck: what is true of it, what its driver means to do, how its sensors err."""

    truck_id: str
    lon: float
    lat: float
    heading_deg: float = 0.0
    speed_mps: float = 0.0
    odometer_m: float = 0.0
    load_kg: float = 0.0
    load_l: float = 0.0
    material: str | None = None
    cover: Cover = "closed"
    bed: Bed = "level"
    ignition: bool = False

    drive: Drive | None = None
    target: Target | None = None
    work: Work | None = None
    gate: LonLat | None = None
    """The gate of the yard it stands in; None = it stands on the street."""
    plan: TruckPlan | None = None
    next_visit: int = 0
    served: dict[str, int] = {}
    """Stops served or skipped, with the time."""
    breaks_taken: list[str] = []
    idle_since_ms: int | None = None
    on_duty: bool = False
    down: bool = False
    """Broken down or in distress, as somebody has reported: it stands where it is."""
    trips: int = 0
    tempted_trip: int = -1
    """The drive on which chance already had its way."""

    deed: Deed | None = None
    fault: Deed | None = None
    dark_until_ms: int = 0
    in_tunnel: bool = False

    east_m: float = 0.0
    north_m: float = 0.0
    drift_kg: float = 0.0
    next_report_ms: int = 0
    next_phone_ms: int = 0
    reported: tuple[Cover, Bed] = ("closed", "level")


class TownState(msgspec.Struct, kw_only=True):
    """The whole town at ``now_ms`` (a whole second of city time)."""

    begin_ms: int
    now_ms: int
    trucks: dict[str, Truck]
    containers: dict[str, Container]
    planned_done: list[int] = []
    """Indices of the script's planned deeds that have begun."""
    actions: int = 0


# --------------------------------------------------------------------------------------------- outputs


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a truck's terminal reports; ``reachable`` false = there is no signal, it keeps the report for later."""

    truck_id: str
    time_ms: int
    lon: float
    lat: float
    fix: bool
    speed_mps: float
    heading_deg: float
    odometer_m: float
    cover_open: bool
    bed_raised: bool
    loaded: bool
    full: bool
    load_kg: float | None
    ignition: bool
    altitude_m: int = 60
    reachable: bool = True


class PhoneFix(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver's phone reports."""

    truck_id: str
    time_ms: int
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float
    accuracy_m: float


class Uplink(msgspec.Struct, frozen=True, kw_only=True):
    """What a container's sensor sends."""

    bin_id: str
    time_ms: int
    counter: int
    distance_mm: int
    temperature_c: float
    battery: int


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A button on a driver's page."""

    action: DriverAction


class Ticketed(msgspec.Struct, frozen=True, kw_only=True):
    """A weighbridge's ticket."""

    weighing: Weighing


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What really happened: for tests and the curious; no device knows it."""

    what: str
    truck_id: str
    begin_ms: int
    end_ms: int
    details: dict[str, Any] = {}


Output = Report | PhoneFix | Uplink | Pressed | Ticketed | Truth
