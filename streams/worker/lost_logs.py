"""Is the broker's log still the one that was read? A client alone would go on at whatever there is. No Faust, no I/O.

Kafka answers an offset it does not have by starting elsewhere. Then records that nobody has judged are passed over in
silence: those that were deleted unread, and, where a topic was made anew, all of its first ones, which look as if they
had been folded in. So the worker looks before it reads, and stops: people must decide.

A changelog that is gone looks like one of a worker that is new. So each commit says how far the changelog reached by then.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, Self


class Log(NamedTuple):
    """What is known of one partition's log."""

    topic: str
    partition: int
    committed: int | None
    """Offset before which all is done; None = nothing was committed, or Kafka has forgotten it."""
    folded: int
    """Offset before which some state has folded records in; 0 = none has."""
    earliest: int
    end: int


def made_anew(log: Log) -> str | None:
    """Say so if the log ends before what was read of it."""
    known = max(log.committed or 0, log.folded)
    if log.end >= known:
        return None
    return (
        f"{log.topic} {log.partition} ends at offset {log.end}, but its records up to {known} were judged: the topic was "
        "deleted and made anew, or the broker restored. Restore it; or read every topic from its beginning, into new "
        "states: set QINGYUN_WORKER_APP_ID to another name"
    )


def unread(log: Log) -> str | None:
    """Say so if records are gone that were never read."""
    known = log.committed or log.folded
    if not 0 < known < log.earliest:
        return None
    return (
        f"{log.topic} {log.partition} begins at offset {log.earliest}, but {known} was to be read next: "
        f"{log.earliest - known} records were deleted, by hand or by retention, before they were judged. Restore them; or "
        f"go on without them: start once with QINGYUN_WORKER_GO_ON_WITHOUT={log.topic}"
    )


_NOTE: Final = re.compile(r"changelog (\d+)-(\d+)")


class Reach(NamedTuple):
    """Where a partition of the changelog begins and ends."""

    earliest: int = 0
    end: int = 0

    @property
    def note(self) -> str:
        """As a commit has it."""
        return f"changelog {self.earliest}-{self.end}"

    @classmethod
    def read(cls, note: str) -> Self | None:
        """Read the note of a commit; None = it has none (before 2026-11-27)."""
        found = _NOTE.fullmatch(note)
        return cls(*map(int, found.groups())) if found else None

    def furthest(self, other: "Reach | None") -> "Reach":
        """Return the later of two, as topics of one partition commit in turn."""
        return self if other is None else Reach(max(self.earliest, other.earliest), max(self.end, other.end))


def told(notes: Iterable[tuple[int, str]]) -> dict[int, Reach]:
    """Return by number of the partition how far its changelog reached, by notes of the last commits of its topics."""
    furthest: dict[int, Reach] = {}
    for number, note in notes:
        if (reach := Reach.read(note)) is not None:
            furthest[number] = reach.furthest(furthest.get(number))
    return furthest


def states_gone(topic: str, partition: int, told: Reach | None, found: Reach) -> str | None:
    """Say so if the changelog lacks what it had. ``told``: by the last commits, None = they do not say.

    Compaction moves neither beginning nor end.
    """
    if told is None:
        return None
    if found.end < told.end:
        wrong = (
            f"ends at offset {found.end}, but reached {told.end}: it was deleted and made anew, or the broker restored"
        )
    elif found.earliest > told.earliest:
        wrong = f"begins at offset {found.earliest}, not {told.earliest}: records were deleted, by hand or by retention"
    else:
        return None
    return (
        f"{topic} {partition} {wrong}. States of trucks and bins are missing, and what was read before would not be read "
        "again. Restore it; or read every topic from its beginning, into new states: set QINGYUN_WORKER_APP_ID to another "
        f"name; or forget what was known and go on: start once with QINGYUN_WORKER_GO_ON_WITHOUT={topic}"
    )
