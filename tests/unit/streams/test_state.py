"""The bytes of a state."""

import msgspec
import pytest

from streams import state
from tests.unit.streams import town
from tests.unit.streams.judging import fold


def test_a_state_survives_its_bytes() -> None:
    """Whatever a long drive leaves in it."""
    stamped = state.new_truck("t1")
    fold(town.loaded().go(3_000).go(3_000, 200).fixes, one=stamped.state)
    stamped.take("truck-states", 7, [state.Said("truck-states", 7, "alerts", "a", b"{}")])
    assert state.decode("truck", state.encode(stamped)) == stamped


def test_a_newer_version_is_refused_by_name() -> None:
    """Never read as something else."""
    value = msgspec.msgpack.encode({"v": 99, "state": {}})
    with pytest.raises(state.UnknownVersion, match="version 99"):
        state.decode("truck", value)


def test_a_state_too_large_for_a_record_is_named_before_it_is_written() -> None:
    """The producer would crash the worker without saying why."""
    stamped = state.new_truck("t1")
    stamped.take("truck-states", 1, [state.Said("truck-states", 1, "alerts", "a", b"x" * 1_000_000)])
    with pytest.raises(state.TooLarge, match="at most 900000"):
        state.encode(stamped)


@pytest.mark.parametrize(
    ("mine", "theirs", "older"),
    [
        ({"a": 5}, {"a": 6}, True),
        ({"a": 5}, {"a": 5, "b": 1}, True),
        ({"a": 6}, {"a": 5}, False),
        ({"a": 5}, {"a": 5}, False),
        ({"a": 6, "b": 1}, {"a": 5, "b": 2}, False),
        ({"a": 5, "ticks": 9}, {"a": 6, "ticks": 2}, True),
        ({"a": 5, "ticks": 1}, {"a": 5, "ticks": 2}, True),
        ({"a": 5}, {"a": 5, "ticks": 1}, True),
        ({"a": 5, "ticks": 2}, {"a": 5}, False),
    ],
)
def test_a_state_is_older_when_another_has_all_of_it_and_more(
    mine: dict[str, int], theirs: dict[str, int], older: bool
) -> None:
    """The late write of a process left for dead never replaces a newer one."""
    assert state.Stamp(offsets=mine).is_older_than(state.Stamp(offsets=theirs)) is older


def test_the_stamp_is_read_without_the_rest() -> None:
    """Recovery compares stamps of many states."""
    stamped = state.new_truck("t1")
    stamped.take("truck-states", 41, [])
    assert state.stamp(state.encode(stamped)).offsets == {"truck-states": 42}
