"""Which states are still to be written."""

import pytest

from streams import state
from streams.state import Stamped
from streams.worker.unsaved import Unsaved


def test_a_state_is_written_as_it_is_when_it_is_taken_and_once() -> None:
    """It may have changed since it was noted; who takes it has it from then on."""
    unsaved, truck = Unsaved(), _truck("t1", 5)
    unsaved.note(3, {"truck:t1": truck, "truck:t2": _truck("t2", 1)})
    truck.take("truck-states", 6, [])

    [(key, value)] = unsaved.take(3, {"truck:t1", "truck:of another slice"})

    assert key == b"truck:t1"
    assert state.stamp(value).offsets == {"truck-states": 7}
    assert unsaved.take(3, {"truck:t1"}) == []
    assert unsaved.numbers() == [3]
    assert [key for key, _ in unsaved.take_all(3)] == [b"truck:t2"]
    assert unsaved.numbers() == []


def test_what_changes_after_it_was_written_is_to_be_written_again() -> None:
    """In the changelog it is as it was."""
    unsaved, truck = Unsaved(), _truck("t1", 5)
    unsaved.note(0, {"truck:t1": truck})
    unsaved.take(0, {"truck:t1"})
    truck.take("truck-states", 6, [])
    unsaved.note(0, {"truck:t1": truck})

    [(_, value)] = unsaved.take_all(0)

    assert state.decode("truck", value).offsets == {"truck-states": 7}


def test_each_write_says_in_which_order_topics_were_folded_in_since_the_one_before() -> None:
    """Runs of one topic, by the offset after them."""
    unsaved, truck = Unsaved(), _truck("t1", 5)
    for topic, offset in (("truck-states", 6), ("plans", 2), ("plans", 3), ("truck-states", 7)):
        truck.take(topic, offset, [])
    written = []
    for _ in range(2):
        unsaved.note(0, {"truck:t1": truck})
        [(_, value)] = unsaved.take(0, {"truck:t1"})
        written.append(state.decode("truck", value).steps)
        truck.take("ticks", 9, [])

    assert written == [[("truck-states", 7), ("plans", 4), ("truck-states", 8)], [("ticks", 10)]]


def test_nothing_is_left_after_a_rebalance() -> None:
    """What was not committed is read again, perhaps by another."""
    unsaved = Unsaved()
    unsaved.note(0, {"truck:t1": _truck("t1", 5)})
    unsaved.forget()
    assert unsaved.numbers() == []
    assert unsaved.take_all(0) == []


def test_a_state_too_large_is_named() -> None:
    """It ends the worker by name instead of in the producer."""
    unsaved, truck = Unsaved(), _truck("t1", 5)
    truck.take("truck-states", 6, [state.Said("truck-states", 6, "alerts", "a", b"x" * 1_000_000)])
    unsaved.note(0, {"truck:t1": truck})
    with pytest.raises(state.TooLarge, match=r"truck:t1: state has .* at most 900000"):
        unsaved.take(0, {"truck:t1"})


def _truck(truck_id: str, offset: int) -> Stamped[state.Truck]:
    stamped = state.new_truck(truck_id)
    stamped.take("truck-states", offset, [])
    return stamped
