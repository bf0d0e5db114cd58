"""The problem, as JSON says it: what is to be collected, with what, where it may be tipped.

`parse` is the only way in for bytes. Afterwards every id is unique, every reference resolves, every matrix is square.

Units are in the names: seconds ``_s`` since the problem's own midnight, metres ``_m``, kilograms ``kg``, litres ``l``.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

SCHEMA: Final = "qingyun.problem/1"
MAX_BYTES: Final = 2_000_000_000
"""Uncompressed. Two matrices of 10,000 locations are about 1.2 GB of JSON."""

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""
Window = tuple[Natural, Natural]
"""Earliest and latest begin, both inclusive."""
Matrix = list[list[Natural | None]]
"""Row = from, column = to; None where there is no way."""


class Problem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day, or what is left of it."""

    schema: str = SCHEMA
    meta: dict[str, Any] = {}
    profiles: dict[str, "Profile"]
    facilities: list["Facility"] = []
    vehicles: list["Vehicle"]
    stops: list["Stop"]
    previous: list["PreviousRoute"] | None = None
    cost_per_moved_stop: Natural = 0


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a kind of truck gets from location to location."""

    duration_s: Matrix
    distance_m: Matrix


class Facility(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where loads are tipped. ``remaining_kg`` and ``docks`` None: no limit; ``windows`` left out: always open."""

    id: str
    location: Natural
    accepts: list[str]
    windows: list[Window] | UnsetType = UNSET
    unload_s: Natural = 0
    remaining_kg: Natural | None = None
    docks: Natural | None = None


class Compartment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds one of ``materials`` at a time, up to ``kg`` and up to ``l`` (None: no limit)."""

    materials: list[str]
    kg: Natural | None = None
    l: Natural | None = None  # noqa: E741  # the contract's name


class Load(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a compartment holds already. ``facilities`` None: any that accepts the material."""

    compartment: Natural
    material: str
    kg: Natural = 0
    l: Natural = 0  # noqa: E741
    facilities: list[str] | None = None


class Break(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Owed by a route that begins at or before its last possible start and is over after it."""

    id: str
    windows: list[Window]
    duration_s: Natural


class Committed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One visit in hand: exactly one of the three."""

    stop: str | None = None
    facility: str | None = None
    break_: str | None = msgspec.field(default=None, name="break")


class Vehicle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A truck with its driver. ``end`` left out: as ``start``; None: the route is over when its last visit is."""

    id: str
    profile: str
    start: Natural
    end: Natural | UnsetType | None = UNSET
    shift: Window
    max_duration_s: Natural | None = None
    overtime_s: Natural = 0
    compartments: list[Compartment]
    skills: list[str] | None = None
    breaks: list[Break] | None = None
    tip_before_end: bool = True
    day_kg: Natural | None = None
    day_stops: Natural | None = None
    cost_fixed: Natural = 0
    cost_per_m: Natural = 1
    cost_per_s: Natural = 0
    cost_per_overtime_s: Natural = 0
    load: list[Load] = []
    used_s: Natural = 0
    used_kg: Natural = 0
    used_stops: Natural = 0
    committed: list[Committed] | None = None

    @property
    def end_location(self) -> int | None:
        """Where the route must be over; None: anywhere."""
        return self.start if isinstance(self.end, UnsetType) else self.end


class Stop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One load to collect. ``vehicles`` and ``facilities`` None: any; empty: none at all."""

    id: str
    location: Natural
    material: str
    kg: Natural = 0
    l: Natural = 0  # noqa: E741
    service_s: Natural = 0
    windows: list[Window] | None = None
    skills: list[str] | None = None
    required: bool = True
    prize: Natural = 0
    vehicles: list[str] | None = None
    facilities: list[str] | None = None


class PreviousRoute(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route of the running plan. Ids that no longer exist are ignored."""

    vehicle: str
    stops: list[str]


class ProblemError(ValueError):
    """Bad input: ``str()`` is one line, the member as JSON pointer, a colon, what is wrong with it."""

    def __init__(self, pointer: str, sentence: str) -> None:
        super().__init__(f"{pointer or '/'}: {sentence}")


def parse(data: bytes) -> Problem:
    """Return the problem in ``data``, JSON or gzipped JSON.

    Raises
    ------
    ProblemError
        For anything the contract does not allow.
    """
    data = plain(data)
    header = decode(data, _Header)
    if header.schema != SCHEMA:
        raise ProblemError("/schema", f"is {header.schema!r}, expected {SCHEMA!r}")
    problem = decode(data, Problem)
    validate(problem)
    return problem


def plain(data: bytes) -> bytes:
    """Return ``data``, unzipped if it was gzip.

    Raises
    ------
    ProblemError
        Not gzip after all, or more than `MAX_BYTES`.
    """
    if data[:2] == b"\x1f\x8b":
        unzip = zlib.decompressobj(wbits=31)
        try:
            data = unzip.decompress(data, MAX_BYTES + 1)
        except zlib.error as error:
            raise ProblemError("", f"not a gzip file: {error}") from error
        if not unzip.eof and len(data) <= MAX_BYTES:
            raise ProblemError("", "the gzip file ends too early")
    if len(data) > MAX_BYTES:
        raise ProblemError("", f"more than {MAX_BYTES} bytes of JSON, split the problem")
    return data


class _Header(Struct):
    schema: str


def decode[T](data: bytes, kind: type[T]) -> T:
    """Return the ``kind`` in ``data``; what does not fit it is a `ProblemError` with the member's JSON pointer."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise ProblemError(*_located(str(error), data)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError("", f"not JSON: {error}") from error


_PATH: Final = re.compile(r" - at `\$(?P<path>.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]|(?P<any>\[\.\.\.\])|(?P<key>key) in ")
_MEMBER: Final = re.compile(r"(?:contains unknown|missing required) field `(?P<name>.*?)`", re.DOTALL)


def _located(message: str, data: bytes) -> tuple[str, str]:
    """Turn msgspec's message into a JSON pointer and a sentence."""
    path = _PATH.search(message)
    sentence = message[: path.start()] if path else message
    steps = list(_STEP.finditer(path["path"])) if path else []
    if any(step["any"] for step in steps):
        return _located_in_profiles(data)
    pointer = "".join("/" + escaped(step["name"] or step["index"] or "") for step in steps)
    member = _MEMBER.search(sentence)
    if member is None:
        return pointer, sentence[0].lower() + sentence[1:]
    unknown = "unknown" in sentence
    return f"{pointer}/{escaped(member['name'])}", "no such member is known here" if unknown else "is required"


class _Profiles(Struct):
    profiles: dict[str, msgspec.Raw]


def _located_in_profiles(data: bytes) -> tuple[str, str]:
    """Name the profile: msgspec says only that it is one of them."""
    for name, raw in msgspec.json.decode(data, type=_Profiles).profiles.items():
        try:
            msgspec.json.decode(raw, type=Profile)
        except msgspec.ValidationError as error:
            pointer, sentence = _located(str(error), b"")
            return f"/profiles/{escaped(name)}{pointer}", sentence
    return "/profiles", "a matrix is wrong"


def escaped(name: str) -> str:
    """Return ``name`` as one step of a JSON pointer (RFC 6901), on one line."""
    return name.replace("~", "~0").replace("/", "~1").replace("\n", "\\n")


def validate(problem: Problem) -> None:
    """Check what types alone cannot: matrices, references, unique ids, windows, committed heads.

    Raises
    ------
    ProblemError
        For the first thing that is wrong.
    """
    size = _check_matrices(problem.profiles)
    for name, things in (("facilities", problem.facilities), ("vehicles", problem.vehicles), ("stops", problem.stops)):
        _check_unique(f"/{name}", [thing.id for thing in things])
    facilities = {facility.id for facility in problem.facilities}
    vehicles = {vehicle.id for vehicle in problem.vehicles}
    for at, facility in _numbered("/facilities", problem.facilities):
        _check_location(f"{at}/location", facility.location, size)
        _check_windows(f"{at}/windows", [] if isinstance(facility.windows, UnsetType) else facility.windows)
    for at, stop in _numbered("/stops", problem.stops):
        _check_location(f"{at}/location", stop.location, size)
        _check_windows(f"{at}/windows", stop.windows or ())
        _check_known(f"{at}/vehicles", stop.vehicles or (), vehicles, "vehicle")
        _check_known(f"{at}/facilities", stop.facilities or (), facilities, "facility")
    stops = {stop.id for stop in problem.stops}
    taken: dict[str, str] = {}
    for at, vehicle in _numbered("/vehicles", problem.vehicles):
        _check_vehicle(at, vehicle, problem.profiles, size)
        _check_load(at, vehicle, facilities)
        _check_committed(at, vehicle, stops, facilities, taken)


def _numbered[T](at: str, things: Iterable[T]) -> Iterator[tuple[str, T]]:
    return ((f"{at}/{number}", thing) for number, thing in enumerate(things))


def _check_matrices(profiles: dict[str, Profile]) -> int:
    """Return the number of locations, the same in all."""
    size: int | None = None
    for name, profile in profiles.items():
        for member, matrix in (("duration_s", profile.duration_s), ("distance_m", profile.distance_m)):
            at = f"/profiles/{escaped(name)}/{member}"
            if size is None:
                size = len(matrix)
            if len(matrix) != size:
                raise ProblemError(at, f"{len(matrix)} rows, expected {size} as in the first matrix")
            for row, entries in enumerate(matrix):
                if len(entries) != size:
                    raise ProblemError(f"{at}/{row}", f"{len(entries)} entries, expected {size}: matrices are square")
    return size or 0


def _check_unique(at: str, ids: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for number, one in enumerate(ids):
        first = seen.setdefault(one, number)
        if first != number:
            raise ProblemError(f"{at}/{number}/id", f"{one!r} is also the id of {at}/{first}")


def _check_location(at: str, location: int, size: int) -> None:
    if location >= size:
        raise ProblemError(at, f"{location} is outside the matrices, which have {size} locations")


def _check_windows(at: str, windows: Iterable[Window]) -> None:
    for place, (earliest_s, latest_s) in _numbered(at, windows):
        if latest_s < earliest_s:
            raise ProblemError(place, f"latest {latest_s} is before earliest {earliest_s}")


def _check_known(at: str, ids: Iterable[str], known: set[str], what: str) -> None:
    for place, one in _numbered(at, ids):
        if one not in known:
            raise ProblemError(place, f"there is no {what} {one!r}")


def _check_vehicle(at: str, vehicle: Vehicle, profiles: dict[str, Profile], size: int) -> None:
    if vehicle.profile not in profiles:
        raise ProblemError(f"{at}/profile", f"there is no profile {vehicle.profile!r}")
    _check_location(f"{at}/start", vehicle.start, size)
    if isinstance(vehicle.end, int):
        _check_location(f"{at}/end", vehicle.end, size)
    earliest_s, latest_s = vehicle.shift
    if latest_s < earliest_s:
        raise ProblemError(f"{at}/shift", f"latest {latest_s} is before earliest {earliest_s}")
    breaks = vehicle.breaks or []
    _check_unique(f"{at}/breaks", [pause.id for pause in breaks])
    for place, pause in _numbered(f"{at}/breaks", breaks):
        _check_windows(f"{place}/windows", pause.windows)


def _check_load(at: str, vehicle: Vehicle, facilities: set[str]) -> None:
    held: dict[int, str] = {}
    for place, load in _numbered(f"{at}/load", vehicle.load):
        if load.compartment >= len(vehicle.compartments):
            count = len(vehicle.compartments)
            raise ProblemError(f"{place}/compartment", f"{load.compartment} is none of the {count} compartments")
        if load.material not in vehicle.compartments[load.compartment].materials:
            raise ProblemError(f"{place}/material", f"compartment {load.compartment} does not take {load.material!r}")
        other = held.setdefault(load.compartment, load.material)
        if other != load.material:
            raise ProblemError(f"{place}/material", f"compartment {load.compartment} holds {other!r} already")
        _check_known(f"{place}/facilities", load.facilities or (), facilities, "facility")


def _check_committed(at: str, vehicle: Vehicle, stops: set[str], facilities: set[str], taken: dict[str, str]) -> None:
    """``taken``: where a stop or a truck's break is committed already; added to."""
    breaks = {pause.id for pause in vehicle.breaks or ()}
    for place, visit in _numbered(f"{at}/committed", vehicle.committed or ()):
        named = [
            (member, one, known)
            for member, one, known in (
                ("stop", visit.stop, stops),
                ("facility", visit.facility, facilities),
                ("break", visit.break_, breaks),
            )
            if one is not None
        ]
        if len(named) != 1:
            raise ProblemError(place, "expected exactly one of stop, facility, break")
        member, one, known = named[0]
        if one not in known:
            raise ProblemError(f"{place}/{member}", f"there is no {member} {one!r}")
        if member == "facility":
            continue
        if member == "stop" and not vehicle.compartments:
            raise ProblemError(f"{place}/stop", f"{vehicle.id!r} has no compartment to collect {one!r} into")
        key = f"stop {one}" if member == "stop" else f"break {one} {at}"
        if key in taken:
            raise ProblemError(f"{place}/{member}", f"{one!r} is committed at {taken[key]} already")
        taken[key] = place
