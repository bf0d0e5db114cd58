"""What the town sends under harm: reports out of order and twice, a wrong clock, none that counts, and what nobody can use."""

from collections import Counter
from itertools import islice

import pytest

from services import bus
from services.recorder import mappings
from streams import codec, events
from streams.worker import dead_letters
from streams.worker.role import INPUTS
from tests.crash import inputs
from tests.crash.inputs import Poison

HEARD = list(islice(inputs.stream(3), 8_000))
FIXES = [one for one in HEARD if isinstance(one, events.TruckState)]
POISON = [one for one in HEARD if isinstance(one, Poison)]


def test_a_seed_says_the_same_again() -> None:
    """So that what was found can be played again."""
    assert list(islice(inputs.stream(3), 2_000)) == HEARD[:2_000]
    assert list(islice(inputs.stream(4), 2_000)) != HEARD[:2_000]


def test_reports_overtake_each_other_come_late_and_come_twice() -> None:
    """In the order of arrival; late ones within and beyond what the streams wait for."""
    arrivals = [one.received_time_ms or 0 for one in FIXES]
    assert arrivals == sorted(arrivals)
    delays = Counter()
    newest: dict[str, int] = {}
    seen = Counter((one.truck_id, one.event_time_ms, one.seq) for one in FIXES)
    for fix in FIXES:
        overtaken = fix.event_time_ms < newest.get(fix.truck_id, 0)
        newest[fix.truck_id] = max(newest.get(fix.truck_id, 0), fix.event_time_ms)
        if overtaken and not fix.resent and fix.truck_id != inputs.WRONG_CLOCK:
            late_s = ((fix.received_time_ms or 0) - fix.event_time_ms) / 1000
            delays["swapped" if late_s < 15 else "waited for" if late_s < 30 else "too late"] += 1
    assert min(delays[what] for what in ("swapped", "waited for", "too late")) > 20
    assert sum(times - 1 for times in seen.values()) > 100
    assert max(seen.values()) == 2


def test_one_clock_is_off_and_one_device_counts_nothing() -> None:
    """All their reports, and nobody else's."""
    off = {one.truck_id for one in FIXES if one.event_time_ms > (one.received_time_ms or 0)}
    assert off == {inputs.WRONG_CLOCK}
    assert {one.truck_id for one in FIXES if one.seq is None} == {inputs.UNNUMBERED}


def test_poison_is_of_every_kind_on_every_topic_and_no_two_are_alike() -> None:
    """Each is refused by who is to set it aside; there is too little of it to stop a worker."""
    assert len({one.value for one in POISON}) == len(POISON)
    kinds = Counter()
    for one in POISON:
        try:
            codec.check_schema(one.topic, dict(one.headers))
            codec.decode(one.topic, one.value)
        except codec.Undecodable as error:
            kinds[one.topic.name, str(error)[:15]] += 1
            assert one.by_worker == (one.topic in INPUTS)
        else:
            assert b"\\u0000" in one.value
            assert not one.by_worker
    assert {name for name, _ in kinds} == {topic.name for topic in inputs.POISONED}
    assert len(POISON) * 100 < len(HEARD)
    assert len(POISON) < 2 * dead_letters.MOST_IN_WINDOW


@pytest.mark.parametrize("number", range(len(inputs.POISONS)))
def test_the_recorder_sets_each_aside(number: int) -> None:
    """What its mappings do not refuse, the database does (`test_recorder.py` plays that)."""
    one = POISON[number]
    record = bus.Record(one.topic.name, 0, 0, one.key.encode(), one.value, dict(one.headers), 1)
    if b"\\u0000" in one.value:
        assert mappings.writes_of(record)
    else:
        with pytest.raises(codec.Undecodable):
            mappings.writes_of(record)
