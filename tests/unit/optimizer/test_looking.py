"""Looking at plans: the picture, what differs between two of them, why a stop has its truck."""

from xml.etree import ElementTree as ET

import pytest
from kitchen import day, stop, truck
from msgspec.structs import replace

from optimizer.alternatives import alternatives
from optimizer.difference import difference
from optimizer.picture import picture
from optimizer.plan import Plan
from optimizer.problem import Problem, ProblemError
from optimizer.solve import solve

SVG = "{http://www.w3.org/2000/svg}"
PLACES = [[-8.60, 41.15], [-8.61, 41.15], [-8.62, 41.16], [-8.63, 41.17]]


def solved(problem: Problem) -> Plan:
    """Return a plan of a small problem."""
    return solve(problem, iterations=50)


def test_a_picture_has_the_day_of_each_truck_and_a_map_where_places_are_known() -> None:
    """Without coordinates there are the bars alone; with them also each way, each stop and each facility."""
    problem = day(stops=[stop("<a> & b", 1), stop("b", 2)])
    bars = ET.fromstring(picture(problem, solved(problem), "plan.svg"))  # noqa: S314  # our own
    assert len(bars.findall(f"{SVG}line[@class='collect']")) == 2
    assert len(bars.findall(f"{SVG}rect[@class='tip']")) == 1
    assert bars.findall(f"{SVG}polyline") == []
    titles = [title.text or "" for title in bars.iter(f"{SVG}title")]
    assert any(title.startswith("collect <a> & b, 00:0") for title in titles)
    known = replace(problem, meta={"coordinates": PLACES})
    drawn = ET.fromstring(picture(known, solved(known), "plan.svg"))  # noqa: S314
    assert len(drawn.findall(f"{SVG}polyline[@class='way']")) == 1
    assert len(drawn.findall(f"{SVG}circle")) == 2


@pytest.mark.parametrize("given", [None, "here", [[1, 2]], [[0, 0]] * 3 + [[float("nan"), 0]], [[1]] * 4])
def test_coordinates_that_make_no_map_leave_the_bars(given: object) -> None:
    """What is not a pair of numbers for each location is no map, and no error."""
    problem = replace(day(), meta={"coordinates": given})
    assert "polyline" not in picture(problem, solved(problem), "plan.svg")


def test_a_page_says_who_is_left_out_and_why() -> None:
    """The page has the picture, and a line with the reason for each stop left out."""
    problem = day(stops=[stop("a", 1), stop("far & heavy", 2, kg=101)])
    page = picture(problem, solved(problem), "plan.HTML")
    assert "<td>far &amp; heavy</td><td>capacity</td><td>It is 101 kg" in page


def test_a_picture_has_a_known_kind() -> None:
    """Another ending than .svg or .html is said before anything is drawn."""
    with pytest.raises(ValueError, match=r"ends in \.svg or \.html"):
        picture(day(), solved(day()), "plan.png")


def test_an_empty_plan_can_be_drawn() -> None:
    """Nobody goes anywhere: a picture with its title."""
    problem = day(stops=[])
    assert "0 trucks, 0 stops" in picture(problem, solved(problem), "plan.svg")


def test_two_plans_differ_in_what_changed() -> None:
    """Costs, trucks and stops that differ are named; a plan does not differ from itself."""
    two = [truck("t1"), truck("t2")]
    only_t1 = solved(day(vehicles=two, stops=[stop("a", 1, vehicles=["t1"]), stop("b", 2, vehicles=["t1"])]))
    split = solved(day(vehicles=two, stops=[stop("a", 1, vehicles=["t2"]), stop("b", 2, vehicles=["t1"])]))
    none = solved(day(vehicles=two, stops=[stop("a", 1, kg=101), stop("b", 2, vehicles=["t1"])]))
    assert difference(only_t1, only_t1) == []
    assert {"t2: has a route now", "a: t1 → t2"} <= set(difference(only_t1, split))
    assert any(line.startswith("a: left out now (capacity): It is 101 kg") for line in difference(only_t1, none))
    assert "a: served now, was left out (capacity)" in difference(none, only_t1)


def test_a_stop_of_a_plan_is_explained() -> None:
    """The plan's truck comes first with what the stop adds; then who could, the cheapest first; then who cannot, and why."""
    problem = day(
        vehicles=[truck("near"), truck("dear", cost_per_m=3), truck("small", skills=["narrow"])],
        stops=[stop("a", 1, vehicles=["near", "dear"]), stop("b", 2, vehicles=["near"])],
    )
    first, second, third = alternatives(problem, solved(problem), "a")
    assert (first.vehicle, first.chosen, first.adds) == ("near", True, 0)
    assert (second.vehicle, second.adds) == ("dear", 1800)  # there and back, 600 m at 3
    assert (third.vehicle, third.adds) == ("small", None)
    assert third.reason.startswith("It is locked to near, dear")


def test_what_cannot_be_explained_is_said() -> None:
    """A stop that is not there, or that no truck serves: a sentence that names it, with the plan's reason."""
    problem = day(stops=[stop("a", 1, kg=101)])
    with pytest.raises(ProblemError, match="no truck serves 'a': It is 101 kg"):
        alternatives(problem, solved(problem), "a")
    with pytest.raises(ProblemError, match="there is no stop 'z'"):
        alternatives(problem, solved(problem), "z")
