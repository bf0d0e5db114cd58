"""Every record on Kafka, as a frozen struct. Contract: one JSON object a record.

Conventions
-----------
- Times are integer milliseconds since 1970 UTC (``_ms``). ``event_time_ms`` is the device's clock,
  ``received_time_ms`` ours at the edge.
- Positions are WGS-84 degrees, ``lon`` before ``lat``; areas and paths are GeoJSON geometries (``[lon, lat]``).
- Units are in the names: ``_m``, ``_mps``, ``_kg``, ``_l``, ``_c``, ``_s``.
- ``None`` or a missing member = not measured. Unknown is a value, never "closed", "empty" or 0.
- Ids are strings; an id we derive is a UUID v5 of what caused it (`derived_id`), so a replay writes the same ids.
- Unknown members are ignored: fields may be added.
"""

import uuid
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from streams.units import SECOND_MS

Lon = Annotated[float, Meta(ge=-180.0, le=180.0)]
Lat = Annotated[float, Meta(ge=-90.0, le=90.0)]
Id = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=200)]
"""What may be missing and is no sentence. Bounded, for some of it is part of states."""
Note = Annotated[str, Meta(max_length=4_000)]
"""What a person wrote."""
EARLIEST_MS: Final = -62_135_596_800_000
LATEST_MS: Final = 253_402_300_799_999
"""Years 1 to 9999: what dates and tables can hold. A clock may be as wrong as that."""
Ms = Annotated[int, Meta(ge=EARLIEST_MS, le=LATEST_MS)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that fits 64 bits: JSON's may be longer, and neither state nor table could keep them."""
Kg = Annotated[float, Meta(ge=-1e9, le=1e9)]
Mps = Annotated[float, Meta(ge=0.0, le=1e6)]
"""What is no truck any more: readings are squared and summed, and must not leave the numbers."""
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Geometry = dict[str, Any]
"""A GeoJSON geometry, checked where it is used (`streams.geo`)."""
Window = tuple[str, str]
"""``("HH:MM", "HH:MM")`` local; an end not after its start runs over midnight; ``24:00`` is allowed."""

DEFAULT_TENANT: Final = "default"
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://qingyun.example/ids")


def known_tenant(tenant_id: str) -> str:
    """Return the tenant, the default one as the object that encoders leave out: they compare by identity.

    One that was read from a state is another object of the same name, and the same record would have other bytes.
    """
    return DEFAULT_TENANT if tenant_id == DEFAULT_TENANT else tenant_id


def derived_id(*causes: object) -> str:
    """UUID v5 of what caused it: the causes as text, joined by ``|``."""
    return str(uuid.uuid5(_NAMESPACE, "|".join(map(str, causes))))


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every record has. The cycle collector need not look at them: JSON has no cycles."""

    tenant_id: Text = DEFAULT_TENANT


# --------------------------------------------------------------------------------------------- measurements

Cover = Literal["open", "half", "closed", "unknown"]
Bed = Literal["level", "raised", "unknown"]
LoadState = Literal["empty", "half", "full", "over", "unknown"]
Health = Literal["ok", "open", "short", "suspect", "missing"]
Power = Literal["main", "backup", "cut", "unknown"]


class SensorHealth(Struct, frozen=True, omit_defaults=True, gc=False):
    """Whether a truck's sensors can be believed; ``missing`` = the truck has none."""

    cover: Health = "missing"
    bed: Health = "missing"
    load: Health = "missing"


PHONE: Final = "osmand"
"""``source`` of a driver's phone: it knows where it is, and nothing of the truck."""
PHONE_WAITS_MS: Final = 60 * SECOND_MS
"""A phone fills gaps of the terminal's that are longer than this (contract, ``truck-states``)."""


class TruckState(Event, frozen=True, kw_only=True):
    """``truck-states``, key ``truck_id``: one fix of a truck with what its sensors say.

    ``seq`` counts per terminal, restarts at boot, wraps at 65535. With ``fix`` false, ``lon``/``lat`` must not be
    used as a place. ``resent`` marks a blind-area resend: late and out of order is normal for it.
    """

    truck_id: Id
    event_time_ms: Ms
    received_time_ms: Ms | None = None
    terminal_id: Text | None = None
    seq: Whole | None = None
    source: Text | None = None
    resent: bool = False
    lon: Lon | None = None
    lat: Lat | None = None
    accuracy_m: float | None = None
    fix: bool = True
    mocked: bool = False
    speed_mps: Mps | None = None
    heading_deg: float | None = None
    odometer_m: float | None = None
    cover: Cover = "unknown"
    bed: Bed = "unknown"
    load_state: LoadState = "unknown"
    load_kg: Kg | None = None
    sensor_health: SensorHealth = SensorHealth()
    maintenance: bool = False
    ignition: bool | None = None
    power: Power = "unknown"
    alarms: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=32)] = ()
    driver_id: Text | None = None

    @property
    def by_phone(self) -> bool:
        """Whether the driver's phone says it, not a terminal built into the truck."""
        return self.source == PHONE


class BinReading(Event, frozen=True, kw_only=True):
    """``bin-readings``, key ``bin_id``. ``fill`` is 0–1 of the usable depth; ``invalid`` = why it cannot be used."""

    bin_id: Id
    event_time_ms: Ms
    received_time_ms: Ms | None = None
    seq: Whole | None = None
    source: Text | None = None
    fill: Fraction | None = None
    distance_mm: float | None = None
    weight_kg: float | None = None
    temperature_c: float | None = None
    tilted: bool | None = None
    lid_open: bool | None = None
    battery: Fraction | None = None
    invalid: Note | None = None


def came_ms(measured: "TruckState | DriverAction | Weighing | BinReading") -> int:
    """Return when a record came; its own time where nobody says so."""
    return measured.event_time_ms if measured.received_time_ms is None else measured.received_time_ms


class Weighing(Event, frozen=True, kw_only=True):
    """``weighings``, key ``truck_id``. ``event_time_ms`` is the second of the two weighings."""

    weighing_id: Id
    facility_id: Id
    truck_id: Id
    event_time_ms: Ms
    received_time_ms: Ms | None = None
    gross_kg: Kg | None = None
    tare_kg: Kg | None = None
    net_kg: Kg | None = None
    material: Text | None = None
    ticket_id: Text | None = None
    inbound: bool = True
    accepted: bool = True
    reject_reason: Note | None = None


ActionKind = Literal[
    "accepted_plan",
    "arrived",
    "loaded",
    "collected",
    "skipped",
    "tipped",
    "break_start",
    "break_end",
    "off_duty",
    "breakdown",
    "sos",
    "corrected",
]
SkipReason = Literal["blocked", "contaminated", "overfilled", "not_out", "other"]


class DriverAction(Event, frozen=True, kw_only=True):
    """``driver-actions``, key ``truck_id``: what a driver did or said, at the driver's own time."""

    action_id: Id
    truck_id: Id
    kind: ActionKind
    event_time_ms: Ms
    received_time_ms: Ms | None = None
    driver_id: Text | None = None
    stop_id: Text | None = None
    bin_id: Text | None = None
    order_id: Text | None = None
    facility_id: Text | None = None
    plan_version: Whole | None = None
    exception: SkipReason | None = None
    corrects: Text | None = None
    corrected_time_ms: Ms | None = None
    weight_kg: float | None = None
    note: Note | None = None
    photo_ids: tuple[str, ...] = ()
    clock_ahead_ms: Ms | None = None
    """How far the phone's clock was ahead of ours, where that was much; ``event_time_ms`` is corrected for it."""


class AlertAction(Event, frozen=True, kw_only=True):
    """``alert-actions``, key ``alert_id``: what an officer did about an alert.

    ``reason`` of ``dismiss`` is a code, ``note`` what was written. ``assign``: ``assignee`` (a login) answers for the alert;
    None = nobody does any more; handing it over is assigning it to somebody else. ``snooze``: it need not wait in sight
    until ``until_ms``. ``undo`` takes back the action ``undoes``; without it, the last ack, confirm or dismiss that stands.
    ``batch_id``: what was said of many alerts at once.
    """

    action_id: Id
    alert_id: Id
    actor: Text
    kind: Literal["ack", "confirm", "dismiss", "assign", "snooze", "note", "undo"]
    at_ms: Ms
    reason: str | None = None
    alert_revision: Whole | None = None
    note: Note | None = None
    assignee: Text | None = None
    until_ms: Ms | None = None
    undoes: Text | None = None
    batch_id: Text | None = None


class DispatchAction(Event, frozen=True, kw_only=True):
    """``dispatch-actions``, key ``subject_id``: a dispatcher overrules the planner.

    ``lock``: stop (``subject_id`` = its place) only by ``truck_id``, until ``until_ms`` if that is given · ``unlock`` ·
    ``exclude``: leave the place out until ``until_ms`` · ``include`` · ``replan``: plan ``subject_id`` (a material) again
    now · ``close``: the facility ``subject_id`` until ``until_ms`` · ``reopen``. What counts of the last two is the
    facility's new version; these say who made it and why.
    """

    action_id: Id
    subject_id: Id
    actor: Text
    kind: Literal["lock", "unlock", "exclude", "include", "replan", "close", "reopen"]
    at_ms: Ms
    truck_id: Text | None = None
    until_ms: Ms | None = None
    reason: str | None = None


class Tick(Event, frozen=True, kw_only=True):
    """``ticks``, one to every partition each 10 s of city time: how time passes where no record comes.

    ``hearing_ms``: since when reports of trucks have come without a minute's break, ``at_ms`` if none comes; None = not
    known. A truck's silence says something of that truck only while others are heard. ``fixes_to``: where the partition's
    reports of trucks ended when the tick was made; who has not read so far hears nothing yet.
    """

    at_ms: Ms
    hearing_ms: Ms | None = None
    fixes_to: Whole | None = None


# --------------------------------------------------------------------------------------------- what exists

Material = Text
"""``kitchen``, ``construction``, ``recyclable``, ``residual``; finer kinds are data under them."""
MATERIALS: Final[tuple[str, ...]] = ("kitchen", "construction", "recyclable", "residual")

FacilityType = Literal[
    "kitchen_centre", "incineration", "construction_yard", "sorting_centre", "transfer_station", "landfill"
]
TruckClass = Literal["tipper", "compactor", "tanker", "hook", "van", "sweeper"]


class Versioned(Event, frozen=True, kw_only=True):
    """What exists from ``valid_from_ms`` on; the newest version not after an event's time judges that event."""

    version: Whole = 1
    valid_from_ms: Ms
    received_time_ms: Ms | None = None
    retired: bool = False


class Compartment(Struct, frozen=True, omit_defaults=True):
    """Holds one material at a time, limited by kg and litres (None = no limit)."""

    materials: tuple[Material, ...]
    kg: float | None = None
    l: float | None = None  # noqa: E741  # the contract's name for litres


class Asset(Versioned, frozen=True, kw_only=True, rename={"truck_class": "class"}):
    """``assets``, key ``kind:id@version``: a bin, truck, depot, facility or source.

    ``area`` None = a circle of 40 m around ``lon``, ``lat``. ``windows``, ``days`` None = always.
    ``closed_until_ms``: a dispatcher closed this facility until then.
    """

    id: Id
    kind: Literal["bin", "truck", "depot", "facility", "source"]
    name: str | None = None
    district_id: Text | None = None
    lon: Lon | None = None
    lat: Lat | None = None
    area: Geometry | None = None
    windows: tuple[Window, ...] | None = None
    days: tuple[Whole, ...] | None = None
    closed_dates: tuple[str, ...] = ()
    time_zone: Text | None = None
    closed_until_ms: Ms | None = None
    # bin
    material: Material | None = None
    volume_l: float | None = None
    depth_mm: float | None = None
    dead_zone_mm: float | None = None
    density_kg_per_l: float | None = None
    source_id: Text | None = None
    service_s: Whole | None = None
    # truck
    plate: Text | None = None
    truck_class: TruckClass | None = None
    materials: tuple[Material, ...] = ()
    payload_kg: float | None = None
    gross_limit_kg: float | None = None
    compartments: tuple[Compartment, ...] = ()
    tare_kg: float | None = None
    skills: tuple[str, ...] = ()
    depot_id: Text | None = None
    terminal_id: Text | None = None
    contractor_id: Text | None = None
    # facility
    facility_type: FacilityType | None = None
    accepts: tuple[Material, ...] = ()
    unload_s: Whole | None = None
    daily_kg: float | None = None
    docks: Whole | None = None
    weighbridge: bool | None = None
    """Whether what is tipped there is weighed and reported; None = not known."""
    # source
    responsible: Text | None = None


class Zone(Versioned, frozen=True, kw_only=True):
    """``zones``, key ``zone_id@version``: a piece of the city with a meaning."""

    zone_id: Id
    kind: Literal[
        "grid", "district", "forbidden", "speed_limit", "dead_zone", "parking", "fuel", "workshop", "approach"
    ]
    name: str | None = None
    area: Geometry | None = None
    parent_id: Text | None = None
    owner_id: Text | None = None
    applies_to: Literal["all", "loaded"] = "loaded"
    days: tuple[Whole, ...] | None = None
    hours: tuple[Window, ...] | None = None
    time_zone: Text | None = None
    limit_mps: float | None = None


class Permit(Versioned, frozen=True, kw_only=True):
    """``permits``, key ``permit_id@version``: who may carry what from where to where, when, along which roads."""

    permit_id: Id
    truck_ids: tuple[str, ...] = ()
    source_id: Text | None = None
    facility_ids: tuple[str, ...] = ()
    material: Material | None = None
    valid_to_ms: Whole | None = None
    days: tuple[Whole, ...] | None = None
    hours: tuple[Window, ...] | None = None
    time_zone: Text | None = None
    calendar_id: Text | None = None
    corridor: Geometry | None = None
    corridor_m: float | None = None


class Order(Versioned, frozen=True, kw_only=True):
    """``orders``, key ``order_id@version``: a booking of waste without a sensor."""

    order_id: Id
    source_id: Id
    material: Material
    kg: float
    l: float | None = None  # noqa: E741  # the contract's name for litres
    ready_ms: Ms | None = None
    due_ms: Ms | None = None
    windows: tuple[Window, ...] | None = None
    facility_ids: tuple[str, ...] = ()
    permit_id: Text | None = None
    state: Literal["open", "planned", "collected", "cancelled"] = "open"


class ShiftBreak(Struct, frozen=True):
    """A break owed by a shift, to begin between the two times."""

    earliest_ms: Ms
    latest_ms: Ms
    duration_s: Whole


class Shift(Versioned, frozen=True, kw_only=True):
    """``shifts``, key ``shift_id@version``: who drives what, when."""

    shift_id: Id
    truck_id: Id
    start_ms: Ms
    end_ms: Ms
    driver_id: Text | None = None
    overtime_s: Whole = 0
    breaks: tuple[ShiftBreak, ...] = ()
    skills: tuple[str, ...] = ()


class Calendar(Versioned, frozen=True, kw_only=True):
    """``calendars``, key ``calendar_id@version``: dates that count as Sunday or as a working day."""

    calendar_id: Id
    dates: dict[str, Literal["sunday", "working"]] = {}


# --------------------------------------------------------------------------------------------- what we conclude


class PlanVisit(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One visit of a plan. ``kind`` is start, collect, tip, break or end; times are city time."""

    kind: Literal["start", "collect", "tip", "break", "end"] = "collect"
    arrive_ms: Ms
    leave_ms: Ms
    lon: Lon
    lat: Lat
    stop_id: Text | None = None
    bin_ids: tuple[str, ...] = ()
    order_id: Text | None = None
    facility_id: Text | None = None
    break_id: str | None = None
    name: str | None = None
    material: Material | None = None
    begin_ms: Ms | None = None
    load_kg: float | None = None
    load_l: float | None = None
    why: str | None = None


class PlanChange(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One difference from the version before."""

    what: Literal["added", "removed", "moved", "facility", "later", "earlier"]
    stop_id: Text | None = None
    facility_id: Text | None = None
    name: str | None = None
    from_truck_id: str | None = None
    to_truck_id: str | None = None
    position: Whole | None = None
    why: str | None = None


Turn = tuple[Whole, Text, Whole]
"""``(at, code, road)``: index of its place in the plan's ``path``; what to do (`services.planner.turns` lists the codes);
index of the road after it in the guide's ``roads``, -1 = it has no name."""


class Guide(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How to drive a plan's ``path``, turn by turn. Codes and names, no sentences: a page says them in its reader's language.

    ``legs[i]`` leads from ``visits[i]`` to the next one; its first turn is where it departs, its last where it arrives.
    """

    roads: tuple[str, ...] = ()
    legs: tuple[tuple[Turn, ...], ...] = ()


class TruckPlan(Event, frozen=True, kw_only=True):
    """``plans``, key ``truck_id``: what the truck is to do from ``made_ms`` on, until its next version.

    ``reason`` is a code of `PLAN_REASONS`; ``reason_params`` fill the page's sentence in either language.
    ``path`` is the LineString of the road, or None; it is the off-route rule's exemption. ``guide`` says its turns;
    None = not known.
    """

    truck_id: Id
    plan_version: Whole
    made_ms: Ms
    reason: str
    reason_params: dict[str, str | Whole | float] = {}
    material: Material | None = None
    visits: tuple[PlanVisit, ...] = ()
    path: Geometry | None = None
    guide: Guide | None = None
    changed: tuple[PlanChange, ...] | str = ()
    run_id: str | None = None


PLAN_REASONS: Final[tuple[str, ...]] = (
    "first_plan",
    "new_due",
    "overflow_earlier",
    "truck_full",
    "stop_skipped",
    "breakdown",
    "sos",
    "facility_closed",
    "facility_full",
    "truck_late",
    "new_order",
    "dispatcher",
    "shift",
    "horizon",
)
"""Why a plan was made; the first that applies, in order of urgency, is named."""


class LeftOut(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A place no truck will visit in this run, with the optimiser's code and sentence."""

    stop_id: Text
    place_kind: Literal["bin", "order"]
    place_id: str
    code: str
    reason: str
    material: Material | None = None
    name: str | None = None


class StrandedTruck(Struct, frozen=True, kw_only=True):
    """A truck for which no lawful route exists."""

    truck_id: Text
    code: str
    reason: str


class PlanningRun(Event, frozen=True, kw_only=True):
    """``planning-runs``, key ``material``: one call of the optimiser: why, what it cost, what was left out and why.

    ``rejected`` holds the rules that ``check`` found broken: such a plan is never sent.
    """

    run_id: Id
    material: Material
    made_ms: Ms
    reason: str
    reason_params: dict[str, str | Whole | float] = {}
    engine: str | None = None
    search_s: float | None = None
    stops: Whole = 0
    trucks: Whole = 0
    distance_m: Whole | None = None
    duration_s: Whole | None = None
    changed_truck_ids: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    stranded: tuple[StrandedTruck, ...] = ()
    rejected: tuple[str, ...] = ()


class CollectionDue(Event, frozen=True, kw_only=True):
    """``collections-due``, key ``place_id``: only a crossing is sent (now due, no longer due, overflow moved)."""

    place_id: Id
    place_kind: Literal["bin", "order"]
    due: bool
    material: Material
    at_ms: Ms
    received_time_ms: Ms | None = None
    overflow_ms: Ms | None = None
    overflow_p10_ms: Ms | None = None
    overflow_p90_ms: Ms | None = None
    fill_now: float | None = None
    kg: float | None = None
    l: float | None = None  # noqa: E741  # the contract's name for litres
    why: str | None = None


class Visit(Event, frozen=True, kw_only=True):
    """``visits``, key ``truck_id``: a truck was at a bin, source, facility or depot."""

    visit_id: Id
    truck_id: Id
    place_kind: Literal["bin", "source", "facility", "depot"]
    place_id: Id
    arrive_ms: Ms
    leave_ms: Ms | None = None
    load_before_kg: float | None = None
    load_after_kg: float | None = None
    how: Literal["geofence", "driver", "weighing"] = "geofence"


TicketState = Literal["opened", "loaded", "in_transit", "arrived", "weighed", "accepted", "rejected", "closed"]


class Ticket(Event, frozen=True, kw_only=True):
    """``tickets``, key ``ticket_id``: one load from source to receipt (联单)."""

    ticket_id: Id
    revision: Whole
    state: TicketState
    truck_id: Id
    source_id: Text | None = None
    facility_id: Text | None = None
    material: Material | None = None
    permit_id: Text | None = None
    source_kg: float | None = None
    transit_kg: float | None = None
    weighed_kg: float | None = None
    times: dict[str, Whole] = {}


RuleName = Literal[
    "illegal-dump",
    "unauthorised-landfill",
    "spillage",
    "uncovered-load",
    "off-route",
    "forbidden-zone",
    "outside-hours",
    "no-permit",
    "overload",
    "dark-truck",
    "mass-balance",
    "wrong-facility",
    "tamper",
    "overspeed",
    "sos",
    "breakdown",
    "bin-overflow",
    "bin-fire",
    "bin-moved",
    "sensor-fault",
]


class Condition(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One condition of an alert, with what was measured against which limit."""

    condition: str
    met: bool
    measured: float | str | None = None
    limit: float | str | None = None
    unit: str | None = None


class Alert(Event, frozen=True, kw_only=True):
    """``alerts``, key ``alert_id``: a violation, with its reasons. A higher ``revision`` replaces the lower.

    ``raised_ms``: event time of the evidence that completed the condition. ``emitted_ms``: the largest arrival time
    of any record read before this revision left. ``cancelled`` only when a later record took the ground away.
    """

    alert_id: Id
    revision: Whole
    rule: RuleName
    rule_version: str
    state: Literal["raised", "updated", "ended", "cancelled"]
    severity: Literal["critical", "high", "medium", "low"]
    certainty: Literal["observed", "likely", "possible"]
    start_ms: Ms
    raised_ms: Ms
    emitted_ms: Ms
    end_ms: Ms | None = None
    reason: str | None = None
    truck_id: Text | None = None
    truck_ids: tuple[str, ...] | None = None
    bin_id: Text | None = None
    facility_id: Text | None = None
    source_id: Text | None = None
    driver_id: Text | None = None
    contractor_id: Text | None = None
    ticket_id: Text | None = None
    where: Geometry | None = None
    zone_ids: tuple[str, ...] = ()
    lost_kg: float | None = None
    lost_kg_low: float | None = None
    lost_kg_high: float | None = None
    because: tuple[Condition, ...] = ()
    unless: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    evidence_id: str | None = None
    used: dict[str, Any] = {}
    supersedes: str | None = None


class DumpSeen(Event, frozen=True, kw_only=True):
    """``dumps``, key ``cell``: a revision of an illegal dump, told to its cell of about a kilometre and the eight around it."""

    cell: Id
    alert_id: Id
    revision: Whole
    truck_id: Id
    start_ms: Ms
    emitted_ms: Ms
    lon: Lon
    lat: Lat
    lost_kg: float | None = None
    withdrawn: bool = False


def alert_id(rule: str, subject_id: str, start_ms: int) -> str:
    """UUID v5 of ``rule|truck_id or bin_id|start_ms of the first revision``; the rule's version is not part of it."""
    return derived_id(rule, subject_id, start_ms)


def evidence_id(alert_id: str) -> str:
    """UUID v5 of ``evidence|alert_id``: an alert has one evidence, whatever its revision."""
    return derived_id("evidence", alert_id)
