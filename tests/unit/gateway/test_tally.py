"""Figures from rows: who answered in time, who answers for what."""

from zoneinfo import ZoneInfo

from services.gateway import figures, tally
from services.store.figures import AlertRow, Deed

MINUTE_MS = 60_000
TARGETS = tally.read()


def row(
    alert_id: str, rule: str = "overspeed", severity: str = "critical", state: str = "raised", **more: object
) -> AlertRow:
    given = {"truck_id": "t1", "bin_id": None, "contractor_id": None, "lost_kg": None, "end_ms": None} | more
    return AlertRow(alert_id=alert_id, rule=rule, state=state, severity=severity, raised_ms=0, start_ms=0, **given)  # type: ignore[arg-type]


def judged(deeds: list[tuple[str, int]], now_ms: int = 100 * MINUTE_MS, **more: object) -> tally.Judged:
    said = [Deed("a", kind, minute * MINUTE_MS) for kind, minute in deeds]
    return tally.judge([row("a", **more)], said, TARGETS, now_ms)[0]  # type: ignore[arg-type]


def test_an_alert_is_answered_by_the_first_deed_that_stands() -> None:
    """What was taken back was no answer; a note is none; the last deed says where it stands."""
    assert judged([("note", 1), ("ack", 2), ("confirm", 60)])[1:] == ("confirmed", 2 * MINUTE_MS, "in_time")
    assert judged([("ack", 2), ("undo", 3), ("ack", 6)])[1:] == ("acknowledged", 6 * MINUTE_MS, "late")
    assert judged([("ack", 2), ("undo", 3)])[1:] == ("new", None, "overdue")
    assert judged([("undo", 1)], now_ms=5 * MINUTE_MS)[1:] == ("new", None, "waiting")


def test_a_withdrawn_alert_is_counted_apart() -> None:
    """It is neither overdue nor anybody's points."""
    counts = tally.handled([judged([]), judged([], state="cancelled")])
    assert (counts["raised"], counts["withdrawn"], counts["overdue"]) == (1, 1, 1)


def test_points_are_confirmed_or_undecided_never_mixed() -> None:
    """Confirmed counts; what waits is its own band; dismissed, withdrawn, calls and bins count nothing."""
    ones = [
        judged([("confirm", 1)]),
        judged([("ack", 1)], severity="high"),
        judged([("dismiss", 1)]),
        judged([("confirm", 1)], state="cancelled"),
        judged([("confirm", 1)], rule="sos"),
        judged([("confirm", 1)], contractor_id="c9", severity="low"),
        judged([("confirm", 1)], truck_id="t2"),
    ]
    points = tally.points(ones, TARGETS, {"t1": "c1", "t2": None})
    assert points["c1"] == {
        "confirmed_alerts": 1, "confirmed_points": 10, "undecided_alerts": 1, "undecided_points": 5, "dismissed_alerts": 1,
    }  # fmt: skip
    assert points["c9"]["confirmed_points"] == 1
    assert points[""]["confirmed_points"] == 10, "of a truck nobody is said to own"


def test_overflow_is_counted_within_the_span_and_until_now() -> None:
    """What began before counts from the span's beginning; what goes on counts until now, not until the span's end."""
    ones = [judged([], end_ms=30 * MINUTE_MS), judged([])]
    assert tally.overflow_minutes(ones, 10 * MINUTE_MS, 90 * MINUTE_MS, 50 * MINUTE_MS) == 20 + 40


def test_a_report_is_late_for_good() -> None:
    """One late step is late, whatever came after; a step that is missing is overdue; a closed one is in time."""
    assert tally.stage_times([(0, 10), (5, 20), (15, None)], 99) == "in_time"
    assert tally.stage_times([(0, 10), (11, 20), (15, None)], 12) == "late"
    assert tally.stage_times([(0, 10)], 11) == "overdue"
    assert tally.stage_times([(0, 10)], 10) == "waiting"


def test_days_are_the_citys_days() -> None:
    """A week with a change of the clock has seven days, one of 25 hours; a short span has hours."""
    lisbon = ZoneInfo("Europe/Lisbon")
    monday_ms = 1_792_364_400_000  # 2026-10-19 00:00 in Lisbon, summer time
    unit, starts = figures.steps_of(monday_ms, monday_ms + (7 * 24 + 1) * 3_600_000, lisbon)
    assert (unit, len(starts)) == ("day", 7)
    assert starts[-1] - starts[0] == 6 * 24 * 3_600_000
    assert figures.steps_of(0, 24 * 3_600_000, lisbon) == ("hour", [hour * 3_600_000 for hour in range(24)])
    assert tally.in_steps([0, 5, 9, 10, 99], [0, 5, 10]) == [1, 2, 2]
