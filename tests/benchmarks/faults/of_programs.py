"""Faults of the program itself: it raises, hangs, is killed, is asked to stop."""

from tests.benchmarks.faults.trial import Trial

KILLS = 3
HUNG = "hung"
"""The file that says that a fix is in hand that never returns."""


def exception(trial: Trial) -> int:
    """One fix raises, once."""
    trial.start()
    trial.until_read()
    return 0


def kill(trial: Trial) -> int:
    """Kill it with -9 on the way, and start it again."""
    for number in range(KILLS):
        trial.start()
        trial.until_committed((number + 1) / (KILLS + 2))
        trial.kill()
    trial.start()
    trial.until_read()
    return 0


def hang(trial: Trial) -> int:
    """One fix never returns, once: nobody is told if the process stays as it is."""
    trial.start()
    read = trial.until_read()
    return 0 if read or trial.restarts else 1


def kill_in_hand(trial: Trial) -> int:
    """Kill it with -9 while one fix is in hand, and all others are done, if they get done before it."""
    trial.start()
    trial.until((trial.folder / HUNG).exists, "the fix to be in hand")
    trial.until_read()
    trial.kill()
    trial.start()
    trial.until_read()
    return 0


def stop_in_hand(trial: Trial) -> int:
    """Ask it to stop while one fix is in hand that never returns; then start it again."""
    trial.start()
    trial.until((trial.folder / HUNG).exists, "the fix to be in hand")
    trial.stop_all()
    trial.start()
    trial.until_read()
    return 0
