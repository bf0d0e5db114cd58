"""The ticket (联单): one load from its source to its receipt.

opened → loaded → in_transit → arrived → weighed → accepted or rejected → closed (contract). Loading opens it, or a driver
does. What the truck itself says is followed fix by fix; the weighbridge's receipt joins the load it was made for: the one on
board then, also where it comes after the next load.
"""

from typing import Any, Final

from msgspec import Struct, field

from streams import events
from streams.cargo import AT_PLACE_M
from streams.events import TicketState
from streams.load import MOVING_MPS, median
from streams.moment import RESTING_MPS, Moment
from streams.units import SECOND_MS

_READINGS: Final = 18
"""Readings on the road whose middle is the load: three minutes of them."""
_FACILITY: Final = frozenset({"facility"})
_SOURCE: Final = frozenset({"source"})
BEFORE_MS: Final = 60 * SECOND_MS
"""A weighing made so long before a load was on board is of the load before."""

_TWICE_MS: Final = 60 * 60 * SECOND_MS
_SAME_SHARE: Final = 0.03
"""Within this time and share of the first, a second receipt without a load between is for the same load [P]."""
_FEWEST_READINGS: Final = 8
"""Readings on the road that make a load known: of a truck whose sensor says nothing two loads look like one."""
_RECEIPTS: Final = 16
_NEVER_MS: Final = float("inf")


class Load(Struct):
    """One load and its ticket. Kilograms; None = not known."""

    ticket_id: str
    revision: int = 0
    state: TicketState = "opened"
    source_id: str | None = None
    facility_id: str | None = None
    material: str | None = None
    permit_id: str | None = None
    source_kg: float | None = None
    """Middle of the first minutes on the road."""
    transit_kg: float | None = None
    """Middle of the last minutes on the road."""
    weighed_kg: float | None = None
    times: dict[str, int] = field(default_factory=dict)
    readings: int = 0
    """Readings on the road so far."""
    stuck: bool = False
    """The sensor stuck on the way: what it says of this load is nothing."""
    weighing_id: str | None = None

    @property
    def loaded_ms(self) -> float:
        """When it was loaded; never, where it is not yet."""
        return self.times.get("loaded", _NEVER_MS)

    @property
    def is_known(self) -> bool:
        """True if the truck's own sensor says what was on board."""
        return self.readings >= _FEWEST_READINGS and not self.stuck


class Tickets(Struct, array_like=True):
    """The load on board or expected, the one before, and the latest readings on the road."""

    now: Load | None = None
    before: Load | None = None
    recent_kg: list[float] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    """The last weighings that came: a weighbridge's way may bring one again, much later."""


def follow(tickets: Tickets, moment: Moment) -> list[events.Ticket]:
    """Take one fix in; return the revisions that follow."""
    loaded = moment.cargo.state == "loaded"
    load = tickets.now
    if loaded and (load is None or load.state == "closed" or moment.cargo.since_ms > load.loaded_ms):
        load = _open(tickets, moment)  # what is on board was loaded after the ticket's load was
    if load is None:
        return []
    if loaded:
        _read(tickets, load, moment)
    state = _state(load, moment, loaded=loaded)
    return [] if state is None else [_become(load, state, moment.time_ms, moment)]


def _open(tickets: Tickets, moment: Moment) -> Load:
    cargo = moment.cargo
    opened = tickets.now
    if opened is not None and "loaded" not in opened.times and opened.state == "opened":
        return opened
    if opened is not None and opened.transit_kg is None and tickets.recent_kg:
        opened.transit_kg = round(median(tickets.recent_kg), 1)  # its receipt may still come
    tickets.before = opened
    tickets.recent_kg = []
    tickets.now = Load(
        ticket_id=events.derived_id("ticket", moment.fix.truck_id, cargo.since_ms),
        times={"opened": min(cargo.stood_since_ms, cargo.since_ms) if cargo.source_id else cargo.since_ms},
    )
    return tickets.now


def _read(tickets: Tickets, load: Load, moment: Moment) -> None:
    """Take the reading of a driving truck in."""
    fix = moment.fix
    if moment.load.stuck:
        load.stuck = True
    if (
        fix.load_kg is None
        or moment.load.kg is None
        or moment.speed_mps <= MOVING_MPS
        or fix.sensor_health.load != "ok"
    ):
        return
    recent = tickets.recent_kg
    recent.append(fix.load_kg)
    if len(recent) > _READINGS:
        del recent[0]
    load.readings += 1
    if load.readings == _READINGS:
        load.source_kg = round(median(recent), 1)


def _state(load: Load, moment: Moment, *, loaded: bool) -> TicketState | None:
    """Return the state that this fix brings the load into; None = it stays."""
    if loaded and "loaded" not in load.times:
        return "loaded"
    if load.state == "in_transit":
        at_facility = moment.speed_mps < RESTING_MPS and moment.within(_FACILITY, AT_PLACE_M) is not None
        return "arrived" if at_facility else None
    if loaded and load.state == "loaded" and moment.speed_mps > RESTING_MPS:
        away = moment.place is not None and moment.within(_SOURCE, AT_PLACE_M) is None
        return "in_transit" if away else None
    if load.state == "accepted" and moment.cargo.state == "empty":
        return "closed"
    return None


def _become(load: Load, state: TicketState, time_ms: int, moment: Moment) -> events.Ticket:
    load.state = state
    load.times[state] = time_ms
    if state == "loaded":
        load.source_id, load.material = moment.cargo.source_id, moment.cargo.material
        load.times[state] = moment.cargo.since_ms
        load.permit_id = moment.permissions[0].permit.permit_id if len(moment.permissions) == 1 else None
    elif state == "arrived":
        place = moment.within(_FACILITY, AT_PLACE_M)
        load.facility_id = None if place is None else place.place_id
    return _ticket(load, moment.fix.truck_id, moment.tenant_id)


def weighed(
    tickets: Tickets, weighing: events.Weighing, time_ms: int, tenant_id: str
) -> tuple[Load, str | None, list[events.Ticket]] | None:
    """Join a receipt to its load.

    Returns the load, the weighing it had before (another than this), and the revisions that follow; None if the same receipt
    came again, or if no load is known that it may be for.
    """
    if not weighing.inbound or weighing.weighing_id in tickets.receipts:
        return None
    tickets.receipts = [*tickets.receipts, weighing.weighing_id][-_RECEIPTS:]
    load = _load_of(tickets, time_ms)
    if load is None or not _may_be_for(load, weighing, time_ms):
        load = Load(ticket_id=events.derived_id("ticket", weighing.truck_id, "weighing", weighing.weighing_id))
    earlier = load.weighing_id if load.state != "rejected" else None  # turned away there, it is weighed again elsewhere
    load.weighing_id = weighing.weighing_id
    load.weighed_kg, load.facility_id = weighing.net_kg, weighing.facility_id
    load.material = weighing.material or load.material
    if load is tickets.now and tickets.recent_kg:
        load.transit_kg = round(median(tickets.recent_kg), 1)
    states: list[TicketState] = ["weighed", "accepted" if weighing.accepted else "rejected"]
    if weighing.accepted and load is not tickets.now:
        states.append("closed")  # another load is on board, or none is known
    told = []
    for state in states:
        load.state = state
        load.times[state] = time_ms
        told.append(_ticket(load, weighing.truck_id, tenant_id))
    return load, earlier, told


def _may_be_for(load: Load, weighing: events.Weighing, time_ms: int) -> bool:
    """True for the first receipt of a load, one after it was turned away, and a second one: soon, and as heavy."""
    if load.weighing_id is None or load.state == "rejected":
        return True
    if load.weighed_kg is None or weighing.net_kg is None or load.readings < _FEWEST_READINGS:
        return False
    soon = 0 <= time_ms - load.times.get("weighed", 0) <= _TWICE_MS
    return soon and abs(weighing.net_kg - load.weighed_kg) <= _SAME_SHARE * load.weighed_kg


def _load_of(tickets: Tickets, time_ms: int) -> Load | None:
    """Return the load that was on board, or had been last, at a moment."""
    for load in (tickets.now, tickets.before):
        if load is not None and load.times.get("loaded", load.times["opened"]) - BEFORE_MS <= time_ms:
            return load
    return None


def _ticket(load: Load, truck_id: str, tenant_id: str) -> events.Ticket:
    load.revision += 1
    kept: dict[str, Any] = {name: getattr(load, name) for name in _SAID}
    return events.Ticket(tenant_id=tenant_id, truck_id=truck_id, times=dict(load.times), **kept)


_SAID: Final = (
    "ticket_id", "revision", "state", "source_id", "facility_id", "material", "permit_id", "source_kg", "transit_kg",
    "weighed_kg",
)  # fmt: skip
