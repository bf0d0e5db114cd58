"""Places where loads are dumped again and again: what joins trucks. Keyed by a cell of about a kilometre.

A truck's illegal dump is told to its cell and the eight around it (`seen_in`), so that a place across an edge is whole in
each of them. One of them speaks of a place: the cell of its first dump by time. That does not depend on the order in which
cells hear of dumps, which live is not the same for all; where an older dump is heard of later, the cell that spoke takes its
word back, and the other's stands. Held for `Thresholds.landfill_days`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from streams import events, geo
from streams.rules import explain
from streams.rules.scoped import CityThresholds, InForce
from streams.rules.thresholds import Thresholds
from streams.units import DAY_MS

NAME: Final[events.RuleName] = "unauthorised-landfill"
VERSION: Final = "1"
DUMPS: Final[events.RuleName] = "illegal-dump"
CELL_DEG: Final = 0.01
"""1.1 km from south to north; from west to east 0.5 km and more up to 60° of latitude: more than dumps of one place are apart."""
_MOST_DUMPS: Final = 200
"""Of one cell and those around it; beyond it the oldest go."""
_TOLD_AT: Final = frozenset({3, 5, 10, 20, 50, 100, 200})
"""Numbers of dumps at which a place that was told is told again; else only when another truck dumps there."""
_MOST_NAMED: Final = 20
"""Dumps and trucks that an alert names; their numbers are in its reasons."""


class Site(Struct):
    """The dumps in and around one cell, by alert, and what was said of places in it."""

    cell: str
    dumps: dict[str, events.DumpSeen] = field(default_factory=dict)
    said: dict[str, events.Alert] = field(default_factory=dict)
    """Last revisions, by alert."""
    members: dict[str, list[str]] = field(default_factory=dict)
    """By alert the dumps of its place."""


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


def step(site: Site, seen: events.DumpSeen, thresholds: CityThresholds) -> tuple[Site, list[events.Alert]]:
    """Take a revision of a dump in; return what follows. The site is changed and handed back."""
    in_force = thresholds.at(tenant_id=seen.tenant_id)
    limits = in_force.limits
    known = site.dumps.get(seen.alert_id)
    if known is not None and known.revision >= seen.revision:
        return site, []
    site.dumps[seen.alert_id] = seen
    _forget_old(site, seen.tenant_id, limits)
    left = [dump for dump in site.dumps.values() if not dump.withdrawn and dump.tenant_id == seen.tenant_id]
    place = _place(left, seen, limits)
    ids = [dump.alert_id for dump in place]
    alerts = _said_of(site, {*ids, seen.alert_id})
    told: list[events.Alert] = []
    for last in alerts[1:]:  # two places have become one: the first's word stands
        told += _take_back(last, seen, _elsewhere(seen, alerts[0].alert_id))
    told += _judge(site, place, alerts[0] if alerts else None, seen, in_force)
    for alert in told:
        site.said[alert.alert_id] = alert
    for alert_id in {alert.alert_id for alert in (*alerts[:1], *told[-1:])}:
        site.members[alert_id] = ids or [seen.alert_id]
    return site, told


def _forget_old(site: Site, tenant_id: str, limits: Thresholds) -> None:
    """Forget old dumps of a tenant; of others it is theirs to say what is old."""
    newest_ms = max(dump.start_ms for dump in site.dumps.values() if dump.tenant_id == tenant_id)
    oldest_ms = newest_ms - round(limits.landfill_days * DAY_MS)
    fresh = (one for one in site.dumps.values() if one.tenant_id != tenant_id or one.start_ms >= oldest_ms)
    kept = sorted(fresh, key=_order)
    site.dumps = {dump.alert_id: dump for dump in kept[-_MOST_DUMPS:]}
    site.members = {name: ids for name, ids in site.members.items() if not site.dumps.keys().isdisjoint(ids)}
    site.said = {name: alert for name, alert in site.said.items() if name in site.members}


def _place(left: list[events.DumpSeen], seen: events.DumpSeen, limits: Thresholds) -> list[events.DumpSeen]:
    """Return the dumps that are one place with this one: each within `Thresholds.landfill_m` of another; by time."""
    apart = {dump.alert_id: dump for dump in left}
    place: list[events.DumpSeen] = []
    edge = [seen]
    while edge:
        one = edge.pop()
        near = [
            dump
            for dump in apart.values()
            if geo.metres_between(one.lon, one.lat, dump.lon, dump.lat) <= limits.landfill_m
        ]
        for dump in near:
            del apart[dump.alert_id]
        place += near
        edge += near
    return sorted(place, key=_order)


def _order(dump: events.DumpSeen) -> tuple[int, str]:
    return dump.start_ms, dump.alert_id


def _said_of(site: Site, dumps: set[str]) -> list[events.Alert]:
    """Return what was said, and stands, of places that these dumps are of; what was taken back only if nothing stands."""
    of_it = [site.said[name] for name, ids in site.members.items() if name in site.said and not dumps.isdisjoint(ids)]
    standing = [alert for alert in of_it if alert.state != "cancelled"]
    return sorted(standing or of_it[:1], key=lambda alert: (alert.start_ms, alert.alert_id))


def _judge(
    site: Site,
    place: list[events.DumpSeen],
    last: events.Alert | None,
    seen: events.DumpSeen,
    in_force: InForce,
) -> Iterable[events.Alert]:
    if len(place) < in_force.limits.landfill_dumps:
        reason = f"alerts {seen.truck_id} {seen.start_ms}: the dump was withdrawn"
        return () if last is None else _take_back(last, seen, reason)
    first = place[0]
    x, y = geo.cell_of(first.lon, first.lat, CELL_DEG)
    if site.cell != f"{x}:{y}":
        return () if last is None else _take_back(last, seen, _elsewhere(seen, _id_of(first)))
    if last is not None and last.alert_id != _id_of(first):
        return (*_take_back(last, seen, _elsewhere(seen, _id_of(first))), _told(place, None, seen, in_force))
    if last is not None and last.state != "cancelled" and not _is_news(place, last):
        return ()
    return (_told(place, last, seen, in_force),)


def _id_of(first: events.DumpSeen) -> str:
    return events.alert_id(NAME, first.truck_id, first.start_ms)


def _is_news(place: list[events.DumpSeen], last: events.Alert) -> bool:
    counted = last.used["number"]
    if len(place) == counted:
        return False
    return any(counted < number <= len(place) for number in _TOLD_AT) or _trucks(place) != last.truck_ids


def _trucks(place: list[events.DumpSeen]) -> tuple[str, ...]:
    return tuple(sorted(list(dict.fromkeys(dump.truck_id for dump in place))[:_MOST_NAMED]))


def _elsewhere(seen: events.DumpSeen, alert_id: str) -> str:
    reason = f"alerts {seen.truck_id} {seen.start_ms}: the place is told as {alert_id}"
    return reason  # noqa: RET504  # the pages' test finds reasons by that name


def _take_back(last: events.Alert, seen: events.DumpSeen, reason: str) -> Iterable[events.Alert]:
    if last.state == "cancelled":
        return ()
    now_ms = max(last.emitted_ms, seen.emitted_ms)
    evidence_id = events.evidence_id(last.alert_id)
    return (
        replace(
            last,
            revision=last.revision + 1,
            state="cancelled",
            emitted_ms=now_ms,
            reason=reason,
            evidence_id=evidence_id,
        ),
    )


def _told(
    place: list[events.DumpSeen], last: events.Alert | None, seen: events.DumpSeen, in_force: InForce
) -> events.Alert:
    limits = in_force.limits
    first, trucks = place[0], {dump.truck_id for dump in place}
    known_kg = [dump.lost_kg for dump in place if dump.lost_kg is not None]
    spread_m = max(geo.metres_between(first.lon, first.lat, dump.lon, dump.lat) for dump in place)
    said: dict[str, Any] = {
        "evidence_id": events.evidence_id(_id_of(first)),
        "truck_ids": _trucks(place),
        "where": geo.point(sum(d.lon for d in place) / len(place), sum(d.lat for d in place) / len(place)),
        "lost_kg": sum(known_kg) if known_kg else None,
        "emitted_ms": seen.emitted_ms,
        "because": (
            explain.at_least("dumps at one place", len(place), limits.landfill_dumps, "times"),
            explain.known("trucks that dumped there", f"{len(trucks)}: {', '.join(_trucks(place))}"),
            explain.known("farthest from the first dump", f"{spread_m:.0f} m"),
        ),
        "used": {"dumps": [dump.alert_id for dump in place[:_MOST_NAMED]], "number": len(place)}
        | in_force.used_by(NAME),
    }
    if last is not None:
        state = "raised" if last.state == "cancelled" else "updated"
        said["emitted_ms"] = max(last.emitted_ms, seen.emitted_ms)
        return replace(last, revision=last.revision + 1, state=state, reason=None, **said)
    return events.Alert(
        alert_id=_id_of(first),
        revision=1,
        rule=NAME,
        rule_version=VERSION,
        state="raised",
        severity="high",
        certainty="likely",
        start_ms=first.start_ms,
        raised_ms=place[min(len(place), limits.landfill_dumps) - 1].start_ms,
        tenant_id=first.tenant_id,
        unless=("a site that is registered, where unloading is lawful",),
        gaps=() if len(known_kg) == len(place) else ("of some dumps it is not known how much",),
        **said,
    )
