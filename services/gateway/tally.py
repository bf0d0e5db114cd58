"""What a manager's figures are made of, once the rows are there: how alerts were handled, what a contractor answers for. Pure."""

import itertools
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from services.store.figures import AlertRow, Deed
from streams.units import MINUTE_MS

FILE: Final = Path(__file__).with_name("targets.toml")
Handling = Literal["new", "acknowledged", "confirmed", "dismissed"]
Answer = Literal["in_time", "late", "overdue", "waiting"]
"""Acknowledged within its deadline, after it; not yet, and the deadline is over; not yet, and it is not."""

_AFTER: Final[dict[str, Handling]] = {"ack": "acknowledged", "confirm": "confirmed", "dismiss": "dismissed"}
NOT_A_VIOLATION: Final = frozenset({"sos", "breakdown", "sensor-fault", "bin-overflow", "bin-fire", "bin-moved"})
"""What no contractor answers for."""


class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file ``targets.toml``; each by severity, or by the name of a share."""

    acknowledge_within_min: dict[str, int]
    points: dict[str, int]
    targets: dict[str, float]


def read(path: Path = FILE) -> Targets:
    """Read the file; raises `msgspec.ValidationError` that names what does not fit."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Targets)


class Judged(NamedTuple):
    """An alert with what people made of it."""

    alert: AlertRow
    handling: Handling
    ack_ms: int | None
    answer: Answer

    @property
    def stands(self) -> bool:
        """Whether the ground under it is still there."""
        return self.alert.state != "cancelled"


def judge(rows: Iterable[AlertRow], deeds: Iterable[Deed], targets: Targets, now_ms: int) -> list[Judged]:
    """Return each alert with its handling; ``deeds`` in order of time, ``undo`` takes back the last that counted."""
    of_alert: defaultdict[str, list[Deed]] = defaultdict(list)
    for deed in deeds:
        if deed.kind in _AFTER:
            of_alert[deed.alert_id].append(deed)
        elif deed.kind == "undo" and of_alert[deed.alert_id]:
            of_alert[deed.alert_id].pop()
    return [_judged(row, of_alert[row.alert_id], targets, now_ms) for row in rows]


def _judged(row: AlertRow, standing: Sequence[Deed], targets: Targets, now_ms: int) -> Judged:
    ack_ms = standing[0].at_ms if standing else None
    deadline_ms = row.raised_ms + targets.acknowledge_within_min[row.severity] * MINUTE_MS
    answer: Answer
    if ack_ms is not None:
        answer = "in_time" if ack_ms <= deadline_ms else "late"
    else:
        answer = "overdue" if now_ms > deadline_ms else "waiting"
    return Judged(row, _AFTER[standing[-1].kind] if standing else "new", ack_ms, answer)


def handled(judged: Iterable[Judged]) -> dict[str, int]:
    """Return how many there are by what became of them; what was withdrawn is counted apart, and only there."""
    counts: Counter[str] = Counter()
    for one in judged:
        counts["withdrawn" if not one.stands else "raised"] += 1
        if one.stands:
            counts[one.answer] += 1
            counts[one.handling] += 1
    names = ("raised", "withdrawn", "in_time", "late", "overdue", "waiting", "confirmed", "dismissed")
    return {name: counts[name] for name in names}


def by_rule(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return the counts of each rule, the most frequent first."""
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.alert.rule].append(one)
    rows = [{"rule": rule, **handled(ones)} for rule, ones in groups.items()]
    return sorted(rows, key=lambda row: (-row["raised"], row["rule"]))


def overflow_minutes(judged: Iterable[Judged], from_ms: int, to_ms: int, now_ms: int) -> float:
    """Return the minutes that bins stood over within the span; what goes on counts until now."""
    end_ms = min(to_ms, now_ms)
    spans = (
        min(one.alert.end_ms if one.alert.end_ms is not None else end_ms, end_ms) - max(one.alert.start_ms, from_ms)
        for one in judged
    )
    return sum(max(0, span) for span in spans) / MINUTE_MS


def points(judged: Iterable[Judged], targets: Targets, whose: Mapping[str, str | None]) -> dict[str, dict[str, int]]:
    """Return each contractor's points: ``confirmed``, and ``undecided`` = what they would be if all that waits were confirmed.

    "" = violations of which nobody says whose truck it was.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in judged:
        if one.stands and one.alert.rule not in NOT_A_VIOLATION:
            kind = {"confirmed": "confirmed", "dismissed": "dismissed"}.get(one.handling, "undecided")
            counts = found[contractor_of(one.alert, whose)]
            counts[f"{kind}_alerts"] += 1
            if kind != "dismissed":
                counts[f"{kind}_points"] += targets.points[one.alert.severity]
    names = ("confirmed_alerts", "confirmed_points", "undecided_alerts", "undecided_points", "dismissed_alerts")
    return {contractor: {name: counts[name] for name in names} for contractor, counts in found.items()}


def contractor_of(alert: AlertRow, whose: Mapping[str, str | None]) -> str:
    """Return who answers for an alert: whom it names, else whose truck it is; "" = nobody says."""
    return alert.contractor_id or whose.get(alert.truck_id or "") or ""


def in_steps(times_ms: Iterable[int], starts: Sequence[int]) -> list[int]:
    """Return how many times fall into each step; ``starts`` in order, none is before the first."""
    counts = [0] * len(starts)
    for time_ms in times_ms:
        counts[sum(start <= time_ms for start in starts) - 1] += 1
    return counts


def stage_times(steps: Sequence[tuple[int, int | None]], now_ms: int) -> Answer:
    """Return whether the steps of a report came by when they were due; ``steps``: (at_ms, due_ms of the next), in order.

    One that came late makes it late for good; the last is overdue, if its next should be there by now.
    """
    came = itertools.pairwise(steps)
    if any(due_ms is not None and at_ms > due_ms for (_, due_ms), (at_ms, _) in came):
        return "late"
    last_due_ms = steps[-1][1]
    if last_due_ms is None:
        return "in_time"
    return "overdue" if now_ms > last_due_ms else "waiting"
