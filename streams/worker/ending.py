"""Ending the process at once, committing nothing. The supervisor starts a fresh one, which reads again."""

import logging
import os
from typing import Final, NoReturn

UNEXPECTED: Final = 70
"""Exit code (sysexits: EX_SOFTWARE)."""

logger = logging.getLogger(__name__)


def end(reason: str) -> NoReturn:
    """Leave without commit: what was read since the last one is read again, so nothing is lost."""
    logger.critical("exit without commit: %s", reason)
    logging.shutdown()
    os._exit(UNEXPECTED)


def leave(reason: str) -> NoReturn:
    """Leave now because we were asked to, without a last commit: what was read since the one before is read again."""
    logger.warning("left without a last commit: %s", reason)
    logging.shutdown()
    os._exit(0)
