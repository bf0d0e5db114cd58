"""What pages show of alerts and of a truck's way, the same in each: conditions, load and speed over time, the way's points."""

from collections.abc import Sequence
from html import escape
from typing import Final

from streams import events
from streams.inspection import Fix
from streams.report import strips, words
from streams.report.strips import Axis, Curve
from streams.report.words import Clock, Said

_STATES: Final = {
    "raised": Said("进行中", "raised"),
    "updated": Said("进行中", "updated"),
    "ended": Said("已结束", "ended"),
    "cancelled": Said("已撤回", "cancelled"),
}
_CERTAINTY: Final = {
    "observed": Said("确证", "observed"),
    "likely": Said("很可能", "likely"),
    "possible": Said("可能", "possible"),
}


def conditions(several: Sequence[events.Condition]) -> str:
    """Return conditions as a list."""
    if not several:
        return f"<p><small>{words.html(Said('没有说明条件', 'no conditions are told'))}</small></p>"
    said = "".join(
        f'<li class="{"yes" if one.met else "no"}">{words.html(words.condition(one))}</li>' for one in several
    )
    return f'<ul class="conditions">{said}</ul>'


def span(alert: events.Alert, clock: Clock) -> str:
    """Return from when to when an alert says that it was so."""
    end = "…" if alert.end_ms is None else clock.time(alert.end_ms)
    return f"{clock.day(alert.start_ms)} – {end}"


def standing(alert: events.Alert) -> Said:
    """Return its state and how sure it is."""
    return words.joined((_STATES[alert.state], _CERTAINTY[alert.certainty]), "，", ", ")


def more(alert: events.Alert) -> str:
    """Return what would have made it lawful, what is not known, and why it was withdrawn."""
    said = [
        (Said("若不是", "unless"), alert.unless),
        (Said("未知或已校正", "not known, or corrected"), alert.gaps),
        (Said("原因", "reason"), (alert.reason,) if alert.reason else ()),
    ]
    parts = [
        f"<p><small>{words.html(name)}: {words.html(words.joined(map(words.phrase, several)))}</small></p>"
        for name, several in said
        if several
    ]
    used = ", ".join(f"{name} {value}" for name, value in alert.used.items())
    return "".join(parts) + (f"<p><small>{escape(used)}</small></p>" if used else "")


def course(fixes: Sequence[Fix], axis: Axis) -> str:
    """Return the strips of load and speed."""
    payloads = sorted({fix.payload_kg for fix in fixes if fix.payload_kg})
    limits = [(kg / 1000, Said(f"核定载重 {kg:g} 千克", f"permitted load {kg:g} kg")) for kg in payloads[:1]]
    speed = Curve(
        Said("车速", "speed"),
        "speed",
        [(fix.time_ms, None if fix.speed_mps is None else fix.speed_mps * 3.6) for fix in fixes],
    )
    reading = Curve(Said("读数", "readings"), "reading", [(fix.time_ms, tonnes(fix.reading_kg)) for fix in fixes])
    load = Curve(
        Said("规则所用（中位值）", "as rules take it (median)"),
        "load",
        [(fix.time_ms, tonnes(fix.load_kg)) for fix in fixes],
    )
    return strips.curves(Said("车速", "Speed"), axis, [speed], "km/h") + strips.curves(
        Said("载重", "Load"), axis, [reading, load], "t", limits
    )


def tonnes(kg: float | None) -> float | None:
    """Return kilograms in tonnes; not known stays not known."""
    return None if kg is None else kg / 1000
