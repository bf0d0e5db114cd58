"""What one seed is made of. Each fault is there in some seeds and absent in others: together they would hide each other."""

import random
from typing import Any, Final

import msgspec

CRASH_POINTS: Final = (
    "a slice is folded",
    "a state is sent",
    "states are kept, nothing is said",
    "an output is sent",
    "a slice is done",
    "all is confirmed, nothing committed",
    "committed, not told",
    "restoring",
    "revoked",
    "ingest has sent, not acknowledged",
    "polled, not written",
    "written, not told",
    "the spool is sent, not dropped",
    "a segment is dropped",
)
"""Where a process may die by chance, beside crashes at any time."""


class Options(msgspec.Struct, kw_only=True):
    """Numbers of one run. Shares are 0 to 1, times virtual milliseconds."""

    seed: int
    trucks: int = 6
    minutes: float = 22.0
    workers: int = 2
    static_members: bool = False
    slice_records: int = 20
    commit_ms: float = 500.0
    slow_broker_ms: float = 0.0
    late_writes: float = 0.0
    """Share of crashes after which what was under way arrives up to 25 s later."""
    drop: float = 0.0
    duplicate: float = 0.0
    delay_ms: float = 200.0
    """Largest usual delay between a device and the doors."""
    straggle: float = 0.0
    """Share of reports that take up to 20 s."""
    outage_every_ms: float = 0.0
    """Mean time between outages of one terminal's network; 0 = none."""
    outage_ms: float = 60_000.0
    crash_every_ms: float = 0.0
    """Mean time between kills of some process at any time; 0 = none."""
    pause_every_ms: float = 0.0
    """Mean time between pauses of some process; it goes on as a zombie."""
    longest_pause_ms: float = 25_000.0
    cut_every_ms: float = 0.0
    """Mean time between cuts of some process from the broker."""
    restart_every_ms: float = 0.0
    """Mean time between planned restarts of a worker."""
    machine_every_ms: float = 0.0
    """Mean time between restarts of the machine all workers run on: none is there for 15 to 60 s."""
    broker_away_every_ms: float = 0.0
    database_away: float = 0.0
    database_unknown: float = 0.0
    """Share of transactions whose commit happens but is not told."""
    torn_write: float = 0.0
    slow_uplinks: bool = False
    """The broker confirms too slowly for sensors: their readings go to disk first."""
    poison: int = 0
    crash_at: dict[str, float] = {}
    wrong_clocks: int = 0
    unnumbered: int = 0
    wrapping: int = 0
    rebooting: int = 0
    heartbeats: int = 0
    broken_covers: int = 0
    full: int = 0
    """Trucks with driver actions, weighings and plans beside their fixes."""
    blind: int = 0
    """Trucks emptied in a blind area, whose terminals send the live reports first and the others a minute or two later."""
    jumping: int = 0
    """Clocks that step by hours in the middle of the drive, and back."""
    overtaking: float = 0.0
    """Share of slices that take long, and are not waited for in a rebalance."""
    slow_restore_ms: float = 0.0
    """Longest additional time a slice of the changelog takes to come."""
    split_fetches: float = 0.0
    """Share of a partition's topics that a fetch leaves for the next."""
    twin_every_ms: float = 0.0
    """Mean time between starts of one more worker, by mistake: under an identity that is taken, if members are static."""
    changelog_anew_ms: float = 0.0
    """When an operator makes the changelog anew, all workers being down; 0 = nobody does. The run ends with the refusal."""


def of_seed(seed: int) -> Options:
    """Expand a seed."""
    chance = random.Random(f"options {seed}")

    def sometimes(share: float, value: Any, otherwise: Any) -> Any:
        return value if chance.random() < share else otherwise

    points = chance.sample(CRASH_POINTS, chance.choice((0, 1, 2, 4)))
    return Options(
        seed=seed,
        trucks=chance.randint(3, 6),
        workers=chance.choice((1, 2, 2, 3)),
        static_members=chance.random() < 0.3,
        slice_records=chance.choice((3, 10, 40, 500)),
        commit_ms=chance.choice((300.0, 2_000.0, 8_000.0)),
        slow_broker_ms=sometimes(0.3, chance.choice((50.0, 400.0, 2_500.0)), 0.0),
        late_writes=sometimes(0.5, 0.5, 0.0),
        drop=sometimes(0.5, chance.choice((0.01, 0.1)), 0.0),
        duplicate=sometimes(0.5, chance.choice((0.02, 0.2)), 0.0),
        delay_ms=chance.choice((50.0, 400.0, 3_000.0)),
        straggle=sometimes(0.4, chance.choice((0.01, 0.1)), 0.0),
        outage_every_ms=sometimes(0.5, chance.choice((200_000.0, 600_000.0)), 0.0),
        outage_ms=chance.choice((15_000.0, 60_000.0, 240_000.0)),
        crash_every_ms=sometimes(0.6, chance.choice((30_000.0, 120_000.0)), 0.0),
        pause_every_ms=sometimes(0.4, 120_000.0, 0.0),
        longest_pause_ms=chance.choice((25_000.0, 120_000.0)),
        cut_every_ms=sometimes(0.4, 120_000.0, 0.0),
        restart_every_ms=sometimes(0.3, 150_000.0, 0.0),
        broker_away_every_ms=sometimes(0.25, 300_000.0, 0.0),
        database_away=sometimes(0.4, 0.03, 0.0),
        database_unknown=sometimes(0.4, 0.03, 0.0),
        torn_write=sometimes(0.6, 0.7, 0.0),
        slow_uplinks=chance.random() < 0.5,
        poison=sometimes(0.5, 6, 0),
        crash_at={point: chance.choice((0.002, 0.02)) for point in points},
        wrong_clocks=sometimes(0.3, 1, 0),
        unnumbered=sometimes(0.3, 1, 0),
        wrapping=sometimes(0.4, 1, 0),
        rebooting=sometimes(0.3, 1, 0),
        heartbeats=sometimes(0.3, 1, 0),
        broken_covers=sometimes(0.3, 1, 0),
        full=sometimes(0.5, 2, 0),
        machine_every_ms=sometimes(0.3, 150_000.0, 0.0),
        blind=sometimes(0.25, 1, 0),
        jumping=sometimes(0.2, 1, 0),
        overtaking=sometimes(0.4, 0.5, 0.0),
        slow_restore_ms=sometimes(0.2, 1_500.0, 0.0),
        split_fetches=sometimes(0.1, 0.02, 0.0),
        twin_every_ms=sometimes(0.2, 300_000.0, 0.0),
        changelog_anew_ms=sometimes(0.03, chance.choice((400_000.0, 900_000.0)), 0.0),
    )
