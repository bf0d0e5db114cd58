"""Run the worker until SIGTERM: ``python -m streams worker``."""

import asyncio
import gc
import logging
import os
import sys
from typing import Final

from faust.worker import Worker as FaustWorker

from streams import truck
from streams.worker import logs, metrics, topics_check
from streams.worker.app import Worker
from streams.worker.settings import SettingError, Settings

logger = logging.getLogger(__name__)

GARBAGE: Final = (100_000, 20, 50)
"""Thresholds of Python's collector: at its own 700 it looks through a slice's records again and again (8 to 14 % of the
CPU a fix, measured); what is garbage here hardly ever has cycles."""


def main() -> int:
    """Run; return the exit code: 0 after SIGTERM, 1 if it could not start, 2 for a bad setting, 70 on the unexpected."""
    try:
        settings = Settings.from_env(os.environ)
        core = settings.core()
    except (SettingError, OSError, ValueError) as error:
        print(f"worker: {error}", file=sys.stderr)  # noqa: T201  # logs are not set up yet
        return 2
    gc.set_threshold(*GARBAGE)
    logs.set_up(settings.log_level, settings.instance)
    metrics.serve(settings.metrics_port, settings.host)
    logger.info(
        "starting", extra={"bootstrap": settings.kafka_bootstrap, "app_id": settings.app_id, "trial": settings.trial}
    )
    try:
        asyncio.run(
            topics_check.prepare(
                settings.kafka_bootstrap,
                settings.changelog,
                settings.role,
                group=settings.app_id,
                replication=settings.replication,
                wait_s=settings.start_s,
                goes_on_without=settings.goes_on_without,
            )
        )
    except topics_check.NotReady as error:
        logger.error("cannot start: %s", error)  # noqa: TRY400  # the sentence says it all
        return 1
    return _run(settings, core)


def _run(settings: Settings, core: truck.Settings) -> int:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = FaustWorker(Worker(settings, core), loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    return 0
