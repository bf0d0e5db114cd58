"""Findings of rules become alerts: one id a violation, revisions that only grow, no repeats.

A rule says what it found (`Finding`); the ledger knows what was said before. A violation that starts again shortly
after its end goes on under the same id instead of crying a second time.
"""

from typing import Any, Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from streams import events
from streams.units import SECOND_MS

REPEAT_MS: Final = 180 * SECOND_MS
"""A violation that starts within this after the end of one of the same rule continues it (lennon0829/jt808: 180 s)."""


class Finding(Struct, kw_only=True):
    """What a rule has to say at one fix. ``kind`` begin, change, end or withdraw (the ground was taken away)."""

    kind: Literal["begin", "change", "end", "withdraw"]
    start_ms: int
    at_ms: int
    """Event time of the evidence."""
    end_ms: int | None = None
    severity: Literal["critical", "high", "medium", "low"] | None = None
    """None = as said before, else medium."""
    certainty: Literal["observed", "likely", "possible"] | None = None
    """None = as said before, else likely."""
    of: str | None = None
    """What it is of, where a rule may have several open at once: each is followed for itself. None = the rule has one."""
    at_once: bool = False
    """It is over as it is said: its end is told behind it."""
    reason: str | None = None
    where: events.Geometry | None = None
    lost_kg: float | None = None
    lost_low_kg: float | None = None
    lost_high_kg: float | None = None
    facility_id: str | None = None
    because: tuple[events.Condition, ...] = ()
    unless: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    used: dict[str, Any] = field(default_factory=dict)


class Subject(Struct, kw_only=True):
    """Whom an alert is about, as known at its time."""

    tenant_id: str
    truck_id: str | None = None
    bin_id: str | None = None
    driver_id: str | None = None
    contractor_id: str | None = None
    source_id: str | None = None
    zone_ids: tuple[str, ...] = ()


class Ledger(Struct, array_like=True):
    """The last alert of each rule for one truck, open or ended; of a rule that has several at once each open one besides."""

    last: dict[str, events.Alert] = field(default_factory=dict)


def is_open(ledger: Ledger, rule: str) -> bool:
    """True while the rule's last alert is neither ended nor cancelled."""
    alert = ledger.last.get(rule)
    return alert is not None and alert.state in ("raised", "updated")


def record(
    ledger: Ledger, rule: events.RuleName, version: str, finding: Finding, *, subject: Subject, now_ms: int
) -> events.Alert | None:
    """Turn a finding into the next revision of its alert; None if there is nothing new to say.

    ``now_ms`` is the largest arrival time read so far (``emitted_ms``).
    """
    name = rule if finding.of is None else f"{rule} {finding.of}"
    last = ledger.last.get(name)
    if finding.kind == "begin":
        alert = _begin(rule, version, finding, subject, last, now_ms)
    elif last is None or last.state == "cancelled" or (last.state == "ended" and finding.kind != "withdraw"):
        return None
    else:
        alert = _revise(last, finding, now_ms)
    ledger.last[name] = alert
    if finding.of is not None and alert.state in ("ended", "cancelled"):
        del ledger.last[name]  # nothing continues it
    return alert


def _begin(  # noqa: PLR0917  # private, called once
    rule: events.RuleName,
    version: str,
    finding: Finding,
    subject: Subject,
    last: events.Alert | None,
    now_ms: int,
) -> events.Alert:
    if last is not None and last.state != "cancelled" and _goes_on(last, finding.start_ms):
        return _revise(replace(last, end_ms=None), finding, now_ms)
    alert_id = events.alert_id(rule, subject.truck_id or subject.bin_id or "", finding.start_ms)
    return events.Alert(
        alert_id=alert_id,
        evidence_id=events.evidence_id(alert_id),
        revision=1,
        rule=rule,
        rule_version=version,
        state="raised",
        severity=finding.severity or "medium",
        certainty=finding.certainty or "likely",
        start_ms=finding.start_ms,
        raised_ms=finding.at_ms,
        emitted_ms=now_ms,
        end_ms=finding.end_ms,
        tenant_id=subject.tenant_id,
        truck_id=subject.truck_id,
        bin_id=subject.bin_id,
        driver_id=subject.driver_id,
        contractor_id=subject.contractor_id,
        source_id=subject.source_id,
        facility_id=finding.facility_id,
        where=finding.where,
        zone_ids=subject.zone_ids,
        lost_kg=finding.lost_kg,
        lost_kg_low=finding.lost_low_kg,
        lost_kg_high=finding.lost_high_kg,
        because=finding.because,
        unless=finding.unless,
        gaps=finding.gaps,
        used=finding.used,
    )


def _goes_on(last: events.Alert, start_ms: int) -> bool:
    return last.start_ms <= start_ms and (last.end_ms is None or start_ms - last.end_ms <= REPEAT_MS)


_STATE: Final[dict[str, Literal["updated", "ended", "cancelled"]]] = {
    "begin": "updated",
    "change": "updated",
    "end": "ended",
    "withdraw": "cancelled",
}


def _revise(last: events.Alert, finding: Finding, now_ms: int) -> events.Alert:
    """Return the next revision: what the finding does not speak of stays as it was said before.

    What was used goes with the reasons: who gives new ones has used what the finding says, or nothing.
    """
    return replace(
        last,
        revision=last.revision + 1,
        evidence_id=events.evidence_id(last.alert_id),  # one that a state has kept from before alerts had it has none
        state=_STATE[finding.kind],
        reason=finding.reason,
        severity=finding.severity or last.severity,
        certainty=finding.certainty or last.certainty,
        emitted_ms=now_ms,
        end_ms=finding.end_ms,
        where=finding.where or last.where,
        lost_kg=last.lost_kg if finding.lost_kg is None else finding.lost_kg,
        lost_kg_low=last.lost_kg_low if finding.lost_low_kg is None else finding.lost_low_kg,
        lost_kg_high=last.lost_kg_high if finding.lost_high_kg is None else finding.lost_high_kg,
        because=finding.because or last.because,
        unless=finding.unless or last.unless,
        gaps=finding.gaps or last.gaps,
        used=finding.used if finding.because else last.used,
    )
