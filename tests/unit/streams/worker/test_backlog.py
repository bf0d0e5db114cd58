"""Topics meet in another order than they were written in: in a backlog, and after a crash."""

from typing import NamedTuple

from streams import codec, events, state, topics, truck
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


def test_what_a_state_has_said_goes_before_what_follows_from_another_topic() -> None:
    """Killed when the alert of a tick was kept, not sent: the fix that ends it is read before the tick comes again."""
    drive, back = town.loaded().go(3_000), town.loaded().go(3_000).silence(1_500).go(5_000)
    fixes = [Given(n, codec.encode(fix)) for n, fix in enumerate(back.fixes)]
    tick = Given(7, codec.encode(events.Tick(at_ms=(drive.fixes[-1].received_time_ms or 0) + 1_210_000)))
    first = Partition(partition_of("t1"), {})
    folds = (topics.TRUCK_STATES, fixes[: len(drive.fixes)]), (topics.TICKS, [tick])
    for topic, records in folds:
        first.fold(topic.name, records, town.reference(), truck.DEFAULT_SETTINGS)
    stored = {"truck:t1": state.encode(first.trucks["t1"])}
    heir, said = Partition(partition_of("t1"), stored), []
    for topic, records in ((topics.TRUCK_STATES, fixes[len(drive.fixes) :]), (topics.TICKS, [tick])):
        said += heir.fold(topic.name, records, town.reference(), truck.DEFAULT_SETTINGS).outputs
    alerts = [codec.decode(topics.ALERTS, one.value) for one in said if one.topic == topics.ALERTS.name]
    assert [(one.revision, one.state) for one in alerts] == [(1, "raised"), (2, "ended"), (1, "raised")]
    assert alerts[0] == alerts[2]  # who reads takes it once


def test_what_a_state_has_said_goes_before_what_is_only_said_again() -> None:
    """Killed when all was kept and nothing sent: the driver's call is read again before the reports that had called before."""
    drive = town.loaded().go(1_000).fix(alarms=("sos",)).go(1_500)
    fixes = [Given(n, codec.encode(fix)) for n, fix in enumerate(drive.fixes)]
    pressed_ms = drive.time_ms
    sos = events.DriverAction(action_id="a", truck_id="t1", kind="sos", event_time_ms=pressed_ms)
    press = Given(0, codec.encode(sos))
    first = Partition(partition_of("t1"), {})
    for topic, records in ((topics.TRUCK_STATES, fixes), (topics.DRIVER_ACTIONS, [press])):
        first.fold(topic.name, records, town.reference(), truck.DEFAULT_SETTINGS)
    heir = Partition(partition_of("t1"), {"truck:t1": state.encode(first.trucks["t1"])})
    said = []
    for topic, records in ((topics.DRIVER_ACTIONS, [press]), (topics.TRUCK_STATES, fixes)):
        said += heir.fold(topic.name, records, town.reference(), truck.DEFAULT_SETTINGS).outputs
    alerts = [codec.decode(topics.ALERTS, one.value) for one in said if one.topic == topics.ALERTS.name]
    revisions = [one.revision for one in alerts if one.rule == "sos"]
    assert revisions[:3] == [1, 2, 3]
    assert sorted(set(revisions)) == [1, 2, 3]
