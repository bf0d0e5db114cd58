"""Places where loads are dumped again and again: what joins trucks. Keyed by a cell of about a kilometre.

A truck's illegal dump is told to its cell and the eight around it (`seen_in`), so that a place across an edge is whole in
each of them. Only one of them speaks of a place: the cell of its first dump when it became one. Held for `Thresholds.landfill_days`.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from streams import events, geo
from streams.rules import explain
from streams.rules.thresholds import Thresholds
from streams.units import DAY_MS

NAME: Final[events.RuleName] = "unauthorised-landfill"
VERSION: Final = "1"
DUMPS: Final[events.RuleName] = "illegal-dump"
CELL_DEG: Final = 0.01
"""1.1 km from south to north; from west to east 0.5 km and more up to 60° of latitude: more than dumps of one place are apart."""
_MOST_DUMPS: Final = 500
"""Of one cell; beyond it the oldest go."""


class Site(Struct):
    """The dumps in and around one cell, by alert, and what was said of places in it."""

    cell: str
    dumps: dict[str, events.DumpSeen] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """By dump the cell that speaks of its place; all cells agree, for all hear of the same dumps."""
    said: dict[str, events.Alert] = field(default_factory=dict)
    """Last revisions, by alert."""


def seen_in(alert: events.Alert) -> Iterator[events.DumpSeen]:
    """Yield what a dump's cell, and the eight around it, are to know of it; nothing for other alerts."""
    where = alert.where
    if alert.rule != DUMPS or alert.truck_id is None or where is None or where["type"] != "Point":
        return
    lon, lat = where["coordinates"]
    x, y = geo.cell_of(lon, lat, CELL_DEG)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            yield events.DumpSeen(
                tenant_id=alert.tenant_id,
                cell=f"{x + dx}:{y + dy}",
                alert_id=alert.alert_id,
                revision=alert.revision,
                truck_id=alert.truck_id,
                start_ms=alert.start_ms,
                emitted_ms=alert.emitted_ms,
                lon=lon,
                lat=lat,
                lost_kg=alert.lost_kg,
                withdrawn=alert.state == "cancelled",
            )


def step(site: Site, seen: events.DumpSeen, limits: Thresholds) -> tuple[Site, list[events.Alert]]:
    """Take a revision of a dump in; return what follows. The site is changed and handed back."""
    known = site.dumps.get(seen.alert_id)
    if known is not None and known.revision >= seen.revision:
        return site, []
    site.dumps[seen.alert_id] = seen
    _forget_old(site, seen.start_ms, limits)
    place = _place(site, seen, limits)
    last = _said_of(site, {dump.alert_id for dump in place} | {seen.alert_id})
    alert = _judge(place, last, seen, limits) if _is_ours(site, place, seen, limits) else None
    if alert is None:
        return site, []
    site.said[alert.alert_id] = alert
    return site, [alert]


def _forget_old(site: Site, newest_ms: int, limits: Thresholds) -> None:
    oldest_ms = newest_ms - round(limits.landfill_days * DAY_MS)
    kept = [dump for dump in site.dumps.values() if dump.start_ms >= oldest_ms]
    kept.sort(key=_order)
    site.dumps = {dump.alert_id: dump for dump in kept[-_MOST_DUMPS:]}
    site.owners = {dump: cell for dump, cell in site.owners.items() if dump in site.dumps}
    site.said = {
        alert_id: alert for alert_id, alert in site.said.items() if not site.dumps.keys().isdisjoint(_dumps_of(alert))
    }


def _place(site: Site, seen: events.DumpSeen, limits: Thresholds) -> list[events.DumpSeen]:
    """Return the dumps that are one place with this one: each within `Thresholds.landfill_m` of another; by time."""
    left = {
        dump.alert_id: dump for dump in site.dumps.values() if not dump.withdrawn and dump.tenant_id == seen.tenant_id
    }
    place: list[events.DumpSeen] = []
    edge = [seen]
    while edge:
        one = edge.pop()
        near = [d for d in left.values() if geo.metres_between(one.lon, one.lat, d.lon, d.lat) <= limits.landfill_m]
        for dump in near:
            del left[dump.alert_id]
        place += near
        edge += near
    return sorted(place, key=_order)


def _order(dump: events.DumpSeen) -> tuple[int, str]:
    return dump.start_ms, dump.alert_id


def _dumps_of(alert: events.Alert) -> list[str]:
    dumps: list[str] = alert.used["dumps"]
    return dumps


def _said_of(site: Site, dumps: set[str]) -> events.Alert | None:
    """Return what was said of a place that these dumps are of, the first first."""
    of_it = [alert for alert in site.said.values() if not dumps.isdisjoint(_dumps_of(alert))]
    return min(of_it, key=lambda alert: (alert.start_ms, alert.alert_id), default=None)


def _is_ours(site: Site, place: list[events.DumpSeen], seen: events.DumpSeen, limits: Thresholds) -> bool:
    """True if this cell speaks of the place. A dump heard of later that is older does not move that to another cell."""
    members = {dump.alert_id for dump in place} | {seen.alert_id}
    owner = min((site.owners[dump] for dump in members if dump in site.owners), default=None)
    if owner is None and len(place) >= limits.landfill_dumps:
        x, y = geo.cell_of(place[0].lon, place[0].lat, CELL_DEG)
        owner = f"{x}:{y}"
    if owner is not None:
        site.owners.update(dict.fromkeys(members, owner))
    return owner == site.cell


def _judge(
    place: list[events.DumpSeen], last: events.Alert | None, seen: events.DumpSeen, limits: Thresholds
) -> events.Alert | None:
    enough = len(place) >= limits.landfill_dumps
    if not enough:
        if last is None or last.state == "cancelled":
            return None
        return replace(
            last,
            revision=last.revision + 1,
            state="cancelled",
            emitted_ms=seen.emitted_ms,
            reason=f"alerts {seen.truck_id} {seen.start_ms}: the dump was withdrawn",
        )
    dumps = [dump.alert_id for dump in place]
    if last is not None and last.state != "cancelled" and _dumps_of(last) == dumps:
        return None
    return _told(place, last, seen, limits)


def _told(
    place: list[events.DumpSeen], last: events.Alert | None, seen: events.DumpSeen, limits: Thresholds
) -> events.Alert:
    first = place[0]
    known_kg = [dump.lost_kg for dump in place if dump.lost_kg is not None]
    trucks = tuple(sorted({dump.truck_id for dump in place}))
    spread_m = max(geo.metres_between(first.lon, first.lat, dump.lon, dump.lat) for dump in place)
    said: dict[str, Any] = {
        "truck_ids": trucks,
        "where": geo.point(sum(d.lon for d in place) / len(place), sum(d.lat for d in place) / len(place)),
        "lost_kg": sum(known_kg) if known_kg else None,
        "emitted_ms": seen.emitted_ms,
        "because": (
            explain.at_least("dumps at one place", len(place), limits.landfill_dumps, "times"),
            explain.known("trucks that dumped there", ", ".join(trucks)),
            explain.known("farthest from the first dump", f"{spread_m:.0f} m"),
        ),
        "used": {"dumps": [dump.alert_id for dump in place]},
    }
    if last is not None:
        state = "raised" if last.state == "cancelled" else "updated"
        return replace(last, revision=last.revision + 1, state=state, reason=None, **said)
    return events.Alert(
        alert_id=events.alert_id(NAME, first.truck_id, first.start_ms),
        revision=1,
        rule=NAME,
        rule_version=VERSION,
        state="raised",
        severity="high",
        certainty="likely",
        start_ms=first.start_ms,
        raised_ms=seen.start_ms,
        tenant_id=first.tenant_id,
        unless=("a site that is registered, where unloading is lawful",),
        gaps=() if len(known_kg) == len(place) else ("of some dumps it is not known how much",),
        **said,
    )
