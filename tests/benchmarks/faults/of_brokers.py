"""Faults of the broker: silent, slow to take writes, unwilling to take them."""

import time
from typing import Final

from kafka.admin import ConfigResource

from tests.benchmarks.faults.trial import SESSION_S, Trial
from tests.faults import Direction

SILENT_S: Final = SESSION_S + 4.0
"""Longer than a session: the group goes on without who was not heard."""
SLOW_S: Final = 0.5
"""What each 64 kB of writing take longer."""


def silent(trial: Trial) -> int:
    """Let nothing through for a while, then everything."""
    trial.start()
    trial.until_committed(0.2)
    trial.ways.hold()
    healed_s = time.monotonic() + SILENT_S
    trial.until(lambda: time.monotonic() > healed_s, "the silence to end")
    trial.ways.heal()
    trial.until_read()
    return 0


def stop_in_silence(trial: Trial) -> int:
    """Let nothing through and ask it to stop; let everything through and start it again."""
    process = trial.start()
    trial.until_committed(0.2)
    trial.ways.hold()
    trial.stop(process)
    trial.ways.heal()
    trial.start()
    trial.until_read()
    return 0


def slow_writes(trial: Trial) -> int:
    """Take writes slowly and commits at once; kill the program with -9 when it has committed meanwhile, or has not."""
    trial.start()
    trial.until_committed(0.1)
    trial.ways.writers.slow(Direction.UP, SLOW_S)
    before, give_up_s = trial.committed(), time.monotonic() + 10
    trial.until(lambda: trial.committed() > before or time.monotonic() > give_up_s, "a commit under slow writes")
    trial.kill()
    trial.ways.writers.cut()
    trial.ways.writers.heal()
    trial.start()
    trial.until_read()
    return 0


def refused(trial: Trial) -> int:
    """Refuse all states for a while; then stop the program in order and start it again."""
    process = trial.start()
    trial.until_committed(0.2)
    _take_at_most(trial, "1")
    trial.until(lambda: trial.restarts > 0 or trial.committed() >= trial.fixes * 0.6, "states to be refused")
    if trial.restarts == 0:
        trial.stop(process)
        trial.start()
    _take_at_most(trial, "1048588")
    trial.until_read()
    return 0


def too_large(trial: Trial) -> int:
    """Let states grow beyond what the broker takes; nobody is told if the process goes on."""
    trial.start()
    trial.until_read()
    return 0 if trial.restarts else 1


def _take_at_most(trial: Trial, size_bytes: str) -> None:
    """Have the broker refuse whatever is larger."""
    limit = {"max.message.bytes": size_bytes}
    with trial.admin() as admin:
        admin.alter_configs([ConfigResource("TOPIC", trial.changelog.name, configs=limit)])
