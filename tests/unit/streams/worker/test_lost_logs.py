"""Whether a log is the one that was read: what ends before, and what begins after, has its sentence."""

import pytest

from streams import state
from streams.worker import restoring
from streams.worker.lost_logs import Log, Reach, made_anew, states_gone, unread


def log(*, committed: int | None = 20, folded: int = 20, earliest: int = 0, end: int = 30) -> Log:
    """A log in order, but for what is said."""
    return Log("weighings", 3, committed, folded, earliest, end)


@pytest.mark.parametrize(
    "fine",
    [
        log(),
        log(committed=None, folded=0, earliest=7),  # a new name begins with what there is
        log(committed=20, folded=29),  # killed between states and commit
        log(earliest=20, end=20),  # emptied after all was read
        log(earliest=12),
    ],
)
def test_a_log_that_goes_on_where_it_was_read_is_fine(fine: Log) -> None:
    """Read, emptied after reading, or not read at all: nothing is said."""
    assert made_anew(fine) is None
    assert unread(fine) is None


def test_a_log_that_ends_before_what_was_read_is_another() -> None:
    """By what was committed, or, where the broker forgot that with the topic, by what the states have folded in."""
    for anew in (log(end=5), log(committed=None, end=19)):
        assert f"ends at offset {anew.end}, but its records up to 20 were judged" in (made_anew(anew) or "")


def test_records_that_went_unread_are_counted() -> None:
    """The sentence says how many, and how to go on without them."""
    for gone in (log(earliest=25), log(committed=None, earliest=25)):
        said = unread(gone) or ""
        assert "5 records were deleted" in said
        assert "QINGYUN_WORKER_GO_ON_WITHOUT=weighings" in said


def test_states_tell_how_far_they_have_read() -> None:
    """The furthest of a partition's states, by topic."""
    one, other = state.new_truck("t1"), state.new_truck("t2")
    one.offsets, other.offsets = {"weighings": 4, "plans": 9}, {"weighings": 7}
    states = [(3, state.encode(one)), (3, state.encode(other)), (4, state.encode(one))]
    assert restoring.folded(states) == {
        ("weighings", 3): 7, ("plans", 3): 9, ("weighings", 4): 4, ("plans", 4): 9,
    }  # fmt: skip


def test_a_changelog_that_is_shorter_than_a_commit_says_has_lost_states() -> None:
    """Made anew, or cut at its beginning; one that grew, or of which no commit speaks yet, has not."""
    told = Reach(0, 20)
    assert states_gone("changelog", 3, told, Reach(0, 20)) is None
    assert states_gone("changelog", 3, told, Reach(0, 29)) is None
    assert states_gone("changelog", 3, None, Reach(5, 29)) is None
    assert "3 ends at offset 19, but reached 20" in (states_gone("changelog", 3, told, Reach(0, 19)) or "")
    cut = states_gone("changelog", 3, told, Reach(5, 29)) or ""
    assert "begins at offset 5, not 0" in cut
    assert "QINGYUN_WORKER_GO_ON_WITHOUT=changelog" in cut
    assert states_gone("changelog", 3, Reach(5, 20), Reach(5, 29)) is None  # somebody has decided to go on without


def test_the_note_of_a_commit_reads_as_it_was_written() -> None:
    """Of several topics the furthest counts; a commit without a note knows of no state."""
    assert Reach.read(Reach(5, 29).note) == Reach(5, 29)
    assert Reach.read("") is None
    assert Reach(0, 29).furthest(Reach(5, 7)) == Reach(5, 29)
    assert Reach(0, 29).furthest(None) == Reach(0, 29)
