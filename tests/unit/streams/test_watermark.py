"""Order, duplicates, gaps, clocks, phones."""

from streams import events, watermark
from streams.watermark import Bounds, Order

BOUNDS = Bounds()
T0 = 1_781_586_000_000


def fix(at_s: float, seq: int | None, *, lag_s: float = 0.3, **more: object) -> events.TruckState:
    """A report at ``at_s`` that arrives ``lag_s`` later."""
    at_ms = T0 + round(at_s * 1000)
    given = {"terminal_id": "tm", "source": "jt808", "received_time_ms": at_ms + round(lag_s * 1000)} | more
    return events.TruckState(truck_id="t1", event_time_ms=at_ms, seq=seq, **given)  # type: ignore[arg-type]


def arrive(order: Order, *fixes: events.TruckState) -> list[tuple[int | None, bool]]:
    """``(seq, late)`` of what is released."""
    now_ms, released = 0, []
    for one in fixes:
        now_ms = max(now_ms, one.received_time_ms or one.event_time_ms)
        released += watermark.arrive(order, one, now_ms, BOUNDS)
    return [(one.fix.seq, one.late) for one in released]


def started(seq: int = 10) -> Order:
    """An order whose terminal is known up to ``seq``."""
    order = Order()
    watermark.arrive(order, fix(0, seq), T0, BOUNDS)
    watermark.release(order, T0 + 300 + BOUNDS.unnumbered_ms, BOUNDS)
    return order


def test_the_next_number_is_judged_on_arrival() -> None:
    """Nothing is missing, nothing is waited for."""
    assert arrive(started(), fix(10, 11), fix(20, 12)) == [(11, False), (12, False)]


def test_numbers_wrap_at_65535() -> None:
    """0 follows 65535."""
    assert arrive(started(65_535), fix(10, 0)) == [(0, False)]


def test_a_missing_number_is_waited_for_and_then_both_are_judged_in_order() -> None:
    """12 waits for 11."""
    order = started()
    assert arrive(order, fix(20, 12)) == []
    assert arrive(order, fix(10, 11, lag_s=15)) == [(11, False), (12, False)]


def test_of_one_second_the_lower_number_is_the_earlier() -> None:
    """12 waits for 11; what of that second comes when 12 was judged is late."""
    order = started()
    assert arrive(order, fix(10, 12), fix(10, 11)) == [(11, False), (12, False)]
    late = started()
    arrive(late, fix(10, 12))
    watermark.release(late, T0 + 10_300 + BOUNDS.gap_ms, BOUNDS)
    assert arrive(late, fix(10, 11, lag_s=60)) == []
    (released,) = watermark.release(late, T0 + 70_000 + BOUNDS.unnumbered_ms, BOUNDS)
    assert (released.fix.seq, released.late) == (11, True)


def test_the_wait_ends_after_thirty_seconds_of_arrival_and_what_comes_then_is_late() -> None:
    """One millisecond before the bound it still waits."""
    order = started()
    arrive(order, fix(20, 12))
    arrived_ms = T0 + 20_300
    assert watermark.release(order, arrived_ms + BOUNDS.gap_ms - 1, BOUNDS) == []
    (released,) = watermark.release(order, arrived_ms + BOUNDS.gap_ms, BOUNDS)
    assert released.after_gap
    assert arrive(order, fix(10, 11, lag_s=60)) == [(11, True)]
    assert order.late == 1


def test_one_number_missing_but_no_time_is_a_heartbeat_and_waited_for_shortly() -> None:
    """The usual interval passed: 13 after 11 without a fix between."""
    order = started()
    arrive(order, fix(10, 11))
    assert arrive(order, fix(20, 13)) == []
    assert watermark.release(order, T0 + 20_300 + BOUNDS.unnumbered_ms, BOUNDS) != []


def test_a_repeated_report_is_dropped_and_counted() -> None:
    """Same terminal, event time and number, however late it comes again."""
    order = started()
    assert arrive(order, fix(10, 11), fix(10, 11, lag_s=15), fix(20, 12)) == [(11, False), (12, False)]
    assert order.duplicates == 1


def test_without_numbers_the_place_tells_repeats_from_news() -> None:
    """Same time and place: a repeat; same time, another place: not."""
    order = Order()
    arrive(order, fix(0, None, lon=1.0, lat=2.0), fix(0, None, lon=1.0, lat=2.0), fix(0, None, lon=1.0, lat=3.0))
    assert order.duplicates == 1


def test_several_fixes_of_one_frame_share_its_number() -> None:
    """A batch (0x0704): one serial number, many times."""
    assert arrive(started(), fix(10, 11), fix(20, 11), fix(30, 11)) == [(11, False)] * 3


def test_a_clock_of_the_future_is_corrected_at_once() -> None:
    """Eight hours ahead cannot be a delay."""
    order = started()
    ahead = fix(10 + 8 * 3600, 11, lag_s=-8 * 3600 + 0.5)
    (released,) = watermark.arrive(order, ahead, T0 + 10_500, BOUNDS)
    assert released.time_ms == T0 + 10_500
    assert released.clock_offset_ms == -8 * 3_600_000 + 500


def test_a_clock_of_the_past_is_believed_wrong_when_its_delay_is_steady() -> None:
    """A backlog's delays shrink; a wrong clock's do not."""
    wrong, backlog = started(), started()
    arrive(wrong, *(fix(10 * n, 10 + n, lag_s=600) for n in range(1, 5)))
    assert wrong.terminals["tm"].offset_ms == 600_000
    arrive(backlog, *(fix(10 * n, 10 + n, lag_s=600 - 10 * n) for n in range(1, 5)))
    assert backlog.terminals["tm"].offset_ms == 0


def test_a_resend_from_a_blind_area_is_no_wrong_clock() -> None:
    """Marked as resent: late is normal for it."""
    order = started()
    arrive(order, *(fix(10 * n, 10 + n, lag_s=900, resent=True) for n in range(1, 6)))
    assert order.terminals["tm"].offset_ms == 0


def test_a_phone_fills_only_gaps_of_the_terminal() -> None:
    """Within 60 s of a terminal's fix it is not needed; after that it is judged."""
    order = started()
    phone = {"terminal_id": "phone", "source": "osmand"}
    arrive(order, fix(10, 11), fix(30, None, **phone), fix(80, None, **phone))
    released = watermark.release(order, T0 + 90_000, BOUNDS)
    assert [one.time_ms for one in released] == [T0 + 80_000]
    assert order.unneeded == 1


def test_a_truck_with_a_phone_alone_is_followed_by_it() -> None:
    """No terminal, no gap to fill."""
    order = Order()
    arrive(order, *(fix(10 * n, None, terminal_id=None, source="osmand") for n in range(3)))
    assert len(watermark.release(order, T0 + 60_000, BOUNDS)) > 0
    assert order.unneeded == 0


def test_the_waiting_room_is_bounded() -> None:
    """A state must fit a record: beyond the bound the oldest are judged without what is missing."""
    order = started()
    arrive(order, *(fix(20 + n / 10, 12 + n, lag_s=0) for n in range(BOUNDS.buffer_records + 30)))
    assert len(order.waiting) <= BOUNDS.buffer_records


def test_an_arrival_clock_that_went_back_stalls_nobody() -> None:
    """One record from the future of arrival time: those after it do not wait for that future."""
    order = started()
    future_ms = T0 + 10**9
    assert watermark.arrive(order, fix(20, 12, received_time_ms=future_ms, resent=True), future_ms, BOUNDS) == []
    released = watermark.arrive(order, fix(30, 14), future_ms, BOUNDS)
    assert [one.fix.seq for one in released] == [12, 14]
