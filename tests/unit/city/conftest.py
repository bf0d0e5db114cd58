"""The default city, as everybody gets it."""

from pathlib import Path

import pytest

from services.city import folder
from services.city.folder import City
from services.planner.roads import Roads, build_graph

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
