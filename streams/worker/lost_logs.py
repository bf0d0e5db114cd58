"""Is the broker's log still the one that was read? A client alone would go on at whatever there is. No Faust, no I/O.

Kafka answers an offset it does not have by starting elsewhere. Then records that nobody has judged are passed over in
silence: those that were deleted unread, and, where a topic was made anew, all of its first ones, which look as if they
had been folded in. So the worker looks before it reads, and stops: people must decide.
"""

from typing import NamedTuple


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
