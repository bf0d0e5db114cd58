"""The page of a comparison: each alert lost, gained or changed with its map, its load and speed, and why it was said."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final, NamedTuple

from streams import compare, events
from streams.compare import Changed, Comparison, Named, Tally
from streams.inspection import Followed, Seen, Times
from streams.report import ground, page, strips, told, words
from streams.report.ground import Ground, Mark
from streams.report.strips import Axis
from streams.report.words import Clock, Said
from streams.units import MINUTE_MS

_AROUND_MS: Final = 6 * MINUTE_MS
"""Before and after an alert that is drawn."""
_LONGEST_MS: Final = 4 * 60 * MINUTE_MS
"""Of an alert that goes on, from its start."""
MOST: Final = 120
"""Alerts drawn: a threshold that changes everything is seen in the table."""
_GROUPS: Final = (
    ("gained", Said("新增", "Gained")),
    ("lost", Said("消失", "Lost")),
    ("changed", Said("变化", "Changed")),
)
_HEADS: Final = {
    "before": Said("之前", "before"),
    "after": Said("之后", "after"),
    "lost": Said("消失", "lost"),
    "gained": Said("新增", "gained"),
    "changed": Said("变化", "changed"),
}


class Story(NamedTuple):
    """One difference: what kind, as it is named, and the alert: as it is after, for a lost one as it was."""

    group: str
    named: Named
    alert: events.Alert


def stories(found: Comparison, old: Mapping[str, events.Alert], new: Mapping[str, events.Alert]) -> list[Story]:
    """Return the differences that are drawn, kind by kind."""
    told_of = [Story("gained", one, new[one.alert_id]) for one in found.gained]
    told_of += [Story("lost", one, old[one.alert_id]) for one in found.lost]
    told_of += [Story("changed", one, new[_after_id(one)]) for one in found.changed]
    return told_of[:MOST]


def _after_id(one: Changed) -> str:
    _, after = one.changes.get("alert_id", (None, one.alert_id))
    return str(after)


def around(alert: events.Alert) -> Times:
    """Return the time that is drawn of an alert."""
    return alert.start_ms - _AROUND_MS, min(compare.end_ms(alert), alert.start_ms + _LONGEST_MS) + _AROUND_MS


def times(told_of: list[Story]) -> dict[str, list[Times]]:
    """Return when which trucks have to be looked at."""
    asked: dict[str, list[Times]] = {}
    for story in told_of:
        if story.alert.truck_id is not None:
            asked.setdefault(story.alert.truck_id, []).append(around(story.alert))
    return asked


def render(found: Comparison, told_of: list[Story], day: Followed, clock: Clock) -> str:
    """Return the page. ``day``: the trucks of the differences, looked at round them."""
    rows = [
        [words.html(words.rule(name)), *(str(getattr(tally, one)) for one in Tally.__struct_fields__)]
        for name, tally in found.rules.items()
    ]
    heads = [Said("规则", "rule"), *(_HEADS[one] for one in Tally.__struct_fields__)]
    left = len(found.gained) + len(found.lost) + len(found.changed) - len(told_of)
    note = Said(f"只绘出前 {MOST} 条，另有 {left} 条。", f"The first {MOST} are drawn, {left} more are not.")
    body = (
        f"<section>{page.table(heads, rows, len(heads) - 1)}{f'<p><small>{words.html(note)}</small></p>' if left else ''}</section>"
        f"{ground.legend()}"
        + "".join(
            _group(group, name, [one for one in told_of if one.group == group], day, clock) for group, name in _GROUPS
        )
    )
    return page.page(Said("告警比较", "Alerts compared"), body)


def _group(group: str, name: Said, told_of: list[Story], day: Followed, clock: Clock) -> str:
    if not told_of:
        return ""
    articles = "".join(_article(story, day, clock) for story in told_of)
    return f'<h2 id="{group}">{words.html(name)} · {len(told_of)}</h2>{articles}'


def _article(story: Story, day: Followed, clock: Clock) -> str:
    alert = story.alert
    head = (
        f"<h3>{words.html(words.rule(alert.rule))} · {escape(story.named.subject)} <small>{words.html(told.standing(alert))}, "
        f"{escape(told.span(alert, clock))}<br>{escape(story.named.place)}</small></h3>"
    )
    changes = "".join(_changes(story.named)) if isinstance(story.named, Changed) else ""
    said = f"{told.conditions(alert.because)}{told.more(alert)}{changes}"
    way, picture, course = _drawn(alert, day, clock)
    return (
        f'<article data-way="{escape(way, quote=True)}">{head}<div class="two"><div>{picture}</div><div>{course}{said}</div></div>'
        "</article>"
    )


def _changes(one: Changed) -> Iterator[str]:
    for name, (old, new) in one.changes.items():
        yield f"<p><small>{escape(name)}: {escape(compare.short(old))} → {escape(compare.short(new))}</small></p>"


def _drawn(alert: events.Alert, day: Followed, clock: Clock) -> tuple[str, str, str]:
    """Return the way for the script, the map, and load and speed; an alert of no single truck has its place only."""
    axis = Axis(*around(alert))
    seen = day.trucks.get(alert.truck_id or "") or Seen(truck_id="", times=[], tenant_id=alert.tenant_id)
    fixes = [fix for fix in seen.fixes if axis.from_ms <= fix.time_ms <= axis.to_ms]
    marks = [] if alert.where is None else [Mark("!", alert.where, words.rule(alert.rule))]
    places = day.reference.places_at(alert.start_ms, seen.tenant_id)
    permits = [one for one in day.reference.permissions(seen.truck_id, alert.start_ms) if one.corridor is not None]
    drawn = Ground(fixes, places, permits, marks)
    course = f"{told.course(fixes, axis)}{strips.clock_row(axis, clock)}" if alert.truck_id else ""
    return ground.followed(drawn, axis), ground.drawing(drawn, clock), course
