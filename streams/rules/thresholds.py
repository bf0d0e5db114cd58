"""Every threshold of the rules: one typed object, each with unit (in its name), default and source.

[P] = a proposal of this project, to be checked against a city's own practice. Who is judged by others than the city's:
`streams.rules.scoped`, which also reads them.
"""

import difflib
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

MOST: Final = 1e9
"""A larger threshold is none: no truck drives, and nothing lasts, so long."""


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of all rules. Distances m, times s, masses kg, shares of the permitted load."""

    # illegal-dump
    dump_place_buffer_m: float = 30.0
    """Unloading this near a known place is not a dump [P]."""
    dump_raised_s: float = 20.0
    """Bed raised at least this long [P]."""
    dump_speed_mps: float = 3.0
    """Slower than this while unloading: standing, or creeping to spread a thin layer [P]."""
    dump_bed_fall_share: float = 0.10
    """Fall of the load with the bed raised, share of the payload: two signals agree [P]."""
    dump_load_fall_share: float = 0.30
    """Fall of the load that speaks without a bed signal, share of the payload [P]."""
    dump_load_fall_s: float = 600.0
    """… within at most this time at one place [P]."""
    dump_settle_s: float = 60.0
    """After unloading, time over which what is left is measured [P]."""
    dark_s: float = 300.0
    """Silence after which a load that is gone is a dump in the dark, and a truck dark (contract: 5 minutes)."""
    dark_unheard_s: float = 1_200.0
    """Silence that is told before the truck reports again: longer than blind areas, whose reports come later [P]."""

    # spillage
    spill_share: float = 0.035
    """Least fall of the load while moving, share of what was on board [P: domain rule R3 says 3 %]."""
    spill_kg: float = 400.0
    """Least fall of the load while moving [P: R3 says 150 kg; readings of moving trucks are not that good]."""
    spill_errors: float = 3.7
    """The fall, in standard errors of the difference of the two levels [P]."""
    spill_noise_share: float = 0.026
    """Scatter of the readings of a moving truck, share of the load: measured on labelled days."""
    spill_closed_factor: float = 1.1
    """With the cover closed the fall must be so much clearer: one signal instead of two [P]."""
    spill_confirm_s: float = 130.0
    """The fall must have lasted so long: a rough road shakes readings for two minutes [P]."""

    # uncovered-load
    uncovered_speed_mps: float = 2.78
    """10 km/h: faster is driving [P]."""
    uncovered_s: float = 60.0
    """Driving time with the cover open or half open [P]."""
    uncovered_source_m: float = 300.0
    """Distance from the source within which the cover may still be open [P]."""
    uncovered_share: float = 0.7
    """Share of the driving time in which the cover must be open: wind makes half-closed covers flap [P]."""
    covered_again_s: float = 40.0
    """Closed this long, the violation is over [P]."""

    # off-route
    off_route_s: float = 60.0
    """Time off the corridor [P]."""
    off_route_fixes: int = 3
    """Fixes off the corridor [P]."""
    off_route_place_m: float = 35.0
    """Contract: the corridor is not applied inside, or within 35 m of, registered places."""
    off_route_handover_s: float = 180.0
    """For so long after a new plan was made the path of the one before is still allowed: its driver has to hear of it [P]."""
    back_on_route_fixes: int = 3
    """Fixes on the corridor after which the violation is over [P]."""

    # no-permit
    no_permit_s: float = 60.0
    """Driving time without a permit [P]."""
    no_permit_fixes: int = 3
    """Fixes of the driving truck [P]."""
    no_permit_needed: tuple[str, ...] = ()
    """Materials that need no permit (contract: a city's setting; default: all need one)."""

    # outside-hours
    outside_hours_s: float = 300.0
    """Grace: driving for longer outside the hours (domain rule R5: 5 minutes)."""

    # forbidden-zone
    forbidden_s: float = 20.0
    """Time inside [P]."""
    forbidden_fixes: int = 3
    """Fixes inside [P]."""
    forbidden_unseen_m: float = 200.0
    """Straight way through the zone to where it is seen next, after a single fix inside [P]."""
    forbidden_left_s: float = 60.0
    """Seen outside for so long after the last fix inside, it is over [P]."""

    # overload
    overload_share: float = 0.055
    """Above the permitted load by the truck's own sensor, which is good to some 3 % [P]."""
    overload_s: float = 240.0
    """… on the road, over at least this time [P]."""
    overload_weighed_share: float = 0.03
    """Above the permitted load, or the gross limit, by a weighbridge [P]."""

    # mass-balance
    balance_share: float = 0.09
    """Missing on the weighbridge, share of what was on board by the truck's own sensor [P: domain rule R8 says 5 %]."""
    balance_kg: float = 400.0
    """Missing at least [P: R8 says 300 kg]."""
    balance_receipt_h: float = 4.0
    """After tipping, hours within which the receipt of a facility that weighs must come: half a shift without a network [P]."""
    balance_open_h: float = 72.0
    """Hours a load may be on its way: over a weekend in the depot, and no longer [P]."""

    # tamper
    tamper_mocked_s: float = 50.0
    """Time with places that are made up [P]."""
    tamper_mocked_fixes: int = 3
    """… and fixes [P]."""
    tamper_stuck_cycles: int = 2
    """Times a truck was emptied while its load reading stayed the same [P]."""
    tamper_cut_fixes: int = 2
    """Reports of a loaded truck's power being cut …"""
    tamper_cut_s: float = 20.0
    """… over so long: a starter that starves the terminal turns for ten seconds [P]."""
    tamper_closed_unloadings: int = 3
    """Unloadings in a row under a cover said to be closed [P]."""

    # overspeed
    overspeed_share: float = 0.10
    """Above the limit: speedometers and receivers are allowed this much [P]."""
    overspeed_s: float = 20.0
    """Time above the limit [P]."""
    overspeed_fixes: int = 3
    """Fixes above the limit [P]."""
    overspeed_over_s: float = 60.0
    """Slower for so long, it is over [P]."""

    # sensor-fault
    fault_s: float = 600.0
    """A sensor must be at fault so long [P]: bumps and rain end …"""
    fault_fixes: int = 20
    """… and on so many reports [P]."""
    fault_well_s: float = 300.0
    """Well for so long, the fault is over [P]."""

    # bin-overflow
    overflow_fill: float = 0.95
    """Share of the usable depth (Devlinx-s/SMWCS: >= 95 % is critical) …"""
    overflow_s: float = 300.0
    """… at two readings at least so far apart: one may be an echo [P]."""
    overflow_jump: float = 0.3
    """Risen by more since the reading before is a thing before the sensor, or one thrown on top: only time can tell which [P];"""
    overflow_jump_s: float = 3_600.0
    """so long, and at three readings: a bag slides down, foam falls [P]."""
    overflow_left_fill: float = 0.90
    """Below it at three or four readings in a row, it is over: within its dead zone a sensor hears false echoes [P]."""

    # bin-fire
    fire_sure_c: float = 83.0
    """No sun does: 900 W/m² taken in by a dark lid, given off at 10 W/m²K on either side, are 45 K above air of 38 °C."""
    fire_c: float = 60.0
    """Devlinx-s/SMWCS: >= 60 °C is fire. A lid in the sun is, too, at noon: so only if …"""
    fire_rise_c: float = 30.0
    """… it has risen so much since the reading before …"""
    fire_rise_s: float = 600.0
    """… and that is no longer ago: a sensor's housing follows the sun in a quarter of an hour …"""
    fire_lasts_h: float = 8.0
    """… or has lasted so long, which no noon does [P]."""
    fire_over_c: float = 45.0
    """Below it, it is over [P]."""

    # bin-moved
    moved_s: float = 600.0
    """Tilted for so long: a truck that empties it takes a minute [P]."""

    # sensor-fault of bins
    bin_invalid_h: float = 6.0
    """Readings that cannot be used, over so many hours: steam, and the dew of a night, are gone by then [P] …"""
    bin_invalid_readings: int = 6
    """… and so many in a row [P]."""
    bin_stuck_readings: int = 24
    """The same reading so many times …"""
    bin_trembles: float = 0.12
    """… of a sensor of whose readings this share was a little lower than the one before: waste does not shrink, echoes tremble …"""
    bin_frozen_h: float = 24.0
    """… over so many hours [P];"""
    bin_stuck_h: float = 96.0
    """or of any sensor over so many: longer than from Friday noon to Tuesday noon …"""
    bin_stuck_gain: float = 1.0
    """… in which the bin would have filled by this share [P]."""

    # unauthorised-landfill
    landfill_dumps: int = 3
    """Dumps that make a place (domain rule R10) …"""
    landfill_m: float = 100.0
    """… each within this distance of another …"""
    landfill_days: float = 7.0
    """… and this time."""

    def checked(self) -> "Thresholds":
        """Return itself.

        Raises
        ------
        ValueError
            Naming the first threshold that is not above 0, beyond what it can be, or at odds with another.
        """
        for name in NAMES:
            _check_range(name, getattr(self, name))
        for lower, upper in IN_ORDER:
            low, high = getattr(self, lower), getattr(self, upper)
            if not low <= high:
                raise ValueError(f"threshold {lower} is {low:.10g}, expected at most {upper}, {high:.10g}")
        return self


NAMES: Final = Thresholds.__struct_fields__
DEFAULT: Final = Thresholds()
IN_ORDER: Final = (("overflow_left_fill", "overflow_fill"), ("fire_over_c", "fire_c"), ("fire_c", "fire_sure_c"))
"""What must not be above what."""

UNITS: Final = {
    "m": "m",
    "s": "s",
    "h": "h",
    "days": "days",
    "kg": "kg",
    "mps": "m/s",
    "c": "°C",
    "share": "share of 1",
    "fill": "share of 1",
    "gain": "share of 1",
    "jump": "share of 1",
    "trembles": "share of 1",
    "factor": "times",
    "errors": "standard errors",
    "fixes": "fixes",
    "cycles": "times",
    "unloadings": "times",
    "readings": "readings",
    "dumps": "dumps",
    "needed": "materials",
}
"""By the last word of a name: each says its unit."""

_FARTHEST: Final = {
    "landfill_m": 500.0,
    "dump_place_buffer_m": 60.0,
    "off_route_place_m": 60.0,
    "balance_receipt_h": 96.0,
}
"""How far places are looked for (`streams.assets`, `streams.sites`), and less than loads are kept for (`streams.overdue`)."""
_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Thresholds)}


def unit(name: str) -> str:
    """Return a threshold's unit, for people."""
    return UNITS[name.rpartition("_")[2]]


def value_of(name: str, given: Any) -> Any:
    """Return a threshold's value as a settings file gives it.

    Raises
    ------
    ValueError
        Naming the threshold, what was given and what was expected.
    """
    try:
        value = msgspec.convert(given, _TYPES[name])
    except msgspec.ValidationError as error:
        shown = msgspec.json.encode(given).decode()
        raise ValueError(f"threshold {name} is {shown}, expected {_expected(name)}") from error
    _check_range(name, value)
    return value


def _check_range(name: str, value: Any) -> None:
    if isinstance(value, int | float) and not 0 < value <= _most(name):
        raise ValueError(f"threshold {name} is {value:.10g}, expected {_expected(name)}")


def _most(name: str) -> float:
    return 1.0 if unit(name) == "share of 1" else _FARTHEST.get(name, MOST)


def _expected(name: str) -> str:
    if unit(name) == "materials":
        return "a list of materials"
    whole = "whole " if _TYPES[name] is int else ""
    return f"a {whole}number above 0 and at most {_most(name):g} ({unit(name)})"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is none, and which are like it: a unit that is missing or another leaves the rest of a name."""
    like = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"unknown {what} {name}, expected " + (
        f"a name such as {' or '.join(like)}" if like else "a name that `python -m streams thresholds` prints"
    )
