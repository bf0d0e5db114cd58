"""What stands in evidence: which time is wanted, what is missing, which bytes belong to which measurement."""

import inspect
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from services import seal
from services.evidence import document
from services.evidence.document import Found, Frame, Named, Part
from streams import codec, events
from streams.rules import explain
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

START_MS = 1_795_500_000_000


def alert(**changed: Any) -> events.Alert:
    given = {
        "alert_id": "a1",
        "revision": 1,
        "rule": "off-route",
        "rule_version": "3",
        "state": "raised",
        "severity": "medium",
        "certainty": "observed",
        "start_ms": START_MS,
        "raised_ms": START_MS + 90_000,
        "emitted_ms": START_MS + 90_400,
        "truck_id": "t1",
    }
    return events.Alert(**{**given, **changed})


def fix(second: int, **changed: Any) -> dict[str, Any]:
    at_ms = START_MS + second * 1_000
    given = {"truck_id": "t1", "terminal_id": "x1", "source": "jt808", "event_time_ms": at_ms}
    return {**given, "received_time_ms": at_ms + 400, "lon": -8.6, "lat": 41.1, "accuracy_m": 5.0, **changed}


def frame(second: int, value: bytes, device_id: str = "x1") -> Frame:
    return Frame(device_id, START_MS + second * 1_000 + 400, 3, second, "jt808", "s1", value)


def compose(of: events.Alert, found: Found) -> dict[str, Any]:
    return document.compose(of, msgspec.json.decode(codec.encode(of)), found)


WHOLE = Found(measurements=[fix(0)], frames=[frame(0, b"~0")], known_to_ms=START_MS + DAY_MS)


def test_a_minute_around_is_wanted_whole() -> None:
    """From a minute before the start to a minute after what was last: raising, or the end."""
    before_ms, after_ms = START_MS - MINUTE_MS, START_MS + 90_000 + MINUTE_MS
    assert document.parts(alert()) == (Part(before_ms, after_ms),)
    ended = alert(state="ended", end_ms=START_MS + 300_000)
    assert document.parts(ended) == (Part(before_ms, START_MS + 300_000 + MINUTE_MS),)
    over_before_it_was_told = alert(end_ms=START_MS + 10_000)
    assert document.parts(over_before_it_was_told) == (Part(before_ms, after_ms),)


@pytest.mark.parametrize("hours", [0.4, 2, 30, 24 * 20])
def test_of_a_long_alert_the_ends_are_whole_and_between_is_a_sample(hours: float) -> None:
    """Both ends and the minute it was raised in, whole; between at most a fix a minute, and never more than some hundred."""
    raised_ms, end_ms = START_MS + round(hours * HOUR_MS / 2), START_MS + round(hours * HOUR_MS)
    found = document.parts(alert(raised_ms=raised_ms, end_ms=end_ms, state="ended"))
    assert (found[0].from_ms, found[-1].to_ms) == (START_MS - MINUTE_MS, end_ms + MINUTE_MS)
    assert all(one.to_ms + 1 == following.from_ms for one, following in pairwise(found))
    whole = [one for one in found if not one.every_ms]
    assert whole[0].to_ms - whole[0].from_ms >= document.ENDS_MS
    assert any(one.from_ms <= raised_ms - MINUTE_MS and raised_ms + MINUTE_MS <= one.to_ms for one in whole)
    sampled = [one for one in found if one.every_ms]
    assert sampled
    assert all(one.every_ms >= MINUTE_MS for one in sampled)
    assert sum((one.to_ms - one.from_ms) / one.every_ms for one in sampled) <= document.MOST_SAMPLES


def test_bytes_belong_to_the_fix_of_their_device_and_moment() -> None:
    """By key and time of arrival alone; two frames of one millisecond are both named, another device's is not."""
    found = Found(
        measurements=[fix(0), fix(5)],
        frames=[frame(0, b"~a"), frame(0, b"~b"), frame(5, b"~c", device_id="x2")],
        known_to_ms=START_MS + DAY_MS,
    )
    assert document.frame_keys(found) == [("x1", START_MS + 400), ("x1", START_MS + 5_400)]
    said = compose(alert(), found)
    assert [one["frames"] for one in said["measurements"]] == [[seal.sha256(b"~a"), seal.sha256(b"~b")], []]
    assert said["missing"] == ["of 1 of 2 measurements the original bytes were not found"]
    assert said["frames"][0] == {
        "device_id": "x1",
        "received_time_ms": START_MS + 400,
        "partition": 3,
        "offset": 0,
        "protocol": "jt808",
        "session": "s1",
        "sha256": seal.sha256(b"~a"),
        "length": 2,
    }


def test_a_fix_that_came_without_bytes_lacks_none() -> None:
    """Another system put it on Kafka: our doors never had its bytes."""
    found = WHOLE._replace(measurements=[fix(0, source="traccar")], frames=())
    assert compose(alert(), found)["complete"]


def test_a_bin_is_found_by_the_device_that_the_register_names() -> None:
    """A reading names its bin and no device."""
    reading = {"bin_id": "b1", "event_time_ms": START_MS, "received_time_ms": START_MS + 400, "source": "chirpstack"}
    found = Found(
        measurements=[reading],
        devices={"chirpstack": "eui1"},
        frames=[frame(0, b"POST", device_id="eui1")],
        known_to_ms=START_MS + 90_000,
    )
    assert document.frame_keys(found) == [("eui1", START_MS + 400)]
    said = compose(alert(truck_id=None, bin_id="b1", rule="bin-overflow"), found)
    assert (said["complete"], said["measurements"][0]["frames"]) == (True, [seal.sha256(b"POST")])


def test_what_was_used_stands_in_it_whole_and_what_is_gone_is_said() -> None:
    """Permits in one text, zones in a list, a plan by its number: each with the record of that version."""
    used = {"permit": "p1@1, p@2@7", "zones": ["z4@9"], "plan": "t1@14", "number": 3}
    used["thresholds"] = ["spill_kg 600 (truck_class compactor)"]
    names = document.named(used)
    assert set(names) == {
        Named("permit", "p1", 1),
        Named("permit", "p@2", 7),
        Named("zones", "z4", 9),
        Named("plan", "t1", 14),
    }
    records = {one: {"version": one.version} for one in names if one.kind != "plan"}
    said = compose(alert(used=used), WHOLE._replace(used=records))
    assert {(one["kind"], one["id"], one["version"]): one["record"] for one in said["used"]} == {
        ("permit", "p1", 1): {"version": 1},
        ("permit", "p@2", 7): {"version": 7},
        ("plan", "t1", 14): None,
        ("zones", "z4", 9): {"version": 9},
    }
    assert said["missing"] == ["plan t1@14 is not in the tables"]


def test_a_place_of_many_dumps_rests_on_their_evidence() -> None:
    """It has no measurements of its own, and waits for none."""
    said = compose(alert(truck_id=None, truck_ids=("t1", "t2"), used={"dumps": ["d1", "d2"], "number": 2}), Found())
    assert said["evidence_of"] == [events.evidence_id("d1"), events.evidence_id("d2")]
    assert (said["measurements"], said["complete"]) == ([], True)


def test_what_may_still_come_and_what_never_came_is_said() -> None:
    """Nothing from after the end: more may come. No fix at all: so it is said, with what retention took."""
    end_ms = document.end_ms(alert())
    assert compose(alert(), WHOLE._replace(known_to_ms=end_ms - 1))["missing"] == [
        "nothing of t1 was recorded from after the end: more may come"
    ]
    assert compose(alert(), WHOLE._replace(known_to_ms=end_ms))["complete"]
    gone = Found(known_to_ms=end_ms, gone=["the fixes of day 1 were dropped"])
    assert compose(alert(), gone)["missing"] == [
        "the fixes of day 1 were dropped",
        "no measurement of t1 is in the tables for this time",
    ]


def test_the_same_findings_make_the_same_document() -> None:
    """Whenever it is asked for, so a second look adds no version; one fix more does."""
    once, again = (seal.canonical(compose(alert(), WHOLE)) for _ in range(2))
    assert once == again
    more = WHOLE._replace(measurements=[fix(0), fix(5, resent=True)])
    assert seal.canonical(compose(alert(), more)) != once


def test_what_was_sealed_before_stays_when_the_tables_have_lost_it() -> None:
    """The alert's new revision with the measurements of before; what is new is taken, what is sampled now is no loss."""
    both = Found([fix(0), fix(5)], frames=[frame(0, b"~0"), frame(5, b"~5")], known_to_ms=START_MS + DAY_MS)
    before = compose(alert(), both)
    revised = alert(revision=2, state="cancelled")
    for less in (both._replace(measurements=[fix(5)]), both._replace(frames=[frame(5, b"~5")]), Found()):
        found = document.renewed({**before, "seal": {"number": 1}}, compose(revised, less))
        assert found == {**before, "alert": found["alert"]}
        assert found["alert"]["state"] == "cancelled"
    more = compose(revised, both._replace(measurements=[fix(0), fix(3), fix(5)]))
    assert document.renewed(before, more) == more
    lasts = compose(
        alert(revision=2, state="ended", end_ms=START_MS + DAY_MS), both._replace(measurements=[fix(0), fix(5)])
    )
    late = compose(alert(), both._replace(measurements=[fix(0), fix(5), fix(100)]))
    assert document.renewed(late, lasts) != lasts  # the beginning is whole still
    in_the_middle = {**late, "measurements": [{"record": fix(40_000), "frames": []}]}
    assert document.renewed(in_the_middle, lasts) == lasts


def test_looks_come_later_and_later_and_end() -> None:
    """After an hour, a day and a week what came late is looked for; then no more."""
    one = alert()
    at_ms = settled_ms = document.settled_ms(one)
    looks = []
    while (look := document.next_look_ms(one, at_ms)) is not None:
        looks.append(look - settled_ms)
        at_ms = look
    assert tuple(looks) == document.LOOKS_MS


def test_a_clock_that_was_wrong_is_known_by_what_the_alert_says() -> None:
    """Its fixes lie elsewhere by their own time, and are found by when they came. The sentence is the rules' own."""
    assert document.by_arrival(alert(gaps=("the device clock was 3600 s ahead; times are corrected",)))
    assert not document.by_arrival(alert(gaps=("bed sensor: open",)))
    assert document.CLOCK in inspect.getsource(explain.gaps)
