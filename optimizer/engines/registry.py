"""The engines by name, and which one a problem gets."""

from typing import Final

from optimizer.engines.baseline import baseline
from optimizer.engines.interface import Engine
from optimizer.problem import Problem

ENGINES: Final[dict[str, Engine]] = {"baseline": baseline}


def choose(problem: Problem) -> str:  # noqa: ARG001
    """Return the name of the engine that ``auto`` stands for."""
    return "baseline"
