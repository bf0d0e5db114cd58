"""Which of two positions is the newer."""

from services.newest import rank_ms
from streams.events import PHONE_WAITS_MS, TruckState


def state(event_time_ms: int, source: str | None) -> TruckState:
    return TruckState(truck_id="t", event_time_ms=event_time_ms, source=source)


def test_among_phones_and_among_terminals_the_later_wins() -> None:
    """The handicap is the same for all of a kind."""
    for source in ("osmand", "jt808", None):
        assert rank_ms(state(2, source)) > rank_ms(state(1, source))


def test_the_terminal_takes_over_at_once() -> None:
    """Its first fix after a gap wins over a phone's of the same moment."""
    assert rank_ms(state(1000, "jt808")) > rank_ms(state(1000, "osmand"))
    assert rank_ms(state(1000 + PHONE_WAITS_MS + 1, "osmand")) > rank_ms(state(1000, "jt808"))
