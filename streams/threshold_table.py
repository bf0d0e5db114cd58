"""What rules judge by, for people: a line a threshold, with its unit, its default and where it is from."""

import ast
import inspect
from itertools import pairwise

from streams.rules.scoped import InForce, shown
from streams.rules.thresholds import DEFAULT, NAMES, Thresholds, unit


def table(in_force: InForce) -> str:
    """Return the thresholds in force as text; ``*`` marks what is not the default."""
    sources = sources_of(Thresholds)
    lines = [f"  {'threshold':<26}{'in force':>10}  {'unit':<16}{'default':>10}  source"]
    for name in NAMES:
        value, default = getattr(in_force.limits, name), getattr(DEFAULT, name)
        override = in_force.differing.get(name)
        whose = "" if override is None else f" [for {override}]"
        mark = "*" if value != default else " "
        lines.append(
            f"{mark} {name:<26}{shown(value):>10}  {unit(name):<16}{shown(default):>10}  {sources[name]}{whose}"
        )
    return "\n".join(lines)


def sources_of(kind: type[Thresholds]) -> dict[str, str]:
    """Return the sentence that stands under each threshold where it is written."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101  # what a class's source is
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
