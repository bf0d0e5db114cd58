"""Where an alert stands by what was said about it, and whether the next saying fits."""

from typing import Any

import pytest

from services.gateway.handling import Known, objection, standing
from streams import events


def act(kind: str, at_ms: int, actor: str = "lin", **more: Any) -> events.AlertAction:
    given: dict[str, Any] = {"action_id": f"{kind}{at_ms}", "alert_id": "a1", "kind": kind, "actor": actor}
    return events.AlertAction(at_ms=at_ms, **(given | more))


def known(*actions: events.AlertAction, state: str = "raised", revision: int = 1) -> Known:
    return Known("a1", "spillage", revision, state, None, actions)


def code(said: events.AlertAction, seen_ms: int | None, *actions: events.AlertAction, **more: Any) -> str | None:
    found = objection(known(*actions, **more), said, seen_ms)
    return None if found is None else found.code


def test_an_undo_that_names_an_action_takes_back_just_that_one() -> None:
    """Whatever came after it stays: the later judgement, the assignment; without a name it is the last judgement."""
    said = (act("ack", 1), act("assign", 2, assignee="wu"), act("confirm", 3))
    stands = standing((*said, act("undo", 4, undoes="ack1")))
    assert [one.kind for one in stands.judgements] == ["confirm"]
    assert stands.assigned is not None
    back = standing((*said, act("undo", 4, undoes="assign2"), act("undo", 5)))
    assert [one.kind for one in back.judgements] == ["ack"]
    assert back.assigned is None


def test_an_assignment_taken_back_gives_the_alert_to_who_had_it_before() -> None:
    """The order of two records of one moment does not matter to it."""
    said = (act("assign", 1, assignee="wu"), act("assign", 2, assignee="li"))
    for actions in ((*said, act("undo", 2, undoes="assign2")), (act("undo", 2, undoes="assign2"), *said)):
        assigned = standing(actions).assigned
        assert assigned is not None
        assert assigned.assignee == "wu"


@pytest.mark.parametrize("kind", ["ack", "confirm", "dismiss", "assign", "snooze"])
def test_what_somebody_else_did_meanwhile_is_in_the_way(kind: str) -> None:
    """Of an action that the speaker did not see, who and when is told; what they saw, their own and notes are not in the way."""
    other = act("dismiss", 5, "wu")
    said = act(kind, 9, assignee="lin" if kind == "assign" else None)
    found = objection(known(act("ack", 1, "wu"), other), said, 1)
    assert found is not None
    assert (found.code, found.by) == ("handled_meanwhile", other)
    assert code(said, 5, act("note", 6, "wu")) is None
    assert code(said, None, act("assign", 5, "wu", assignee="wu")) is None, "nobody asks"
    assert code(act("note", 9), 0, other) is None, "a note overwrites nothing"


def test_what_is_so_already_is_not_said_again() -> None:
    """An acknowledgement must not take back a judgement; what is judged need not be put off."""
    assert code(act("ack", 9), 9, act("ack", 1)) == "already"
    assert code(act("ack", 9), 9, act("confirm", 1)) == "already"
    assert code(act("dismiss", 9), 9, act("dismiss", 1)) == "already"
    assert code(act("dismiss", 9), 9, act("confirm", 1)) is None, "an officer may think again"
    assert code(act("snooze", 9), 9, act("confirm", 1)) == "already"
    assert code(act("snooze", 9), 9, act("ack", 1)) is None
    assert code(act("assign", 9, assignee="wu"), 9, act("assign", 1, assignee="wu")) == "already"
    assert code(act("assign", 9), 9) == "already", "nobody answers for it as it is"
    assert code(act("assign", 9), 9, act("assign", 1, assignee="wu")) is None


def test_an_alert_withdrawn_meanwhile_is_not_confirmed() -> None:
    """Who saw the revision that withdrew it may; a dismissal of it does no harm."""
    assert code(act("confirm", 9, alert_revision=1), 9, state="cancelled", revision=2) == "withdrawn"
    assert code(act("confirm", 9, alert_revision=2), 9, state="cancelled", revision=2) is None
    assert code(act("dismiss", 9, alert_revision=1), 9, state="cancelled", revision=2) is None


def test_only_what_stands_is_taken_back() -> None:
    """Taken back once it is gone, and who did it is told; a note was never standing."""
    undone = act("undo", 3, "wu", undoes="ack1")
    found = objection(known(act("ack", 1), undone), act("undo", 9, undoes="ack1"), 0)
    assert found is not None
    assert (found.code, found.by) == ("nothing_to_undo", undone)
    assert code(act("undo", 9, undoes="note1"), 0, act("note", 1)) == "nothing_to_undo"
    assert code(act("undo", 9), 0) == "nothing_to_undo"
    assert code(act("undo", 9, undoes="ack1"), 0, act("ack", 1), act("confirm", 2, "wu")) is None
