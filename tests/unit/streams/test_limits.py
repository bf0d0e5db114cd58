"""What is too long, too large or too far ahead is a dead letter, or is bounded: no record can end a worker for good."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from streams import codec, events, plans, state, topics, truck
from streams.assets import Reference
from streams.geo import BadGeometry
from streams.state import Truck
from streams.units import DAY_MS
from streams.worker.folding import Partition, partition_of
from tests.unit.streams import town

RECORD_BYTES: Final = 1_000_000
"""What aiokafka sends at most in one record, its headers with it."""


class Given(NamedTuple):
    """A record as the worker reads it."""

    offset: int
    value: bytes | None
    key: bytes | None = b"t1"
    headers: tuple[tuple[str, bytes], ...] = ()


def fix(**members: Any) -> bytes:
    """A fix of ``t1``."""
    return msgspec.json.encode({"truck_id": "t1", "event_time_ms": town.START_MS, **members})


def fold(topic: topics.Topic, *values: bytes) -> tuple[Partition, list[codec.DeadLetter]]:
    """Fold records of ``t1`` in, as a worker does, and encode all states; return the dead letters."""
    partition = Partition(partition_of("t1"), {})
    folded = partition.fold(topic.name, [Given(n, value) for n, value in enumerate(values)], town.reference(), SETTINGS)
    for stamped in folded.changed.values():
        state.encode(stamped)
    return partition, folded.letters


SETTINGS: Final = truck.DEFAULT_SETTINGS
FAR: Final = (str(2**63), str(2**64 - 1), f"1{'0' * 30}", f"-1{'0' * 30}", f"1{'0' * 5_000}")
LONG: Final = "x" * 10_000


@pytest.mark.parametrize("number", FAR, ids=["2^63", "2^64-1", "10^30", "-10^30", "10^5000"])
@pytest.mark.parametrize("member", ["event_time_ms", "received_time_ms", "seq"])
def test_a_number_that_no_state_can_hold_is_a_dead_letter(member: str, number: str) -> None:
    """JSON has no largest number; states and tables have 64 bits, dates end with the year 9999."""
    document = f'{{"truck_id":"t1","event_time_ms":1,"{member}":{number}}}'.encode()
    _, (letter,) = fold(topics.TRUCK_STATES, document)
    assert letter.stage == "decode"


@pytest.mark.parametrize("member", ["truck_id", "tenant_id", "terminal_id", "driver_id", "source"])
def test_an_id_of_ten_thousand_characters_is_a_dead_letter(member: str) -> None:
    """The sentence names it."""
    _, (letter,) = fold(topics.TRUCK_STATES, fix(**{member: LONG}))
    assert f"$.{member}" in letter.reason


def test_alarms_and_notes_have_an_end() -> None:
    """They stay in the state for as long as their call lasts."""
    assert fold(topics.TRUCK_STATES, fix(alarms=["a"] * 33))[1]
    assert fold(topics.TRUCK_STATES, fix(alarms=[LONG]))[1]
    action = {"action_id": "a", "truck_id": "t1", "event_time_ms": 1, "kind": "breakdown", "note": "x" * 4_001}
    assert fold(topics.DRIVER_ACTIONS, msgspec.json.encode(action))[1]


@pytest.mark.parametrize(
    "value",
    [
        b"x" * 999_900,
        b"x" * 1_040_000,
        b"x" * 5_000_000,
        fix(cover="x" * 600_000),
        fix(**{"x" * 700_000: 1, "cover": 7}),
    ],
    ids=["no JSON", "above the limit", "5 MB", "a long value", "a long name"],
)
def test_the_letter_of_any_record_fits_a_record(value: bytes) -> None:
    """Bytes, key, reason and headers together; what was cut is said, with its length."""
    headers = (("schema", b"truck-state/1"), ("a" * 300_000, b"b" * 300_000))
    partition = Partition(partition_of("t1"), {})
    folded = partition.fold("truck-states", [Given(7, value, b"k" * 300_000, headers)], town.reference(), SETTINGS)
    (output,), (letter,) = folded.outputs, folded.letters
    size = len(output.value) + len(output.key or b"") + sum(len(name) + len(said) for name, said in output.headers)
    assert size < RECORD_BYTES - 10_000
    assert value.startswith(output.value)
    assert "key of 300000 bytes" in letter.cut
    assert (f"value of {len(value)} bytes" in letter.cut) == (len(value) > len(output.value))
    assert ("cut", letter.cut.encode()) in output.headers


def test_a_letter_that_fits_is_left_as_it_came() -> None:
    """Byte by byte, with the record's own headers."""
    letter = codec.DeadLetter(topic="plans", stage="decode", reason="no", value=b"{", key=b"k", original=(("a", b"b"),))
    assert (letter.value, letter.key, letter.original, letter.cut) == (b"{", b"k", (("a", b"b"),), "")
    assert "cut" not in dict(letter.headers())


def test_a_truck_of_a_thousand_devices_remembers_the_last_few() -> None:
    """Those heard of longest ago are forgotten, never one whose report waits."""
    partition, letters = fold(
        topics.TRUCK_STATES,
        *(fix(terminal_id=f"{n:0200}", seq=5, event_time_ms=town.START_MS + n * 10_000) for n in range(1_000)),
    )
    assert letters == []
    order = partition.trucks["t1"].state.order
    assert len(order.terminals) <= 8 + len(order.waiting)
    assert {one.terminal_id for one in order.waiting} <= order.terminals.keys()


def test_the_paths_of_kept_plans_have_an_end() -> None:
    """Thinned, and still longer than a day's road: refused by name. Of many long ones the newest are kept."""
    with pytest.raises(BadGeometry, match="has 20001 points"):
        plans.keep([], _plan(1, points=20_001))
    kept: list[plans.KeptPlan] = []
    for version in range(1, 7):
        plans.keep(kept, _plan(version, points=15_000))
    assert [plan.version for plan in kept] == [5, 6]


def test_a_wrong_clock_is_no_time_of_arrival() -> None:
    """A fix that says nothing of its arrival and is ten years ahead: later gaps of its truck are waited for as before."""
    one, known = Truck(truck_id="t1"), town.reference()
    _step(one, known, [(1, 0), (2, 10_000)])
    ahead = events.TruckState(truck_id="t1", terminal_id="other", seq=9, event_time_ms=town.START_MS + 3_650 * DAY_MS)
    truck.step(one, ahead, known)
    assert one.newest_arrival_ms == town.START_MS + 10_000
    _step(one, known, [(3, 20_000), (5, 40_000), (4, 30_000)])
    assert one.order.late == 0


def test_a_weighbridge_with_a_wrong_clock_blinds_nobody() -> None:
    """Its receipt of next year has emptied the truck now, not until then: what it loads tomorrow is on board."""
    one, known = Truck(truck_id="t1"), town.reference()
    start_ms, lon, lat = town.START_MS, *town.at(0)
    weighing = events.Weighing(
        weighing_id="w", truck_id="t1", facility_id="f1",
        event_time_ms=start_ms + 365 * DAY_MS, received_time_ms=start_ms,
    )  # fmt: skip
    truck.step(one, weighing, known)
    for n in range(120):
        at_ms = start_ms + 60_000 + n * 10_000
        standing = events.TruckState(
            truck_id="t1", terminal_id="x", seq=n, lon=lon, lat=lat, speed_mps=0.0, source="jt808",
            event_time_ms=at_ms, received_time_ms=at_ms,
        )  # fmt: skip
        truck.step(one, standing, known)
    assert (one.cargo.state, one.cargo.source_id) == ("loaded", "s1")


def _plan(version: int, *, points: int) -> events.TruckPlan:
    path = {"type": "LineString", "coordinates": [list(town.at(n, 50 * (n % 2))) for n in range(points)]}
    return events.TruckPlan(truck_id="t1", plan_version=version, made_ms=version, reason="first_plan", path=path)


def _step(one: Truck, known: Reference, numbered: Iterable[tuple[int, int]]) -> None:
    for seq, later_ms in numbered:
        at_ms = town.START_MS + later_ms
        truck.step(
            one,
            events.TruckState(
                truck_id="t1", terminal_id="x", seq=seq, source="jt808", event_time_ms=at_ms, received_time_ms=at_ms
            ),
            known,
        )
