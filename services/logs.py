"""Structured logs: one JSON object a line, with identifiers (topic, partition, offset, truck_id, …) as fields.

``logger.info("acknowledged", extra={"truck_id": "t1", "offset": 17})``
"""

import logging
import sys
import time

from pythonjsonlogger.json import JsonFormatter

_QUIET = {
    "kafka": logging.WARNING,
    "kafka.net.selector": logging.ERROR,  # warns whenever the machine made its loop wait 0.1 s for a turn
    "httpx": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}


class Utc(JsonFormatter):
    """``at`` is wall time in UTC, ISO 8601 with milliseconds: the same on every machine, sortable as text."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def set_up(level: str, process: str) -> None:
    """Send all logs of this process to standard error as JSON lines that carry ``process``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        Utc(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
            static_fields={"process": process},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
