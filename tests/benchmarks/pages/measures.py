"""What is asked of the pages, and how what was noted becomes the number that answers it. Pure."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

_METRES: Final = 111_320.0
AT_PLACE_M: Final = 6.0
"""A truck drawn so near to a reported place stands there: features are drawn to a few metres, fixes are 40 m apart."""
NOT_NOTED_MS: Final = 16.0
"""The browser notes no interaction that was quicker."""


class Line(NamedTuple):
    """A line of the table. ``asked`` None = it says something, nothing was asked of it."""

    what: str
    asked: float | None
    measured: float | None
    unit: str
    more: str = ""

    def __str__(self) -> str:
        measured = (
            "not measured"
            if self.measured is None
            else f"{self.measured:,.{0 if self.measured >= 100 else 2}f} {self.unit}"
        )
        asked = "" if self.asked is None else f"≤ {self.asked:g} {self.unit}"
        return f"{self.sign} {self.what:<46} {asked:>12} {measured:>16}   {self.more}".rstrip()

    @property
    def sign(self) -> str:
        """Whether it is as asked."""
        if self.asked is None:
            return " "
        return "√" if self.measured is not None and self.measured <= self.asked else "×"


def share_of(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that is not below this share of all; None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def spread(values: Sequence[float], unit: str) -> str:
    """Say how many there are, the middle one and the largest."""
    if not values:
        return "n 0"
    return f"n {len(values)}, p50 {share_of(values, 0.5):,.0f} {unit}, most {max(values):,.0f} {unit}"


def presses(noted: Iterable[Mapping[str, Any]], issued: int) -> list[float]:
    """Return ms from each press to the picture after it; those the browser did not note were quicker than it notes."""
    took = [float(one["took"]) for one in noted]
    return took + [NOT_NOTED_MS] * max(0, issued - len(took))


def drawn_after(
    sent: Iterable[tuple[str, float, float, float]], drawn: Mapping[str, Sequence[Sequence[float]]], until_ms: float
) -> tuple[list[float], list[float]]:
    """Return ms from a fix of a watched truck until the truck was seen to move on, and until it stood at the reported place.

    ``sent``: truck, lon, lat, when; ``drawn``: when, lon, lat, by truck. A fix after ``until_ms`` is not asked for, nor one
    whose truck was reported again before it could arrive.
    """
    moved, arrived = [], []
    by_truck: dict[str, list[tuple[float, float, float]]] = {}
    for truck_id, lon, lat, at_ms in sent:
        by_truck.setdefault(truck_id, []).append((at_ms, lon, lat))
    for truck_id, fixes in by_truck.items():
        seen = drawn.get(truck_id, ())
        for (at_ms, lon, lat), (next_ms, _, _) in itertools.pairwise(fixes):
            if next_ms > until_ms or not seen or at_ms < seen[0][0]:
                continue
            after = [one for one in seen if at_ms <= one[0]]
            nearer = next((one for one in after if _metres(one, lon, lat) < 0.9 * _before(seen, at_ms, lon, lat)), None)
            there = next((one for one in after if _metres(one, lon, lat) <= AT_PLACE_M), None)
            moved += [nearer[0] - at_ms] if nearer else []
            arrived.append(there[0] - at_ms if there else next_ms - at_ms)
    return moved, arrived


def shown_after(sent: Mapping[str, float], shown: Mapping[str, float], from_ms: float, until_ms: float) -> list[float]:
    """Return ms from each thing sent in this time until it was on the screen; what never came counts as the whole time."""
    asked = {name: at_ms for name, at_ms in sent.items() if from_ms <= at_ms <= until_ms}
    return [(shown.get(name) or until_ms + (until_ms - from_ms)) - at_ms for name, at_ms in asked.items()]


def _before(seen: Sequence[Sequence[float]], at_ms: float, lon: float, lat: float) -> float:
    last = [one for one in seen if one[0] < at_ms][-1]
    return _metres(last, lon, lat)


def _metres(one: Sequence[float], lon: float, lat: float) -> float:
    return math.hypot((one[1] - lon) * math.cos(math.radians(lat)), one[2] - lat) * _METRES
