"""Sentences and conditions that rules share: what was measured, what would have made it lawful, what is not known."""

from typing import Any, Final

from streams import events, geo
from streams.alerts import Finding
from streams.assets import Place
from streams.events import Condition
from streams.moment import Moment
from streams.receipts import Receipt

UNLOADING_PLACES: Final = frozenset({"facility", "source", "depot", "workshop", "parking", "fuel", "approach"})
"""Where a raised bed or a falling load is normal: work, repair, cleaning."""
_NAMED_PLACES: Final = frozenset({"facility", "source", "depot"})


def at_least(condition: str, measured: float, limit: float, unit: str) -> Condition:
    """Return a condition that wants at least ``limit``.

    Counts become floats: a state's bytes know no integer in a float's place, and an alert must read the same after them.
    """
    return Condition(
        condition=condition,
        measured=round(float(measured), 1),
        limit=round(float(limit), 1),
        unit=unit,
        met=measured >= limit,
    )


def known(condition: str, measured: str) -> Condition:
    """Return a condition that is met by a state."""
    return Condition(condition=condition, measured=measured, met=True)


def met(condition: str, measured: str, *, met: bool) -> Condition:
    """Return a condition on a state, which may be met or not."""
    return Condition(condition=condition, measured=measured, met=met)


def missing(condition: str) -> Condition:
    """Return a condition of which nothing is known: it is not met."""
    return Condition(condition=condition, measured="not known", met=False)


def all_met(conditions: tuple[Condition, ...]) -> bool:
    """True if each condition is met: then a rule that states them speaks."""
    return all(one.met for one in conditions)


def outside_places(moment: Moment, place: geo.LonLat) -> tuple[str, ...]:
    """Say which place, had the truck been there, would have made it lawful."""
    found = _nearest(moment, place)
    nearest = "none known" if found is None else f"nearest: {found[0]:.0f} m, {found[1].name}"
    return (f"inside a facility, source, depot or workshop area ({nearest})",)


def used_places(moment: Moment, place: geo.LonLat) -> dict[str, Any]:
    """Name, for `used` of an alert, the truck of the register, and the place that `outside_places` speaks of."""
    found = _nearest(moment, place)
    return used_truck(moment.truck) | ({} if found is None else {found[1].kind: found[1].versioned_id})


def used_truck(truck: events.Asset | None) -> dict[str, Any]:
    """Name, for `used` of an alert, the version of the truck whose payload or class was judged by."""
    return {} if truck is None else {"truck": f"{truck.id}@{truck.version}"}


def _nearest(moment: Moment, place: geo.LonLat) -> tuple[float, Place] | None:
    return moment.reference.nearest(*place, moment.time_ms, moment.tenant_id, _NAMED_PLACES)


def gaps(moment: Moment) -> tuple[str, ...]:
    """Say what is not known, or corrected, about this moment."""
    said = []
    if moment.clock_offset_ms:
        said.append(f"the device clock was {-moment.clock_offset_ms / 1000:.0f} s ahead; times are corrected")
    if moment.after_gap:
        said.append(f"reports are missing in the {(moment.time_ms - moment.since_ms) / 1000:.0f} s before")
    for sensor in ("cover", "bed", "load"):
        health = getattr(moment.fix.sensor_health, sensor)
        if health != "ok":
            said.append(f"{sensor} sensor: {health}")
    if moment.load.stuck:
        said.append("load sensor: stuck")
    if moment.cargo.cover_suspect:
        said.append("cover sensor: contradicts the bed")
    if moment.truck is None:
        said.append("the truck is not in the register: class and payload are unknown")
    return tuple(said)


def over(start_ms: int, at_ms: int) -> Finding:
    """Say that it ends with this fix or reading."""
    return Finding(kind="end", start_ms=start_ms, at_ms=at_ms, end_ms=at_ms)


def origin(moment: Moment) -> tuple[str, ...]:
    """Say so if it is not known where the load was loaded."""
    return () if moment.cargo.source_id else ("where it was loaded is not known",)


def of_receipt(receipt: Receipt, start_ms: int, **said: Any) -> Finding:
    """Say what a receipt shows: where it was weighed, begun and over at once. ``said``: more of the finding."""
    place = receipt.place()
    used = {"weighing": receipt.weighing.weighing_id} | said.pop("used", {})
    return Finding(
        kind="begin",
        start_ms=start_ms,
        at_ms=receipt.time_ms,
        end_ms=receipt.time_ms,
        at_once=True,
        where=None if place is None else geo.point(*place),
        facility_id=receipt.weighing.facility_id,
        used=used,
        **said,
    )


def it_did_report(fix: events.TruckState, time_ms: int, *, start_ms: int, end_ms: int | None) -> Finding:
    """Withdraw an alert of a silence: this fix shows that there was none."""
    reason = f"truck-states {fix.truck_id} {time_ms}: the terminal did report, its fix came late"
    return Finding(kind="withdraw", start_ms=start_ms, at_ms=time_ms, end_ms=end_ms, reason=reason)
