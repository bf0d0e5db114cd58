"""Strips: what changes over time, one under the other on one axis. Drawn as wide as the screen; the words beside are HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import Final, NamedTuple

from streams.inspection import GAP_MS
from streams.report import svg, words
from streams.report.words import Clock, Said
from streams.units import DAY_MS, MINUTE_MS, SECOND_MS

WIDE: Final = 1_000
"""Of a strip, in its own units: what is closer together than one of them is drawn as one."""
_HIGH: Final = 100
_STEPS_MS: Final = tuple(
    step * SECOND_MS for step in (10, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400)
)
_CUT_OFF: Final = 0.6
"""Where no value is below this share of the highest, the scale does not begin at 0: a fall of some percent must be seen."""
_SHORT: Final = 2.0
"""Bars narrower than this are drawn together with their neighbours."""


class Axis(NamedTuple):
    """From when to when, event time."""

    from_ms: int
    to_ms: int

    def x(self, time_ms: float) -> float:
        """Return where a moment is."""
        return (time_ms - self.from_ms) / max(1, self.to_ms - self.from_ms) * WIDE

    def ticks(self) -> list[int]:
        """Return round moments, a few."""
        step_ms = int(svg.round_steps(self.to_ms - self.from_ms, 8, _STEPS_MS))
        step_ms = max(step_ms, DAY_MS * (step_ms // DAY_MS))
        return list(range(-(-self.from_ms // step_ms) * step_ms, self.to_ms + 1, step_ms))


class Curve(NamedTuple):
    """A measured value over time; None = not known then."""

    name: Said
    style: str
    """CSS class."""
    values: Sequence[tuple[int, float | None]]


class Bar(NamedTuple):
    """What held for a while. Of neighbours too short to be seen the one of highest ``rank`` is drawn."""

    since_ms: int
    until_ms: int
    style: str
    rank: int
    said: tuple[Said, ...]


def curves(
    label: Said, axis: Axis, several: Sequence[Curve], unit: str, limits: Sequence[tuple[float, Said]] = ()
) -> str:
    """Draw curves on one scale up to what is highest; from 0, or, as the strip says then, from near what is lowest."""
    known = [value for curve in several for _, value in curve.values if value is not None]
    high = max([*known, *(limit for limit, _ in limits), 1e-9])
    low = min([0.0, *known])
    if known and min(known) > _CUT_OFF * high:
        low = max(0.0, min(known) - (high - min(known)) / 2)
    scale = (_HIGH - 6) / max(high - low, 1e-9)

    def y(value: float) -> float:
        return _HIGH - 3 - (value - low) * scale

    parts = [_grid(axis, _HIGH)]
    for limit, said in limits:
        parts.append(f'<path class="limit" d="M0 {svg.number(y(limit))}h{WIDE}">{words.title(said)}</path>')
    gap = axis.x(axis.from_ms + GAP_MS)
    for curve in several:
        places = [(axis.x(at_ms), None if value is None else y(value)) for at_ms, value in curve.values]
        lines = [svg.thinned(line, WIDE, 0, WIDE) for line in svg.parted(places, gap)]
        parts.append(f'<path class="curve {curve.style}" d="{svg.path(lines)}">{words.title(curve.name)}</path>')
    legend = " ".join(f'<i class="{curve.style}"></i>{words.html(curve.name)}' for curve in several)
    empty = "" if known else words.html(Said("没有数据", "no data"))
    head = f"{words.html(label)}<small>{legend} {empty}</small>"
    scale_text = f'<b class="high">{words.value(round(high, 1))} {escape(unit)}</b>' if known else ""
    if low:
        scale_text += f'<b class="low">{words.value(round(low, 1))} {escape(unit)}</b>'
    return _row(head, f"{_svg(parts, _HIGH)}{scale_text}", "tall")


def bars(label: Said, axis: Axis, several: Iterable[Bar], note: Said | None = None) -> str:
    """Draw what held when, each with its sentences."""
    parts = [_grid(axis, 20)]
    for bar in _drawn(axis, several):
        x, wide = axis.x(bar.since_ms), axis.x(bar.until_ms) - axis.x(bar.since_ms)
        parts.append(
            f'<rect class="{bar.style}" x="{svg.number(max(0.0, x))}" y="2" width="{svg.number(max(1.0, min(wide, WIDE - x)))}" '
            f'height="16">{words.title(*bar.said)}</rect>'
        )
    if len(parts) == 1:
        note = Said("没有数据", "no data")
    small = "" if note is None else f"<small>{words.html(note)}</small>"
    return _row(f"{words.html(label)}{small}", _svg(parts, 20), "flat")


def _drawn(axis: Axis, several: Iterable[Bar]) -> Iterable[Bar]:
    """Yield bars that can be seen: those too narrow for it as one, of the highest rank among them."""
    seen = [bar for bar in several if bar.until_ms >= axis.from_ms and bar.since_ms <= axis.to_ms]
    for number, group in groupby(enumerate(seen), key=lambda one: _bucket(axis, *one)):
        together = [bar for _, bar in group]
        if number[0] == "alone" or len(together) == 1:
            yield from together
            continue
        best = max(together, key=lambda bar: bar.rank)
        more = Said(
            f"（连同 {len(together) - 1} 段更短的，合并绘制）",
            f"(drawn with {len(together) - 1} more that are as short)",
        )
        yield best._replace(
            since_ms=together[0].since_ms, until_ms=max(bar.until_ms for bar in together), said=(*best.said, more)
        )


def _bucket(axis: Axis, number: int, bar: Bar) -> tuple[str, int]:
    if axis.x(bar.until_ms) - axis.x(bar.since_ms) >= _SHORT:
        return "alone", number
    return "together", int(axis.x(bar.since_ms) / _SHORT)


def clock_row(axis: Axis, clock: Clock) -> str:
    """Draw the axis' words."""
    write = clock.time if axis.to_ms - axis.from_ms <= 8 * MINUTE_MS else clock.minute
    ticks = "".join(
        f'<span style="left:{svg.number(axis.x(at_ms) / WIDE * 100)}%">{escape(write(at_ms))}</span>'
        for at_ms in axis.ticks()
    )
    return f'<div class="row clock"><div class="label">{escape(clock.name)}</div><div class="plot">{ticks}</div></div>'


def _grid(axis: Axis, high: int) -> str:
    return f'<path class="grid" d="{"".join(f"M{svg.number(axis.x(at_ms))} 0v{high}" for at_ms in axis.ticks())}"/>'


def _svg(parts: Iterable[str], high: int) -> str:
    return f'<svg viewBox="0 0 {WIDE} {high}" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'


def _row(head: str, plot: str, style: str) -> str:
    return f'<div class="row {style}"><div class="label">{head}</div><div class="plot">{plot}</div></div>'
