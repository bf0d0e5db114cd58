"""illegal-dump: a load leaves the truck where nothing may be unloaded.

Three ways to see it:

- *bed*: the bed is raised away from every known place; the falling load agrees (observed), or the load sensor cannot
  say (likely). An empty bed raised to clean it is no dump.
- *load*: without a bed signal (none fitted, or broken) the load falls while the truck stands (likely).
- *dark*: the terminal was silent, no report is missing by its counter, and the load is gone afterwards (possible).
"""

from typing import Final, Literal

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.load import level
from streams.moment import RESTING_MPS, Moment
from streams.rules import explain
from streams.rules.gates import LOAD_UNREADABLE, MAINTENANCE, NO_PLACE, NOT_LOADED, REPORTS, Gate, kg, kmh, place_here
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "illegal-dump"
VERSION: Final = "1"
_TIPPING_CLASSES: Final = frozenset({"tipper", "hook", None})
"""Trucks whose raised bed means unloading; a compactor's or tanker's tailgate moves at every stop."""
_DARK_READINGS: Final = 3
"""Readings after a silence before the load is believed to be gone."""

_SILENCE: Final = "silence of the terminal, no report missing"

_RAISED_LAWFULLY: Final = Gate[Moment](
    "the bed raised where, and when, it may not be", lambda *_: "it might when it was raised; until it is down again"
)
_BED_NOT_RAISED: Final = Gate[Moment](
    "bed raised, standing away from every place where unloading is lawful",
    lambda _, moment, __: f"bed: {moment.fix.bed}",
)
_MOVES: Final = Gate[Moment](
    "standing or creeping while unloading",
    lambda _, moment, __: kmh(moment),
    lambda limits: limits.dump_speed_mps * 3.6,
    "km/h",
)
_DRIVES: Final = Gate[Moment](
    "standing, where no bed sensor speaks", lambda _, moment, __: kmh(moment), lambda _: RESTING_MPS * 3.6, "km/h"
)
_MAY_UNLOAD: Final = Gate[Moment](
    "away from every place where unloading is lawful",
    lambda _, moment, __: place_here(moment),
    lambda limits: limits.dump_place_buffer_m,
    "m",
)
_NOT_GONE: Final = Gate[Moment](
    "the load gone when the readings are calm again",
    lambda memory, moment, _: f"{memory.before_kg or 0:.0f} → {kg(moment)} kg",
)
_NOTHING_LOST: Final = Gate[Moment](
    "loaded, away from lawful places, before the silence",
    lambda memory, _, __: "loaded" if memory.was_loaded else "not loaded, or not known",
)

Phase = Literal["", "bed", "load", "dark", "settling", "ignored"]


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck: the unloading it watches, and where and how loaded the truck was last."""

    phase: Phase = ""
    way: Phase = ""
    start_ms: int = 0
    end_ms: int = 0
    place: geo.LonLat | None = None
    before_kg: float | None = None
    readings: int = 0
    alerted: bool = False
    last_kg: float | None = None
    last_place: geo.LonLat | None = None
    was_loaded: bool = False
    was_near: bool = False


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    finding = _PHASES[memory.phase](memory, moment, limits)
    memory.last_kg = moment.load.kg if moment.load.kg is not None else memory.last_kg
    memory.last_place = moment.place or memory.last_place
    memory.was_loaded = moment.cargo.state == "loaded"
    memory.was_near = _near(moment, limits)
    return finding


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by the unloading that is watched."""
    if memory.phase == "bed" and moment.time_ms == memory.start_ms:
        return (explain.met("bed raised at a fix before", "at this one first", met=False),)
    return _conditions(memory, moment, limits)


def _conditions(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    match memory.phase:
        case "bed":
            fall_kg = _fall_now(memory, moment)
            if fall_kg is None:
                return (_raised(memory, moment, limits),)
            return (_fell(memory, moment, limits, fall_kg),)
        case "load" | "dark" if not moment.payload_kg:
            return (explain.missing("permitted load"),)
        case "load" if memory.before_kg is not None and moment.load.kg is not None:
            return (_fell(memory, moment, limits, memory.before_kg - moment.load.kg),)
        case "dark" if memory.before_kg is not None and moment.load.kg is not None:
            return (
                explain.at_least("readings after the silence", memory.readings, _DARK_READINGS, "readings"),
                _fell(memory, moment, limits, memory.before_kg - moment.load.kg),
            )
        case "settling":
            over_s = (moment.time_ms - memory.end_ms) / 1000
            return (explain.at_least("calm since the unloading", over_s, limits.dump_settle_s, "s"),)
        case _:
            return ()


def reconsider(memory: Memory, alert: events.Alert | None, fix: events.TruckState, time_ms: int) -> Finding | None:
    """Withdraw a dump in the dark, or say none, when a late report shows that the terminal was not silent."""
    if memory.phase == "dark" and not memory.alerted and memory.start_ms < time_ms < memory.end_ms:
        memory.phase = ""
    if alert is None:
        return None
    in_the_dark = any(condition.condition == _SILENCE for condition in alert.because)
    if not in_the_dark or not alert.start_ms < time_ms < (alert.end_ms or alert.raised_ms):
        return None
    return explain.it_did_report(fix, time_ms, start_ms=alert.start_ms, end_ms=alert.end_ms)


def _idle(memory: Memory, moment: Moment, limits: Thresholds) -> Gate[Moment] | None:
    raised = moment.bed_raised
    if raised and moment.truck_class in _TIPPING_CLASSES:
        return _watch_bed(memory, moment, limits)
    stopped_at = _not_dark(memory, moment, limits)
    if stopped_at is None:
        _start(memory, "dark", moment.since_ms, memory.last_place, memory.last_kg)
        memory.end_ms = moment.time_ms
        return None
    if raised is None or moment.truck_class not in _TIPPING_CLASSES:
        return _watch_load(memory, moment, limits)
    return _BED_NOT_RAISED if stopped_at is REPORTS else stopped_at


def _watch_load(memory: Memory, moment: Moment, limits: Thresholds) -> Gate[Moment] | None:
    if moment.speed_mps >= RESTING_MPS:
        return _DRIVES
    if not moment.place:
        return NO_PLACE
    if _near(moment, limits):
        return _MAY_UNLOAD
    if not _loaded(moment):
        return NOT_LOADED
    if not _load_speaks(moment):
        return LOAD_UNREADABLE
    _start(memory, "load", moment.time_ms, moment.place, moment.load.kg)
    return None


def _watch_bed(memory: Memory, moment: Moment, limits: Thresholds) -> Gate[Moment] | None:
    stopped_at = _lawful(moment, limits)
    if stopped_at is not None:
        _start(memory, "ignored", moment.time_ms, moment.place, None)
    else:
        _start(memory, "bed", moment.time_ms, moment.place, memory.last_kg)
    return stopped_at


def _lawful(moment: Moment, limits: Thresholds) -> Gate[Moment] | None:
    """Return why a bed that is raised now is no dump; None = nothing says so."""
    if _near(moment, limits):
        return _MAY_UNLOAD
    if moment.fix.maintenance:
        return MAINTENANCE
    if moment.cargo.state == "empty":
        return NOT_LOADED
    if moment.place is None:
        return NO_PLACE
    return _MOVES if moment.speed_mps > limits.dump_speed_mps else None


def _start(memory: Memory, way: Phase, start_ms: int, place: geo.LonLat | None, before_kg: float | None) -> None:
    memory.phase = memory.way = way
    memory.start_ms, memory.end_ms, memory.place, memory.before_kg = start_ms, 0, place, before_kg
    memory.readings, memory.alerted = 0, False


def _bed_is_down(moment: Moment, limits: Thresholds) -> bool:
    """Whether the bed came down: seen, or the truck drives off while nobody knows. One bad reading proves nothing."""
    raised = moment.bed_raised
    return raised is False or (raised is None and moment.speed_mps > limits.dump_speed_mps)


def _ignored(memory: Memory, moment: Moment, limits: Thresholds) -> Gate[Moment]:
    if _bed_is_down(moment, limits):
        memory.phase = ""
        return _BED_NOT_RAISED
    return _lawful(moment, limits) or _RAISED_LAWFULLY


def _bed(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    if not memory.alerted and (moment.fix.maintenance or _near(moment, limits)):
        memory.phase = "ignored"  # it stands where it may; the place at the start was a stray fix
        return MAINTENANCE if moment.fix.maintenance else _MAY_UNLOAD
    if _bed_is_down(moment, limits):
        memory.phase, memory.end_ms = "settling", moment.time_ms
        return None
    if memory.alerted or moment.bed_raised is None:
        return None
    if explain.all_met(_conditions(memory, moment, limits)):
        return _begin(memory, moment, limits, _fall_now(memory, moment))
    return None


def _load(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    moves = moment.speed_mps > limits.dump_speed_mps
    if moves or _near(moment, limits):
        memory.phase, memory.end_ms = ("settling", moment.time_ms) if memory.alerted else ("", 0)
        return _MOVES if moves else _MAY_UNLOAD
    if memory.alerted:
        return None
    if moment.load.kg is None or memory.before_kg is None or not _load_speaks(moment):
        return LOAD_UNREADABLE
    if explain.all_met(_conditions(memory, moment, limits)):
        return _begin(memory, moment, limits, memory.before_kg - moment.load.kg)
    if moment.time_ms - memory.start_ms > limits.dump_load_fall_s * 1000:
        memory.start_ms, memory.before_kg = moment.time_ms, moment.load.kg
    return None


def _dark(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    if memory.alerted:
        memory.phase = ""
        return Finding(kind="end", start_ms=memory.start_ms, at_ms=moment.time_ms, end_ms=memory.end_ms)
    if moment.load.kg is None or not _load_speaks(moment) or memory.before_kg is None:
        if moment.time_ms - memory.end_ms > limits.dark_s * 1000:
            memory.phase = ""
        return LOAD_UNREADABLE
    memory.readings += 1
    if memory.readings < _DARK_READINGS:
        return None
    if not explain.all_met(_conditions(memory, moment, limits)):
        memory.phase = ""
        return _NOT_GONE
    return _begin(memory, moment, limits, memory.before_kg - moment.load.kg)


def _settling(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Unloading is over; once the readings are calm, say how much is gone."""
    if moment.time_ms - memory.end_ms < limits.dump_settle_s * 1000:
        return None
    memory.phase = ""
    after = level(moment.load.samples, memory.end_ms, moment.time_ms + 1)
    fall_kg = None if after is None or memory.before_kg is None else max(0.0, memory.before_kg - after[0])
    if memory.alerted:
        return _finding("end", memory, moment, limits, fall_kg)
    if fall_kg is not None and fall_kg >= limits.dump_bed_fall_share * (moment.payload_kg or float("inf")):
        memory.phase, memory.alerted = "settling", True
        return _finding("begin", memory, moment, limits, fall_kg)
    return _NOT_GONE


_PHASES: Final = {
    "": _idle,
    "ignored": _ignored,
    "bed": _bed,
    "load": _load,
    "dark": _dark,
    "settling": _settling,
}


def _begin(memory: Memory, moment: Moment, limits: Thresholds, fall_kg: float | None) -> Finding:
    memory.alerted = True
    return _finding("begin", memory, moment, limits, fall_kg)


def _finding(
    kind: Literal["begin", "end"], memory: Memory, moment: Moment, limits: Thresholds, fall_kg: float | None
) -> Finding:
    place = memory.place or moment.place
    two_signals = memory.way == "bed" and fall_kg is not None
    certainty: Literal["observed", "likely", "possible"] = (
        "observed" if two_signals else "possible" if memory.way == "dark" or not memory.was_loaded else "likely"
    )
    spread_kg = 0.03 * (memory.before_kg or 0.0) + 100.0
    return Finding(
        kind=kind,
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        end_ms=memory.end_ms or None,
        severity="high" if two_signals or memory.way == "dark" else "medium",
        certainty=certainty,
        where=_where(memory, moment, place),
        lost_kg=None if fall_kg is None else round(fall_kg, 0),
        lost_low_kg=None if fall_kg is None else round(max(0.0, fall_kg - spread_kg), 0),
        lost_high_kg=None if fall_kg is None else round(fall_kg + spread_kg, 0),
        because=_because(memory, moment, limits, fall_kg),
        unless=() if place is None else explain.outside_places(moment, place),
        gaps=explain.gaps(moment),
        used={} if place is None else explain.used_places(moment, place),
    )


def _where(memory: Memory, moment: Moment, place: geo.LonLat | None) -> events.Geometry | None:
    if place is None:
        return None
    if memory.way == "dark" and moment.place is not None:
        return geo.line([place, moment.place])
    return geo.point(*place)


def _because(memory: Memory, moment: Moment, limits: Thresholds, fall_kg: float | None) -> tuple[events.Condition, ...]:
    said = [
        explain.known("away from every place where unloading is lawful", f"{limits.dump_place_buffer_m:g} m and more")
    ]
    if memory.way == "bed":
        raised = _raised(memory, moment, limits)
        # with a falling load beside it a bed need not have been raised so long: then how long says something, the limit nothing
        said.append(raised if raised.met else explain.known("bed raised", f"{_lasted_s(memory, moment):.0f} s"))
    if memory.way == "dark":
        said.append(explain.at_least(_SILENCE, _lasted_s(memory, moment), limits.dark_s, "s"))
    if fall_kg is not None:
        said.append(_fell(memory, moment, limits, fall_kg))
    elif memory.way == "bed":
        said.append(explain.known("the load before", "loaded" if memory.was_loaded else "not known"))
    return tuple(said)


def _lasted_s(memory: Memory, moment: Moment) -> float:
    return ((memory.end_ms or moment.time_ms) - memory.start_ms) / 1000


def _raised(memory: Memory, moment: Moment, limits: Thresholds) -> events.Condition:
    lasted_s = _lasted_s(memory, moment)
    return explain.at_least(f"bed raised for at least {limits.dump_raised_s:g} s", lasted_s, limits.dump_raised_s, "s")


def _fell(memory: Memory, moment: Moment, limits: Thresholds, fall_kg: float) -> events.Condition:
    share = limits.dump_bed_fall_share if memory.way == "bed" else limits.dump_load_fall_share
    return explain.at_least("the load fell", fall_kg, share * (moment.payload_kg or 0.0), "kg")


def _near(moment: Moment, limits: Thresholds) -> bool:
    return bool(moment.near) and moment.within(explain.UNLOADING_PLACES, limits.dump_place_buffer_m) is not None


def _loaded(moment: Moment) -> bool:
    return moment.cargo.state == "loaded"


def _load_speaks(moment: Moment) -> bool:
    fix = moment.fix
    return (
        fix.load_kg is not None
        and fix.sensor_health.load == "ok"
        and not moment.load.stuck
        and fix.ignition is not False
    )


def _fall_now(memory: Memory, moment: Moment) -> float | None:
    """How much is gone by the newest reading; None if the load cannot be judged."""
    if memory.before_kg is None or moment.fix.load_kg is None or not _load_speaks(moment) or not moment.payload_kg:
        return None
    return memory.before_kg - moment.fix.load_kg


def _not_dark(memory: Memory, moment: Moment, limits: Thresholds) -> Gate[Moment] | None:
    """Return why this is not the end of a silence, with a load before it, in which by the counter nothing was reported."""
    if moment.silent_ms < limits.dark_s * 1000:
        return REPORTS
    known = memory.last_kg is not None and memory.last_place is not None
    if not memory.was_loaded or memory.was_near or not known:
        return _NOTHING_LOST
    if _near(moment, limits):
        return _MAY_UNLOAD
    return LOAD_UNREADABLE if moment.fix.ignition is False else None
