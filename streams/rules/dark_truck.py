"""dark-truck: a loaded truck is not heard of, or not seen, for minutes, where nothing explains it.

- *silent*: it reports again, no number is missing, and for minutes there was no report: its terminal was off. Where numbers
  are missing it did report, and the network lost it or will bring it: that is no guilt.
- *unheard*: for much longer no report has come. Time alone says so (`pass_time`); the next report ends it, or cancels it if
  it shows that the terminal had reported all the while, as a report that comes late does.
- *unseen*: reports come, the truck drives, and none has a place: the antenna is cut.

Depots, facilities, parking places and dead zones explain it (contract), and so do work on the truck and an engine that is off.
"""

from typing import Final

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.assets import Place
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import REPORTS, Gate, kmh
from streams.rules.thresholds import Thresholds
from streams.silence import Silence, drove_on_m

NAME: Final[RuleName] = "dark-truck"
VERSION: Final = "2"
EXPLAINING: Final = frozenset({"depot", "facility", "parking", "dead_zone"})
_DEAD_ZONE: Final = frozenset({"dead_zone"})
_MOVING_MPS: Final = 2.0
_SILENT: Final = "silence of the terminal, no report missing"
_UNHEARD: Final = "no report has come"
_UNSEEN: Final = "driving, and no report has a place"
_NOT_KNOWN: Final = ("whether it has no network or no power is not known",)


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    unheard_ms: int = 0
    """The last report before a silence that an alert tells of; 0 = none does."""
    unseen_ms: int = 0
    """Since when reports of the driving truck have no place; 0 = they have."""
    last_place: geo.LonLat | None = None
    last_mps: float = 0.0
    explained: bool = False
    """The last place explains it."""
    loaded: bool = False
    """It was loaded, at work and its engine on, when it reported last."""
    alerted: bool = False
    """There is an alert that ends when the truck is seen."""
    last_kg: float | None = None
    """What was on board when it reported last."""


_NOT_AT_WORK: Final = Gate[Moment](
    "loaded, at work, its engine on", lambda _, moment, __: f"{moment.cargo.state}, engine {_engine(moment)}"
)
_EXPLAINED: Final = Gate[Moment](
    "away from depots, facilities, parking places and dead zones", lambda *_: "at one of them when it was seen last"
)
_DEAD_ZONE_NEAR: Final = Gate[Moment](
    "too far from a dead zone to have driven into it",
    lambda memory, moment, _: _dead_zone_m(memory, moment),
    unit="m",
)
_STANDS_UNSEEN: Final = Gate[Moment](
    "driving, where no report has a place",
    lambda _, moment, __: kmh(moment),
    lambda _: _MOVING_MPS * 3.6,
    "km/h",
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    finding = _heard_again(memory, moment, limits) if memory.unheard_ms else _look(memory, moment, limits)
    if moment.place is not None:
        memory.last_place, memory.last_mps = moment.place, moment.speed_mps
        memory.explained = bool(moment.near) and moment.within(EXPLAINING, limits.dump_place_buffer_m) is not None
    memory.last_kg = moment.load.kg
    fix = moment.fix
    memory.loaded = moment.cargo.state == "loaded" and not fix.maintenance and fix.ignition is not False
    return finding


def _look(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    if memory.alerted:
        return _seen_again(memory, moment) if moment.place is not None or not memory.loaded else None
    excuse = REPORTS
    if moment.silent_ms >= limits.dark_s * 1000:
        why = _excuse(memory, moment)
        if why is None:
            return _silent(memory, moment, limits)
        excuse = why
    if moment.place is not None or moment.fix.mocked or not memory.loaded or memory.explained:
        memory.unseen_ms = 0
        return excuse
    if moment.speed_mps < _MOVING_MPS and not memory.unseen_ms:
        return _STANDS_UNSEEN
    memory.unseen_ms = memory.unseen_ms or moment.time_ms
    conditions = thoughts(memory, moment, limits)
    if not explain.all_met(conditions):
        return None
    if _into_dead_zone(memory, moment):
        return _DEAD_ZONE_NEAR
    memory.alerted = True
    found = _begin(conditions[0], memory.unseen_ms, moment.time_ms, _between(memory, moment), explain.gaps(moment))
    found.used = _compared(memory, moment)
    return found


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by a truck that drives and is not seen."""
    if not memory.unseen_ms:
        return ()
    return (explain.at_least(_UNSEEN, (moment.time_ms - memory.unseen_ms) / 1000, limits.dark_s, "s"),)


def _silent(memory: Memory, moment: Moment, limits: Thresholds) -> Finding:
    memory.alerted = True
    said = explain.at_least(_SILENT, (moment.time_ms - moment.since_ms) / 1000, limits.dark_s, "s")
    found = _begin(said, moment.since_ms, moment.time_ms, _between(memory, moment), explain.gaps(moment))
    found.used = _compared(memory, moment)
    _lost(found, memory, moment, limits)
    return found


def _lost(finding: Finding, memory: Memory, moment: Moment, limits: Thresholds) -> None:
    """Say how much was on board before the silence and is not after it."""
    if memory.last_kg is None or moment.load.kg is None or moment.payload_kg is None or moment.load.stuck:
        return
    fall_kg = memory.last_kg - moment.load.kg
    least_kg = limits.dump_load_fall_share * moment.payload_kg
    if fall_kg < least_kg:
        return
    spread_kg = 0.05 * memory.last_kg + 100.0  # one reading of a truck on the road
    finding.lost_kg = round(fall_kg, 0)
    finding.lost_low_kg, finding.lost_high_kg = round(max(0.0, fall_kg - spread_kg), 0), round(fall_kg + spread_kg, 0)
    finding.because = (*finding.because, explain.at_least("the load fell across the silence", fall_kg, least_kg, "kg"))


def _excuse(memory: Memory, moment: Moment) -> Gate[Moment] | None:
    """Return what explains the silence before this fix; None = nothing does."""
    if not memory.loaded:
        return _NOT_AT_WORK
    if memory.explained:
        return _EXPLAINED
    return _DEAD_ZONE_NEAR if _into_dead_zone(memory, moment) else None


def _engine(moment: Moment) -> str:
    return {True: "on", False: "off", None: "not known"}[moment.fix.ignition]


def _dead_zone_m(memory: Memory, then: Moment) -> float | str:
    if memory.last_place is None:
        return "place not known"
    found = then.reference.nearest(*memory.last_place, then.since_ms, then.tenant_id, _DEAD_ZONE)
    return "none" if found is None else found[0]


def _into_dead_zone(memory: Memory, then: Moment | Silence) -> bool:
    """Whether the truck may have driven into a dead zone after it was seen last."""
    found = _nearest_dead_zone(memory, then)
    return found is not None and found[0] <= drove_on_m(memory.last_mps)


def _compared(memory: Memory, then: Moment | Silence) -> dict[str, list[str]]:
    """Name, for `used` of an alert, the dead zone that is too far away to explain it."""
    found = _nearest_dead_zone(memory, then)
    return {} if found is None else {"zones": [found[1].versioned_id]}


def _nearest_dead_zone(memory: Memory, then: Moment | Silence) -> tuple[float, Place] | None:
    if memory.last_place is None:
        return None
    return then.reference.nearest(*memory.last_place, then.since_ms, then.tenant_id, _DEAD_ZONE)


def pass_time(memory: Memory, silence: Silence, limits: Thresholds) -> Finding | None:
    """Judge that nothing was heard for `Thresholds.dark_unheard_s`."""
    if memory.unheard_ms or memory.alerted or memory.explained or not memory.loaded or memory.last_place is None:
        return None
    if _into_dead_zone(memory, silence):
        return None
    memory.unheard_ms = silence.since_ms
    said = explain.at_least(_UNHEARD, silence.lasted_s, limits.dark_unheard_s, "s")
    at_ms = silence.since_ms + round(limits.dark_unheard_s * 1000)
    finding = _begin(said, silence.since_ms, at_ms, geo.point(*memory.last_place), _NOT_KNOWN)
    finding.certainty = "possible"
    finding.used = _compared(memory, silence)
    return finding


def reconsider(
    memory: Memory,  # noqa: ARG001  # it says what it sees at once
    alert: events.Alert | None,
    fix: events.TruckState,
    time_ms: int,
) -> Finding | None:
    """Withdraw a silence in which, as a late report shows, the terminal did report."""
    if alert is None:
        return None
    unseen = any(condition.condition == _UNSEEN for condition in alert.because)
    if unseen or not alert.start_ms < time_ms < (alert.end_ms or alert.emitted_ms):
        return None
    return explain.it_did_report(fix, time_ms, start_ms=alert.start_ms, end_ms=alert.end_ms)


def _heard_again(memory: Memory, moment: Moment, limits: Thresholds) -> Finding:
    start_ms, memory.unheard_ms = memory.unheard_ms, 0
    if moment.after_gap or moment.time_ms - start_ms < limits.dark_s * 1000:
        return explain.it_did_report(moment.fix, moment.time_ms, start_ms=start_ms, end_ms=None)
    return Finding(
        kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=moment.time_ms, where=_between(memory, moment)
    )


def _seen_again(memory: Memory, moment: Moment) -> Finding:
    memory.alerted, memory.unseen_ms = False, 0
    return Finding(kind="end", start_ms=moment.since_ms, at_ms=moment.time_ms, end_ms=moment.since_ms)


def _begin(
    said: events.Condition, since_ms: int, at_ms: int, where: events.Geometry | None, gaps: tuple[str, ...]
) -> Finding:
    return Finding(
        kind="begin",
        start_ms=since_ms,
        at_ms=at_ms,
        severity="high",
        certainty="likely",
        where=where,
        because=(explain.known("when it reported before", "loaded, at work, its engine on"), said),
        unless=(
            "in a depot, facility, parking place or dead zone",
            "reports made meanwhile that come late",
        ),
        gaps=gaps,
    )


def _between(memory: Memory, moment: Moment) -> events.Geometry | None:
    if memory.last_place is None:
        return None
    return geo.point(*memory.last_place) if moment.place is None else geo.line([memory.last_place, moment.place])
