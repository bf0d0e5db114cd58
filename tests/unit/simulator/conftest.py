"""The default city and a play in it."""

import datetime as dt
from pathlib import Path

import pytest

from services.city import folder
from services.city.folder import City
from services.planner.roads import Roads, build_graph
from services.simulator import opening, script
from services.simulator.script import Play
from services.simulator.town import Town

PORTO = Path("deploy/cities/porto")


@pytest.fixture(scope="session")
def porto() -> City:
    """The default city, read."""
    return folder.read(PORTO)


@pytest.fixture(scope="session")
def roads(porto: City) -> Roads:
    """Its road graph; built where `city prepare` builds it, if it is not there yet."""
    graph = Path(".build/cities/porto/roads")
    build_graph(porto.roads, graph)
    return Roads(graph)


@pytest.fixture(scope="session")
def play(porto: City) -> Play:
    """What is played there."""
    return script.read(porto)


@pytest.fixture
def morning_ms(porto: City) -> int:
    """A Tuesday, 07:00 local."""
    return porto.local_ms(dt.date(2026, 11, 24), "07:00")


@pytest.fixture
def town(porto: City, play: Play, roads: Roads, morning_ms: int) -> Town:
    """A new play at 07:00."""
    return Town(porto, play, roads, opening.begin(porto, play, roads, morning_ms))
