"""Which of two positions is the newer."""

from services.newest import rank_ms, reading_rank_ms
from streams.events import PHONE_WAITS_MS, BinReading, TruckState


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


def test_a_clock_that_is_ahead_wins_until_the_next_record_comes() -> None:
    """Nothing was measured after it came: no truck and no bin stands still until the day its clock has shown once."""
    ahead = TruckState(truck_id="t", event_time_ms=10**9, received_time_ms=1_000)
    right = TruckState(truck_id="t", event_time_ms=1_900, received_time_ms=2_000)
    assert rank_ms(ahead) == 1_000
    assert rank_ms(right) > rank_ms(ahead)
    before, after = (BinReading(bin_id="b", event_time_ms=ms, received_time_ms=2_000) for ms in (10**9, 1_999))
    assert reading_rank_ms(before) == 2_000
    assert reading_rank_ms(after) == 1_999
