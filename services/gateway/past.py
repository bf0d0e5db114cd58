"""The past as the live stream told it: the picture of a moment, then step by step what changed. Pure.

The same fold as live (`live_state.Town`), fed from the tables instead of from Kafka, with the moment instead of the clock.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from services.gateway.live_state import Scope, Town
from services.newest import Arrival, Picture

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of changes in one answer: what a browser reads without stopping."""


class Frame(NamedTuple):
    """What changed in one step, up to its end, as a delta of the live stream says it: of each thing how it is then."""

    now_ms: int
    changes: list[dict[str, Any]]


class Film(NamedTuple):
    """Steps that follow each other; those in which nothing changed are left out. ``to_ms``: told up to then."""

    frames: list[Frame]
    to_ms: int


def at(town: Town, picture: Picture, tenant_id: str, at_ms: int) -> Town:
    """Return an empty ``town`` as it was at a moment."""
    town.restore(picture, tenant_id, at_ms)
    town.advance(at_ms)
    town.changes()
    return town


def film(  # noqa: PLR0917  # what, whose, when
    town: Town, arrivals: Iterable[Arrival], scope: Scope, from_ms: int, to_ms: int, step_ms: int
) -> Film:
    """Let time pass in a ``town`` that is as it was at ``from_ms``, a step at a time; end early when it gets too much.

    ``arrivals``: what came in (from, to], in order of time.
    """
    waiting, frames, size_bytes = deque(arrivals), [], 0
    now_ms = from_ms
    while now_ms < to_ms and size_bytes < MOST_BYTES:
        now_ms = min(now_ms + step_ms, to_ms)
        while waiting and waiting[0].at_ms <= now_ms:
            town.apply(waiting.popleft().event, now_ms)
        town.advance(now_ms)
        seen = [change for change in town.changes() if scope.sees(change)]
        written = [msgspec.json.encode(change.value) for change in seen]
        size_bytes += sum(map(len, written))
        if seen:
            both = zip(seen, map(msgspec.Raw, written), strict=True)
            changes = [{"kind": one.kind, "id": one.id, "value": value} for one, value in both]
            frames.append(Frame(now_ms, changes))
    return Film(frames, now_ms)
