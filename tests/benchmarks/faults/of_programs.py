"""Faults of the program itself: it raises, hangs, is killed."""

from tests.benchmarks.faults.trial import Trial

KILLS = 3


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
