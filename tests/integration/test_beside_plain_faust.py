"""Why there is a shell of our own: each known fault of plain Faust, on a real broker, done to both (``tests/benchmarks/faults``)."""

import pytest

from tests.benchmarks.faults.catalogue import FAULTS, FIXES, beside, not_as_declared
from tests.benchmarks.traffic import TRUCKS

pytestmark = pytest.mark.integration

QUICK = ("exception", "uncompacted")
"""Certain with few fixes, too, and over in seconds."""


@pytest.mark.parametrize("name", QUICK)
def test_what_hurts_plain_faust_does_not_hurt_ours(name: str) -> None:
    """Plain Faust loses, or is silent of, what the catalogue says; ours is exact."""
    assert _wrong(name, 2 * TRUCKS) == []


@pytest.mark.beside
@pytest.mark.parametrize("name", [name for name in FAULTS if name not in QUICK])
def test_every_known_fault_hurts_plain_faust_and_not_ours(name: str) -> None:
    """Plain Faust loses, doubles, stands still or is silent, as the catalogue says of each fault; ours leaves what it must."""
    assert _wrong(name, FIXES) == []


def _wrong(name: str, fixes: int) -> list[str]:
    return [what for left in beside(FAULTS[name], fixes=fixes) for what in not_as_declared(FAULTS[name], left)]
