"""For whom, and where, other thresholds than the city's are in force.

A settings file is the city's thresholds, and under ``for`` a list of what differs, each entry with whom it is for:

```
{"spill_kg": 450, "for": [{"truck_class": "compactor", "spill_kg": 600}, {"zone_id": "z4", "dump_raised_s": 10}]}
```

An entry that names several (a class and a contractor) is for who is all of them. Where entries say different things of one
threshold, a zone's goes before a contractor's, that before a class's, a material's, a tenant's and the city's; of equals the
later in the file. A rule judges each fix by the limits of that moment (`CityThresholds.at`); what it has counted so far stays.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Struct

from streams.alerts import Finding
from streams.events import RuleName, TruckClass
from streams.rules import thresholds
from streams.rules.thresholds import IN_ORDER, NAMES, Thresholds

WHO: Final = ("tenant_id", "material", "truck_class", "contractor_id", "zone_id")
"""Whom an entry may be for; a later one goes before an earlier."""
CLASSES: Final[tuple[str, ...]] = get_args(TruckClass)
_TRUCKS: Final = frozenset({"tenant_id", "truck_class", "contractor_id"})
_TRUCKS_SOMEWHERE: Final = _TRUCKS | {"zone_id"}
_BINS: Final = frozenset({"tenant_id", "material", "zone_id"})
_PLACES: Final = frozenset({"tenant_id"})
_DIFFER_BY: Final = {
    "dump_": _TRUCKS_SOMEWHERE,
    "dark_": _TRUCKS,
    "spill_": _TRUCKS,
    "uncovered_": _TRUCKS_SOMEWHERE,
    "covered_": _TRUCKS_SOMEWHERE,
    "off_route_": _TRUCKS_SOMEWHERE,
    "back_on_route_": _TRUCKS_SOMEWHERE,
    "no_permit_": _TRUCKS_SOMEWHERE,
    "outside_hours_": _TRUCKS_SOMEWHERE,
    "forbidden_": _TRUCKS_SOMEWHERE,
    "overload_": _TRUCKS,
    "balance_": _TRUCKS,
    "tamper_": _TRUCKS,
    "overspeed_": _TRUCKS_SOMEWHERE,
    "fault_": _TRUCKS,
    "overflow_": _BINS,
    "fire_": _BINS,
    "moved_": _BINS,
    "bin_": _BINS,
    "landfill_": _PLACES,
}
"""By what thresholds may differ, by how their names begin."""
_NO_ZONE: Final = {
    "dark_": "a silence has no place; a zone of kind dead_zone says where nobody can be heard",
    "spill_": "a spill is told from a quarter of an hour of driving, through many zones",
    "overload_": "a load is as heavy in one zone as in the next",
    "balance_": "a receipt is compared with what was on board on the road, through many zones",
    "tamper_": "where places may be made up, no zone is sure",
    "fault_": "a sensor is at fault wherever its truck is",
    "landfill_": "dumps of one place may lie on both sides of a border",
}
READ_BY: Final[Mapping[RuleName, tuple[str, ...]]] = {
    "illegal-dump": ("dump_", "dark_s"),
    "spillage": ("spill_",),
    "uncovered-load": ("uncovered_", "covered_"),
    "off-route": ("off_route_", "back_on_route_"),
    "no-permit": ("no_permit_", "off_route_place_m"),
    "outside-hours": ("outside_hours_", "off_route_place_m"),
    "forbidden-zone": ("forbidden_",),
    "overload": ("overload_",),
    "mass-balance": ("balance_",),
    "tamper": ("tamper_", "dump_place_buffer_m"),
    "overspeed": ("overspeed_",),
    "dark-truck": ("dark_", "dump_place_buffer_m", "dump_load_fall_share"),
    "sensor-fault": ("fault_", "bin_"),
    "bin-overflow": ("overflow_",),
    "bin-fire": ("fire_",),
    "bin-moved": ("moved_",),
    "unauthorised-landfill": ("landfill_",),
}
"""What a rule judges by, by how the names begin; a rule that is not here knows no threshold."""
_LONGEST_ID: Final = 200
_MOST_COMBINATIONS: Final = 4_096
"""Of classes, contractors and zones whose thresholds are kept merged."""


class Override(Struct, frozen=True, kw_only=True):
    """One entry: whom it is for, and what differs for them."""

    tenant_id: str | None = None
    material: str | None = None
    truck_class: str | None = None
    contractor_id: str | None = None
    zone_id: str | None = None
    values: dict[str, Any]

    @property
    def who(self) -> dict[str, str]:
        """Whom it is for; it holds for who is all of that."""
        return {name: value for name in WHO if (value := getattr(self, name)) is not None}

    @property
    def rank(self) -> int:
        """Of two that hold, that of the higher rank counts."""
        return sum(1 << WHO.index(name) for name in self.who)

    def holds(self, known: Mapping[str, str | None], zone_ids: Iterable[str]) -> bool:
        """True for who, or what, is known to be all it is for: what is not known is none of it."""
        return (self.zone_id is None or self.zone_id in zone_ids) and all(
            known.get(name) == value for name, value in self.who.items() if name != "zone_id"
        )

    def __str__(self) -> str:
        """Whom it is for, for people."""
        return ", ".join(f"{name} {value}" for name, value in self.who.items())


class InForce(NamedTuple):
    """The thresholds in force for somebody, somewhere."""

    limits: Thresholds
    differing: Mapping[str, Override]
    """Those that are not the city's, with the entry that says so."""

    def note(self, finding: Finding, rule: RuleName) -> None:
        """Have a finding that gives reasons say which thresholds it was judged by, where they are not the city's."""
        if self.differing and finding.because:
            finding.used |= self.used_by(rule)

    def used_by(self, rule: RuleName) -> dict[str, list[str]]:
        """Return what an alert's `used` says of them; nothing where all that the rule reads is the city's."""
        said = [
            f"{name} {shown(getattr(self.limits, name))} ({override})"
            for name, override in self.differing.items()
            if name.startswith(READ_BY.get(rule, ()))
        ]
        return {"thresholds": said} if said else {}


def shown(value: Any) -> str:
    """Return a threshold's value, for people."""
    return ", ".join(value) or "none" if isinstance(value, tuple) else f"{value:.10g}"


class CityThresholds:
    """The thresholds of a city, and what differs for some.

    Raises
    ------
    ValueError
        Naming a threshold that cannot be used, also one that only together with another entry's cannot.
    """

    def __init__(self, everywhere: Thresholds = thresholds.DEFAULT, overrides: Iterable[Override] = ()) -> None:
        self.everywhere = InForce(everywhere.checked(), {})
        """What is in force where nothing differs."""
        self.overrides = tuple(overrides)
        self.truck_zone_ids = self._zones_of(_TRUCKS)
        """Zones in which something differs for trucks: only these need be looked for at a fix …"""
        self.bin_zone_ids = self._zones_of(_BINS)
        """… and these at a reading of a bin."""
        self._merged = lru_cache(_MOST_COMBINATIONS)(self._merge)
        _check_together(self.overrides, everywhere)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CityThresholds) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash(self.everywhere.limits)

    def at(
        self,
        *,
        tenant_id: str,
        truck_class: str | None = None,
        contractor_id: str | None = None,
        material: str | None = None,
        zone_ids: tuple[str, ...] = (),
    ) -> InForce:
        """Return what is in force for a truck or a bin; of ``zone_ids`` those that hold it, and that entries name, count."""
        if not self.overrides:
            return self.everywhere
        return self._merged(tenant_id, material, truck_class, contractor_id, zone_ids)

    def _merge(
        self,
        tenant_id: str | None,
        material: str | None,
        truck_class: str | None,
        contractor_id: str | None,
        zone_ids: tuple[str, ...],
    ) -> InForce:
        known = dict(zip(WHO, (tenant_id, material, truck_class, contractor_id), strict=False))
        return _merged(self.everywhere.limits, (one for one in self.overrides if one.holds(known, zone_ids)))

    def _zones_of(self, kind: frozenset[str]) -> frozenset[str]:
        return frozenset(
            one.zone_id
            for one in self.overrides
            if one.zone_id is not None and any(kind <= _differs_by(name) for name in one.values)
        )

    def _said(self) -> tuple[Thresholds, tuple[Override, ...]]:
        return self.everywhere.limits, self.overrides


def _merged(city: Thresholds, overrides: Iterable[Override]) -> InForce:
    """Return the city's thresholds with these over them."""
    differing = {name: override for override in sorted(overrides, key=lambda one: one.rank) for name in override.values}
    values = {name: override.values[name] for name, override in differing.items()}
    limits = msgspec.structs.replace(city, **values)
    return InForce(limits, {name: differing[name] for name in NAMES if getattr(limits, name) != getattr(city, name)})


def _differs_by(name: str) -> frozenset[str]:
    return next(by for begin, by in _DIFFER_BY.items() if name.startswith(begin))


def _check_together(overrides: tuple[Override, ...], city: Thresholds) -> None:
    """Refuse thresholds that are at odds with each other only where several entries hold at once.

    What must not be above what are two, so at most two entries decide; all that hold wherever both do are merged with them.
    """
    for pair in IN_ORDER:
        touching = [one for one in overrides if not one.values.keys().isdisjoint(pair)]
        for at, one in enumerate(touching):
            for other in touching[: at + 1]:
                if any(one.who.get(name, value) != value for name, value in other.who.items() if name != "zone_id"):
                    continue  # nobody is both
                both = other.who | one.who
                zone_ids = {zone_id for zone_id in (one.zone_id, other.zone_id) if zone_id is not None}
                found = _merged(city, (each for each in overrides if each.holds(both, zone_ids)))
                try:
                    found.limits.checked()
                except ValueError as error:
                    together = f"{other}" if one is other else f"{other} together with {one}"
                    raise ValueError(f"for {together}: {error}") from error


# --------------------------------------------------------------------------------------------- reading

CITY: Final = CityThresholds()
"""The defaults, for everybody."""


def read(document: bytes) -> CityThresholds:
    """Read a settings file: a JSON object of thresholds, and ``for``; what it does not name keeps its default.

    Raises
    ------
    ValueError
        Naming what cannot be used, its value and what was expected.
    """
    try:
        given = msgspec.json.decode(document)
    except msgspec.DecodeError as error:
        raise ValueError(f"thresholds: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"thresholds are {_json(given)}, expected an object of names and values")  # noqa: TRY004  # said as one sentence
    entries = given.pop("for", [])
    if not isinstance(entries, list):
        raise ValueError(f"for is {_json(entries)}, expected a list of objects")  # noqa: TRY004
    city = Thresholds(**_values(given, NAMES))
    return CityThresholds(city, [_override(entry, f"for[{n}]") for n, entry in enumerate(entries)])


def _values(given: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    for name in given:
        if name not in NAMES:
            raise ValueError(thresholds.unknown("threshold", name, known))
    return {name: thresholds.value_of(name, value) for name, value in given.items()}


def _override(given: Any, at: str) -> Override:
    if not isinstance(given, dict):
        raise ValueError(f"{at} is {_json(given)}, expected an object: whom it is for, and what differs")  # noqa: TRY004
    who = {name: _id(name, given[name], at) for name in WHO if name in given}
    if not who:
        raise ValueError(f"{at} is for nobody, expected one or more of {', '.join(WHO)}")
    try:
        values = _values({name: value for name, value in given.items() if name not in who}, (*WHO, *NAMES))
    except ValueError as error:
        raise ValueError(f"{at}: {error}") from error
    if not values:
        raise ValueError(f"{at} ({' '.join(who)}) says nothing of them, expected a threshold or more")
    for name in values:
        _check_sensible(name, who, at)
    return Override(**who, values=values)


def _id(name: str, value: Any, at: str) -> str:
    if name == "truck_class" and value not in CLASSES:
        raise ValueError(f"{at}: truck_class is {_json(value)}, expected one of {', '.join(CLASSES)}")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise ValueError(f"{at}: {name} is {_json(value)}, expected a text of 1 to {_LONGEST_ID} characters")
    return value


def _check_sensible(name: str, who: Mapping[str, str], at: str) -> None:
    """Refuse what cannot be: a bin has no truck class, a silence no place."""
    allowed = _differs_by(name)
    for by, value in who.items():
        if by not in allowed:
            why = next((why for begin, why in _NO_ZONE.items() if by == "zone_id" and name.startswith(begin)), "")
            raise ValueError(
                f"{at}: threshold {name} cannot differ by {by} ({value})"
                f"{f': {why}' if why else ''}; expected {', '.join(one for one in WHO if one in allowed)}"
            )


_LONGEST_SHOWN: Final = 100


def _json(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
