"""Keeps the tables' days: makes those to come, thins and drops those that are over, watches what has no day of its own.

A thread of the recorder with a connection of its own. Recording goes on whatever happens here: a day that was not made
ahead is made when its first row comes, and rows that find no day go to the rest partition. So a failure is said and
shown as unhealthy, and tried again; it ends nothing.
"""

import logging
import threading
from typing import Any, Final

from services import clock, metrics, store
from services.settings import Settings
from services.store import partitions, retention

logger = logging.getLogger(__name__)

EVERY_S: Final = 600.0
"""Wall seconds between two rounds; at 60 times city speed that is ten hours of the city."""
LONGEST_S: Final = 3_600.0
"""A statement is given up after this: sorting or thinning a day of a city takes a minute or two."""
_UNKEPT: Final = "days of the tables are not kept"


def start(settings: Settings, stop: threading.Event) -> None:
    """Keep the days until ``stop``, in a thread. Paused in the middle of a step, it keeps no locks."""
    engine = store.connect(
        settings.database_url,
        pool=1,
        name="qingyun-recorder-days",
        timeout_s=LONGEST_S,
        silent_s=settings.database_timeout_s,
    )
    threading.Thread(target=_rounds, args=(engine, settings, stop), name="days", daemon=True).start()


def _rounds(engine: Any, settings: Settings, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            _round(engine, settings)
        except store.Away as error:
            logger.warning("the days are not kept now: %s", str(error).splitlines()[0])
        except retention.UnkeptError as error:
            logger.error("some days are not kept, trying again in %.0f s: %s", EVERY_S, error)  # noqa: TRY400  # it says all
            metrics.UNHEALTHY.labels(_UNKEPT).set(1)
        except Exception:
            logger.exception("the days are not kept; recording goes on, trying again in %.0f s", EVERY_S)
            metrics.UNHEALTHY.labels(_UNKEPT).set(1)
        else:
            metrics.UNHEALTHY.labels(_UNKEPT).set(0)
        stop.wait(EVERY_S)
    engine.dispose()


def keep(engine: Any, settings: Settings) -> dict[str, list[int]]:
    """Do one round now, as the settings say (`retention.keep`)."""
    return retention.keep(
        engine,
        clock.city_now_ms(),
        positions_kept_days=settings.positions_kept_days,
        thinned_positions_kept_days=settings.thinned_positions_kept_days,
    )


def _round(engine: Any, settings: Settings) -> None:
    try:
        for table, gone in keep(engine, settings).items():
            if gone:
                logger.info("dropped %d days of %s", len(gone), table)
    finally:  # what failed shows in these numbers
        for table in retention.BY_DAY:
            metrics.REST_ROWS.labels(table).set(partitions.rest_rows(engine, table))
            metrics.DAYS.labels(table).set(len(partitions.days_of(engine, table)))
