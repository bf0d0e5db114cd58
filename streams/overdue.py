"""What of a truck's loads stays open: tipped at a facility and not weighed, or on its way for days.

Loads and receipts are kept side by side and joined by their times when one is due: whichever is heard of first, and whatever
ticket a receipt was given when it came, the end is the same. Rules judge what is due (`Look`); this says when.
"""

from bisect import insort
from typing import Final

from msgspec import Struct, field

from streams import events
from streams.assets import Reference
from streams.cargo import AT_PLACE_M
from streams.geo import LonLat
from streams.load import median
from streams.moment import Moment
from streams.tickets import BEFORE_MS, Load, Tickets
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

HEARD_MS: Final = 10 * MINUTE_MS
"""Reports of trucks must come for so long before a receipt is missed: after an outage of ours both come late."""
KEPT_MS: Final = 7 * DAY_MS
"""A receipt is waited for so long after the load was tipped."""
_WEIGHED_WITHIN_MS: Final = 2 * HOUR_MS
"""A weighing so long after a load was tipped is of another one: trucks queue, wash, and clocks of weighbridges are wrong [P]."""
_CLOCK_OFF_MS: Final = DAY_MS
"""A report whose time is further than this from its arrival does not say how long anything lasts: its clock is wrong, or it lay for a day."""
_MOST: Final = 16
"""Loads remembered: more than a truck tips in two days."""
_MOST_WEIGHED: Final = 32
_FACILITY: Final = frozenset({"facility"})
_ON_THE_WAY: Final = frozenset({"opened", "loaded", "in_transit"})


class Tipped(Struct, array_like=True):
    """A load that went empty at a facility."""

    ticket_id: str
    facility_id: str
    loaded_ms: int
    tipped_ms: int
    due_ms: int
    """When it is judged next: its receipt is overdue, or no longer waited for."""
    kg: float | None = None
    """Middle of the last minutes on the road; None = not known."""
    until_ms: int = 0
    """When the next load was loaded; 0 = none was."""


class OpenLoads(Struct, array_like=True):
    """The loads of one truck that are not at their end, and the receipts that may be theirs."""

    tipped: list[Tipped] = field(default_factory=list)
    weighed: list[tuple[int, str]] = field(default_factory=list)
    """When and at which facility a load was taken, in order."""
    aboard: str = ""
    """Ticket of the load that was on board at the last fix; empty = none was."""
    late_ms: int = 0
    """When what is on board has been on its way for too long; 0 = it is not on its way, or nobody knows."""
    judged: str = ""
    """Ticket of the load that was judged for that, or whose way nobody can measure: it began by another clock."""
    due_ms: int = 0
    """When time alone may say something; 0 = it says nothing."""


class Look(Struct, kw_only=True, gc=False):
    """What rules see of open loads. Lives for one step; nothing of it is kept."""

    truck_id: str
    due: list[Tipped]
    """Loads whose receipt is overdue now, for the first time."""
    missing: frozenset[str]
    """Tickets of loads that were tipped and not weighed."""
    closed: frozenset[str]
    """Tickets of loads that were tipped and weighed."""
    weighed: list[tuple[int, str]]
    late: Load | None
    """The load on board, on its way for too long now, for the first time."""
    on_the_way: str
    """Ticket of the load on its way; empty = none is, or nobody knows."""
    by: events.TruckState | events.Weighing | None
    """What came; None = only time has passed."""
    by_ms: int
    """Its event time, corrected; else arrival time up to which it has passed."""
    place: LonLat | None
    """Where the truck was seen last."""
    reference: Reference


def follow(loads: OpenLoads, tickets: Tickets, moment: Moment, receipt_h: float, open_h: float) -> bool:
    """Take one fix in; return whether what was on its way is no more.

    A receipt may take ``receipt_h`` from the tipping on, a load's way ``open_h``.
    """
    load = tickets.now
    if load is None or "loaded" not in load.times:
        return False
    before_ms, late_ms = loads.late_ms, 0
    if moment.cargo.state == "loaded":
        if loads.aboard != load.ticket_id:
            _begin(loads, load, moment)
        if moment.clock_moved:
            loads.judged = load.ticket_id
        late_ms = _late_ms(load, open_h)
    elif loads.aboard:
        loads.late_ms = 0
        if loads.aboard == load.ticket_id and load.is_known:
            _tip(loads, load, tickets.recent_kg, moment, receipt_h)
        loads.aboard = ""
    if late_ms != before_ms:
        loads.late_ms = late_ms
        _plan(loads)
    return before_ms > 0 and late_ms == 0


def _begin(loads: OpenLoads, load: Load, moment: Moment) -> None:
    """Note that another load is on board."""
    loads.aboard = load.ticket_id
    if loads.tipped and not loads.tipped[-1].until_ms:
        loads.tipped[-1].until_ms = load.times["loaded"]
        _plan(loads)
    if _is_clock_off(moment):
        loads.judged = load.ticket_id


def of_load_on_board(load: Load, open_h: float) -> OpenLoads:
    """Return what is open of a truck of which only the load on board is known."""
    late_ms = _late_ms(load, open_h)
    return OpenLoads(aboard=load.ticket_id, late_ms=late_ms, due_ms=late_ms)


def _late_ms(load: Load, open_h: float) -> int:
    """When a load has been on its way for too long; 0 = it has arrived, or its sensor says nothing of it."""
    if load.state not in _ON_THE_WAY or not load.is_known:
        return 0
    return load.times["loaded"] + round(open_h * HOUR_MS)


def _is_clock_off(moment: Moment) -> bool:
    return abs(events.came_ms(moment.fix) - moment.time_ms) > _CLOCK_OFF_MS


def _tip(loads: OpenLoads, load: Load, recent_kg: list[float], moment: Moment, receipt_h: float) -> None:
    """Note a load that went empty at a facility. Elsewhere it is no receipt that is missing."""
    facility = moment.within(_FACILITY, AT_PLACE_M)
    if facility is None or _is_clock_off(moment):
        return
    tipped_ms = moment.cargo.since_ms
    loads.tipped = [
        *(one for one in loads.tipped[1 - _MOST :] if not _is_weighed(loads, one)),
        Tipped(
            ticket_id=load.ticket_id,
            facility_id=facility.place_id,
            loaded_ms=load.times["loaded"],
            tipped_ms=tipped_ms,
            due_ms=tipped_ms + round(receipt_h * HOUR_MS),
            kg=round(median(recent_kg), 0) if recent_kg else None,
        ),
    ]
    _plan(loads)


def weighed(loads: OpenLoads, ticket: Load | None, weighing: events.Weighing, time_ms: int) -> None:
    """Take a receipt in, the first time that it comes. ``ticket``: of the load on board, the receipt already on it."""
    if ticket is not None and ticket.state not in _ON_THE_WAY:
        loads.late_ms = 0
    if weighing.inbound and weighing.accepted:
        insort(loads.weighed, (time_ms, weighing.facility_id))
        del loads.weighed[:-_MOST_WEIGHED]
    _plan(loads)


def _is_weighed(loads: OpenLoads, one: Tipped) -> bool:
    """True if a receipt was made while that load, and no other, was on board, or shortly after."""
    ends_ms = one.tipped_ms + _WEIGHED_WITHIN_MS
    if one.until_ms:
        ends_ms = min(ends_ms, one.until_ms - BEFORE_MS - 1)
    return any(one.loaded_ms - BEFORE_MS <= time_ms <= ends_ms for time_ms, _ in loads.weighed)


def _plan(loads: OpenLoads) -> None:
    """Say when to look again: what is weighed needs no look."""
    times = [one.due_ms for one in loads.tipped if not _is_weighed(loads, one)]
    if loads.late_ms and loads.judged != loads.aboard:
        times.append(loads.late_ms)
    loads.due_ms = min(times, default=0)


def look(  # noqa: PLR0917  # called in one place
    truck_id: str,
    loads: OpenLoads,
    ticket: Load | None,
    by: events.TruckState | events.Weighing | None,
    by_ms: int,
    place: LonLat | None,
    reference: Reference,
) -> Look:
    """Return what is open. ``by``: what came, nothing is due by that; None = time has passed, up to ``by_ms``."""
    due: list[Tipped] = []
    late = None
    if by is None:
        loads.tipped = [one for one in loads.tipped if one.tipped_ms + KEPT_MS > by_ms]
        due = [one for one in loads.tipped if one.due_ms <= by_ms and not _is_weighed(loads, one)]
        for one in due:
            one.due_ms = one.tipped_ms + KEPT_MS
        if 0 < loads.late_ms <= by_ms and loads.judged != loads.aboard:
            loads.judged, late = loads.aboard, ticket
        _plan(loads)
    closed = frozenset(one.ticket_id for one in loads.tipped if _is_weighed(loads, one))
    return Look(
        truck_id=truck_id,
        due=due,
        missing=frozenset(one.ticket_id for one in loads.tipped) - closed,
        closed=closed,
        weighed=loads.weighed,
        late=late,
        on_the_way=loads.aboard if loads.late_ms else "",
        by=by,
        by_ms=by_ms,
        place=place,
        reference=reference,
    )
