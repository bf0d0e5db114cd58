"""Structured logs: one JSON object a line, with identifiers (topic, partition, offset, truck_id, …) as fields.

``logger.info("acknowledged", extra={"truck_id": "t1", "offset": 17})``
"""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

_QUIET = {"kafka": logging.WARNING, "httpx": logging.WARNING, "uvicorn.access": logging.WARNING}


def set_up(level: str, process: str) -> None:
    """Send all logs of this process to standard error as JSON lines that carry ``process``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
            static_fields={"process": process},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
