"""A way's turns as codes on its line: what a driver hears, and nothing else."""

import pytest

from services.planner.turns import driven
from services.planner.ways import Leg, Step

STREET = [(-8.6, 41.15), (-8.599, 41.15), (-8.598, 41.15), (-8.598, 41.151), (-8.598, 41.152)]
"""East, then north; the second point is on the straight line between its neighbours."""


def step(maneuver: str, at: int, modifier: str | None = None, name: str = "", **more: int) -> Step:
    lon, lat = STREET[at]
    return Step(maneuver=maneuver, modifier=modifier, name=name, lon=lon, lat=lat, duration_s=1, distance_m=1, **more)


def leg(*steps: Step, path: list[tuple[float, float]] = STREET) -> Leg:
    return Leg(duration_s=1, distance_m=1, path=path, durations_s=[1.0] * (len(path) - 1), steps=steps)


def test_turns_are_points_of_the_line():
    """What is thinned out is never a turn's place; roads are named once; an unnamed road is -1."""
    way = driven(
        [
            leg(
                step("depart", 0, "right", "Rua A"),
                step("turn", 2, "left", "Rua B"),
                step("turn", 3, "right"),
                step("arrive", 4, "left", "Rua A"),
            )
        ],
        3.0,
    )
    assert way is not None
    line = way.path["coordinates"]
    assert line == [STREET[0], STREET[2], STREET[3], STREET[4]]
    assert way.guide.roads == ("Rua A", "Rua B")
    assert way.guide.legs == (((0, "depart", 0), (1, "turn:left", 1), (2, "turn:right", -1), (3, "arrive:left", 0)),)


def test_legs_follow_each_other_on_one_line():
    """The next leg departs where the one before arrived, and a place visited twice is two turns."""
    there = leg(step("depart", 0), step("arrive", 4))
    back = leg(step("depart", 4), step("arrive", 0), path=STREET[::-1])
    way = driven([there, back], 3.0)
    assert way is not None
    first, second = way.guide.legs
    assert first[-1][0] == second[0][0] == 2
    assert second[-1][0] == len(way.path["coordinates"]) - 1 == 4


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (step("turn", 1, "slight right"), "turn:slight_right"),
        (step("end of road", 1, "left"), "turn:left"),
        (step("continue", 1, "uturn"), "turn:uturn"),
        (step("fork", 1, "slight left"), "keep:slight_left"),
        (step("on ramp", 1, "right"), "ramp:right"),
        (step("off ramp", 1, "slight right"), "exit:slight_right"),
        (step("roundabout", 1, "right", exit=2), "circle:2"),
        (step("rotary", 1, "right"), "circle:0"),
        (step("roundabout turn", 1, "left"), "turn:left"),
        (step("new name", 1, "straight"), None),
        (step("continue", 1, "straight"), None),
        (step("notification", 1, "left"), None),
    ],
)
def test_a_maneuver_is_a_code_or_says_nothing(said: Step, code: str | None):
    """OSRM's maneuvers become few codes; a road that only changes its name is no turn."""
    way = driven([leg(step("depart", 0), said, step("arrive", 4))], 3.0)
    assert way is not None
    assert [turn[1] for turn in way.guide.legs[0][1:-1]] == ([] if code is None else [code])


def test_a_roundabout_leads_to_the_road_of_its_exit():
    """Entering names the circle, leaving names the road: the driver hears one sentence with the road."""
    circle, leaving = step("roundabout", 1, "right", "Rotunda", exit=2), step("exit roundabout", 3, "right", "Rua B")
    way = driven([leg(step("depart", 0), circle, leaving, step("arrive", 4))], 3.0)
    assert way is not None
    assert [(code, road) for _, code, road in way.guide.legs[0]][1] == ("circle:2", 0)
    assert way.guide.roads == ("Rua B",)


def test_no_legs_are_no_way():
    """A plan of one place has no line."""
    assert driven([], 3.0) is None
    assert driven([leg(step("depart", 0), step("arrive", 0), path=STREET[:1])], 3.0) is None
