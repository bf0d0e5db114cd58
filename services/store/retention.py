"""How long the tables keep what came: `keep` is one round of it."""

from typing import Final

from sqlalchemy import Engine

from services.store import partitions
from services.store.schema import THINNED
from streams.units import DAY_MS

DAYS_AHEAD: Final = 3
BY_DAY: Final = ("positions", "raw_frames")
"""Tables the recorder fills that have a partition a day."""


def keep(
    engine: Engine, now_ms: int, *, positions_kept_days: int, thinned_positions_kept_days: int
) -> dict[str, list[int]]:
    """Do one round; return the first ms of each day that was dropped, by table. ``now_ms`` is city time; 0 days = for ever.

    Positions of a day that has been over for a day are sorted. A day is dropped when all of it is older than its table keeps. Raises `store.Away` if the database cannot be reached
    or somebody holds a table for long.
    """
    for table in BY_DAY:
        partitions.make(engine, table, (now_ms + day * DAY_MS for day in range(DAYS_AHEAD + 1)))
    partitions.sort_before(engine, "positions", now_ms - DAY_MS)
    dropped: dict[str, list[int]] = {}
    if positions_kept_days:
        kept_ms = positions_kept_days * DAY_MS
        for table in BY_DAY:
            dropped[table] = partitions.drop_before(engine, table, now_ms - kept_ms, thin=table == "positions")
            partitions.set_rest_aside(engine, table, now_ms, kept_ms)
    if thinned_positions_kept_days:
        before_ms = now_ms - thinned_positions_kept_days * DAY_MS
        dropped[THINNED] = partitions.drop_before(engine, THINNED, before_ms)
    return dropped
