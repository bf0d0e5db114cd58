"""The policy file: complete, understood, and fitting the routes."""

from pathlib import Path

import pytest

from services.gateway import policy
from services.gateway.policy import PolicyError


def read(tmp_path: Path, text: str) -> dict[str, policy.Rule]:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return policy.read(file)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('["a"]\nchef = "tenant"\n', "no role 'chef'"),
        ('["a"]\nofficer = "world"\n', "reach of officer is 'world'"),
        ('["a"]\n', "either everyone = true or roles"),
        ('["a"]\neveryone = true\nofficer = "tenant"\n', "either everyone = true or roles"),
        ('["a"]\neveryone = "yes"\n', "either everyone = true or roles"),
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """A misspelt role would lock people out, a misspelt reach might let them in: both end the start."""
    with pytest.raises(PolicyError, match=sentence):
        read(tmp_path, text)


def test_routes_and_policy_must_fit(tmp_path: Path) -> None:
    """A route without an action, one with an unknown action, an action without a route."""
    rules = read(tmp_path, '["a"]\neveryone = true\n["b"]\nofficer = "tenant"\n')
    policy.check(rules, {"GET /a": "a", "GET /b": "b"})
    for named, sentence in (
        ({"GET /a": "a", "GET /b": None}, "GET /b names no action"),
        ({"GET /a": "a", "GET /b": "c"}, "which the policy does not have"),
        ({"GET /a": "a"}, "no route names the action b"),
    ):
        with pytest.raises(PolicyError, match=sentence):
            policy.check(rules, named)


def test_a_drivers_reach_is_never_more_than_the_own_truck() -> None:
    """Whatever is added to the policy, a driver's permissions stay "own"."""
    reaches = {rule.roles["driver"] for rule in policy.read().values() if "driver" in rule.roles}
    assert reaches == {"own"}


def test_only_drivers_speak_as_drivers() -> None:
    """Nobody else presses a driver's buttons."""
    assert set(policy.read()["driver.act"].roles) == {"driver"}
