"""A plan while it is being made: a judged route for each truck, and who is left out."""

from dataclasses import dataclass

from optimizer.engines.instance import Instance
from optimizer.engines.route import Sites, TimedRoute


@dataclass(frozen=True, slots=True)
class Solution:
    """Immutable: engines make new ones, so the best one kept elsewhere stays what it was."""

    instance: Instance
    routes: tuple[TimedRoute | None, ...]  # of every truck; None: not used
    left_out: frozenset[int]  # stops

    @property
    def rank(self) -> tuple[int, int]:
        """Required stops left out, then cost; smaller is better."""
        required, prize = self.instance.required, self.instance.prize
        return (
            sum(required[stop] for stop in self.left_out),
            sum(route.cost for route in self.routes if route) + sum(prize[s] for s in self.left_out if not required[s]),
        )

    def sites(self, truck: int) -> Sites | None:
        """Return what all trucks but ``truck`` do at the facilities with a limit; None: there are none."""
        limited = self.instance.limited
        if not limited:
            return None
        sites = Sites(self.instance)
        for route in self.routes:
            if route is not None and route.truck != truck:
                for one in route.unloadings:
                    if one.facility in limited:
                        sites.unloadings.setdefault(one.facility, []).append(one)
        return sites

    def visits(self, truck: int) -> tuple[int, ...]:
        """Return where ``truck`` goes; its committed head when it has no route yet."""
        route = self.routes[truck]
        return self.instance.trucks[truck].head if route is None else route.visits

    def row(self, truck: int) -> list[int]:
        """Return the stops of ``truck`` behind its committed head, in their order."""
        head = len(self.instance.trucks[truck].head)
        return [code for code in self.visits(truck)[head:] if 0 <= code < self.instance.stops]

    def with_route(self, truck: int, route: TimedRoute | None) -> "Solution":
        """Return the solution with ``route`` instead of the one ``truck`` had."""
        n = self.instance.stops
        before = {code for code in (self.routes[truck].visits if self.routes[truck] else ()) if 0 <= code < n}  # type: ignore[union-attr]
        after = {code for code in (route.visits if route else ()) if 0 <= code < n}
        routes = (*self.routes[:truck], route, *self.routes[truck + 1 :])
        return Solution(self.instance, routes, (self.left_out | before) - after)
