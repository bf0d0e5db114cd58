"""unauthorised-landfill: dumps of several trucks at one place, told once, whatever cell's edge runs through it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import events, geo, sites
from streams.rules.scoped import CITY
from streams.units import DAY_MS, HOUR_MS
from tests.unit.streams import town

AT_MS = town.START_MS


def dump(n: int, x_m: float = 0.0, y_m: float = 0.0, *, at_ms: int | None = None, **changed: object) -> events.Alert:
    """The n-th dump, of truck n."""
    start_ms = AT_MS + n * HOUR_MS if at_ms is None else at_ms
    given = {"revision": 1, "state": "raised", "lost_kg": 10_000.0, "rule": "illegal-dump"}
    given |= {"where": geo.point(*town.at(x_m, y_m))} | changed
    given.setdefault("alert_id", f"a{n}")
    return events.Alert(
        rule_version="1",
        severity="high",
        certainty="observed",
        start_ms=start_ms,
        raised_ms=start_ms,
        emitted_ms=start_ms + 60_000,
        truck_id=f"t{n}",
        **given,  # type: ignore[arg-type]
    )


class City:
    """All cells."""

    def __init__(self) -> None:
        self.cells: dict[str, sites.Site] = {}

    def tell(self, *alerts: events.Alert) -> list[events.Alert]:
        """Take dumps in; return what places say."""
        said = []
        for alert in alerts:
            for seen in sites.seen_in(alert):
                site = self.cells.get(seen.cell) or sites.Site(cell=seen.cell)
                self.cells[seen.cell], told = sites.step(site, seen, CITY)
                said += told
        return said


def test_the_third_dump_makes_a_place() -> None:
    """Told once, with the trucks, the dumps and what lies there."""
    said = City().tell(dump(1), dump(2, 60), dump(3, 30, 40))
    assert [(alert.state, alert.revision) for alert in said] == [("raised", 1)]
    (found,) = said
    assert found.truck_ids == ("t1", "t2", "t3")
    assert (found.lost_kg, found.used) == (30_000.0, {"dumps": ["a1", "a2", "a3"], "number": 3})
    assert found.alert_id == events.alert_id("unauthorised-landfill", "t1", AT_MS + HOUR_MS)
    assert found.evidence_id == events.evidence_id(found.alert_id)
    assert found.because


@pytest.mark.parametrize(("apart_m", "expected"), [(95, ["raised"]), (105, [])])
def test_how_far_dumps_of_one_place_are_apart(apart_m: float, expected: list[str]) -> None:
    """`Thresholds.landfill_m`, each from another."""
    said = City().tell(dump(1), dump(2, apart_m), dump(3, 2 * apart_m))
    assert [alert.state for alert in said] == expected


@pytest.mark.parametrize(("days", "expected"), [(6.9, ["raised"]), (7.1, [])])
def test_how_long_they_are_remembered(days: float, expected: list[str]) -> None:
    """`Thresholds.landfill_days`."""
    said = City().tell(dump(1), dump(2), dump(3, at_ms=AT_MS + HOUR_MS + round(days * DAY_MS)))
    assert [alert.state for alert in said] == expected


@given(
    x_m=st.floats(-100, 100),
    y_m=st.floats(-100, 100),
    orders=st.lists(st.permutations([1, 2, 3, 4]), min_size=9, max_size=9),
)
def test_one_place_is_told_by_one_cell_in_whatever_order_cells_hear_of_it(
    x_m: float, y_m: float, orders: list[list[int]]
) -> None:
    """Four dumps round a corner of four cells, to each cell in an order of its own: in the end one alert stands, of all four."""
    assert geo.cell_of(*town.at(-10, -10), sites.CELL_DEG) != geo.cell_of(*town.at(10, 10), sites.CELL_DEG)
    dumps = {n: dump(n, x_m + 40 * (n % 2), y_m + 40 * (n // 2)) for n in range(1, 5)}
    cells = sorted({seen.cell for one in dumps.values() for seen in sites.seen_in(one)})
    last: dict[str, events.Alert] = {}
    for number, cell in enumerate(cells):
        site = sites.Site(cell=cell)
        for n in orders[number % len(orders)]:
            for seen in sites.seen_in(dumps[n]):
                if seen.cell == cell:
                    site, told = sites.step(site, seen, CITY)
                    last |= {alert.alert_id: alert for alert in told}
    standing = [alert for alert in last.values() if alert.state != "cancelled"]
    assert [alert.truck_ids for alert in standing] == [("t1", "t2", "t3", "t4")]
    assert standing[0].alert_id == events.alert_id("unauthorised-landfill", "t1", AT_MS + HOUR_MS)


def test_a_place_where_many_dump_is_not_told_at_each() -> None:
    """At some numbers, and when another truck comes; an alert names twenty dumps, and its state fits a record."""
    city = City()
    said = city.tell(*(dump(1, n % 7, n % 11, at_ms=AT_MS + n * 60_000, alert_id=f"a{n}") for n in range(150)))
    assert [alert.used["number"] for alert in said] == [3, 5, 10, 20, 50, 100]
    assert len(said[-1].used["dumps"]) == 20


def test_a_fourth_dump_is_a_revision() -> None:
    """And a revision of a dump that adds nothing is none."""
    city = City()
    city.tell(dump(1), dump(2), dump(3))
    assert city.tell(dump(3, revision=2, state="ended")) == []
    (again,) = city.tell(dump(4))
    assert (again.state, again.revision, again.truck_ids) == ("updated", 2, ("t1", "t2", "t3", "t4"))


def test_a_dump_that_is_withdrawn_takes_the_ground_away() -> None:
    """Two are no place; a third after that is the same place again."""
    city = City()
    (raised,) = city.tell(dump(1), dump(2), dump(3))
    (gone,) = city.tell(dump(2, revision=2, state="cancelled"))
    assert (gone.alert_id, gone.state, gone.revision) == (raised.alert_id, "cancelled", 2)
    assert gone.reason == f"alerts t2 {AT_MS + 2 * HOUR_MS}: the dump was withdrawn"
    (back,) = city.tell(dump(4))
    assert (back.alert_id, back.state, back.revision, back.reason) == (raised.alert_id, "raised", 3, None)


def test_tenants_and_places_are_kept_apart() -> None:
    """Two dumps of one city and one of another; two here and one there."""
    assert City().tell(dump(1), dump(2), dump(3, tenant_id="other")) == []
    assert City().tell(dump(1), dump(2), dump(3, 300)) == []


def test_only_dumps_with_a_place_count() -> None:
    """In the dark it is a line; other rules have places of their own."""
    line = geo.line([town.at(0), town.at(500)])
    assert list(sites.seen_in(dump(1, where=line))) == []
    assert list(sites.seen_in(dump(1, rule="off-route"))) == []
