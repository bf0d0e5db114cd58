"""What a bin's sensor says of its life, and when that comes: echoes, scatter, alarms; a radio that loses, repeats and waits."""

import random
from typing import Any

from tests.labelled.bin_life import END_MS, Life, Span, within
from tests.labelled.truth import BEGIN_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Hardness

Reading = dict[str, Any]
HOTTEST_C = 300.0
"""What the edge takes from a thermometer."""
_ALARM_C = 70.0


def readings(life: Life, hard: Hardness, chance: random.Random) -> list[Reading]:
    """Return what arrives of one bin, in order of arrival."""
    found: list[Reading] = []
    said_stuck: dict[Span, tuple[float, float | None]] = {}
    for seq, at_ms in enumerate(_times(life)):
        reading = _reading(life, at_ms, hard, chance, said_stuck)
        reading["seq"] = seq
        found += _arrivals(life, reading, at_ms, hard, chance)
    return sorted(found, key=lambda one: one["received_time_ms"])


def _times(life: Life) -> list[int]:
    """By its interval; when it is tilted or set up; each ten minutes above 70 °C, if it has an alarm."""
    times = set(life.reports())
    for begin_ms, end_ms in life.tilts:
        times |= {begin_ms, end_ms}
    for fire in life.fires if life.sensor.alarms else ():
        hot = [
            at_ms for at_ms in range(fire.span[0], fire.span[1] + HOUR_MS, MINUTE_MS) if life.celsius(at_ms) >= _ALARM_C
        ]
        times |= set(hot[::10])
    return sorted(at_ms for at_ms in times if 0 <= at_ms < min(life.ends_ms, END_MS))


def _reading(
    life: Life, at_ms: int, hard: Hardness, chance: random.Random, said_stuck: dict[Span, tuple[float, float | None]]
) -> Reading:
    sensor = life.sensor
    tilted = within(life.tilts, at_ms)
    changes = any(at_ms in span for span in life.tilts)
    celsius = life.odd_c.get(at_ms, round(life.celsius(at_ms) + chance.gauss(0, 0.3), 1))
    reading: Reading = {
        "bin_id": life.bin_id,
        "source": "chirpstack",
        "temperature_c": celsius,
        "tilted": tilted if changes or not sensor.tilt_by_event else None,
        "lid_open": within(life.lids, at_ms) if sensor.has_lid_switch else None,
        "battery": 0.9,
    }
    invalid = _invalid(life, at_ms, celsius, tilted=tilted, hard=hard, chance=chance)
    if invalid is not None:
        return reading | {"invalid": invalid}
    stuck = next((span for span in life.stuck if span[0] <= at_ms < span[1]), None)
    if stuck is None:
        fill, distance_mm = _echo(life, at_ms, hard, chance)
    else:
        fill, distance_mm = said_stuck.setdefault(stuck, _echo(life, stuck[0], hard, chance))
    return reading | {"fill": fill, "distance_mm": distance_mm}


def _invalid(
    life: Life, at_ms: int, celsius: float, *, tilted: bool, hard: Hardness, chance: random.Random
) -> str | None:
    if within(life.mute, at_ms):
        return "distance is 0 mm, expected above 0 to 20000"
    if celsius > HOTTEST_C:
        return f"temperature is {celsius} °C, expected -60 to 300"
    if tilted and (
        not life.sensor.tilt_by_event or chance.random() < 0.8
    ):  # what says each time how it stands is marked by the edge
        tells = not life.sensor.tilt_by_event
        return (
            "the sensor is tilted: it does not look into the bin"
            if tells
            else "distance is 0 mm, expected above 0 to 20000"
        )
    if life.level(at_ms) >= 1.0 and chance.random() < hard.lost_echo:
        return "distance is 0 mm, expected above 0 to 20000"
    return None


def _echo(life: Life, at_ms: int, hard: Hardness, chance: random.Random) -> tuple[float, float | None]:
    level = life.level(at_ms)
    if within(life.near, at_ms):
        level = chance.uniform(0.97, 1.0)
    elif level >= 1.0 and chance.random() < hard.false_echo:
        level = chance.uniform(0.1, 0.8)
    elif life.sensor.in_mm or level > 0.93:
        used = not any(begin_ms <= at_ms < end_ms for begin_ms, end_ms in life.idle)
        level = min(level, 1.0 - 0.01 * chance.random()) + chance.gauss(0, hard.surface if used else 0.004)
    level = min(1.0, max(0.0, level))
    if not life.sensor.in_mm:
        return round(level, 2), None
    distance_mm = round(life.depth_mm * (1 - level))
    return round(1 - distance_mm / life.depth_mm, 4), float(distance_mm)


def _arrivals(life: Life, reading: Reading, at_ms: int, hard: Hardness, chance: random.Random) -> list[Reading]:
    """Return what comes of it: nothing, it, or it and a repeat; a gateway without network brings it later."""
    if at_ms in life.unheard or within(life.deaf, at_ms):
        return []
    changes = reading["tilted"] is not None and any(at_ms in span for span in life.tilts)
    if chance.random() < hard.lost and not changes and at_ms not in life.odd_c:
        return []
    delay_ms = round(chance.uniform(0.2, 3) * SECOND_MS)
    if chance.random() < 0.01:
        delay_ms += round(chance.uniform(1, 90) * MINUTE_MS)
    event_ms = BEGIN_MS + at_ms + life.sensor.clock_ms
    first = reading | {"event_time_ms": event_ms, "received_time_ms": BEGIN_MS + at_ms + delay_ms}
    if chance.random() >= 0.04:
        return [first]
    sent_again = chance.random() < 0.5
    again_ms = round(chance.uniform(3, 9) * SECOND_MS)
    if sent_again:  # the radio repeats it: the same number, another second
        return [
            first,
            first | {"event_time_ms": event_ms + again_ms, "received_time_ms": first["received_time_ms"] + again_ms},
        ]
    return [first, first | {"received_time_ms": first["received_time_ms"] + round(chance.uniform(1, 60)) * MINUTE_MS}]
