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
