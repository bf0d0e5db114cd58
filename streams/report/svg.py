"""What the drawings share: escaping, lines with gaps, fewer points than there are. Data in, text out.

A gap in the data is a gap in the line, and what is not known (None) is not drawn: it is neither 0 nor closed.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

Point = tuple[float, float]
Line = list[Point]
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7f3c8d", "#4d4d4d")
"""Told apart by people who see no red or green (M. Okabe, K. Ito, Color Universal Design, 2008), darker where thin."""


def number(value: float) -> str:
    """Return a coordinate with a tenth; what is no number is drawn at 0, never written as one."""
    return f"{value:.1f}".removesuffix(".0") if math.isfinite(value) else "0"


def title(*sentences: str) -> str:
    """Return what an element says when it is pointed at, a line a sentence."""
    return f"<title>{escape(chr(10).join(sentences))}</title>"


def path(lines: Iterable[Line]) -> str:
    """Return the ``d`` of lines that are not joined; a line of one point is a dot."""
    said = []
    for line in lines:
        points = [f"{number(x)} {number(y)}" for x, y in line]
        if points:
            said.append(f"M{points[0]}" + (f"L{' '.join(points[1:])}" if len(points) > 1 else "h0"))
    return "".join(said)


def parted(values: Iterable[tuple[float, float | None]], gap: float) -> list[Line]:
    """Return the lines of a curve: one ends where a value is not known, or the next is farther away than ``gap``."""
    lines: list[Line] = []
    last_x: float | None = None
    for x, y in values:
        if y is None or not math.isfinite(y):
            last_x = None
            continue
        if last_x is None or x - last_x > gap:
            lines.append([])
        lines[-1].append((x, y))
        last_x = x
    return lines


def thinned(line: Line, columns: int, first: float, last: float) -> Line:
    """Return at most four points of a curve for each of ``columns``: first, lowest, highest and last, in order."""
    if len(line) <= 2 * columns:
        return line
    wide = max(last - first, 1e-9) / columns
    kept: Line = []
    begin = 0
    while begin < len(line):
        column = int((line[begin][0] - first) / wide)
        end = begin
        while end < len(line) and int((line[end][0] - first) / wide) == column:
            end += 1
        chosen = {
            begin,
            end - 1,
            min(range(begin, end), key=lambda n: line[n][1]),
            max(range(begin, end), key=lambda n: line[n][1]),
        }
        kept += [line[n] for n in sorted(chosen)]
        begin = end
    return kept


def round_steps(span: float, most: int, steps: Sequence[float]) -> float:
    """Return the smallest of ``steps`` of which at most ``most`` fit into ``span``; beyond the last, multiples of it."""
    found = next((step for step in steps if span / step <= most), None)
    return found if found is not None else steps[-1] * math.ceil(span / steps[-1] / most)
