"""Alerts against the truth of a made day: by rule what was found, cried in vain, told twice; which traps fooled.

The highest revision of an alert counts, cancelled ones do not. An alert is of a violation if the truck or bin is the same, its
rule one that the label accepts, and the spans overlap, the truth's widened by two minutes before and five behind.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.labelled.truth import MINUTE_MS

Document = dict[str, Any]
BEFORE_MS, AFTER_MS = 2 * MINUTE_MS, 5 * MINUTE_MS
BARS = {"normal": (0.97, 0.05), "hard": (0.95, 0.15)}
"""Least precision and recall; most false alarms a truck-day or bin-day."""
MOST_FOOLED = 0.05


@dataclass
class Rule:
    """One rule's figures."""

    must: int = 0
    found: int = 0
    good: int = 0
    false: int = 0
    twice: int = 0
    traps: int = 0
    fooled: int = 0
    delays_s: list[float] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the violations that was found."""
        return self.found / self.must if self.must else 1.0

    @property
    def precision(self) -> float:
        """Share of the alerts, but those of what may be told or not, that are right."""
        return self.good / (self.good + self.false) if self.good + self.false else 1.0


@dataclass
class Score:
    """All figures of one day, or of several."""

    rules: dict[str, Rule] = field(default_factory=lambda: defaultdict(Rule))
    fooled_by: Counter[str] = field(default_factory=Counter)
    empty_because: int = 0
    cancelled: int = 0
    truck_days: float = 0.0
    bin_days: float = 0.0
    missed: list[str] = field(default_factory=list)
    in_vain: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def false_a_day(self) -> tuple[float, float]:
        """Return false alarms a truck-day and a bin-day."""
        of_bins = sum(rule.false for name, rule in self.rules.items() if "bin" in name)
        false = sum(rule.false for rule in self.rules.values())
        return (false - of_bins) / max(self.truck_days, 1e-9), of_bins / max(self.bin_days, 1e-9)

    def add(self, other: "Score") -> None:
        """Take another day's figures in."""
        for name, rule in other.rules.items():
            mine = self.rules[name]
            for figure in ("must", "found", "good", "false", "twice", "traps", "fooled"):
                setattr(mine, figure, getattr(mine, figure) + getattr(rule, figure))
            mine.delays_s += rule.delays_s
        self.fooled_by += other.fooled_by
        self.empty_because += other.empty_because
        self.cancelled += other.cancelled
        self.truck_days += other.truck_days
        self.bin_days += other.bin_days
        self.missed += other.missed
        self.in_vain += other.in_vain
        self.doubled += other.doubled

    def shortcomings(self, profile: str) -> list[str]:
        """Say each bar that is missed; of a rule that has nothing to find here only false alarms a day."""
        least, most_false = BARS[profile]
        found = []
        for name, rule in self.rules.items():
            if rule.recall < least:
                found.append(f"{name}: recall {rule.recall:.3f}, expected at least {least}")
            if rule.must and rule.precision < least:
                found.append(f"{name}: precision {rule.precision:.3f}, expected at least {least}")
            if rule.fooled > MOST_FOOLED * rule.traps:
                found.append(f"{name}: fooled by {rule.fooled} of {rule.traps} traps")
            if rule.twice:
                found.append(f"{name}: {rule.twice} violations told twice")
        for what, false in zip(("truck", "bin"), self.false_a_day(), strict=True):
            if false > most_false:
                found.append(f"{false:.3f} false alarms a {what}-day, expected at most {most_false}")
        if self.empty_because:
            found.append(f"{self.empty_because} alerts do not say why")
        return found


def score(truth: Document, alerts_path: Path) -> Score:
    """Judge what a replay wrote."""
    alerts, cancelled = _last_words(alerts_path)
    meta = truth["meta"]
    result = Score(cancelled=cancelled, truck_days=meta["truck_days"], bin_days=meta["bin_days"])
    told: dict[str, list[Document]] = defaultdict(list)
    in_vain = []
    for alert in alerts:
        result.empty_because += not alert.get("because")
        matching = [one for one in truth["violations"] if _is_of(alert, one)]
        nearest = min(matching, key=lambda one: _far(alert, one), default=None)
        figures = result.rules[_name(alert["rule"], alert)]
        if nearest is not None:
            figures.good += nearest["must_be"] == "alert"
            for one in matching:
                told[one["id"]].append(alert | {"is_its_own": one is nearest})
        else:
            figures.false += 1
            in_vain.append(alert)
            result.in_vain.append(_line(alert["rule"], alert, alert["start_ms"]))
    for one in truth["violations"]:
        if one["must_be"] == "alert":
            _count(result, one, told[one["id"]])
    for trap in truth["traps"]:
        _try_trap(result, trap, in_vain)
    return result


def _last_words(path: Path) -> tuple[list[Document], int]:
    """Return each alert's highest revision, with when it was first told; and how many were taken back."""
    last: dict[str, Document] = {}
    first_ms: dict[str, int] = {}
    for line in path.read_text().splitlines():
        alert = json.loads(line)
        first_ms.setdefault(alert["alert_id"], alert["emitted_ms"])
        if alert["revision"] >= last.get(alert["alert_id"], alert)["revision"]:
            last[alert["alert_id"]] = alert | {"first_ms": first_ms[alert["alert_id"]]}
    live = [alert for alert in last.values() if alert["state"] != "cancelled"]
    return live, len(last) - len(live)


def _count(result: Score, one: Document, alerts: list[Document]) -> None:
    figures = result.rules[_name(one["rule"], one)]
    figures.must += 1
    if not alerts:
        result.missed.append(f"{_line(one['rule'], one, one['start_ms'])}: {one['note']}")
        return
    figures.found += 1
    again = max(0, sum(alert["is_its_own"] and alert["rule"] == one["rule"] for alert in alerts) - 1)
    figures.twice += again
    result.doubled += again * [f"{_line(one['rule'], one, one['start_ms'])}: {one['note']}"]
    if one["knowable_ms"] is not None:
        first_ms = min(alert["first_ms"] for alert in alerts)
        figures.delays_s.append(max(0, first_ms - one["knowable_ms"]) / 1_000)


def _try_trap(result: Score, trap: Document, in_vain: list[Document]) -> None:
    """Count a trap for each rule that it is set for."""
    fooled = {
        alert["rule"]
        for alert in in_vain
        if alert["rule"] in trap["forbidden_rules"]
        and _same(alert, trap)
        and _overlap(alert, trap, MINUTE_MS, 2 * MINUTE_MS)
    }
    for rule in trap["forbidden_rules"]:
        figures = result.rules[_name(rule, trap)]
        figures.traps += 1
        figures.fooled += rule in fooled
    if fooled:
        result.fooled_by[trap["trap"]] += 1


def _name(rule: str, of: Document) -> str:
    """Return the rule's name; sensor-fault is two."""
    return rule if rule != "sensor-fault" else "sensor-fault, bin" if of.get("bin_id") else "sensor-fault, truck"


def _line(rule: str, of: Document, start_ms: int) -> str:
    return f"{rule} {of.get('bin_id') or of.get('truck_id')} {start_ms}"


def _same(alert: Document, one: Document) -> bool:
    return alert.get("bin_id") == one.get("bin_id") and alert.get("truck_id") == one.get("truck_id")


def _is_of(alert: Document, one: Document) -> bool:
    return alert["rule"] in one["accept"] and _same(alert, one) and _overlap(alert, one, BEFORE_MS, AFTER_MS)


def _far(alert: Document, one: Document) -> tuple[bool, int]:
    """Of violations that overlap, an alert is first of its own rule's, and of the one that lasted when it says."""
    end_ms = alert.get("end_ms") or alert["raised_ms"]
    return alert["rule"] != one["rule"], abs(alert["start_ms"] - one["start_ms"]) + abs(end_ms - one["end_ms"])


def _overlap(alert: Document, one: Document, before_ms: int, after_ms: int) -> bool:
    end_ms = max(alert["start_ms"], alert.get("end_ms") or alert["raised_ms"])
    return bool(alert["start_ms"] <= one["end_ms"] + after_ms and end_ms >= one["start_ms"] - before_ms)


def table(result: Score) -> str:
    """Return the figures by rule, for people."""
    lines = [
        f"{'rule':22}{'must':>6}{'found':>7}{'recall':>8}{'false':>7}{'precision':>11}{'twice':>7}{'traps':>7}{'fooled':>8}{'delay s':>9}"
    ]
    for name, rule in sorted(result.rules.items()):
        delay = f"{median(rule.delays_s):9.0f}" if rule.delays_s else f"{'–':>9}"
        lines.append(
            f"{name:22}{rule.must:6}{rule.found:7}{rule.recall:8.1%}{rule.false:7}{rule.precision:11.1%}{rule.twice:7}"
            f"{rule.traps:7}{rule.fooled:8}{delay}"
        )
    truck, of_bin = result.false_a_day()
    lines.append(
        f"false alarms a truck-day {truck:.3f}, a bin-day {of_bin:.4f}; cancelled {result.cancelled}; without because {result.empty_because}"
    )
    if result.fooled_by:
        lines.append("fooled by " + ", ".join(f"{trap} {count}" for trap, count in result.fooled_by.most_common()))
    return "\n".join(lines)
