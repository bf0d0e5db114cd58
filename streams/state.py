"""The state of one truck or one bin, and its bytes.

Every encoding carries its version ``v``; `decode` reads older ones by migrating them, and refuses newer ones by name.
A state also carries which input it has folded in (`Stamped`): a record offered again after a crash changes nothing, and
what it led to is said again with the same ids.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from streams import bins, overdue, rules, tickets
from streams.alerts import Ledger
from streams.cargo import Cargo
from streams.events import DEFAULT_TENANT
from streams.load import Load
from streams.overdue import OpenLoads
from streams.plans import KeptPlan
from streams.position import Position
from streams.rules.thresholds import DEFAULT
from streams.sites import Site
from streams.tickets import Tickets
from streams.visits import Visits
from streams.watermark import Order

VERSION: Final = 4
LARGEST_BYTES: Final = 900_000
"""A larger state would not fit a Kafka record (1 MB); it ends the worker by name instead of in the producer."""


Memories: Final[Any] = rules.memories_of(rules.RULES, __name__)


class Truck(Struct):
    """Everything remembered of one truck."""

    truck_id: str
    tenant_id: str = DEFAULT_TENANT
    """As its records or the register say."""
    newest_arrival_ms: int = 0
    order: Order = field(default_factory=Order)
    position: Position = field(default_factory=Position)
    last_ms: int = 0
    """Corrected event time of the last fix judged; 0 = none."""
    last_offset_ms: int = 0
    """By how much its device's clock was corrected."""
    wake_ms: int = 0
    """Arrival time at which silence alone is judged; 0 = it says nothing of this truck."""
    load: Load = field(default_factory=Load)
    cargo: Cargo = field(default_factory=Cargo)
    visits: Visits = field(default_factory=Visits)
    tickets: Tickets = field(default_factory=Tickets)
    loads: OpenLoads = field(default_factory=OpenLoads)
    plans: list[KeptPlan] = field(default_factory=list)
    memories: Memories = field(default_factory=Memories)
    ledger: Ledger = field(default_factory=Ledger)


class Said(Struct, array_like=True):
    """An output, kept until the input that led to it is committed."""

    topic: str
    offset: int
    """Offset of the input on its topic."""
    output_topic: str
    key: str
    value: bytes


class Stamped[S](Struct):
    """A state with the next offset of each input topic, and what was said since the last commit.

    One entity's records of one topic are all in one partition, so the topic's name is enough.
    """

    v: int
    state: S
    offsets: dict[str, int] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    steps: list[tuple[str, int]] = field(default_factory=list)
    """Since the state was last written: of which topics inputs were folded in, in turn, and the offset after each run.

    Inputs of several topics meet in an order of the worker's own; each is right, and this says which it was.
    """

    def has(self, topic: str, offset: int) -> bool:
        """True if that input is already folded in."""
        return offset < self.offsets.get(topic, 0)

    def said_at(self, topic: str, offset: int) -> list[Said]:
        """Return what that input led to."""
        return [said for said in self.said if said.topic == topic and said.offset == offset]

    def take(self, topic: str, offset: int, said: Iterable[Said]) -> None:
        """Note that an input is folded in, and what it led to."""
        self.offsets[topic] = offset + 1
        if self.steps and self.steps[-1][0] == topic:
            self.steps[-1] = (topic, offset + 1)
        else:
            self.steps.append((topic, offset + 1))
        self.said.extend(said)

    def forget_said(self, topic: str, committed: int) -> None:
        """Drop what inputs before the committed offset led to: they will not be offered again."""
        if self.said:
            self.said = [said for said in self.said if said.topic != topic or said.offset >= committed]


class TooLarge(ValueError):  # noqa: N818  # names the state, ends the worker
    """A state that would not fit a Kafka record."""


class UnknownVersion(ValueError):  # noqa: N818  # names what to do
    """A state written by a newer version of this program."""


class _Version(Struct):
    v: int = 0


Kind = Literal["truck", "bin", "site"]
_encoder: Final = msgspec.msgpack.Encoder()
_DECODERS: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    "truck": msgspec.msgpack.Decoder(Stamped[Truck]),
    "bin": msgspec.msgpack.Decoder(Stamped[bins.Bin]),
    "site": msgspec.msgpack.Decoder(Stamped[Site]),
}
_version: Final = msgspec.msgpack.Decoder(_Version)


def encode(stamped: Stamped[Any]) -> bytes:
    """Return the bytes of a state.

    Raises
    ------
    TooLarge
        Above `LARGEST_BYTES`.
    """
    value = _encoder.encode(stamped)
    if len(value) > LARGEST_BYTES:
        raise TooLarge(f"state has {len(value)} bytes, at most {LARGEST_BYTES} fit a Kafka record")
    return value


def decode(kind: Kind, value: bytes) -> Stamped[Any]:
    """Return the state in these bytes.

    Raises
    ------
    UnknownVersion
        If a newer program wrote it, or an older one whose states this one cannot read.
    """
    version = _version.decode(value).v
    if version != VERSION:
        return _migrated(kind, value, version)
    stamped: Stamped[Any] = _DECODERS[kind].decode(value)
    return stamped


def _migrated(kind: Kind, value: bytes, version: int) -> Stamped[Any]:
    """Return the state that these bytes of an older version stand for."""
    if not OLDEST <= version < VERSION:
        raise UnknownVersion(
            f"{kind} state has version {version}, this program reads {OLDEST} to {VERSION}: use the program that wrote it"
        )
    plain = msgspec.msgpack.decode(value)
    try:
        for step in _MIGRATIONS[version - OLDEST :]:
            step(kind, plain)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise msgspec.ValidationError(f"{kind} state of version {version} is none: {error!r}") from error
    plain["v"] = VERSION
    stamped: Stamped[Any] = _DECODERS[kind].decode(msgspec.msgpack.encode(plain))
    return stamped


def _from_1(kind: Kind, plain: dict[str, Any]) -> None:
    """Say of a call for help that the terminal makes it: version 1 may say so by having no action of a driver."""
    if kind != "truck":
        return
    for rule in ("sos", "breakdown"):
        start_ms, action_id, *rest = plain["state"].get("memories", {}).get(rule, (0, None))
        said, *more = rest or (False,)
        plain["state"].setdefault("memories", {})[rule] = [
            start_ms, action_id, said or (start_ms != 0 and action_id is None), *more
        ]  # fmt: skip


def _from_2(kind: Kind, plain: dict[str, Any]) -> None:
    """Begin anew what has another shape.

    A truck's load is compared anew: minutes' medians are not what levels are made of now. A bin was how it fills, no more.
    """
    if kind == "bin":
        plain["state"] = {"filling": plain["state"]}
        return
    memories = plain["state"].get("memories", {})
    if len(spillage := memories.pop("spillage", [])) == 11 and spillage[10]:  # one goes on: it has to be ended
        start_ms, before_kg, lost_kg = spillage[6:9]
        memories["spillage"] = [[], [], 0, start_ms, before_kg, lost_kg, 0.0, 0, True]
    cargo = plain["state"].get("cargo", [])
    if len(cargo) == 12:  # what it stands at gives what it carries; that had one name
        cargo.append(cargo[3])


def _from_3(kind: Kind, plain: dict[str, Any]) -> None:
    """Pack the way of a load that is watched; what is on board has been on its way since it was loaded; split a bin's rate."""
    if kind == "truck":
        _open_load(plain["state"])
        _pack_way(plain["state"].get("memories", {}).get("spillage"))
    if kind == "bin":
        _split_rate(plain["state"].get("filling", []))


def _pack_way(memory: list[Any] | None) -> None:
    """Pack the way of a load, where each minute had a list of places; say its highest minute."""
    if not memory:
        return
    minutes = memory[0]
    for minute in minutes:
        minute[5:] = [[round(degrees * 1_000_000) for place in places for degrees in place] for places in minute[5:]]
    memory[9:] = [max((kg / n for _, n, kg, *_ in minutes[:-1] if n), default=0.0)]


def _split_rate(filling: list[Any]) -> None:
    """Scatter was the variance gained in an hour: by the rate it is the jump. Weekdays and the rest begin anew."""
    if len(filling) < 16:
        return
    rate_per_h, scatter_per_h = filling[6] or 0.0, filling[7]
    filling[7] = min(max(scatter_per_h / rate_per_h, 0.002), 1.0) if rate_per_h > 1e-9 else 0.1
    filling[16:] = [[1.0] * 7, rate_per_h, rate_per_h]


def _open_load(truck: dict[str, Any]) -> None:
    """Say of the load on board since when it is; of what was tipped before nothing is known."""
    load = (truck.get("tickets") or [None])[0]
    if load is None or "loaded" not in load["times"] or truck["cargo"][0] != "loaded":
        return
    on_board = overdue.of_load_on_board(msgspec.convert(load, tickets.Load), DEFAULT.balance_open_h)
    truck["loads"] = msgspec.to_builtins(on_board)


OLDEST: Final = 1
_MIGRATIONS: Final[tuple[Callable[[Kind, dict[str, Any]], None], ...]] = (_from_1, _from_2, _from_3)
"""From each version since `OLDEST` to the next: each changes a state in place, as plain values."""


class Stamp(Struct):
    """The part of an encoded state that says what it has folded in."""

    offsets: dict[str, int] = field(default_factory=dict)


_stamp: Final = msgspec.msgpack.Decoder(Stamp)


def stamp(value: bytes) -> Stamp:
    """Return what a state in these bytes has folded in, without decoding all of it."""
    return _stamp.decode(value)


def new_truck(truck_id: str) -> Stamped[Truck]:
    """Return a truck nothing is known of."""
    return Stamped(v=VERSION, state=Truck(truck_id=truck_id))


def new_bin(bin_id: str) -> Stamped[bins.Bin]:
    """Return a bin nothing is known of."""
    return Stamped(v=VERSION, state=bins.new(bin_id))


def new_site(cell: str) -> Stamped[Site]:
    """Return a cell where nothing was dumped yet."""
    return Stamped(v=VERSION, state=Site(cell=cell))
