"""A truck follows its way: all of it, at its speeds, and stands at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.planner.roads import Roads
from services.simulator.driving import ACCELERATION_MPS2, YARD_MPS, Drive, advance, along, drive, metres
from streams import geo

HERE, THERE = (-8.62, 41.16), (-8.59, 41.14)


def driven(way: Drive) -> tuple[int, list[float]]:
    """Drive to the end; return the seconds and the speeds."""
    speed, speeds = 0.0, []
    while way.left_m > 0.5:
        speed = advance(way, speed)
        speeds.append(speed)
        assert len(speeds) < 10_000
    return len(speeds), speeds


def test_a_real_way_is_driven_in_about_its_time(roads: Roads) -> None:
    """A way through the city takes what the road engine says and the seconds lost in pulling away, not much more."""
    route = roads.route([HERE, THERE])
    way = drive(roads, [HERE, THERE])
    assert way.ends_m[-1] == pytest.approx(route.distance_m, rel=0.02)
    seconds, speeds = driven(way)
    assert route.duration_s * 0.95 < seconds < route.duration_s * 1.35
    assert speeds[-1] == 0.0
    assert metres(way.place()[:2], route.path[-1]) < 2


def test_out_of_a_yard_and_into_one(roads: Roads) -> None:
    """A way begins where the truck stands in its yard and ends where it is to stand, at walking pace inside."""
    out_of, into = (-8.6204, 41.1602), (-8.5903, 41.1403)
    way = drive(roads, [HERE, THERE], out_of=out_of, into=into)
    assert (way.path[0], way.path[-1]) == (out_of, into)
    assert way.speeds_mps[0] == pytest.approx(YARD_MPS)
    assert way.speeds_mps[-1] == pytest.approx(YARD_MPS)


@given(st.lists(st.tuples(st.floats(1, 400), st.floats(2, 30)), min_size=1, max_size=12))
def test_every_metre_is_driven_once(pieces: list[tuple[float, float]]) -> None:
    """The distance covered is the way's length, no second is faster than 0.9 m/s² allows, the truck ends standing."""
    path, durations, lat = [(0.0, 0.0)], [], 0.0
    for length, speed in pieces:
        lat += length / geo.M_PER_DEGREE
        path.append((0.0, lat))
        durations.append(length / speed)
    way = along(path, durations)
    _, speeds = driven(way)
    assert way.at_m == pytest.approx(sum(length for length, _ in pieces), abs=0.6)
    assert all(
        after - before <= ACCELERATION_MPS2 + 1e-9 for before, after in zip([0.0, *speeds], speeds, strict=False)
    )
    assert speeds[-1] == 0.0


def test_a_way_of_no_length_is_over_at_once() -> None:
    """From a place to itself there is nothing to drive."""
    way = along([HERE, HERE], [0.0])
    assert way.left_m == 0.0
    assert advance(way, 0.0) == 0.0
    assert way.place()[:2] == HERE
