"""SOS and breakdown: what drivers and their terminals call."""

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, fold, states


def action(kind: str, at_ms: int = town.START_MS + 5_000, action_id: str = "a1", **more: object) -> events.DriverAction:
    """A driver's action."""
    return events.DriverAction(
        action_id=action_id,
        truck_id="t1",
        driver_id="dr1",
        kind=kind,  # type: ignore[arg-type]
        event_time_ms=at_ms,
        received_time_ms=at_ms + 400,
        **more,  # type: ignore[arg-type]
    )


def test_the_button_calls_once_for_as_long_as_the_bit_is_set() -> None:
    """The alarm bit stays until it is answered: one alert, then its end."""
    drive = town.Drive().fix().wait(60)
    drive.wait(60, alarms=("sos",)).wait(30, alarms=())
    found = alerts(drive, "sos")
    assert states(found) == ["raised", "ended"]
    assert found[0].severity == "critical"
    assert found[0].where is not None


def test_the_app_calls_at_once_without_waiting_for_any_fix() -> None:
    """The alert follows from the action alone, with the driver who called."""
    told = fold([action("sos")])
    assert [(alert.rule, alert.driver_id) for alert in told if isinstance(alert, events.Alert)] == [("sos", "dr1")]


def test_a_breakdown_ends_by_the_drivers_correction_of_that_action() -> None:
    """Another correction does not end it."""
    wrong = action("corrected", town.START_MS + 8_000, "a2", corrects="a0")
    right = action("corrected", town.START_MS + 9_000, "a3", corrects="a1")
    told = [alert for alert in fold([action("breakdown"), wrong, right]) if isinstance(alert, events.Alert)]
    assert states(told) == ["raised", "ended"]
    assert told[1].end_ms == town.START_MS + 9_000


def test_a_phone_does_not_know_that_the_alarm_is_over() -> None:
    """After a crash the terminal falls silent; the driver's phone reports on, and the call stands."""
    drive = town.Drive().fix().wait(60).wait(10, alarms=("collision",))
    last = drive.fixes[-1]
    phone = [
        events.TruckState(
            truck_id="t1", terminal_id="phone", source=events.PHONE, lon=last.lon, lat=last.lat,
            event_time_ms=last.event_time_ms + s * 1_000, received_time_ms=last.event_time_ms + s * 1_000 + 400,
        )
        for s in range(70, 200, 10)
    ]  # fmt: skip
    told = [one for one in fold([*drive.fixes, *phone]) if isinstance(one, events.Alert) and one.rule == "breakdown"]
    assert states(told) == ["raised"]


def test_a_call_lasts_until_nobody_calls() -> None:
    """The bit goes out, but the driver has pressed too, twice: the call ends when both presses are taken back."""
    drive = town.Drive().fix().wait(30).wait(30, alarms=("sos",)).wait(30, alarms=())
    first_ms, end_ms = drive.fixes[-4].event_time_ms, drive.fixes[-1].event_time_ms
    pressed = [action("sos", first_ms + 100 * n, f"a{n}") for n in (1, 2)]
    before = [fix for fix in drive.fixes if fix.event_time_ms <= first_ms]
    after = drive.fixes[len(before) :]
    taken_back = [action("corrected", end_ms + 1_000 * n, f"c{n}", corrects=f"a{n}") for n in (1, 2)]
    assert "sos" in before[-1].alarms
    assert "sos" not in after[-1].alarms
    told = [one for one in fold([*before, *pressed, *after, *taken_back]) if isinstance(one, events.Alert)]
    assert states([one for one in told if one.rule == "sos"]) == ["raised", "ended"]
    assert told[-1].end_ms == end_ms + 2_000


def test_a_call_that_comes_late_is_heard_and_said_to_be_over() -> None:
    """Sent again from a blind area, when later reports were judged already: raised and ended at once, with the reason."""
    told = _with_late(1, 3, late=2)
    assert states(told) == ["raised", "ended"]
    assert [(one.start_ms, one.end_ms) for one in told] == [(_at_ms(2), None), (_at_ms(2), _at_ms(2))]
    assert told[0].severity == "critical"
    assert any("came late" in gap for gap in told[1].gaps)


def test_late_reports_of_one_call_are_one_alert() -> None:
    """However many a blind area brings; and one that belongs to a call that lasts says nothing new."""
    told = _with_late(1, 60, late=2, more=tuple(range(3, 60)))
    assert states(told) == ["raised", "ended"]
    known = _with_late(1, 60, late=2, more=tuple(range(3, 60)), calling=(60,))
    assert states(known) == ["raised"]
    assert known[0].start_ms == _at_ms(60)


def test_a_call_of_the_past_is_not_said_again() -> None:
    """Its report comes once more, so late that it does not pass for a repeat; another call was in between."""
    first = [_numbered(1), _numbered(2, calls=True), *map(_numbered, range(3, 300))]
    again = [_numbered(300, calls=True), _numbered(301), _numbered(2, calls=True, resent=True)]
    told = [one for one in fold([*first, *again]) if isinstance(one, events.Alert) and one.rule == "sos"]
    assert states(told) == ["raised", "ended", "raised", "ended"]
    assert len({one.alert_id for one in told}) == 2


def _with_late(
    first: int, then: int, *, late: int, more: tuple[int, ...] = (), calling: tuple[int, ...] = ()
) -> list[events.Alert]:
    """Two reports, a minute in which the ones between do not come, then these, calling."""
    records = [
        _numbered(first), _numbered(then, calls=then in calling), events.Tick(at_ms=_at_ms(then) + 60_000),
        *(_numbered(seq, calls=True, resent=True) for seq in (late, *more)),
    ]  # fmt: skip
    return [one for one in fold(records) if isinstance(one, events.Alert) and one.rule == "sos"]


def _at_ms(seq: int) -> int:
    return town.START_MS + seq * 10_000


def _numbered(seq: int, *, calls: bool = False, resent: bool = False) -> events.TruckState:
    return events.TruckState(
        truck_id="t1", terminal_id="x", source="jt808", seq=seq, resent=resent, alarms=("sos",) if calls else (),
        event_time_ms=_at_ms(seq), received_time_ms=_at_ms(seq) + (300_000 if resent else 400),
    )  # fmt: skip
