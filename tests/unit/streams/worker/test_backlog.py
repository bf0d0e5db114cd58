"""A backlog: ticks, which are small, are fetched long before the reports that came before them."""

from typing import NamedTuple

from streams import codec, events, topics, truck
from streams.worker.folding import Partition, partition_of
from tests.unit.streams import town


class Given(NamedTuple):
    """A record as the worker reads it."""

    offset: int
    value: bytes
    key: bytes = b"t1"
    headers: tuple[tuple[str, bytes], ...] = ()


def told(*, says_how_far: bool) -> list[tuple[str, str]]:
    """Fold a third of a drive's reports, all ticks of that time, the rest; return what was said of the truck's silence."""
    drive = town.loaded().go(2_000).wait(2_400).go(7_000)
    fixes = [Given(n, codec.encode(fix)) for n, fix in enumerate(drive.fixes)]
    times_ms = range(drive.fixes[0].event_time_ms, drive.fixes[-1].event_time_ms, 10_000)
    ticks = [
        events.Tick(
            at_ms=at_ms,
            hearing_ms=drive.fixes[0].event_time_ms,
            fixes_to=sum((fix.received_time_ms or 0) < at_ms for fix in drive.fixes) if says_how_far else None,
        )
        for at_ms in times_ms
    ]
    partition, third = Partition(partition_of("t1"), {}), len(fixes) // 3
    said: list[events.Event] = []
    for topic, records in (
        (topics.TRUCK_STATES, fixes[:third]),
        (topics.TICKS, [Given(n, codec.encode(tick)) for n, tick in enumerate(ticks)]),
        (topics.TRUCK_STATES, fixes[third:]),
    ):
        said += partition.fold(topic.name, records, town.reference(), truck.DEFAULT_SETTINGS).said
    return [(one.rule, one.state) for one in said if isinstance(one, events.Alert) and one.rule == "dark-truck"]


def test_nobody_is_dark_by_ticks_that_ran_ahead_of_the_reports() -> None:
    """A tick says how far reports had come when it was made; who has not read so far hears nothing yet."""
    assert told(says_how_far=True) == []
    assert told(says_how_far=False) == [("dark-truck", "raised"), ("dark-truck", "cancelled")]
