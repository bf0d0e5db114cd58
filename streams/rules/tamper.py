"""tamper: signs that somebody keeps the truck from telling the truth.

- *mocked*: the terminal or phone says itself that its places are made up.
- *stuck*: the load reading did not move by a gram through whole cycles: loaded, driven, emptied, and again.
- *power*: the terminal's power was cut with a load on board, away from depots and workshops; for longer than a starter turns.
- *cover*: said to be closed through several unloadings, with the bed raised under it.

A broken sensor is no tampering, and one sign proves no intent: it is said as likely, or possible, for an officer to look.
"""

from typing import Final, Literal

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "tamper"
VERSION: Final = "2"
_WORK: Final = frozenset({"depot", "workshop", "facility", "parking"})
_YARD: Final = frozenset({"facility"})
_TIPPING: Final = frozenset({"tipper", "hook"})
"""Trucks whose raised bed means unloading; a compactor's or tanker's tailgate says nothing of its cover."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    sign: str = ""
    """Of which sign the alert is that has not ended; empty = none."""
    start_ms: int = 0
    mocked_ms: int = 0
    """Since when its places are made up; 0 = they are not."""
    mocked: int = 0
    """Fixes with a place that is made up."""
    stuck_ms: int = 0
    """Since when the load reading is the same."""
    stuck_kg: float = 0.0
    emptied_ms: int = 0
    """When it was last emptied, as far as counted."""
    cycles: int = 0
    """Times it was emptied with the reading the same before and after."""
    closed: int = 0
    """Unloadings in a row with the cover said to be closed."""
    tipping: bool = False
    cut_ms: int = 0
    """Since when its power is cut, as far as that is a sign; 0 = it is not."""
    cut: int = 0
    yard_ms: int = 0
    """When it was last at a facility."""


_NO_SIGN: Final = Gate[Moment](
    "a sign: places made up, power cut, load stuck over an emptying, cover closed under a raised bed", lambda *_: "none"
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    _watch_load(memory, moment)
    if moment.cargo.tipping_ms or memory.tipping:
        _watch_cover(memory, moment)
    if moment.fix.mocked or memory.mocked:
        _watch_places(memory, moment)
    if moment.near and moment.within(_YARD, limits.dump_place_buffer_m) is not None:
        memory.yard_ms = moment.time_ms
    if moment.fix.power == "cut" or memory.cut:
        _watch_power(memory, moment, limits)
    if memory.sign:
        return _over(memory, moment, limits)
    if not (memory.mocked or memory.cut or memory.cycles or memory.closed):
        return _NO_SIGN  # as nearly always
    for sign, begins in _SIGNS.items():
        finding = begins(memory, moment, limits)
        if finding is not None:
            memory.sign, memory.start_ms = sign, finding.start_ms
            return finding
    return None


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by one sign: the worst of those that are seen, or that meet theirs."""
    seen = [said for conditions in _CONDITIONS.values() if (said := conditions(memory, moment, limits))]
    return next((said for said in seen if explain.all_met(said)), seen[0] if seen else ())


# --------------------------------------------------------------------------------------------- what is watched


def _watch_places(memory: Memory, moment: Moment) -> None:
    if not moment.fix.mocked:
        memory.mocked_ms = memory.mocked = 0
        return
    memory.mocked_ms = memory.mocked_ms or moment.time_ms
    memory.mocked += 1


def _watch_load(memory: Memory, moment: Moment) -> None:
    kg = moment.fix.load_kg
    if kg is None or moment.fix.sensor_health.load != "ok":
        return
    if kg != memory.stuck_kg or kg <= 0:
        memory.stuck_ms, memory.stuck_kg, memory.cycles = moment.time_ms, kg, 0
        memory.emptied_ms = moment.cargo.emptied_ms
    elif moment.cargo.emptied_ms > memory.emptied_ms + _ONE_EMPTYING_MS and moment.load.stuck:
        memory.emptied_ms = moment.cargo.emptied_ms
        memory.cycles += 1


def _watch_power(memory: Memory, moment: Moment, limits: Thresholds) -> None:
    """A cut is a sign where the truck is seen, loaded and its engine on, away from where people work on it."""
    fix = moment.fix
    if fix.power in ("main", "backup"):
        memory.cut_ms = memory.cut = 0
    odd = fix.power == "cut" and _is_loaded(memory, moment) and not fix.maintenance and fix.ignition is not False
    if odd and moment.place is not None and moment.within(_WORK, limits.dump_place_buffer_m) is None:
        memory.cut_ms = memory.cut_ms or moment.time_ms
        memory.cut += 1


def _is_loaded(memory: Memory, moment: Moment) -> bool:
    """Whether it is loaded for sure: where no sensor says so it may have tipped, unseen, at the facility it was at since."""
    measured = moment.load.kg is not None and not moment.load.stuck
    return moment.cargo.state == "loaded" and (measured or moment.cargo.stood_until_ms >= memory.yard_ms)


_ONE_EMPTYING_MS: Final = 15 * 60_000
"""Bed and weighbridge tell of one emptying within this time."""


def _watch_cover(memory: Memory, moment: Moment) -> None:
    tipping = moment.cargo.tipping_ms > 0 and moment.truck_class in _TIPPING
    if memory.tipping and not tipping:
        memory.closed = memory.closed + 1 if moment.cargo.cover_suspect else 0
    memory.tipping = tipping


# --------------------------------------------------------------------------------------------- the signs


def _mocked_conditions(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    if not memory.mocked:
        return ()
    lasted_s = (moment.time_ms - memory.mocked_ms) / 1000
    return (
        explain.at_least("fixes made up", memory.mocked, limits.tamper_mocked_fixes, "fixes"),
        explain.at_least(f"for at least {limits.tamper_mocked_s:g} s", lasted_s, limits.tamper_mocked_s, "s"),
    )


def _mocked(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    conditions = _mocked_conditions(memory, moment, limits)
    if not conditions or not explain.all_met(conditions):
        return None
    return _begin(
        moment,
        memory.mocked_ms,
        "likely",
        explain.known("places made up, as the device itself says", "mocked"),
        *conditions,
    )


def _stuck_conditions(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    if not memory.cycles:
        return ()
    said = f"{memory.stuck_kg:.0f} kg"
    return (
        explain.met("load reading the same all the while", said, met=moment.load.stuck),
        explain.at_least("times emptied meanwhile", memory.cycles, limits.tamper_stuck_cycles, "times"),
    )


def _stuck(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    conditions = _stuck_conditions(memory, moment, limits)
    if not conditions or not explain.all_met(conditions):
        return None
    return _begin(moment, memory.stuck_ms, "likely", *conditions)


def _cut_conditions(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    if not memory.cut:
        return ()
    return (
        explain.at_least("reports of a loaded truck's power being cut", memory.cut, limits.tamper_cut_fixes, "reports"),
        explain.at_least(
            f"for at least {limits.tamper_cut_s:g} s",
            (moment.time_ms - memory.cut_ms) / 1000,
            limits.tamper_cut_s,
            "s",
        ),
    )


def _power_cut(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    conditions = _cut_conditions(memory, moment, limits)
    if not conditions or not explain.all_met(conditions):
        return None
    return _begin(
        moment,
        memory.cut_ms,
        "likely",
        explain.known("loaded", moment.cargo.state),
        explain.known("power of the terminal", "cut"),
        conditions[-1],
    )


def _cover_conditions(memory: Memory, _moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    if not memory.closed:
        return ()
    return (explain.at_least("unloadings in a row", memory.closed, limits.tamper_closed_unloadings, "times"),)


def _cover(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    conditions = _cover_conditions(memory, moment, limits)
    if not conditions or not explain.all_met(conditions):
        return None
    return _begin(
        moment,
        moment.time_ms,
        "possible",
        explain.known("cover said to be closed, and the bed raised under it", "closed"),
        *conditions,
    )


_SIGNS: Final = {"mocked": _mocked, "power": _power_cut, "stuck": _stuck, "cover": _cover}
"""The worst first: one is told at a time."""
_CONDITIONS: Final = {
    "mocked": _mocked_conditions, "power": _cut_conditions, "stuck": _stuck_conditions, "cover": _cover_conditions
}  # fmt: skip
"""Of each sign what must be met; none where nothing of it is seen."""


def _begin(
    moment: Moment, start_ms: int, certainty: Literal["likely", "possible"], *because: events.Condition
) -> Finding:
    place = moment.place
    return Finding(
        kind="begin",
        start_ms=start_ms,
        at_ms=moment.time_ms,
        severity="high",
        certainty=certainty,
        where=None if place is None else geo.point(*place),
        because=because,
        unless=("a device or sensor that is broken, and reported so", "work on the truck in a depot or workshop"),
        gaps=explain.gaps(moment),
    )


def _over(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Return the end of the sign that was told: it is over, or a worse one has begun, which is told next."""
    over = {
        "mocked": not moment.fix.mocked,
        "stuck": memory.cycles == 0,
        "power": memory.cut == 0,
        "cover": memory.closed == 0,
    }[memory.sign]
    worse = list(_SIGNS)[: list(_SIGNS).index(memory.sign)]
    if not over and not any(_SIGNS[sign](memory, moment, limits) for sign in worse):
        return None
    start_ms, memory.sign, memory.start_ms = memory.start_ms, "", 0
    return explain.over(start_ms, moment.time_ms)
