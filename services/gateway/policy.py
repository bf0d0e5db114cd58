"""The policy file as data: which role may do which action, on how much."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from services.store.access import ROLES, Role

FILE: Final = Path(__file__).with_name("policy.toml")

Reach = Literal["tenant", "own", "safety"]
"""How far a permission goes; the policy file says what each means."""


class PolicyError(ValueError):
    """The policy file and the routes do not fit; the message names the action."""


@dataclass(frozen=True)
class Rule:
    """Who may do one action."""

    everyone: bool
    roles: Mapping[Role, Reach]


def read(path: Path = FILE) -> dict[str, Rule]:
    """Read the policy; raises `PolicyError` for a role or reach it does not know."""
    with path.open("rb") as file:
        return {action: _rule(action, given) for action, given in tomllib.load(file).items()}


def _rule(action: str, given: dict[str, Any]) -> Rule:
    roles = {name: reach for name, reach in given.items() if name != "everyone"}
    everyone = given.get("everyone", False)
    for role, reach in roles.items():
        if role not in ROLES:
            raise PolicyError(f"action {action!r}: there is no role {role!r}; there are {', '.join(ROLES)}")
        if reach not in get_args(Reach):
            raise PolicyError(f"action {action!r}: reach of {role} is {reach!r}, expected {', '.join(get_args(Reach))}")
    if not isinstance(everyone, bool) or everyone == bool(roles):
        raise PolicyError(f"action {action!r} needs either everyone = true or roles")
    return Rule(everyone, roles)  # type: ignore[arg-type]  # checked above


def check(rules: Mapping[str, Rule], named: Mapping[str, str | None]) -> None:
    """Raise `PolicyError` if a route names no action or an unknown one, or an action is named by no route.

    ``named``: route, as text -> the action it names.
    """
    for route, action in sorted(named.items()):
        if action is None:
            raise PolicyError(f"the route {route} names no action")
        if action not in rules:
            raise PolicyError(f"the route {route} names the action {action!r}, which the policy does not have")
    unused = set(rules) - set(named.values())
    if unused:
        raise PolicyError(f"no route names the action {', '.join(sorted(unused))}")
