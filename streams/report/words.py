"""What a page says, in Chinese and in English, escaped; and its clock."""

import datetime as dt
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from streams import asking
from streams.events import Condition
from streams.report import svg
from streams.report.chinese import RULES, in_chinese


class Said(NamedTuple):
    """A text in both languages."""

    zh: str
    en: str


def html(said: Said) -> str:
    """Return both, for a page that shows one or the other; the same in both languages is said once."""
    if said.zh == said.en:
        return escape(said.en)
    return f'<span lang="zh">{escape(said.zh)}</span><span lang="en">{escape(said.en)}</span>'


def title(*said: Said) -> str:
    """Return what a drawn element says when it is pointed at: in Chinese, then in English."""
    chinese, english = [one.zh for one in said], [one.en for one in said]
    return svg.title(*chinese, *(english if english != chinese else []))


def phrase(text: str) -> Said:
    """Return a rule's phrase; what is not known in Chinese stays as it is: a name, a number."""
    return Said(in_chinese(text) or text, text)


def rule(name: str) -> Said:
    """Return the name of a rule."""
    return Said(f"{RULES[name]} {name}" if name in RULES else name, name)


def condition(one: Condition) -> Said:
    """Return a condition with what was measured against which limit."""
    name, unit = phrase(one.condition), phrase(one.unit or "")
    measured = phrase(value(one.measured))
    mark = "✓" if one.met else "✗"
    limit_zh = "" if one.limit is None else f"（限值 {value(one.limit)}{unit.zh}）"
    limit_en = "" if one.limit is None else f" (limit {value(one.limit)} {unit.en})"
    units = (unit.zh, f" {unit.en}" if unit.en else "") if isinstance(one.measured, float | int) else ("", "")
    return Said(
        f"{mark} {name.zh}：{measured.zh}{units[0]}{limit_zh}", f"{mark} {name.en}: {measured.en}{units[1]}{limit_en}"
    )


def value(measured: object) -> str:
    """Return a measured value as text; None = it is not known."""
    if isinstance(measured, float | int) and not isinstance(measured, bool):
        return f"{measured:,.1f}".removesuffix(".0")
    return "not known" if measured is None else str(measured)


def joined(parts: Iterable[Said], zh: str = "；", en: str = "; ") -> Said:
    """Return one text of several."""
    several = list(parts)
    return Said(zh.join(one.zh for one in several), en.join(one.en for one in several))


class Clock:
    """Moments as people of the city read them."""

    def __init__(self, zone: dt.tzinfo) -> None:
        self._zone = zone
        self.name = str(zone)

    def at(self, time_ms: float) -> dt.datetime | None:
        """Return the local time; None in a year that calendars do not have."""
        return asking.local(time_ms, self._zone)

    def time(self, time_ms: float) -> str:
        """Hours, minutes and seconds."""
        at = self.at(time_ms)
        return f"{time_ms:.0f} ms" if at is None else f"{at:%H:%M:%S}"

    def minute(self, time_ms: float) -> str:
        """Hours and minutes."""
        return self.time(time_ms)[:5]

    def day(self, time_ms: float) -> str:
        """Date and time."""
        at = self.at(time_ms)
        return f"{time_ms:.0f} ms" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
