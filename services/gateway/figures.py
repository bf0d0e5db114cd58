"""The manager's figures of a span, and the records behind each of them. Counted anew for each question; nothing is kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from services import clock
from services.gateway import tally
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Ms, Text
from services.gateway.problems import Problem
from services.gateway.state import Parts
from services.gateway.tally import Judged
from services.store import figures as stored
from services.store import reports
from services.store.figures import Driven, Span, Weighed
from streams.units import DAY_MS, HOUR_MS

router = APIRouter(prefix="/api/v1/figures", tags=["figures"], route_class=GuardedRoute)

MAX_SPAN_MS: Final = 93 * DAY_MS
HOURS_UP_TO_MS: Final = 36 * HOUR_MS
"""A span up to this is drawn by hours, a longer one by days."""
MOST_RECORDS: Final = 500
_TARGETS: Final = tally.read()

FigureName = Literal[
    "due", "open", "overflows", "late", "skipped", "alerts", "weighed", "balance", "violations", "reports"
]
From = Annotated[Ms, Query()]
To = Annotated[Ms, Query()]


@router.get("")
@action("figures.read")
def figures(me: Me, parts: Parts, from_ms: From, to_ms: To) -> Json:
    """Return all figures of [from_ms, to_ms), at most 93 days. A figure nobody measured is null; ``heard``: any is."""
    span, now_ms = _span(me, from_ms, to_ms), clock.city_now_ms()
    engine, zone = parts.engine, parts.city.zone if me.user.tenant_id == parts.city.tenant_id else ZoneInfo("UTC")
    unit, starts = steps_of(span.from_ms, span.to_ms, zone)
    judged = tally.judge(stored.alerts_raised(engine, span), stored.deeds(engine, span), _TARGETS, now_ms)
    whose = stored.contractors(engine, span.tenant_id, span.district_id)
    loads, driven, late = (
        stored.weighed(engine, span, starts),
        stored.driven(engine, span, starts),
        stored.late(engine, span),
    )
    overflows = [one for one in judged if one.alert.rule == "bin-overflow" and one.stands]
    places = [("facility", one.facility_id) for one in loads]
    return Json(
        {
            "from_ms": from_ms,
            "to_ms": to_ms,
            "now_ms": now_ms,
            "heard": stored.is_heard(engine, span),
            "collections": _collections(stored.due_counts(engine, span), driven),
            "overflows": {
                "count": len(overflows),
                "minutes": tally.overflow_minutes(overflows, from_ms, to_ms, now_ms),
                "going_on": sum(one.alert.state in ("raised", "updated") for one in overflows),
            },
            "late": {
                "trucks": len({one.truck_id for one in late}),
                "worst_minutes": max((one.minutes for one in late if one.minutes is not None), default=None),
            },
            "alerts": {**tally.handled(judged), "by_rule": tally.by_rule(judged)},
            "weighed": _weighed(loads, stored.names(engine, span.tenant_id, places)),
            "balance": _balance(stored.balance(engine, span), judged),
            "contractors": _contractors(judged, loads, driven, late, whose),
            "reports": _reported(me, parts, span, now_ms),
            "series": _series(unit, starts, loads, driven, judged),
            "rules": {
                "acknowledge_within_min": _TARGETS.acknowledge_within_min,
                "points": _TARGETS.points,
                "targets": _TARGETS.targets,
            },
        }
    )


@router.get("/records")
@action("figures.read")
def records(  # noqa: PLR0917  # a route's parameters are its query
    me: Me,
    parts: Parts,
    figure: FigureName,
    from_ms: From,
    to_ms: To,
    rule: Annotated[Text | None, Query()] = None,
    contractor_id: Annotated[str | None, Query(max_length=200, description="empty = of nobody known")] = None,
    answer: Annotated[tally.Answer | None, Query()] = None,
) -> Json:
    """Return the records a figure counts, at most 500; ``more``: there are others."""
    span = _span(me, from_ms, to_ms)
    found = list(_records(me, parts, span, figure, rule=rule, contractor_id=contractor_id, answer=answer))
    return Json({"records": found[:MOST_RECORDS], "more": len(found) > MOST_RECORDS})


def steps_of(from_ms: int, to_ms: int, zone: ZoneInfo) -> tuple[Literal["hour", "day"], list[int]]:
    """Return by what a span is drawn, and when each hour or local day begins; the first begins with the span."""
    if to_ms - from_ms <= HOURS_UP_TO_MS:
        return "hour", list(range(from_ms, to_ms, HOUR_MS))
    starts, day = [from_ms], datetime.fromtimestamp(from_ms / 1000, UTC).astimezone(zone).date()
    while True:
        day += timedelta(days=1)
        midnight_ms = round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
        if midnight_ms >= to_ms:
            return "day", starts
        starts.append(midnight_ms)


def _span(me: Asker, from_ms: int, to_ms: int) -> Span:
    if not 0 < to_ms - from_ms <= MAX_SPAN_MS:
        detail = f"to_ms - from_ms is {to_ms - from_ms}, expected 1 to {MAX_SPAN_MS} (93 days)"
        raise Problem(400, "span_of_figures", detail)
    return Span(me.user.tenant_id, me.scope.district_id, from_ms, to_ms)


# ------------------------------------------------------------------------------------------------------ each figure


def _collections(counts: dict[str, tuple[int, int]], driven: Sequence[Driven]) -> dict[str, Any]:
    skipped: Counter[str] = Counter()
    for one in driven:
        if one.kind == "skipped":
            skipped[one.exception or "other"] += one.times
    return {
        "due": sum(due for due, _ in counts.values()),
        "done": sum(done for _, done in counts.values()),
        "by_material": [{"material": name, "due": due, "done": done} for name, (due, done) in sorted(counts.items())],
        "collected": sum(one.times for one in driven if one.kind == "collected"),
        "skipped": dict(sorted(skipped.items())),
    }


def _weighed(loads: Sequence[Weighed], named: dict[tuple[str, str], str]) -> dict[str, Any]:
    groups: defaultdict[tuple[str, str | None], list[Weighed]] = defaultdict(list)
    for one in loads:
        groups[one.facility_id, one.material].append(one)
    by = [
        {
            "facility_id": facility,
            "name": named.get(("facility", facility)),
            "material": material,
            **_loads(ones),
        }
        for (facility, material), ones in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]
    return {**_loads(loads), "by": by}


def _loads(ones: Iterable[Weighed]) -> dict[str, Any]:
    """Return the sum of loads; kg null = not one of them has a weight."""
    known = list(ones)
    return {
        "kg": _sum(one.kg for one in known),
        "loads": sum(one.loads for one in known),
        "unknown_loads": sum(one.unknown for one in known),
        "rejected": sum(one.rejected for one in known),
    }


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _balance(found: stored.Balance, judged: Sequence[Judged]) -> dict[str, Any]:
    told = [one for one in judged if one.alert.rule == "mass-balance" and one.stands and one.handling != "dismissed"]
    both = found.on_board_kg is not None and found.weighed_kg is not None
    return {
        **found._asdict(),
        "difference_kg": found.on_board_kg - found.weighed_kg if both else None,  # type: ignore[operator]  # both
        "alerts": len(told),
        "alerts_lost_kg": _sum(one.alert.lost_kg for one in told),
        "alerts_unknown": sum(one.alert.lost_kg is None for one in told),
    }


def _contractors(
    judged: Sequence[Judged],
    loads: Sequence[Weighed],
    driven: Sequence[Driven],
    late: Sequence[stored.Late],
    whose: dict[str, str | None],
) -> list[dict[str, Any]]:
    """Return a row for each contractor that has trucks, alerts or loads; "" = trucks of which nobody says whose they are."""
    points = tally.points(judged, _TARGETS, whose)

    def of(truck_id: str) -> str:
        return whose.get(truck_id) or ""

    trucks = Counter(contractor or "" for contractor in whose.values())
    known = {*trucks, *points, *(of(one.truck_id) for one in loads)}
    nothing = {name: 0 for row in points.values() for name in row} or dict.fromkeys(_POINTS, 0)
    return [
        {
            "contractor_id": contractor,
            "trucks": trucks[contractor],
            **points.get(contractor, nothing),
            **_loads(one for one in loads if of(one.truck_id) == contractor),
            "collected": sum(one.times for one in driven if one.kind == "collected" and of(one.truck_id) == contractor),
            "late_trucks": len({one.truck_id for one in late if of(one.truck_id) == contractor}),
        }
        for contractor in sorted(known, key=lambda name: (not name, name))
    ]


_POINTS: Final = ("confirmed_alerts", "confirmed_points", "undecided_alerts", "undecided_points", "dismissed_alerts")


def _reported(me: Asker, parts: Parts, span: Span, now_ms: int) -> dict[str, Any]:
    found = reports.sent_within(parts.engine, me.user.tenant_id, span.district_id, span.from_ms, span.to_ms)
    counts: Counter[str] = Counter()
    for report, steps in found:
        counts[_stands(report, steps, now_ms)] += 1
        counts["closed"] += bool(steps) and steps[-1].state == "closed"
        counts["declined"] += bool(steps) and steps[-1].state == "declined"
    names = ("in_time", "late", "overdue", "waiting", "closed", "declined")
    return {"sent": len(found), **{name: counts[name] for name in names}}


def _stands(report: reports.Report, steps: Sequence[reports.Step], now_ms: int) -> tally.Answer:
    return tally.stage_times([(report.at_ms, report.due_ms), *((one.at_ms, one.due_ms) for one in steps)], now_ms)


def _series(
    unit: str, starts: list[int], loads: Sequence[Weighed], driven: Sequence[Driven], judged: Sequence[Judged]
) -> dict[str, Any]:
    standing = [one.alert for one in judged if one.stands]
    return {
        "unit": unit,
        "starts": starts,
        "weighed_kg": [_sum(one.kg for one in loads if one.step == at) for at in range(len(starts))],
        "collected": [
            sum(one.times for one in driven if one.kind == "collected" and one.step == at) for at in range(len(starts))
        ],
        "alerts": tally.in_steps((one.raised_ms for one in standing), starts),
        "overflows": tally.in_steps((one.raised_ms for one in standing if one.rule == "bin-overflow"), starts),
    }


# --------------------------------------------------------------------------------------------- the records of each


def _records(  # noqa: PLR0911  # one return a figure
    me: Asker,
    parts: Parts,
    span: Span,
    figure: FigureName,
    *,
    rule: str | None,
    contractor_id: str | None,
    answer: tally.Answer | None,
) -> Iterable[dict[str, Any]]:
    engine, now_ms = parts.engine, clock.city_now_ms()
    if figure in ("due", "open"):
        spells = stored.spells(engine, span, None if figure == "open" else MOST_RECORDS + 1)
        return _places(engine, span, [one for one in spells if figure == "due" or one.until_ms is None])
    if figure == "late":
        return [
            {"kind": "truck", "at_ms": one.made_ms, "truck_id": one.truck_id, "minutes": one.minutes}
            for one in stored.late(engine, span)
        ]
    if figure == "skipped":
        return [
            {"kind": "skip", "at_ms": one.pop("event_time_ms"), **one}
            for one in stored.skips_of(engine, span, MOST_RECORDS + 1)
        ]
    if figure == "weighed":
        return _loads_named(
            engine,
            span,
            [
                {"kind": "weighing", "at_ms": one.pop("event_time_ms"), **one}
                for one in stored.weighings_of(engine, span, MOST_RECORDS + 1)
            ],
        )
    if figure == "balance":
        return _loads_named(
            engine, span, [{"kind": "load", **one} for one in stored.loads_of(engine, span, MOST_RECORDS + 1)]
        )
    if figure == "reports":
        return _reports_of(me, parts, span, answer, now_ms)
    judged = tally.judge(stored.alerts_raised(engine, span), stored.deeds(engine, span), _TARGETS, now_ms)
    whose = stored.contractors(engine, span.tenant_id, span.district_id) if figure == "violations" else {}
    return [
        _alert(one)
        for one in judged
        if one.stands
        and (figure != "overflows" or one.alert.rule == "bin-overflow")
        and (rule is None or one.alert.rule == rule)
        and (answer is None or one.answer == answer)
        and (
            figure != "violations"
            or (
                one.alert.rule not in tally.NOT_A_VIOLATION
                and (contractor_id is None or tally.contractor_of(one.alert, whose) == contractor_id)
            )
        )
    ]


def _alert(one: Judged) -> dict[str, Any]:
    alert = one.alert
    return {
        "kind": "alert",
        "at_ms": alert.raised_ms,
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "severity": alert.severity,
        "handling": one.handling,
        "answer": one.answer,
        "ack_ms": one.ack_ms,
        "truck_id": alert.truck_id,
        "bin_id": alert.bin_id,
        "lost_kg": alert.lost_kg,
        "points": _TARGETS.points[alert.severity] if one.handling == "confirmed" else None,
    }


def _places(engine: Any, span: Span, spells: Sequence[stored.Spell]) -> list[dict[str, Any]]:
    shown = spells[: MOST_RECORDS + 1]
    named = stored.names(engine, span.tenant_id, [("bin", one.place_id) for one in shown if one.place_kind == "bin"])
    return [
        {
            "kind": "place",
            "at_ms": one.since_ms,
            "until_ms": one.until_ms,
            "place_kind": one.place_kind,
            "place_id": one.place_id,
            "name": named.get(("bin", one.place_id)),
            "material": one.material,
        }
        for one in shown
    ]


def _loads_named(engine: Any, span: Span, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    named = stored.names(
        engine, span.tenant_id, [("facility", row["facility_id"]) for row in rows if row["facility_id"]]
    )
    return [{**row, "name": named.get(("facility", row["facility_id"] or ""))} for row in rows]


def _reports_of(me: Asker, parts: Parts, span: Span, answer: tally.Answer | None, now_ms: int) -> list[dict[str, Any]]:
    sent = reports.sent_within(parts.engine, me.user.tenant_id, span.district_id, span.from_ms, span.to_ms)
    found = [(report, steps, _stands(report, steps, now_ms)) for report, steps in sent]
    return [
        {
            "kind": "report",
            "at_ms": report.at_ms,
            "report_id": report.report_id,
            "report_kind": report.kind,
            "place": report.place,
            "state": steps[-1].state if steps else "received",
            "answer": stands,
        }
        for report, steps, stands in found
        if answer in (None, stands)
    ]
