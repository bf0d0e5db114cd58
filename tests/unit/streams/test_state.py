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


def test_the_stamp_is_read_without_the_rest() -> None:
    """A worker looks at all of them when it begins, to see how far they have read."""
    stamped = state.new_truck("t1")
    stamped.take("truck-states", 41, [])
    assert state.stamp(state.encode(stamped)).offsets == {"truck-states": 42}
