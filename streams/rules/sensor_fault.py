"""sensor-fault: a sensor of a truck cannot be believed, and somebody should mend it. No violation: rules say less meanwhile.

A sensor that says itself that its wire is open or short, or is suspected by the terminal; a load sensor that is said to be well
and says nothing, or the same kilograms all the time on the road. A truck without a sensor has no fault.
"""

from typing import Final, Literal

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "sensor-fault"
VERSION: Final = "2"
_SENSORS: Final = ("cover", "bed", "load")
_FAULTS: Final = frozenset({"open", "short", "suspect"})


class Fault(Struct, array_like=True):
    """One sensor's fault, since it is seen."""

    kind: str
    since_ms: int
    fixes: int = 0
    well_ms: int = 0
    """Since when the sensor is well again; 0 = it is not."""
    told: bool = False


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck: faults by sensor."""

    faults: dict[str, Fault] = field(default_factory=dict)
    start_ms: int = 0
    """Of the alert that has not ended; 0 = none."""


_WELL: Final = Gate[Moment]("a sensor that says it is at fault, or says nothing", lambda *_: "none")


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    fix = moment.fix
    health = fix.sensor_health
    if (
        not memory.faults
        and health.cover not in _FAULTS
        and health.bed not in _FAULTS
        and health.load not in _FAULTS
        and _load_fault(memory, moment) is None
    ):
        return _WELL  # as almost always
    fresh = [name for name in _SENSORS if _watch(memory, name, moment, limits)]
    told = {name: fault for name, fault in memory.faults.items() if fault.told}
    if fresh:
        kind: Literal["begin", "change"] = "change" if memory.start_ms else "begin"
        memory.start_ms = memory.start_ms or min(fault.since_ms for fault in told.values())
        return _finding(kind, memory, moment, limits, told)
    if memory.start_ms and not told:
        start_ms, memory.start_ms = memory.start_ms, 0
        return explain.over(start_ms, moment.time_ms)
    return None if memory.faults else _WELL


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by the fault that has lasted longest of those not told."""
    untold = [(fault.since_ms, name) for name, fault in memory.faults.items() if not fault.told]
    if not untold:
        return ()
    sensor = min(untold)[1]
    fault = memory.faults[sensor]
    return (explain.known(f"{sensor} sensor", fault.kind), *_conditions(fault, moment, limits))


def _conditions(fault: Fault, moment: Moment, limits: Thresholds) -> tuple[events.Condition, events.Condition]:
    lasted_s = (moment.time_ms - fault.since_ms) / 1000
    return (
        explain.at_least(f"so for at least {limits.fault_s:g} s", lasted_s, limits.fault_s, "s"),
        explain.at_least("reports of it", fault.fixes, limits.fault_fixes, "reports"),
    )


def _load_fault(memory: Memory, moment: Moment) -> str | None:
    """Say what is wrong with a load sensor that is said to be well; None = nothing.

    Empty, an offset is the same all day: only a reading that was stuck with a load on board is stuck for as long as it stays.
    """
    fix = moment.fix
    if fix.load_kg is not None and not moment.load.stuck:
        return None  # as almost always
    if fix.sensor_health.load != "ok" or fix.by_phone:
        return None
    if fix.load_kg is None and fix.load_state == "unknown":
        return "silent"
    known = memory.faults.get("load")
    loaded = moment.cargo.state == "loaded" or (known is not None and known.kind == "stuck")
    return "stuck" if moment.load.stuck and loaded else None


def _watch(memory: Memory, name: str, moment: Moment, limits: Thresholds) -> bool:
    """Take a sensor's health in; True if its fault is to be told now."""
    health: str = getattr(moment.fix.sensor_health, name)
    kind = health if health in _FAULTS else _load_fault(memory, moment) if name == "load" else None
    fault = memory.faults.get(name)
    if kind is None:
        if fault is not None:
            fault.well_ms = fault.well_ms or moment.time_ms
            if not fault.told or moment.time_ms - fault.well_ms >= limits.fault_well_s * 1000:
                del memory.faults[name]
        return False
    if fault is None:
        fault = memory.faults[name] = Fault(kind, moment.time_ms)
    fault.well_ms = 0
    fault.fixes += 1
    if fault.told or not explain.all_met(_conditions(fault, moment, limits)):
        return False
    fault.told = True
    return True


def _finding(
    kind: Literal["begin", "change"], memory: Memory, moment: Moment, limits: Thresholds, told: dict[str, Fault]
) -> Finding:
    own_word = all(fault.kind in _FAULTS for fault in told.values())
    because: list[events.Condition] = []
    for sensor, fault in told.items():
        because.append(explain.known(f"{sensor} sensor", fault.kind))
        because.append(_conditions(fault, moment, limits)[0])
    return Finding(
        kind=kind,
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        severity="low",
        certainty="observed" if own_word else "likely",
        where=None if moment.place is None else geo.point(*moment.place),
        because=tuple(because),
        unless=("a truck without that sensor",),
        gaps=explain.gaps(moment),
    )
