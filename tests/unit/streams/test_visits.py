"""A truck was at a place."""

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import fold


def visits(drive: town.Drive) -> list[events.Visit]:
    """What was told of visits."""
    return [told for told in fold(drive.fixes) if isinstance(told, events.Visit)]


def test_a_visit_is_told_when_it_is_sure_and_again_when_it_is_over() -> None:
    """Same id; load before and after; arrival and leaving."""
    drive = town.loaded().go(town.STREET_M).wait(120, falling_kg=14_000, bed="raised").wait(60, bed="level").go(6_000)
    at_yard = [visit for visit in visits(drive) if visit.place_id == "f1"]
    assert [visit.leave_ms is None for visit in at_yard] == [True, False]
    assert at_yard[0].visit_id == at_yard[1].visit_id
    assert (at_yard[1].load_before_kg or 0) > 13_000
    assert (at_yard[1].load_after_kg or 0) < 500


def test_passing_through_an_area_is_no_visit() -> None:
    """The fence covers a public road."""
    drive = town.Drive().fix()
    drive.x_m = town.STREET_M - 1_000
    assert [visit for visit in visits(drive.go(town.STREET_M + 1_000)) if visit.place_id == "f1"] == []
