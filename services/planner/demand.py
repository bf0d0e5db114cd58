"""What waits to be collected: bins that are due, orders cut into truckloads; less what is done, skipped or excluded.

The stop of a bin has the bin's id; truckload ``n`` of an order has the id ``<order_id>/<n>``, from 1 on.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from services.planner.reference import Leave, Reference, compartments_of, place_of, usable_kg
from services.planner.ways import LonLat
from streams import events
from streams.hours import Interval, common
from streams.units import HOUR_MS, MINUTE_MS

SKIP_REST_MS: Final = 2 * HOUR_MS
"""A place a driver had to skip is tried again after this; a contaminated one waits for a dispatcher (`include`)."""
SETTLE_MS: Final = 10 * MINUTE_MS
"""A bin just emptied may still be called due by a reading on its way; only a later one makes it due again."""
BIN_SERVICE_S: Final = 60
"""Service time of a bin that names none."""
LOADING_S: Final = 900
"""Time a tipper stands at a building site while an excavator fills it. An assumption: 15 minutes."""
CONSTRUCTION_KG_PER_L: Final = 1.5
"""Density of mixed building waste where an order names no litres. An assumption, of the order of loose rubble."""

_OVERFLOW: Final = "overflow:"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A place a truck may be sent to, with what it would take there.

    ``windows`` empty = never any more. ``truck_ids``, ``facility_ids`` None = any. ``overflow_ms`` is the forecast of a
    bin, ``due_ms`` the promise of an order; None = not known.
    """

    stop_id: str
    place_kind: Literal["bin", "order"]
    place_id: str
    material: str
    name: str | None
    place: LonLat
    kg: float
    l: float  # noqa: E741  # the contract's name for litres
    service_s: int
    windows: tuple[Interval, ...]
    truck_ids: frozenset[str] | None = None
    facility_ids: frozenset[str] | None = None
    overflow_ms: int | None = None
    due_ms: int | None = None
    fill: float | None = None
    since_ms: int = 0
    """When it became due or was booked."""

    @property
    def why(self) -> str | None:
        """Why it is in a plan, as a code for a page to say: ``overflow:<ms>``, ``promised:<ms>``, ``fill:<0–1>``."""
        if self.overflow_ms is not None:
            return f"{_OVERFLOW}{self.overflow_ms}"
        if self.due_ms is not None:
            return f"promised:{self.due_ms}"
        return None if self.fill is None else f"fill:{self.fill:.2f}"


def overflows_earlier(stop: Stop, visit: events.PlanVisit) -> bool:
    """Whether a bin overflows before the truck comes, and earlier than its plan knew.

    What the plan knew stands in it. The time of the news would not tell: a reading may be on its way while a plan is made.
    """
    at_ms, known_ms = stop.overflow_ms, _known_overflow_ms(visit)
    return at_ms is not None and at_ms < visit.arrive_ms and (known_ms is None or at_ms < known_ms)


def _known_overflow_ms(visit: events.PlanVisit) -> int | None:
    why = visit.why or ""
    return int(why.removeprefix(_OVERFLOW)) if why.startswith(_OVERFLOW) else None


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A driver said this stop is done (``collected``) or could not be done (``skipped``)."""

    action_id: str
    truck_id: str
    kind: Literal["collected", "skipped"]
    at_ms: int
    exception: str | None = None

    def rests_until_ms(self) -> float:
        """When a skipped place may be tried again."""
        return math.inf if self.exception == "contaminated" else self.at_ms + SKIP_REST_MS


@dataclass
class Demand:
    """The fold of what concerns places."""

    due: dict[str, events.CollectionDue] = field(default_factory=dict)
    closed: dict[str, Closed] = field(default_factory=dict)
    locks: dict[str, events.DispatchAction] = field(default_factory=dict)
    excluded: dict[str, events.DispatchAction] = field(default_factory=dict)
    included: dict[str, int] = field(default_factory=dict)
    replan: dict[str, events.DispatchAction] = field(default_factory=dict)

    def apply_due(self, record: events.CollectionDue) -> None:
        """Take what the forecast says about a bin; an older record changes nothing."""
        known = self.due.get(record.place_id)
        if known is not None and record.at_ms < known.at_ms:
            return
        self.due[record.place_id] = record
        closed = self.closed.get(record.place_id)
        if closed is None:
            return
        emptied_after_skip = closed.kind == "skipped" and not record.due
        due_again = closed.kind == "collected" and record.due and record.at_ms > closed.at_ms + SETTLE_MS
        if emptied_after_skip or due_again:
            del self.closed[record.place_id]

    def apply_closing(self, action: events.DriverAction) -> None:
        """Take a driver's ``collected`` or ``skipped``."""
        stop_id = action.stop_id or action.bin_id
        if stop_id is None or action.kind not in ("collected", "skipped"):
            return
        known = self.closed.get(stop_id)
        due = self.due.get(stop_id)
        if known is not None and known.at_ms > action.event_time_ms:
            return
        if due is not None and due.due and due.at_ms > action.event_time_ms + SETTLE_MS:
            return  # it has become due again since
        self.closed[stop_id] = Closed(
            action_id=action.action_id,
            truck_id=action.truck_id,
            kind=action.kind,
            at_ms=action.event_time_ms,
            exception=action.exception,
        )

    def reopen(self, action_id: str, truck_id: str) -> None:
        """Forget a closing that the driver of this truck took back; another's stays."""
        taken_back = (action_id, truck_id)
        self.closed = {stop: one for stop, one in self.closed.items() if (one.action_id, one.truck_id) != taken_back}

    def apply_dispatch(self, action: events.DispatchAction) -> None:
        """Take what a dispatcher overruled; of one subject the newest action of each pair holds.

        A facility is closed by its new version: the action beside it changes nothing here.
        """
        pairs = {
            "lock": self.locks,
            "unlock": self.locks,
            "exclude": self.excluded,
            "include": self.excluded,
            "replan": self.replan,
        }
        kept = pairs.get(action.kind)
        if kept is None:
            return
        known = kept.get(action.subject_id)
        if known is not None and known.at_ms > action.at_ms:
            return
        kept[action.subject_id] = action
        if action.kind == "include":
            self.included[action.subject_id] = action.at_ms
            closed = self.closed.get(action.subject_id)
            if closed is not None and closed.kind == "skipped" and closed.at_ms <= action.at_ms:
                del self.closed[action.subject_id]

    def lock_of(self, stop: Stop, now_ms: int) -> str | None:
        """Return the truck a dispatcher locked this stop to, or None."""
        for subject in (stop.stop_id, stop.place_id):
            action = self.locks.get(subject)
            if action is not None and action.kind == "lock" and now_ms < (action.until_ms or math.inf):
                return action.truck_id
        return None

    def newest_word(self, subject_id: str) -> str | None:
        """Return the id of the newest action about exactly this subject, or None."""
        said = [kept[subject_id] for kept in (self.locks, self.excluded) if subject_id in kept]
        return max(said, key=lambda one: (one.at_ms, one.action_id)).action_id if said else None

    def exclusion_of(self, stop: Stop, now_ms: int) -> events.DispatchAction | None:
        """Return the dispatcher's exclusion that holds for this stop now, or None."""
        for subject in (stop.stop_id, stop.place_id):
            action = self.excluded.get(subject)
            if action is not None and action.kind == "exclude" and now_ms < (action.until_ms or math.inf):
                return action
        return None

    def wanted(self, reference: Reference, within: Interval) -> Iterator[Stop]:
        """Yield every stop that is due and not collected, also those that rest or are excluded now."""
        yield from self._bins(reference, within)
        yield from self._truckloads(reference, within)

    def _bins(self, reference: Reference, within: Interval) -> Iterator[Stop]:
        leaves = _Leaves(reference, within)
        for place_id, record in sorted(self.due.items()):
            if record.due and record.place_kind == "bin" and not self.collected(place_id):
                stop = _bin_stop(record, reference, leaves, within)
                if stop is not None:
                    yield stop

    def stop(self, stop_id: str, reference: Reference, within: Interval) -> Stop | None:
        """Return what a stop is, collected or not; None = no such bin or order is known."""
        record = self.due.get(stop_id)
        if record is not None:
            return _bin_stop(record, reference, _Leaves(reference, within), within)
        order = reference.orders.get(stop_id.rsplit("/", 1)[0], within[0])
        loads = truckloads(order, reference, within) if order else []
        return next((load for load in loads if load.stop_id == stop_id), None)

    def _truckloads(self, reference: Reference, within: Interval) -> Iterator[Stop]:
        for order in reference.orders.all(within[0]):
            if order.state not in ("open", "planned") or (order.ready_ms or 0) > within[1]:
                continue
            for load in truckloads(order, reference, within):
                if not self.collected(load.stop_id):
                    yield load

    def collected(self, stop_id: str) -> bool:
        """Whether a driver has said that a stop is done, and it has not become due again since."""
        closed = self.closed.get(stop_id)
        return closed is not None and closed.kind == "collected"


class _Leaves:
    """What permits say about bins, asked once for each material and source."""

    def __init__(self, reference: Reference, within: Interval) -> None:
        self._reference, self._within = reference, within
        self._known: dict[tuple[str, str | None], Leave] = {}

    def of(self, material: str, source_id: str | None) -> Leave:
        key = (material, source_id)
        if key not in self._known:
            self._known[key] = self._reference.leave(material, self._within, source_id=source_id)
        return self._known[key]


def _bin_stop(record: events.CollectionDue, reference: Reference, leaves: _Leaves, within: Interval) -> Stop | None:
    asset = reference.bins.get(record.place_id, within[0])
    place = place_of(asset)
    if asset is None or place is None:
        return None
    leave = leaves.of(record.material, asset.source_id)
    return Stop(
        stop_id=record.place_id,
        place_kind="bin",
        place_id=record.place_id,
        material=record.material,
        name=asset.name,
        place=place,
        kg=_known_kg(record, asset),
        l=_known_l(record, asset),
        service_s=asset.service_s if asset.service_s is not None else BIN_SERVICE_S,
        windows=tuple(reference.open_hours(asset, within)),
        truck_ids=leave.truck_ids,
        facility_ids=leave.facility_ids,
        overflow_ms=record.overflow_ms,
        fill=record.fill_now,
        since_ms=record.at_ms,
    )


def truckloads(order: events.Order, reference: Reference, within: Interval) -> list[Stop]:
    """Cut an order into equal loads that fit the smallest truck its permit allows; they sum up to the order exactly.

    The cut depends on the order, its permit and the fleet, never on who is on shift: a load keeps its id.
    An order at an unknown place gives nothing: the gateway takes no booking for one.
    """
    source = reference.sources.get(order.source_id, within[0])
    place = place_of(source)
    leave = reference.leave(order.material, within, source_id=order.source_id, permit_id=order.permit_id)
    if source is None or place is None:
        return []
    litres = order.l if order.l is not None else order.kg / CONSTRUCTION_KG_PER_L
    count = _count(order, litres, leave, reference, within[0])
    sites = frozenset(order.facility_ids) or None
    if sites is not None and leave.facility_ids is not None:
        sites &= leave.facility_ids
    hours_ = common(reference.order_hours(order, within), leave.windows)
    return [
        Stop(
            stop_id=f"{order.order_id}/{number}",
            place_kind="order",
            place_id=order.order_id,
            material=order.material,
            name=source.name,
            place=place,
            kg=order.kg / count,
            l=litres / count,
            service_s=source.service_s if source.service_s is not None else LOADING_S,
            windows=tuple(hours_),
            truck_ids=leave.truck_ids,
            facility_ids=sites if sites is not None else leave.facility_ids,
            due_ms=order.due_ms,
            since_ms=order.valid_from_ms,
        )
        for number in range(1, count + 1)
    ]


def _count(order: events.Order, litres: float, leave: Leave, reference: Reference, now_ms: int) -> int:
    """How many loads: the fewest that fit the smallest truck that may carry them."""
    count = 1
    for truck in reference.trucks.all(now_ms):
        if leave.truck_ids is not None and truck.id not in leave.truck_ids:
            continue
        for part in compartments_of(truck):
            if order.material in part.materials:
                count = max(count, _times(order.kg, usable_kg(part)), _times(litres, part.l))
    return count


def _times(amount: float, room: float | None) -> int:
    return 1 if not room else math.ceil(amount / room)


def _known_kg(record: events.CollectionDue, asset: events.Asset) -> float:
    if record.kg is not None:
        return record.kg
    return _known_l(record, asset) * (asset.density_kg_per_l or 0.0)


def _known_l(record: events.CollectionDue, asset: events.Asset) -> float:
    if record.l is not None:
        return record.l
    # An unknown fill is not an empty bin: a bin that is due counts as full.
    return (asset.volume_l or 0.0) * (1.0 if record.fill_now is None else record.fill_now)
