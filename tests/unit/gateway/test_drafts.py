"""What takes a draft back: the actions that bring about what was so before."""

from services.gateway.drafts import undo_of
from streams.events import DispatchAction

NOW_MS = 1_795_503_600_000


def said(kind: str, subject_id: str = "b1", at_ms: int = NOW_MS, **more: object) -> DispatchAction:
    return DispatchAction(
        action_id=f"{kind}-{at_ms}", subject_id=subject_id, actor="ana", kind=kind, at_ms=at_ms, **more
    )


def undo(*actions: DispatchAction, before: tuple[DispatchAction, ...] = (), **holders: str) -> list[tuple[object, ...]]:
    found = undo_of(actions, before, holders, NOW_MS)
    return [(one["subject_id"], one["kind"], one.get("truck_id"), one.get("until_ms")) for one in found]


def test_a_move_goes_back_to_the_truck_that_had_it():
    """For as long as it was to stay with the other; a stop nobody had is free again."""
    move = said("lock", truck_id="t2", until_ms=NOW_MS + 5)
    assert undo(move, b1="t1") == [("b1", "lock", "t1", NOW_MS + 5)]
    assert undo(move) == [("b1", "unlock", None, None)]
    assert undo(move, b1="t2") == [("b1", "unlock", None, None)]


def test_what_was_said_before_holds_again():
    """An earlier lock or exclusion that still held comes back as it was; one that was over, or was ended, does not."""
    earlier = said("lock", at_ms=NOW_MS - 9, truck_id="t7")
    move = said("lock", truck_id="t2")
    assert undo(move, before=(earlier,), b1="t1") == [("b1", "lock", "t7", None)]
    assert undo(said("unlock"), before=(earlier,)) == [("b1", "lock", "t7", None)]
    over = said("lock", at_ms=NOW_MS - 9, truck_id="t7", until_ms=NOW_MS)
    assert undo(move, before=(over,)) == [("b1", "unlock", None, None)]
    assert undo(move, before=(said("unlock", at_ms=NOW_MS - 5), earlier)) == [("b1", "unlock", None, None)]
    left_out = said("exclude", at_ms=NOW_MS - 9, until_ms=NOW_MS + 60)
    assert undo(said("include"), move, before=(left_out,)) == [
        ("b1", "unlock", None, None),
        ("b1", "exclude", None, NOW_MS + 60),
    ]


def test_what_ended_nothing_leaves_nothing_to_take_back():
    """A driver's skip that was overruled stays overruled; an unlock of what was not locked was nothing."""
    assert undo(said("include")) == []
    assert undo(said("unlock")) == []
    assert undo(said("exclude", until_ms=NOW_MS + 60)) == [("b1", "include", None, None)]
