"""Whatever a bin reports within the contract: it is folded in, and time may pass."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams import bins, codec, events, filling, state
from streams.assets import Reference
from streams.units import DAY_MS, HOUR_MS

KNOWN = Reference([
    events.Asset(
        id="b1", kind="bin", material="residual", volume_l=1e300, density_kg_per_l=1e300, lon=-8.6, lat=41.2, valid_from_ms=0
    )
])  # fmt: skip

tiny = st.sampled_from([0.0, 5e-324, 1e-310, 1e-200, 1e-17, 1e-9])
fills = st.floats(0, 1) | tiny | tiny.map(lambda one: 1 - one) | st.sampled_from([0.5, 0.79999999, 0.8])
times = st.integers(0, events.LATEST_MS) | st.integers(-(2**70), 2**70)
gaps = st.sampled_from([1, 1_000, 300_000, HOUR_MS, 71 * HOUR_MS, 31 * DAY_MS, 32 * DAY_MS, 10**15]) | st.integers(
    1, 2**60
)


@settings(max_examples=300)
@given(
    start_ms=times,
    readings=st.lists(st.tuples(gaps, fills, st.none() | times), max_size=40),
    again=st.integers(1, 40),
    known=st.sampled_from([KNOWN, Reference()]),
)
def test_no_legal_reading_raises_or_holds_up(
    start_ms: int, readings: list[tuple[int, float, int | None]], again: int, known: Reference
) -> None:
    """Any fills at any times, the smallest of both and the largest, often: told in order, kept in bytes, p10 before p90."""
    a_bin = bins.new("b1")
    one = a_bin.filling
    at_ms = start_ms
    for gap_ms, fill, received_time_ms in readings * again:
        at_ms += gap_ms
        reading = events.BinReading(bin_id="b1", event_time_ms=at_ms, received_time_ms=received_time_ms, fill=fill)
        _, told = bins.step(a_bin, reading, known)
        _, more = bins.step(a_bin, events.Tick(at_ms=one.newest_arrival_ms + gap_ms % DAY_MS), known)
        for record in (*told, *more):
            codec.encode(record)
        overflow = filling.forecast(one)
        times_ms = [one for one in (overflow.p10_ms, overflow.p50_ms, overflow.p90_ms) if one is not None]
        assert times_ms == sorted(times_ms)
    assert 0 <= one.last_ms <= events.LATEST_MS
    assert state.decode("bin", state.encode(state.Stamped(v=state.VERSION, state=a_bin))).state == a_bin
