"""The page of one truck's day: its way, what it measured, its alerts, and what each rule thought and why it did not speak."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from streams import events, rules
from streams.assets import Permission, Place
from streams.inspection import GAP_MS, STAGES, Fix, Followed, Seen, Span, nearness
from streams.report import ground, page, strips, told, words
from streams.report.ground import Ground, Mark
from streams.report.strips import Axis, Bar
from streams.report.words import Clock, Said

_MOST_ROWS: Final = 60
"""Stretches of one rule in its table: those nearest to an alert."""
_STAGES: Final = {
    "gate": Said("未过前提", "stopped at a gate"),
    "watching": Said("关注中", "watching"),
    "met": Said("条件已满足", "conditions met"),
    "told": Said("告警中", "alerted"),
}


def render(followed: Followed, truck_id: str, clock: Clock) -> str:
    """Return the page of a truck that was followed."""
    seen = followed.trucks[truck_id]
    axis = _axis(seen)
    alerts = _alerts(seen, axis)
    title = Said(f"车辆 {truck_id} · 检视", f"Truck {truck_id}, inspected")
    picture, way = _map(followed, seen, axis, alerts, clock)
    body = (
        f"<p><small>{words.html(_about(seen, axis, clock, followed.dead_letters))}</small></p>"
        f'<div data-way="{escape(way, quote=True)}">'
        f"<section><h2>{words.html(Said('轨迹', 'The way'))}</h2>{picture}{ground.legend()}</section>"
        f"<section><h2>{words.html(Said('随时间变化', 'Over time'))}</h2>{_course(seen, axis, alerts, clock)}</section>"
        f"<section><h2>{words.html(Said('各规则怎么看', 'What each rule thought'))}</h2>{_bands(seen, axis, clock)}</section></div>"
        f"<section><h2>{words.html(Said('告警', 'Alerts'))}</h2>{_said(alerts, clock)}</section>"
        f"<section><h2>{words.html(Said('为什么没有告警', 'Why a rule did not speak'))}</h2>{_why(seen, clock)}</section>"
    )
    return page.page(title, body)


def _axis(seen: Seen) -> Axis:
    """Return what was asked for, as far as the truck reports in it."""
    (from_ms, to_ms), *_ = seen.times
    times = [fix.time_ms for fix in seen.fixes]
    times += [one.at_ms for spans in seen.receipts.values() for one in spans]
    first_ms, last_ms = max(from_ms, min(times)), min(to_ms, max(times))
    return Axis(first_ms, max(last_ms, first_ms + 1_000))


def _about(seen: Seen, axis: Axis, clock: Clock, letters: int) -> Said:
    zh = (
        f"{clock.day(axis.from_ms)} – {clock.day(axis.to_ms)}（{clock.name}）。{seen.reports} 条报告，其中 {len(seen.fixes)} 条按次序判断"
        "（其余为重复或迟到）。曲线与轨迹按图幅简化，过短的条带合并；断开处没有数据，未知的不画。"
    )
    en = (
        f"{clock.day(axis.from_ms)} – {clock.day(axis.to_ms)} ({clock.name}). {seen.reports} reports, {len(seen.fixes)} of them judged in "
        "order (the others are repeats, or came late). Curves and the way are simplified to what can be seen, bars too short are "
        "drawn together; where a line breaks there is no data, and what is not known is not drawn."
    )
    if letters:
        zh += f" 这一天有 {letters} 行无法使用。"
        en += f" {letters} lines of the day could not be used."
    return Said(zh, en)


# --------------------------------------------------------------------------------------------- the map


def _map(followed: Followed, seen: Seen, axis: Axis, alerts: Sequence[events.Alert], clock: Clock) -> tuple[str, str]:
    marks = [
        Mark(
            str(number),
            alert.where,
            Said(
                f"{number} {words.rule(alert.rule).zh} {told.span(alert, clock)}",
                f"{number} {alert.rule} {told.span(alert, clock)}",
            ),
        )
        for number, alert in enumerate(alerts, start=1)
        if alert.where is not None and alert.state != "cancelled"
    ]
    drawn = Ground(seen.fixes, places_of(followed, seen, axis.to_ms), permits_of(followed, seen, axis), marks)
    return ground.drawing(drawn, clock), ground.followed(drawn, axis)


def places_of(followed: Followed, seen: Seen, at_ms: int) -> list[Place]:
    """Return the places of a truck's tenant."""
    return followed.reference.places_at(at_ms, seen.tenant_id)


def permits_of(followed: Followed, seen: Seen, axis: Axis) -> list[Permission]:
    """Return the permits with a corridor that are in force at the begin, in the middle or at the end."""
    found: dict[str, Permission] = {}
    for at_ms in (axis.from_ms, (axis.from_ms + axis.to_ms) // 2, axis.to_ms):
        for one in followed.reference.permissions(seen.truck_id, at_ms):
            if one.corridor is not None:
                found.setdefault(one.versioned_id, one)
    return list(found.values())


# --------------------------------------------------------------------------------------------- over time


def _course(seen: Seen, axis: Axis, alerts: Sequence[events.Alert], clock: Clock) -> str:
    fixes = seen.fixes
    rows = [told.course(fixes, axis)]
    for label, of in _SENSORS:
        rows.append(strips.bars(label, axis, _runs(fixes, of, clock)))
    for name in dict.fromkeys(alert.rule for alert in alerts):
        named = words.rule(name)
        label = Said(f"告警：{named.zh}", f"Alert: {named.en}")
        rows.append(strips.bars(label, axis, _alert_bars(alerts, name, axis, clock)))
    return "".join(rows) + strips.clock_row(axis, clock)


_WORDS: Final = {
    "loaded": Said("载货", "loaded"),
    "empty": Said("空载", "empty"),
    "on": Said("运转", "on"),
    "off": Said("熄火", "off"),
    "ok": Said("正常", "well"),
    "main": Said("主电源", "main"),
    "backup": Said("备用电源", "backup"),
}


def _health(fix: Fix) -> str | None:
    if all(one == "missing" for one in fix.health):
        return None
    faults = [
        name for name, one in zip(("cover", "bed", "load"), fix.health, strict=True) if one not in ("ok", "missing")
    ]
    return f"fault {' '.join(faults)}" if faults else "ok"


_SENSORS: Final[tuple[tuple[Said, Callable[[Fix], str | None]], ...]] = (
    (Said("装载", "Cargo"), lambda fix: None if fix.cargo == "unknown" else fix.cargo),
    (Said("篷盖", "Cover"), lambda fix: None if fix.cover == "unknown" else fix.cover),
    (Said("车厢", "Bed"), lambda fix: None if fix.bed == "unknown" else fix.bed),
    (Said("发动机", "Ignition"), lambda fix: None if fix.ignition is None else "on" if fix.ignition else "off"),
    (Said("终端电源", "Power"), lambda fix: None if fix.power == "unknown" else fix.power),
    (Said("传感器", "Sensors"), _health),
)
"""Each with its state at a fix; None = not known, and not drawn."""


def _runs(fixes: Sequence[Fix], of: Callable[[Fix], str | None], clock: Clock) -> Iterator[Bar]:
    """Yield how long each state held: until the next fix says otherwise, or nothing comes for long."""
    since_ms, until_ms, state = 0, 0, None
    for fix in fixes:
        now = of(fix)
        if state is not None and fix.time_ms - until_ms <= GAP_MS:
            until_ms = fix.time_ms
        if now != state or fix.time_ms - until_ms > GAP_MS:
            if state is not None:
                yield _bar(state, since_ms, until_ms, clock)
            since_ms, state = fix.time_ms, now
        until_ms = fix.time_ms
    if state is not None:
        yield _bar(state, since_ms, until_ms, clock)


def _bar(state: str, since_ms: int, until_ms: int, clock: Clock) -> Bar:
    style, *more = state.split(" ")
    named = _WORDS.get(style) or words.phrase(style)
    times = f"{clock.time(since_ms)} – {clock.time(until_ms)}"
    faults = f" {', '.join(more)}" if more else ""
    rank = 0 if style in ("empty", "level", "closed", "on", "main", "ok") else 1
    return Bar(
        since_ms, until_ms, escape(style), rank, (Said(f"{times} {named.zh}{faults}", f"{times} {named.en}{faults}"),)
    )


def _alerts(seen: Seen, axis: Axis) -> list[events.Alert]:
    """Return the last revision of each alert that touches the time, by start."""
    last = [revisions[-1] for revisions in seen.alerts.values()]
    touching = [one for one in last if one.start_ms <= axis.to_ms and (one.end_ms or one.raised_ms) >= axis.from_ms]
    return sorted(touching, key=lambda one: (one.start_ms, one.rule, one.alert_id))


def _alert_bars(alerts: Sequence[events.Alert], name: str, axis: Axis, clock: Clock) -> Iterator[Bar]:
    for number, alert in enumerate(alerts, start=1):
        if alert.rule != name:
            continue
        end_ms = alert.end_ms or (alert.raised_ms if alert.state == "cancelled" else axis.to_ms)
        style = "cancelled" if alert.state == "cancelled" else "alert"
        named, state = words.rule(alert.rule), told.standing(alert)
        times = told.span(alert, clock)
        said = Said(f"{number} {named.zh} {times}，{state.zh}", f"{number} {named.en} {times}, {state.en}")
        yield Bar(alert.start_ms, max(end_ms, alert.start_ms), style, 1, (said, *map(words.condition, alert.because)))


# --------------------------------------------------------------------------------------------- what rules thought


def _bands(seen: Seen, axis: Axis, clock: Clock) -> str:
    rows = [
        strips.bars(words.rule(name), axis, (_thought(one, clock) for one in spans), _most(spans))
        for name, spans in _thoughts(seen)
    ]
    stages = "".join(f'<li><i class="{stage}"></i>{words.html(_STAGES[stage])}</li>' for stage in STAGES)
    return f'<ul class="legend">{stages}</ul>{"".join(rows)}{strips.clock_row(axis, clock)}'


def _thoughts(seen: Seen) -> list[tuple[str, list[Span]]]:
    """Return rules, in the order of the core, with what they thought of fixes and of receipts."""
    return [
        (rule.NAME, sorted(spans, key=lambda one: one.since_ms))
        for rule in rules.RULES
        if (spans := [*seen.spans.get(rule.NAME, []), *seen.receipts.get(rule.NAME, [])])
    ]


def _thought(one: Span, clock: Clock) -> Bar:
    times = f"{clock.time(one.since_ms)} – {clock.time(one.until_ms)}"
    stage, at = _STAGES[one.stage], clock.time(one.at_ms)
    head = Said(f"{times} {stage.zh}（最接近：{at}）", f"{times} {stage.en} (nearest at {at})")
    return Bar(
        one.since_ms, one.until_ms, one.stage, STAGES.index(one.stage), (head, *map(words.condition, one.conditions))
    )


def _most(spans: Sequence[Span]) -> Said:
    """Return at which gate a rule stopped at most fixes."""
    gates: Counter[str] = Counter()
    for one in spans:
        if one.stage == "gate":
            gates[one.conditions[0].condition] += one.fixes
    if not gates:
        return Said("", "")
    (name, _), *_ = gates.most_common(1)
    said = words.phrase(name)
    return Said(f"多数时候不满足：{said.zh}", f"mostly not: {said.en}")


def _said(alerts: Sequence[events.Alert], clock: Clock) -> str:
    if not alerts:
        return f"<p>{words.html(Said('这段时间没有告警。', 'No alerts in this time.'))}</p>"
    return "".join(
        f"<article><h3>{number} · {words.html(words.rule(alert.rule))} <small>{words.html(told.standing(alert))}, "
        f"{escape(told.span(alert, clock))}</small></h3>{told.conditions(alert.because)}{told.more(alert)}</article>"
        for number, alert in enumerate(alerts, start=1)
    )


def _why(seen: Seen, clock: Clock) -> str:
    return "".join(_why_rule(name, spans, clock) for name, spans in _thoughts(seen))


def _why_rule(name: str, spans: Sequence[Span], clock: Clock) -> str:
    """Return the stretches of one rule as a table: those that went farthest first chosen, told in order of time."""
    farthest = sorted(
        spans, key=lambda one: (STAGES.index(one.stage), nearness(one.conditions), one.fixes), reverse=True
    )
    chosen = sorted(farthest[:_MOST_ROWS], key=lambda one: one.since_ms)
    rows = [
        [
            escape(f"{clock.time(one.since_ms)} – {clock.time(one.until_ms)}"),
            words.html(_STAGES[one.stage]),
            told.conditions(one.conditions),
            str(one.fixes),
        ]
        for one in chosen
    ]
    counts = Counter[str]()
    for one in spans:
        counts[one.stage] += one.fixes
    summary = words.joined(
        (
            Said(f"{_STAGES[stage].zh} {counts[stage]}", f"{_STAGES[stage].en} {counts[stage]}")
            for stage in STAGES
            if counts[stage]
        ),
        "，",
        ", ",
    )
    left = len(spans) - len(chosen)
    note = Said(f"另有 {left} 段离告警更远，未列出。", f"{left} more stretches, farther from an alert, are not listed.")
    heads = [Said("时间", "when"), Said("状态", "stage"), Said("所测", "what was measured"), Said("定位点", "fixes")]
    return (
        f"<details><summary>{words.html(words.rule(name))} <small>{words.html(summary)}</small></summary>"
        f"{page.table(heads, rows, 1)}{f'<p><small>{words.html(note)}</small></p>' if left else ''}</details>"
    )
