"""The bytes of a state.

``states/`` holds bytes as older versions of this program wrote them; they are never written anew.
"""

from pathlib import Path
from typing import Final

import msgspec
import pytest
from msgspec.structs import replace

from streams import bins, events, filling, state, truck
from streams.assets import Reference
from streams.units import HOUR_MS
from tests.unit.streams import town
from tests.unit.streams.judging import fold


def test_a_state_survives_its_bytes() -> None:
    """Whatever a long drive leaves in it."""
    stamped = state.new_truck("t1")
    fold(town.loaded().go(3_000).go(3_000, 200).fixes, one=stamped.state)
    stamped.take("truck-states", 7, [state.Said("truck-states", 7, "alerts", "a", b"{}")])
    assert state.decode("truck", state.encode(stamped)) == stamped


STATES: Final = Path(__file__).parent / "states"


def test_states_of_version_1_are_read_as_what_they_meant() -> None:
    """A truck whose terminal calls for help, said by the lack of an action then: the call ends with the alarm bit, not before."""
    old = state.decode("truck", (STATES / "truck-1.msgpack").read_bytes())
    assert (old.v, old.has("truck-states", 60), old.has("truck-states", 61)) == (state.VERSION, True, False)
    assert state.decode("truck", state.encode(old)) == old
    one, reference = old.state, Reference(town.records(("w00",)))
    (terminal_id,) = one.order.terminals
    sos = one.ledger.last["sos"]
    press = events.DriverAction(action_id="a", truck_id="w00", kind="sos", event_time_ms=one.last_ms + 1_000)
    _, said = truck.step(one, press, reference)
    _, taken_back = truck.step(one, _correction(press), reference)
    assert said == taken_back == []  # the terminal still calls
    (seq,) = (terminal.released_seq for terminal in one.order.terminals.values())
    calm = events.TruckState(
        truck_id="w00", terminal_id=terminal_id, source="jt808", seq=(seq or 0) + 1, event_time_ms=one.last_ms + 10_000
    )
    (ended,) = (out for out in truck.step(one, calm, reference)[1] if isinstance(out, events.Alert))
    assert (ended.alert_id, ended.state, ended.revision) == (sos.alert_id, "ended", 2)


def test_a_truck_of_version_2_goes_on() -> None:
    """Loaded and driving; only what was compared for a spill begins anew, and the next fixes are judged as ever."""
    old = state.decode("truck", (STATES / "truck-2.msgpack").read_bytes())
    assert (old.v, old.state.cargo.state, old.state.cargo.source_id) == (state.VERSION, "loaded", "s1")
    assert old.state.memories.spillage == type(old.state.memories.spillage)()
    assert state.decode("truck", state.encode(old)) == old
    drive = town.loaded("w00").go(4_000)
    ends = len(drive.fixes)
    drive.go(4_000, 300).go(6_000, 300)
    told = fold(drive.fixes[ends:], town.reference(truck_ids=("w00",)), old.state)
    assert [out.rule for out in told if isinstance(out, events.Alert)] == ["off-route"]


def test_a_truck_of_version_3_goes_on_as_if_never_stored() -> None:
    """Half way through a spill: found at the same fix, with the same stretch of the road, by the minutes kept in the bytes."""
    drive = town.loaded("w00", noise_kg=350).go(3_800, speed_mps=8, cover="closed")
    drive.go(5_300, speed_mps=8, falling_kg=1_100, cover="open")
    ends = len(drive.fixes)
    drive.go(6_700, speed_mps=8, falling_kg=1_100, cover="open").go(14_000, speed_mps=8)
    old = state.decode("truck", (STATES / "truck-3.msgpack").read_bytes())
    never_stored = state.new_truck("w00")
    reference = town.reference(truck_ids=("w00",))
    fold(drive.fixes[:ends], reference, never_stored.state)
    for rule, alert in old.state.ledger.last.items():  # alerts of that time name no evidence: their next revision does
        assert alert.evidence_id is None
        old.state.ledger.last[rule] = replace(alert, evidence_id=events.evidence_id(alert.alert_id))
    assert (old.v, old.state) == (state.VERSION, never_stored.state)
    told = fold(drive.fixes[ends:], reference, old.state)
    assert told == fold(drive.fixes[ends:], reference, never_stored.state)
    assert "spillage" in [out.rule for out in told if isinstance(out, events.Alert)]


def test_a_bin_of_version_1_is_read() -> None:
    """One reading: its fill is known, its rate is not."""
    old = state.decode("bin", (STATES / "bin-1.msgpack").read_bytes())
    assert (old.v, old.state.filling.bin_id, old.offsets) == (state.VERSION, "b1", {"bin-readings": 1})


def test_a_bin_of_version_3_goes_on() -> None:
    """Its forecast is where it was, its jumps are small as its scatter was, and what is learnt since goes on from there."""
    old = state.decode("bin", (STATES / "bin-3.msgpack").read_bytes())
    one = old.state.filling
    assert (old.v, one.fill, one.weekdays) == (state.VERSION, 0.646, [1.0] * 7)
    assert one.rate_per_h == one.fast_per_h == one.slow_per_h == pytest.approx(0.0123863, abs=1e-6)
    assert one.jump == pytest.approx(0.002)
    assert state.decode("bin", state.encode(old)) == old
    was_ms = 1_796_096_070_999  # its forecast in version 3: it was to be looked at 6 h before
    assert filling.forecast(one).p50_ms == pytest.approx(was_ms, abs=HOUR_MS)
    reading = events.BinReading(bin_id="b1", event_time_ms=one.last_ms + HOUR_MS, fill=0.66)
    bins.step(old.state, reading, Reference())
    assert (one.fill, one.grain) == (0.66, pytest.approx(0.014))


def _correction(action: events.DriverAction) -> events.DriverAction:
    return events.DriverAction(
        action_id="b",
        truck_id=action.truck_id,
        kind="corrected",
        corrects="a",
        event_time_ms=action.event_time_ms + 1_000,
    )


def test_a_newer_version_is_refused_by_name() -> None:
    """Never read as something else."""
    value = msgspec.msgpack.encode({"v": 99, "state": {}})
    with pytest.raises(state.UnknownVersion, match="version 99"):
        state.decode("truck", value)


def test_a_state_too_large_for_a_record_is_named_before_it_is_written() -> None:
    """The producer would crash the worker without saying why."""
    stamped = state.new_truck("t1")
    stamped.take("truck-states", 1, [state.Said("truck-states", 1, "alerts", "a", b"x" * 1_000_000)])
    with pytest.raises(state.TooLarge, match="at most 900000"):
        state.encode(stamped)


def test_the_stamp_is_read_without_the_rest() -> None:
    """A worker looks at all of them when it begins, to see how far they have read."""
    stamped = state.new_truck("t1")
    stamped.take("truck-states", 41, [])
    assert state.stamp(state.encode(stamped)).offsets == {"truck-states": 42}
