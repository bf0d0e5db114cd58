"""Structured logs: one JSON object a line; identifiers (topic, partition, offset, truck_id) are fields."""

import logging
import sys
import time
from typing import Final

from pythonjsonlogger.json import JsonFormatter

_QUIET: Final = {"faust": logging.WARNING, "mode": logging.WARNING, "aiokafka": logging.WARNING}
"""Libraries say less than we do."""
_REPEATS_EVERY_S: Final = 10.0


class Utc(JsonFormatter):
    """``at`` is wall time in UTC, ISO 8601 with milliseconds: the same on every machine, sortable as text."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class Seldom(logging.Filter):
    """Lets the same message of a library through once in ten seconds: aiokafka retries ten times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record may pass."""
        if record.name.partition(".")[0] not in _QUIET:
            return True
        place = (record.pathname, record.lineno)
        if record.created - self._said.get(place, 0.0) < _REPEATS_EVERY_S:
            return False
        self._said[place] = record.created
        return True


def set_up(level: str, instance: str) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Seldom())
    fixed = {"process": "worker"} | ({"instance": instance} if instance else {})
    handler.setFormatter(
        Utc(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
            static_fields=fixed,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
