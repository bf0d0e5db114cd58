"""Where an alert stands by what people said about it, and whether what somebody wants to say now fits. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from streams import events

SAFETY_RULES: Final = ("sos", "breakdown")
"""Alerts that the desk may act on too."""
DismissReason = Literal["authorised", "sensor", "place", "threshold", "minor", "duplicate", "other"]
"""Why an alert is no case; the pages have words for each."""
_JUDGEMENTS: Final = ("ack", "confirm", "dismiss")
_FINAL: Final = ("confirm", "dismiss")


class Standing(NamedTuple):
    """What of all that was said holds: judgements in order of time, who answers for it, until when it is put off."""

    judgements: tuple[events.AlertAction, ...]
    assigned: events.AlertAction | None
    snoozed: events.AlertAction | None

    @property
    def last(self) -> events.AlertAction | None:
        """The judgement that counts."""
        return self.judgements[-1] if self.judgements else None

    def holds(self, action_id: str) -> bool:
        """Whether this action stands: only such a one can be taken back."""
        return any(
            one is not None and one.action_id == action_id for one in (*self.judgements, self.assigned, self.snoozed)
        )


class Known(NamedTuple):
    """An alert as the tables have it. ``actions``: what was said about it, in order of time."""

    alert_id: str
    rule: str
    revision: int
    state: str
    district_id: str | None
    actions: tuple[events.AlertAction, ...] = ()


class Objection(NamedTuple):
    """Why something cannot be said of an alert now: a code, and the action of somebody that is in its way, if one is."""

    code: Literal[
        "not_found", "not_allowed", "not_theirs", "handled_meanwhile", "withdrawn", "already", "nothing_to_undo"
    ]
    by: events.AlertAction | None = None


def standing(actions: Iterable[events.AlertAction]) -> Standing:
    """Return what holds of actions in order of time."""
    actions = tuple(actions)
    taken_back = {action.undoes for action in actions if action.kind == "undo"}
    judgements: list[events.AlertAction] = []
    assigned = snoozed = None
    for action in actions:
        if action.kind == "undo" and action.undoes is None and judgements:
            judgements.pop()
        elif action.action_id in taken_back:
            continue
        elif action.kind in _JUDGEMENTS:
            judgements.append(action)
        elif action.kind == "assign":
            assigned = action
        elif action.kind == "snooze":
            snoozed = action
    return Standing(tuple(judgements), assigned, snoozed)


def acknowledged(actions: Sequence[events.AlertAction]) -> events.AlertAction | None:
    """Return the action by which an alert counts as seen by a person; ``actions`` in order of time."""
    return next(iter(standing(actions).judgements), None)


def objection(known: Known, said: events.AlertAction, seen_ms: int | None) -> Objection | None:
    """Return why this cannot be said of the alert now; None = it can.

    ``seen_ms``: when the newest action was said that the speaker saw, 0 = none; None = nobody asks.
    """
    stands = standing(known.actions)
    if said.kind == "note":
        return None
    if said.kind == "undo" and said.undoes is not None:
        # it names what it takes back: what others said since stays as it is
        return None if stands.holds(said.undoes) else Objection("nothing_to_undo", _undone_by(known, said.undoes))
    newer = None if seen_ms is None else _of_others_since(known, said.actor, seen_ms)
    if newer is not None:
        return Objection("handled_meanwhile", newer)
    if said.kind == "confirm" and known.state == "cancelled" and (said.alert_revision or 0) < known.revision:
        return Objection("withdrawn")
    return _said_already(stands, said)


def _said_already(stands: Standing, said: events.AlertAction) -> Objection | None:
    last = stands.last
    if said.kind == "assign":
        known = stands.assigned
        now, wanted = (None if known is None else known.assignee), said.assignee
        return Objection("already", known) if now == wanted else None
    if said.kind == "undo":
        return Objection("nothing_to_undo") if last is None else None
    if last is None:
        return None
    # an ack would take back what was judged; what is judged waits no longer
    in_the_way = said.kind in ("ack", last.kind) or (said.kind == "snooze" and last.kind in _FINAL)
    return Objection("already", last) if in_the_way else None


def _of_others_since(known: Known, actor: str, seen_ms: int) -> events.AlertAction | None:
    """Return the newest action of somebody else that the speaker did not see; notes are in nobody's way."""
    since = [one for one in known.actions if one.at_ms > seen_ms and one.actor != actor and one.kind != "note"]
    return since[-1] if since else None


def _undone_by(known: Known, action_id: str) -> events.AlertAction | None:
    return next((one for one in known.actions if one.kind == "undo" and one.undoes == action_id), None)
