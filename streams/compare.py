"""What another rule version or another settings file would have said: alerts lost, gained and changed between two outputs.

An alert is the same by its id, or, where another threshold moved its start and so its id, by rule, truck and time. The
highest revision counts; a cancelled alert was none. When it left (`emitted_ms`) and the rule's version are no difference.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from streams import asking, events, recorded, topics
from streams.alerts import REPEAT_MS

_NO_DIFFERENCE: Final = frozenset({"revision", "rule_version", "emitted_ms"})


class Named(Struct, frozen=True, kw_only=True):
    """An alert as a person asks for it: when, who, where, why."""

    rule: str
    subject: str
    """The truck, the trucks or the bin."""
    start_ms: int
    place: str
    why: str
    alert_id: str


class Changed(Named, frozen=True, kw_only=True):
    """An alert in both outputs, with the members that differ: before and after."""

    changes: dict[str, tuple[Any, Any]]


class Tally(Struct, kw_only=True):
    """Counts of one rule."""

    before: int = 0
    after: int = 0
    lost: int = 0
    gained: int = 0
    changed: int = 0


class Comparison(Struct, frozen=True, kw_only=True):
    """Two outputs, compared. Alerts are in order of start."""

    rules: dict[str, Tally]
    lost: tuple[Named, ...]
    gained: tuple[Named, ...]
    changed: tuple[Changed, ...]


def compare(before: Path, after: Path) -> Comparison:
    """Compare the alerts of two output folders.

    Raises
    ------
    ValueError
        If a folder has no alerts file, or a line of it is no alert: the sentence names it.
    """
    old, new = standing(before), standing(after)
    pairs = [(old[alert_id], new[alert_id]) for alert_id in old.keys() & new.keys()]
    lost = [alert for alert_id, alert in old.items() if alert_id not in new]
    gained = [alert for alert_id, alert in new.items() if alert_id not in old]
    pairs += _moved(lost, gained)
    changed = [_changed(one, other, changes) for one, other in pairs if (changes := _differences(one, other))]
    return Comparison(
        rules=_tallies(list(old.values()), list(new.values()), lost, gained, changed),
        lost=tuple(_in_order(map(_named, lost))),
        gained=tuple(_in_order(map(_named, gained))),
        changed=tuple(_in_order(iter(changed))),
    )


def standing(folder: Path) -> dict[str, events.Alert]:
    """Return the highest revision of each alert that was not taken back.

    Raises
    ------
    ValueError
        As `compare` does.
    """
    if not recorded.files(folder, topics.ALERTS):
        raise ValueError(
            f"{folder} has no {topics.ALERTS.name}.jsonl: give an output folder of a replay, or a recorded day"
        )
    last: dict[str, events.Alert] = {}
    for alert in recorded.values(folder, topics.ALERTS):
        if alert.alert_id not in last or last[alert.alert_id].revision <= alert.revision:
            last[alert.alert_id] = alert
    return {alert_id: alert for alert_id, alert in last.items() if alert.state != "cancelled"}


def _moved(lost: list[events.Alert], gained: list[events.Alert]) -> list[tuple[events.Alert, events.Alert]]:
    """Take out of both lists, and return, what is one violation with another start: nearest starts first."""
    by_subject = defaultdict(list)
    for other in gained:
        by_subject[other.rule, _subject(other)].append(other)
    near = [
        (abs(one.start_ms - other.start_ms), one.alert_id, other.alert_id, one, other)
        for one in lost
        for other in by_subject[one.rule, _subject(one)]
        if one.start_ms - REPEAT_MS <= end_ms(other) and other.start_ms - REPEAT_MS <= end_ms(one)
    ]
    pairs: list[tuple[events.Alert, events.Alert]] = []
    taken: set[str] = set()
    for _, one_id, other_id, one, other in sorted(near, key=lambda pair: pair[:3]):
        if one_id not in taken and other_id not in taken:
            taken |= {one_id, other_id}
            pairs.append((one, other))
    lost[:] = [one for one in lost if one.alert_id not in taken]
    gained[:] = [other for other in gained if other.alert_id not in taken]
    return pairs


def end_ms(alert: events.Alert) -> int:
    """Return until when an alert is known to have held."""
    return max(alert.start_ms, alert.raised_ms if alert.end_ms is None else alert.end_ms)


def _differences(before: events.Alert, after: events.Alert) -> dict[str, tuple[Any, Any]]:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    names = sorted((old.keys() | new.keys()) - _NO_DIFFERENCE)
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _tallies(
    old: list[events.Alert],
    new: list[events.Alert],
    lost: list[events.Alert],
    gained: list[events.Alert],
    changed: list[Changed],
) -> dict[str, Tally]:
    counts = [Counter[str](alert.rule for alert in alerts) for alerts in (old, new, lost, gained, changed)]
    return {
        rule: Tally(**dict(zip(Tally.__struct_fields__, (c[rule] for c in counts), strict=True)))
        for rule in sorted({*counts[0], *counts[1]})
    }


# --------------------------------------------------------------------------------------------- for people


def _in_order[N: Named](alerts: Iterator[N]) -> list[N]:
    return sorted(alerts, key=lambda alert: (alert.start_ms, alert.rule, alert.alert_id))


def _named(alert: events.Alert) -> Named:
    return Named(**_names(alert))


def _changed(before: events.Alert, after: events.Alert, changes: dict[str, tuple[Any, Any]]) -> Changed:
    return Changed(**(_names(before) | {"why": _why(after)}), changes=changes)


def _names(alert: events.Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "subject": _subject(alert),
        "start_ms": alert.start_ms,
        "place": _place(alert),
        "why": _why(alert),
        "alert_id": alert.alert_id,
    }


def _subject(alert: events.Alert) -> str:
    return alert.truck_id or alert.bin_id or " ".join(sorted(alert.truck_ids or ())) or "unknown"


def _place(alert: events.Alert) -> str:
    """Say where: the first point of the place, and the known names round it."""
    at: Any = (alert.where or {}).get("coordinates")
    while isinstance(at, list | tuple) and at and isinstance(at[0], list | tuple):
        at = at[0]
    said = [f"{at[0]:.5f}, {at[1]:.5f}"] if _are_numbers(at) else ["place not known"]
    known = {"facility": alert.facility_id, "source": alert.source_id, "zones": " ".join(alert.zone_ids)}
    return ", ".join(said + [f"{name} {value}" for name, value in known.items() if value])


def _are_numbers(at: Any) -> bool:
    return (
        isinstance(at, list | tuple)
        and len(at) > 1
        and all(isinstance(n, float | int) and abs(n) < 1e3 for n in at[:2])
    )


def _why(alert: events.Alert) -> str:
    """Return one sentence: each condition with what was measured against which limit."""
    said = []
    for one in alert.because:
        measured = "" if one.measured is None else f" {one.measured}"
        limit = "" if one.limit is None else f" against {one.limit}"
        said.append(f"{one.condition}:{measured}{limit}{f' {one.unit}' if one.unit else ''}")
    return "; ".join(said) or alert.reason or "no reason was given"


def table(comparison: Comparison, zone: tzinfo = UTC) -> str:
    """Return the comparison as text; times in ``zone``."""
    lines = [f"{'rule':<24}{'before':>8}{'after':>8}{'lost':>8}{'gained':>8}{'changed':>8}"]
    for rule, tally in comparison.rules.items():
        counts = "".join(f"{getattr(tally, name):>8}" for name in Tally.__struct_fields__)
        lines.append(f"{rule:<24}{counts}")
    for title, alerts in (("lost", comparison.lost), ("gained", comparison.gained), ("changed", comparison.changed)):
        lines += ["", f"{title}: {len(alerts)}"]
        for alert in alerts:
            lines += [
                f"  {_when(alert.start_ms, zone)}  {alert.rule}  {alert.subject}  at {alert.place}",
                f"      {alert.why}",
            ]
            if isinstance(alert, Changed):
                lines += [f"      {name}: {short(old)} → {short(new)}" for name, (old, new) in alert.changes.items()]
    return "\n".join(lines)


def _when(time_ms: int, zone: tzinfo) -> str:
    at = asking.local(time_ms, zone)
    return f"{time_ms} ms" if at is None else f"{at:%Y-%m-%d %H:%M:%S %Z}"


_LONGEST: Final = 80


def short(value: Any) -> str:
    """Return a value as JSON, cut to a line."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
