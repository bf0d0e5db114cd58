"""What is handed out in which turn, what may be committed, and what counts when states are restored."""

from dataclasses import dataclass

from streams.worker.in_flight import InFlight
from streams.worker.turns import in_turn


@dataclass
class Message:
    """A slice that ends at an offset."""

    offset: int
    acked: bool = False


def test_only_what_has_nothing_undone_before_it_may_be_committed() -> None:
    """The second is done, the first is not: nothing; then both."""
    in_flight = InFlight[str]()
    first, second = Message(4), Message(9)
    in_flight.hand_out("tp", first)
    in_flight.hand_out("tp", second)
    second.acked = True
    assert in_flight.committable("tp") is None
    first.acked = True
    assert in_flight.committable("tp") == 10
    assert in_flight.count() == 0


def test_a_slice_that_does_not_begin_where_the_last_ended_is_a_hole() -> None:
    """From the committed offset, then without a gap; what retention deleted is none."""
    in_flight = InFlight[str]()
    assert in_flight.hole("tp", 5, 7, committed=5) is None
    assert "expected 8" in (in_flight.hole("tp", 9, 9, committed=5) or "")
    in_flight.forget()
    assert "expected 5" in (in_flight.hole("tp", 6, 6, committed=5) or "")
    in_flight.forget()
    assert in_flight.hole("tp", 6, 6, committed=5, earliest=6) is None


def test_a_slice_that_begins_before_the_last_ended_is_of_another_log() -> None:
    """A client whose offset is gone begins anew by itself: what it brings would pass for repeats."""
    in_flight = InFlight[str]()
    assert "made anew" in (in_flight.hole("tp", 0, 3, committed=5) or "")
    in_flight.forget()
    assert in_flight.hole("tp", 5, 7, committed=5) is None
    assert "made anew" in (in_flight.hole("tp", 0, 3, committed=5) or "")


def test_ticks_are_handed_out_after_what_was_fetched_with_them() -> None:
    """Reports in turn, in slices; then the ticks, though they were fetched first."""
    fetched = {"ticks": [1, 2, 3], "a": [1, 2, 3], "b": [4]}
    handed = list(in_turn(fetched, 2, comes_last=lambda tp: tp == "ticks"))
    assert handed == [("a", [1, 2]), ("b", [4]), ("a", [3]), ("ticks", [1, 2]), ("ticks", [3])]
