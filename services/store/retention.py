"""How long the tables keep what came: `keep` is one round of it, `missing` what of a span is no more."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services.store import partitions
from services.store.engine import reason, state_of
from services.store.schema import THINNED
from streams.units import DAY_MS

DAYS_AHEAD: Final = 3
BY_DAY: Final = ("positions", "raw_frames")
"""Tables the recorder fills that have a partition a day."""


class UnkeptError(RuntimeError):
    """Some days could not be made, dropped or sorted; all others were. The message names each and why."""


def keep(
    engine: Engine, now_ms: int, *, positions_kept_days: int, thinned_positions_kept_days: int
) -> dict[str, list[int]]:
    """Do one round; return the first ms of each day that was dropped, by table. ``now_ms`` is city time; 0 days = for ever.

    A day is dropped when all of it is older than its table keeps. Last, since it takes longest and can wait, positions of a
    day that has been over for a day are sorted. What fails keeps nothing else from being done.

    Raises
    ------
    store.Away
        If the database cannot be reached.
    UnkeptError
        When all else is done, if something failed: a table that somebody held for long, a day the database refused.
    """
    a_round = _Round(engine, now_ms)
    for table in BY_DAY:
        a_round.make(table)
    if positions_kept_days:
        for table in BY_DAY:
            a_round.drop(table, positions_kept_days * DAY_MS, thin=table == "positions")
            a_round.set_rest_aside(table, positions_kept_days * DAY_MS)
    if thinned_positions_kept_days:
        a_round.drop(THINNED, thinned_positions_kept_days * DAY_MS)
    a_round.sort("positions")
    if a_round.failures:
        raise UnkeptError("; ".join(a_round.failures))
    return a_round.dropped


def missing(engine: Engine, tenant_id: str, from_ms: int, to_ms: int) -> list[str]:
    """Return a sentence for all of [from, to) that was there and is no more: days that were dropped, rows set aside."""
    whole = partitions.days_of(engine, "positions")
    said = [
        f"the fixes of day {day_ms // DAY_MS} since 1970 were dropped, but for one a minute in {THINNED}"
        for day_ms in sorted(set(partitions.days_of(engine, THINNED)).difference(whole))
        if day_ms < to_ms and from_ms < day_ms + DAY_MS
    ]
    for table in partitions.odd_tables(engine, "positions"):
        query = text(
            f"SELECT count(*) FROM {table} WHERE tenant_id = :tenant "  # noqa: S608  # a name of ours
            "AND coalesce(received_time_ms, event_time_ms) >= :from_ms AND coalesce(received_time_ms, event_time_ms) < :to_ms"
        )
        with engine.connect() as connection:
            rows = connection.execute(query, {"tenant": tenant_id, "from_ms": from_ms, "to_ms": to_ms}).scalar_one()
        if rows:
            said.append(f"{rows} fixes of clocks that were far off were set aside in {table}")
    return said


class _Round:
    """Goes on behind what fails, and remembers it."""

    def __init__(self, engine: Engine, now_ms: int) -> None:
        self._engine = engine
        self._now_ms = now_ms
        self.failures: list[str] = []
        self.dropped: dict[str, list[int]] = {}

    def make(self, table: str) -> None:
        ahead_ms = [self._now_ms + day * DAY_MS for day in range(DAYS_AHEAD + 1)]
        self._try(f"days of {table} to come are not made", lambda: partitions.make(self._engine, table, ahead_ms))

    def drop(self, table: str, kept_ms: int, *, thin: bool = False) -> None:
        self.dropped[table] = partitions.drop_before(
            self._engine, table, self._now_ms - kept_ms, thin=thin, on_failure=self._failed(table, "dropped")
        )

    def set_rest_aside(self, table: str, kept_ms: int) -> None:
        self._try(
            f"the rest of {table} is not set aside",
            lambda: partitions.set_rest_aside(self._engine, table, self._now_ms, kept_ms),
        )

    def sort(self, table: str) -> None:
        partitions.sort_before(self._engine, table, self._now_ms - DAY_MS, on_failure=self._failed(table, "sorted"))

    def _failed(self, table: str, done: str) -> partitions.OnFailure:
        return lambda day_ms, error: self.failures.append(
            f"day {day_ms // DAY_MS} of {table} is not {done}: {reason(error)}"
        )

    def _try(self, what_not: str, do: Callable[[], object]) -> None:
        try:
            do()
        except DBAPIError as error:
            if not state_of(error):
                raise
            self.failures.append(f"{what_not}: {reason(error)}")
