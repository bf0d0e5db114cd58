"""What becomes of a citizen's report: its kinds, its states, which follows which, and by when. Pure.

The stages are those of Chinese digital city management (GB/T 30428, 立案 派遣 处置 核查 结案). How long each may take is the
city's to say: these are the limits seen in such cities' manuals, rounded, counted in hours on the clock (not working hours).
"""

from typing import Final, Literal, get_args

from streams.units import HOUR_MS

Kind = Literal["overflow", "dumping", "spill", "missed", "damaged", "other"]
State = Literal["received", "filed", "dispatched", "handled", "verified", "closed", "declined"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STATES: Final[tuple[State, ...]] = get_args(State)
STEPS: Final[tuple[State, ...]] = ("filed", "dispatched", "handled", "verified", "closed")
"""The way of a report that is taken up, in order."""
OVER: Final[frozenset[State]] = frozenset({"closed", "declined"})

NEXT: Final[dict[State, tuple[State, ...]]] = {
    "received": ("filed", "declined"),
    "filed": ("dispatched", "declined"),
    "dispatched": ("handled",),
    "handled": ("verified", "dispatched"),
    "verified": ("closed",),
    "closed": (),
    "declined": ("filed",),
}
"""What may follow. Back from handled to dispatched = what was found is not good: it is done again (返工)."""

HANDLED_WITHIN_H: Final[dict[Kind, int]] = {
    "overflow": 4,
    "dumping": 24,
    "spill": 2,
    "missed": 24,
    "damaged": 72,
    "other": 72,
}
"""From dispatched to handled, by kind."""
WITHIN_H: Final[dict[State, int]] = {"received": 2, "filed": 2, "handled": 24, "verified": 24}
"""From each other state to the one after it."""


def due_ms(kind: Kind, state: State, since_ms: int) -> int | None:
    """Return by when the state after this one should be there; None = nothing is to follow."""
    if state in OVER:
        return None
    hours = HANDLED_WITHIN_H[kind] if state == "dispatched" else WITHIN_H[state]
    return since_ms + hours * HOUR_MS


def needs_reason(before: State, after: State) -> bool:
    """Whether the step has to say why: to decline, to take up again, to send back."""
    return after == "declined" or before == "declined" or (before, after) == ("handled", "dispatched")
