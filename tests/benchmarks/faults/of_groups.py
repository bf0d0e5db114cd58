"""Faults of a group: one joins and leaves, one is suspended for longer than its session, one is put out."""

from tests.benchmarks.faults.trial import MORE, Trial
from tests.faults import Direction

MB = 2**20
_MOST_MB = 128
"""More is not looked for."""


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


def expelled(trial: Trial) -> int:
    """Put it out of its group between two commits, three times: its next commit fails, and it has to join again."""
    trial.start()
    for share in (0.2, 0.4, 0.6):
        trial.until_committed(share)
        trial.expel()
    trial.until_read()
    return 0


def expelled_when_done(trial: Trial) -> int:
    """Put it out of its group when all is committed; look what it reads again before it goes on: it had all of that."""
    trial.start()
    trial.until_committed(1.0)
    came = [trial.ways.readers.trap(Direction.DOWN, mb * MB, lambda: None) for mb in range(1, _MOST_MB + 1)]
    trial.expel()
    trial.put_more(MORE)
    trial.until_read()
    trial.again_mb = sum(one.is_set() for one in came)
    return 0
