"""Faults of a group of two: one joins and leaves, one is suspended for longer than its session."""

from tests.benchmarks.faults.trial import Trial


def rebalance(trial: Trial) -> int:
    """Let a second one join and leave in order, twice."""
    trial.start()
    for share in (0.1, 0.5):
        trial.until_committed(share)
        second = trial.start()
        trial.until_members(2)
        trial.until_committed(share + 0.2)
        trial.stop(second)
        trial.until_members(1)
    trial.until_read()
    return 0


def suspended(trial: Trial) -> int:
    """Suspend one of two until the other has its partitions, then let it go on."""
    trial.start()
    second = trial.start()
    trial.until_members(2)
    trial.until_committed(0.2)
    second.suspend()
    trial.until_members(1)
    trial.until_committed(0.8)
    second.resume()
    trial.until_read()
    return 0
