"""A solution written down as the contract's routes and cost."""

from typing import Any

from optimizer.engines.insertion import cargos
from optimizer.engines.instance import Cargo
from optimizer.engines.route import TimedRoute
from optimizer.engines.solution import Solution
from optimizer.plan import Cost, Kind, Route, Visit


def routes_of(solution: Solution) -> list[Route]:
    """Return the routes of all used trucks, in the problem's order."""
    return [_route(solution, route) for route in solution.routes if route is not None]


def cost_of(solution: Solution) -> Cost:
    """Return what the solution costs, as the engines see it; `optimizer.check` recomputes it."""
    instance = solution.instance
    routes = [route for route in solution.routes if route is not None]
    required_left_out, total = solution.rank
    return Cost(
        total=total,
        required_left_out=required_left_out,
        distance_m=sum(route.distance_m for route in routes),
        duration_s=sum(route.end_s - route.begin_s for route in routes),
        overtime_s=sum(route.overtime_s for route in routes),
        fixed=sum(instance.trucks[route.truck].cost_fixed for route in routes),
        prizes=sum(instance.prize[stop] for stop in solution.left_out if not instance.required[stop]),
        moved=sum(
            instance.moved(route.truck, code) for route in routes for code in route.visits if 0 <= code < instance.stops
        ),
    )


def _route(solution: Solution, route: TimedRoute) -> Route:
    instance = solution.instance
    truck, vehicle = instance.trucks[route.truck], instance.problem.vehicles[route.truck]
    loads = cargos(instance, truck, route.all_visits, route.boxes)
    boxes = iter(route.boxes)
    seconds = instance.duration_s[truck.profile]
    visits = [_visit("start", vehicle.start, (route.begin_s, route.begin_s, route.begin_s), loads[0])]
    for code, begin_s, load in zip(route.all_visits, route.begins, loads[1:], strict=True):
        before = visits[-1]
        if code < 0:
            pause = (vehicle.breaks or [])[-1 - code]
            arrive_s, leave_s = before.leave_s, begin_s + pause.duration_s
            visits.append(_visit("break", before.location, (arrive_s, begin_s, leave_s), load, break_=pause.id))
            continue
        there = instance.location[code]
        arrive_s, leave_s = before.leave_s + seconds[before.location][there], begin_s + instance.service_s[code]
        if code < instance.stops:
            stop = instance.problem.stops[code].id
            named = {"stop": stop, "compartment": next(boxes)}
            visits.append(_visit("collect", there, (arrive_s, begin_s, leave_s), load, **named))
        else:
            facility = instance.problem.facilities[code - instance.stops].id
            visits.append(_visit("tip", there, (arrive_s, begin_s, leave_s), load, facility=facility))
    if route.home and truck.end is not None:
        visits.append(_visit("end", truck.end, (route.end_s, route.end_s, route.end_s), loads[-1]))
    return Route(vehicle=truck.id, visits=visits)


def _visit(kind: Kind, location: int, times_s: tuple[int, int, int], load: Cargo, **named: Any) -> Visit:
    """Return a visit; ``times_s``: arrive, begin, leave; ``named`` says which stop, facility or break it is."""
    arrive_s, begin_s, leave_s = times_s
    return Visit(
        kind=kind,
        location=location,
        arrive_s=arrive_s,
        begin_s=begin_s,
        leave_s=leave_s,
        load_kg=sum(hold[1] for hold in load),
        load_l=sum(hold[2] for hold in load),
        **named,
    )
