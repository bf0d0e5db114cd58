"""The planner's edges on the real things: the road graph of the default city, the solver's process, the lease."""

import threading
from pathlib import Path

import msgspec
import pytest
from gateway_trial import own_database

from services.planner.bookings import Bookings
from services.planner.lease import Lease, LeaseLost
from services.planner.roads import NoGraph, NoWay, Roads, build_graph
from services.planner.solver import Solver, SolverEnded
from services.planner.turns import driven
from services.planner.ways import NO_WAY
from services.store import commands
from services.store.migrate import migrate
from services.store.outbox import waiting_count
from streams import events

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
PORTO = ROOT / "deploy" / "cities" / "porto" / "porto_city_roads_2015.osm.pbf"
GRAPH = ROOT / ".build" / "cities" / "porto" / "roads"
ALIADOS, FOZ, CAMPANHA = (-8.6110, 41.1480), (-8.6750, 41.1510), (-8.5850, 41.1490)
SEA = (-9.5, 41.15)


@pytest.fixture(scope="module")
def roads() -> Roads:
    build_graph(PORTO, GRAPH)
    return Roads(GRAPH)


def test_matrix_and_route_agree(roads):
    """The matrix's seconds are the route's seconds: what is planned is what is driven."""
    matrix = roads.matrix([ALIADOS, FOZ, CAMPANHA])
    route = roads.route([ALIADOS, FOZ, CAMPANHA])
    for number, leg in enumerate(route.legs):
        assert abs(leg.duration_s - matrix.duration_s[number, number + 1]) <= 1
        assert abs(leg.distance_m - matrix.distance_m[number, number + 1]) <= 1
        assert sum(leg.durations_s) == pytest.approx(leg.duration_s)
        assert len(leg.path) == len(leg.durations_s) + 1
    assert route.legs[0].path[-1] == route.legs[1].path[0]
    assert 4_000 < matrix.distance_m[0, 1] < 9_000  # Aliados to Foz: about 5.5 km as the crow flies


def test_what_is_not_on_the_map_cannot_be_reached(roads):
    """A place in the sea has no way to anywhere, instead of the nearest beach's."""
    matrix = roads.matrix([ALIADOS, SEA])
    assert matrix.duration_s[0, 1] == matrix.distance_m[1, 0] == NO_WAY
    with pytest.raises(NoWay, match="from the nearest road"):
        roads.route([ALIADOS, SEA])


def test_turns_have_names(roads):
    """With steps a leg names its streets."""
    leg = roads.route([ALIADOS, FOZ], steps=True).legs[0]
    assert leg.steps[0].maneuver == "depart"
    assert any(step.name for step in leg.steps)
    assert sum(step.distance_m for step in leg.steps) == pytest.approx(leg.distance_m, rel=0.01)


def test_a_way_is_said_turn_by_turn(roads):
    """Legs become codes at points of one line: each begins where the one before ended, and its turns are in order."""
    route = roads.route([ALIADOS, FOZ, CAMPANHA], steps=True)
    way = driven(route.legs, 3.0)
    line, legs = way.path["coordinates"], way.guide.legs
    assert [(leg[0][1], leg[-1][1].split(":")[0]) for leg in legs] == [("depart", "arrive")] * 2
    assert legs[0][0][0] == 0
    assert legs[0][-1][0] == legs[1][0][0]
    assert legs[1][-1][0] == len(line) - 1
    for leg in legs:
        places = [at for at, _, _ in leg]
        assert places == sorted(places)
    assert way.guide.roads
    assert len(msgspec.json.encode(way.guide)) < 200 * sum(map(len, legs))


@pytest.mark.usefixtures("roads")
def test_a_graph_is_built_once():
    """The same extract, profile and engine: no stage is begun again, no file is another."""
    files = {path: path.stat() for path in GRAPH.iterdir()}
    stages: list[str] = []
    build_graph(PORTO, GRAPH, stages.append)
    assert stages == []
    assert {path: path.stat() for path in GRAPH.iterdir()} == files


def test_an_unreadable_extract_leaves_nothing_behind(tmp_path):
    """Rubbish is refused in a sentence, and no half-built graph stays."""
    rubbish = tmp_path / "city.osm.pbf"
    rubbish.write_bytes(b"not a map")
    with pytest.raises(NoGraph, match="osrm-extract"):
        build_graph(rubbish, tmp_path / "roads")
    assert list(tmp_path.iterdir()) == [rubbish]
    with pytest.raises(NoGraph, match="city prepare"):
        Roads(tmp_path / "roads")


PROBLEM = {
    "schema": "qingyun.problem/1",
    "profiles": {"truck": {"duration_s": [[0, 60], [60, 0]], "distance_m": [[0, 500], [500, 0]]}},
    "facilities": [{"id": "f", "location": 1, "accepts": ["kitchen"]}],
    "vehicles": [
        {"id": "t", "profile": "truck", "start": 0, "shift": [0, 9_999], "compartments": [{"materials": ["kitchen"]}]}
    ],
    "stops": [{"id": "s", "location": 1, "material": "kitchen", "kg": 5}],
}


def test_the_solver_answers_from_its_own_process():
    """A problem comes back as a plan that `check` has passed; bad input as the sentence that says what is wrong."""
    solver = Solver()
    try:
        answer = solver.ask(PROBLEM, seconds=0.3, seed=1).result(60)
        assert answer.plan is not None
        assert answer.broken == []
        assert [visit.kind for visit in answer.plan.routes[0].visits] == ["start", "collect", "tip", "end"]
        answer = solver.ask(
            {**PROBLEM, "stops": [{"id": "s", "location": 7, "material": "kitchen"}]}, seconds=0.3, seed=1
        ).result(60)
        assert answer.plan is None
        assert "/stops/0/location" in answer.broken[0]
    finally:
        solver.close()


def test_a_solver_that_dies_is_noticed():
    """When the child is gone, whoever waits for it is told, instead of waiting for ever."""
    solver = Solver()
    future = solver.ask(PROBLEM, seconds=30, seed=1)
    solver.close()
    with pytest.raises(SolverEnded):
        future.result(10)


def test_one_planner_at_a_time(database_url):
    """A second planner waits while the first holds the lease, and gets it when the first has ended."""
    first = Lease(database_url, "planner test")
    with Lease(database_url, "planner test") as second, Lease(database_url, "planner elsewhere") as other:
        with first:
            assert first.wait(threading.Event())
            assert other.wait(threading.Event())
            first.renew()
            never = threading.Event()
            never.set()
            assert not second.wait(never)
            with pytest.raises(LeaseLost):
                second.renew()
        assert second.wait(threading.Event())


def test_without_a_database_there_is_no_lease():
    """Without an address the planner works alone, as documented."""
    with Lease("", "planner test") as lease:
        assert lease.wait(threading.Event())
        lease.renew()


def test_a_booking_is_never_given_one_version_twice(postgres):
    """A dispatcher cancels while the planner, which has not heard of it, writes "planned": the cancellation stands."""
    order = events.Order(tenant_id="parts", order_id="o1", source_id="s1", material="construction", kg=9_000,
                         valid_from_ms=1, received_time_ms=1)  # fmt: skip
    sent: list[events.Order] = []
    with own_database(postgres) as url, Lease(url, "bookings test") as lease:
        migrate(lease.engine)

        def newest() -> events.Order:
            return commands.new_order_version(lease.engine, "parts", "o1", lambda known: known)

        def written(order: events.Order, state: str, version: int) -> events.Order:
            return msgspec.structs.replace(order, state=state, version=version, valid_from_ms=version)

        commands.new_order_version(lease.engine, "parts", "o1", lambda _: order)
        bookings = Bookings(lease.engine, sent.append)
        bookings.write(written(order, "planned", 2))
        assert (newest().state, newest().version) == ("planned", 2)
        commands.new_order_version(lease.engine, "parts", "o1", lambda known: written(known, "cancelled", 0))
        bookings.write(written(order, "open", 3))
        assert (newest().state, newest().version) == ("cancelled", 3)
        assert waiting_count(lease.engine) == 3
    assert sent == []
    Bookings(None, sent.append).write(order)
    assert sent == [order]
