"""What seeds do: everything there is, evenly; what the tests and the build play; who may end of what."""

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.crash import harm, points, streams
from tests.crash.harm import Harm
from tests.crash.parts import RECORDERS, SESSION_S, WORKERS, Setting

BUILD: range = range(3, 8)
"""What `.ci/run` plays."""


@pytest.mark.parametrize("first", [1, 58, 1_000])
def test_a_hundred_seeds_in_a_row_do_everything_several_times(first: int) -> None:
    """Each kind, each exact point, each server: wherever the hundred begin."""
    times = Counter(one.sort for seed in range(first, first + 100) for one in harm.planned(seed))
    points_named = {f"crash point: {point.name}" for point in points.OF_WORKER}
    points_named |= {f"crash point of the recorder: {point.name}" for point in points.OF_RECORDER}
    assert points_named < set(harm.sorts())
    assert set(times) == set(harm.sorts())
    assert min(times.values()) >= 4


def test_a_seed_does_the_same_again() -> None:
    """A short plan is the beginning of a long one, and one kind alone is planned if asked for."""
    short, whole = harm.planned(4, 10.0), harm.planned(4, 60.0)
    assert whole[: len(short)] == short
    assert {one.kind for one in harm.planned(1, among="crash point of")} == {"crash point of the recorder"}
    with pytest.raises(ValueError, match="no harm has 'earthquake'"):
        harm.planned(1, among="earthquake")


def test_seeds_without_seconds_do_nothing() -> None:
    """Such a run is a finding (`campaign.Seed.result`)."""
    assert harm.planned(1, 0.0) == []


@pytest.mark.parametrize(
    "planned",
    [
        pytest.param([one for seed in BUILD for one in harm.planned(seed)], id="the build"),
        pytest.param([one for plan in harm.SHORT.values() for one in plan], id="the tests"),
    ],
)
def test_what_is_played_at_every_change_has_what_matters_most(planned: list[Harm]) -> None:
    """A worker killed at an exact point, a recorder killed, an unknown commit, an heir, a silent way, a silent broker."""
    kinds = {one.kind for one in planned}
    assert {"crash point", "kill -9 of the recorder", "unknown commit", harm.BLACK_HOLE} <= kinds
    assert any(one.kind == harm.PAST_SESSION and one.subject in WORKERS and one.seconds > SESSION_S for one in planned)
    assert any(one.kind == harm.SERVER_PAUSED and one.subject == "kafka" for one in planned)


def test_two_at_once_are_two_of_different_programs() -> None:
    """One lasts, the other is a moment in the middle of it."""
    both = [one.both for seed in range(200) for one in harm.planned(seed, among="two at once")]
    for lasting, momentary in both:
        assert lasting.seconds > 0
        assert momentary.seconds == 0
        assert lasting.subject.split()[0] != momentary.subject.split()[0]
    assert len({momentary.kind for _, momentary in both}) > 3


def test_seeds_differ_in_how_workers_are_set_up() -> None:
    """Static or not, patient or not: each about as often."""
    settings = Counter(streams.setting_of(seed) for seed in range(100))
    assert len(settings) == 4
    assert min(settings.values()) > 15


def _may_end(kind: str, subject: str, seconds: float = 0.0, *, static: bool = False) -> Iterable[str]:
    return sorted(harm.may_end(Harm(kind, subject, seconds), Setting(static=static)))


def test_nobody_may_end_of_another_s_death() -> None:
    """Only who was silent for too long and its heir, who has a twin under a name that only one may have, or whose broker was gone."""
    for kind, subject in (("kill -9", "w1"), ("stop and start", "w2"), ("kill -9 of the recorder", RECORDERS[0])):
        assert _may_end(kind, subject) == []
    assert _may_end("pause", "w1", 3.0) == []
    assert _may_end(harm.PAST_SESSION, "w1", 8.0) == ["w1", "w2"]
    assert _may_end(harm.PAST_SESSION, RECORDERS[1], 12.0) == []
    assert _may_end(harm.BLACK_HOLE, "w2 kafka", 8.0) == ["w1", "w2"]
    assert _may_end(harm.BLACK_HOLE, "w2 kafka", 2.0) == []
    assert _may_end(harm.BLACK_HOLE, "recorder postgres", 8.0) == []
    assert _may_end(harm.TWIN, "w1", 3.0, static=True) == ["w1"]
    assert _may_end(harm.TWIN, "w1", 3.0) == []
    assert _may_end(harm.SERVER_KILLED, "kafka") == ["w1", "w2"]
    assert _may_end(harm.SERVER_KILLED, "postgres") == []
    assert _may_end(harm.DISK_FULL, "kafka", 2.0) == ["w1", "w2"]
    both = Harm("two at once", "", 8.0, both=(Harm(harm.BLACK_HOLE, "w1 kafka", 8.0), Harm("kill -9", "w2")))
    assert harm.may_end(both, Setting()) == {"w1", "w2"}
