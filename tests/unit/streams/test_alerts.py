"""What rules find becomes alerts: the evidence that each of them names."""

from msgspec.structs import replace

from streams import alerts, events
from streams.alerts import Finding, Ledger, Subject

SUBJECT = Subject(tenant_id="porto", truck_id="t1")


def say(ledger: Ledger, finding: Finding) -> events.Alert:
    told = alerts.record(ledger, "spillage", "1", finding, subject=SUBJECT, now_ms=9_000)
    assert told is not None
    return told


def test_each_revision_names_the_same_evidence_and_a_replay_names_it_again() -> None:
    """One evidence an alert, derived from the alert's id: begun, changed, ended; another alert has another."""
    findings = [
        Finding(kind="begin", start_ms=1_000, at_ms=2_000),
        Finding(kind="change", start_ms=1_000, at_ms=3_000),
        Finding(kind="end", start_ms=1_000, at_ms=4_000, end_ms=4_000),
    ]
    live, replayed = Ledger(), Ledger()
    told = [say(live, finding) for finding in findings]
    assert {alert.evidence_id for alert in told} == {events.evidence_id(told[0].alert_id)}
    assert [say(replayed, finding) for finding in findings] == told
    other = say(live, Finding(kind="begin", start_ms=9_000_000, at_ms=9_000_001))
    assert other.evidence_id not in {None, told[0].evidence_id}


def test_an_alert_that_a_state_has_kept_from_before_gets_its_evidence_with_its_next_revision() -> None:
    """A worker that is updated in the middle of a violation ends it with its evidence."""
    ledger = Ledger()
    begun = say(ledger, Finding(kind="begin", start_ms=1_000, at_ms=2_000))
    ledger.last["spillage"] = replace(begun, evidence_id=None)
    ended = say(ledger, Finding(kind="end", start_ms=1_000, at_ms=4_000, end_ms=4_000))
    assert ended.evidence_id == begun.evidence_id
