"""A plan as a picture: a map where the problem knows where its places are, and a bar of the day for each truck.

``meta.coordinates`` of a problem: for each location ``[lon, lat]`` in degrees, or ``[x, y]`` in any unit if ``meta.plane`` is
true. Without it there are only the bars. The SVG stands alone; a page of it adds who was left out and why. Whatever has a name
says more when it is pointed at.
"""

import math
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, Final

from optimizer.plan import Plan, Route, Visit, hhmm
from optimizer.problem import Problem

WIDTH: Final = 1000
MARGIN: Final = 16
NAMES: Final = 90
"""Width of the column of truck names."""
BAR: Final = 34
"""Height of a truck's line; the load is drawn in it."""
MAP: Final = 560
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7f3c8d", "#4d4d4d")
"""Told apart by people who see no red or green (M. Okabe, K. Ito, Color Universal Design, 2008), darker where thin."""
STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#222}.small{font-size:10px;fill:#555}.drive{stroke:#999;stroke-width:1}"
    ".collect{stroke-width:2}.tip{fill:#222}.break{fill:#fff;stroke:#222}.load{opacity:.25}.way{fill:none;stroke-width:1.6}"
    ".grid{stroke:#ddd}"
)


def svg(problem: Problem, plan: Plan) -> str:
    """Return the picture as SVG."""
    places = _places(problem)
    parts = [f'<text x="{MARGIN}" y="{MARGIN + 4}">{escape(_title(problem, plan))}</text>']
    height = MARGIN + 18
    if places is not None:
        parts += _map(problem, plan, places, height)
        height += MAP + MARGIN
    parts += _bars(plan, height)
    height += BAR * (len(plan.routes) + 1) + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )


def page(problem: Problem, plan: Plan) -> str:
    """Return a page with the picture, and a table of those left out and stranded."""
    rows: list[tuple[str, str, str]] = [(one.stop, one.code, one.reason) for one in plan.unassigned]
    rows += [(one.vehicle, one.code, one.reason) for one in plan.stranded]
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr><th>who</th><th>code</th><th>why</th></tr></thead>{body}</table>" if rows else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(_title(problem, plan))}</title>'
        "<style>body{margin:1rem;font:14px system-ui,sans-serif}table{border-collapse:collapse}"
        "td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}</style>"
        f"{svg(problem, plan)}{table}</html>\n"
    )


def _title(problem: Problem, plan: Plan) -> str:
    cost, served = plan.cost, sum(visit.kind == "collect" for route in plan.routes for visit in route.visits)
    return (
        f"{problem.meta.get('name', 'plan')}: {len(plan.routes)} trucks, {served} stops, "
        f"{len(plan.unassigned)} left out, {cost.distance_m / 1000:,.1f} km, cost {cost.total:,}"
    )


# --- the map ---------------------------------------------------------------------------------------------------------

Places = list[tuple[float, float]]


def _places(problem: Problem) -> Places | None:
    """Return where each location is in the picture, north up; None if the problem does not say, or not well."""
    size = max((len(profile.duration_s) for profile in problem.profiles.values()), default=0)
    given: Any = problem.meta.get("coordinates")
    try:
        points = [(float(x), float(y)) for x, y in given]
    except (TypeError, ValueError):
        return None
    if len(points) != size or not points or not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
        return None
    if not problem.meta.get("plane"):
        middle = math.radians(sum(y for _, y in points) / len(points))
        points = [(x * math.cos(middle), y) for x, y in points]
    west, south = min(x for x, _ in points), min(y for _, y in points)
    wide = max(max(x for x, _ in points) - west, 1e-9)
    tall = max(max(y for _, y in points) - south, 1e-9)
    scale = min((WIDTH - 2 * MARGIN) / wide, MAP / tall)
    return [(MARGIN + (x - west) * scale, MAP - (y - south) * scale) for x, y in points]


def _map(problem: Problem, plan: Plan, places: Places, top: int) -> list[str]:
    parts = []
    for number, route in enumerate(plan.routes):
        points = " ".join(f"{places[v.location][0]:.1f},{places[v.location][1] + top:.1f}" for v in route.visits)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline class="way" stroke="{colour}" points="{points}">{_said(route.vehicle)}</polyline>')
        for visit in route.visits:
            if visit.kind == "collect":
                x, y = places[visit.location]
                parts.append(f'<circle cx="{x:.1f}" cy="{y + top:.1f}" r="3" fill="{colour}">{_about(visit)}</circle>')
    left_out = {one.stop: one for one in plan.unassigned}
    for stop in problem.stops:
        if stop.id in left_out:
            x, y = places[stop.location]
            why = _said(f"{stop.id}: {left_out[stop.id].reason}")
            parts.append(f'<circle cx="{x:.1f}" cy="{y + top:.1f}" r="4" fill="#fff" stroke="#c00">{why}</circle>')
    for facility in problem.facilities:
        x, y = places[facility.location]
        parts.append(
            f'<rect x="{x - 5:.1f}" y="{y + top - 5:.1f}" width="10" height="10">{_said(facility.id)}</rect>'
            f'<text class="small" x="{x + 7:.1f}" y="{y + top + 4:.1f}">{escape(facility.id)}</text>'
        )
    return parts


# --- the bars --------------------------------------------------------------------------------------------------------


def _bars(plan: Plan, top: int) -> list[str]:
    visits = [visit for route in plan.routes for visit in route.visits]
    if not visits:
        return []
    first_s, last_s = min(v.arrive_s for v in visits), max(v.leave_s for v in visits)
    span_s = max(1, last_s - first_s)

    def x(time_s: float) -> float:
        return NAMES + MARGIN + (time_s - first_s) / span_s * (WIDTH - NAMES - 2 * MARGIN)

    height = BAR * len(plan.routes)
    parts = []
    for time_s in _ticks(first_s, last_s):
        parts.append(f'<line class="grid" x1="{x(time_s):.1f}" x2="{x(time_s):.1f}" y1="{top}" y2="{top + height}"/>')
        parts.append(f'<text class="small" x="{x(time_s) - 12:.1f}" y="{top + height + 14}">{hhmm(time_s)}</text>')
    for number, route in enumerate(plan.routes):
        if route.visits:
            parts += _bar(route, COLOURS[number % len(COLOURS)], top + BAR * number, x)
    return parts


def _ticks(first_s: int, last_s: int) -> Iterator[int]:
    step_s = next((step for step in (300, 900, 1800, 3600, 7200, 14_400) if (last_s - first_s) / step <= 14), 86_400)
    step_s = max(step_s, (last_s - first_s) // 14 // 86_400 * 86_400)
    yield from range(-(-first_s // step_s) * step_s, last_s + 1, step_s)


def _bar(route: Route, colour: str, top: int, x: Callable[[float], float]) -> list[str]:
    """Draw a truck's day: a line while it drives, what it carries as an area, each visit as a mark."""
    floor = top + BAR - 6
    begin, end = x(route.visits[0].leave_s), x(route.visits[-1].arrive_s)
    parts = [
        f'<text x="{MARGIN}" y="{floor - 6}">{escape(route.vehicle[:14])}{_said(route.vehicle)}</text>',
        f'<line class="drive" x1="{begin:.1f}" x2="{end:.1f}" y1="{floor}" y2="{floor}"/>',
        f'<polygon class="load" fill="{colour}" points="{_load(route, floor, BAR - 12, x)}"/>',
    ]
    for visit in route.visits:
        left, wide = x(visit.begin_s), max(1.5, x(visit.leave_s) - x(visit.begin_s))
        if visit.kind == "collect":
            parts.append(
                f'<line class="collect" stroke="{colour}" x1="{left:.1f}" x2="{left:.1f}" y1="{floor - 8}" '
                f'y2="{floor + 3}">{_about(visit)}</line>'
            )
        elif visit.kind in {"tip", "break"}:
            parts.append(
                f'<rect class="{visit.kind}" x="{left:.1f}" y="{floor - 8}" width="{wide:.1f}" height="10">'
                f"{_about(visit)}</rect>"
            )
    return parts


def _load(route: Route, floor: int, height: int, x: Callable[[float], float]) -> str:
    """Return the outline of what is on board: it changes when a visit is left."""
    most_kg = max(visit.load_kg for visit in route.visits) or 1
    kg = route.visits[0].load_kg
    points = [(x(route.visits[0].leave_s), 0)]
    for visit in route.visits:
        points += [(x(visit.leave_s), kg), (x(visit.leave_s), visit.load_kg)]
        kg = visit.load_kg
    points.append((x(route.visits[-1].leave_s), 0))
    return " ".join(f"{across:.1f},{floor - height * up / most_kg:.1f}" for across, up in points)


def _about(visit: Visit) -> str:
    name = visit.stop or visit.facility or visit.break_ or visit.kind
    return _said(
        f"{visit.kind} {name}, {hhmm(visit.begin_s)} to {hhmm(visit.leave_s)}, then {visit.load_kg} kg on board"
    )


def _said(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def picture(problem: Problem, plan: Plan, name: str) -> str:
    """Return what a file of this name should hold.

    Raises
    ------
    ValueError
        A name that ends neither in .svg nor in .html.
    """
    kinds = {".svg": svg, ".html": page}
    for ending, make in kinds.items():
        if name.lower().endswith(ending):
            return make(problem, plan)
    raise ValueError(f"{name}: expected a name that ends in {' or '.join(kinds)}")
