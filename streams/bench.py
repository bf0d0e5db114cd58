"""What the core costs: CPU time a fix, over a made-up or a recorded day. ``python -m streams bench``."""

import math
import random
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from streams import codec, events, recorded, replay, state, topics, truck
from streams.assets import Reference
from streams.units import SECOND_MS

_TRUCKS: Final = 20
_FIXES: Final = 2_500
_ROUNDS: Final = 100
"""Twenty states are encoded too fast for one round to say how fast."""
_START_MS: Final = 1_781_586_000_000


def main(folder: Path | None) -> int:
    """Measure and print one line a measurement; return the exit code."""
    reference, fixes = _recorded(folder) if folder else _made_up()
    lines = [codec.encode(fix) for fix in fixes]
    decode_s = _cpu(lambda: [codec.decode(topics.TRUCK_STATES, line) for line in lines])
    trucks: dict[str, state.Stamped[state.Truck]] = {}

    def fold() -> None:
        for fix in fixes:
            stamped = trucks.get(fix.truck_id)
            if stamped is None:
                stamped = trucks[fix.truck_id] = state.new_truck(fix.truck_id)
            truck.step(stamped.state, fix, reference)

    fold_s = _cpu(fold)
    encode_s = _cpu(lambda: _encode_all(trucks.values())) / _ROUNDS
    count = len(fixes)
    sizes = [len(state.encode(stamped)) for stamped in trucks.values()]
    _print("core: order, visits, rules", fold_s, count, "fix")
    _print("decode from JSON", decode_s, count, "fix")
    _print("encode a truck's state", encode_s, len(trucks), "state")
    print(f"{'state of a truck':32} {max(sizes):9} bytes at most")  # noqa: T201
    return 0


def _encode_all(trucks: Iterable[state.Stamped[state.Truck]]) -> None:
    for _ in range(_ROUNDS):
        for stamped in trucks:
            state.encode(stamped)


def _cpu(work: object) -> float:
    began_s = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - began_s


def _print(what: str, seconds: float, count: int, unit: str) -> None:
    each_us = seconds / count * 1e6
    print(f"{what:32} {each_us:9.1f} µs CPU a {unit}, {1e6 / max(each_us, 1e-9):9.0f} a core-second")  # noqa: T201


def _recorded(folder: Path) -> tuple[Reference, list[events.TruckState]]:
    """Return what exists and all fixes of a recorded day, by merge time; what cannot be used is left out."""
    with TemporaryDirectory() as scratch:
        lines = recorded.records(folder, Path(scratch), lambda _: None, (topics.TRUCK_STATES,))
        fixes = [line.record for line in lines if isinstance(line.record, events.TruckState)]
    return replay.register(folder), fixes


def _made_up() -> tuple[Reference, list[events.TruckState]]:
    """Trucks that drive loaded through a town of 1,500 bins, with noise: the usual case, seeded."""
    chance = random.Random(7)  # noqa: S311  # repeatable, not secret
    places: list[events.Event] = [
        events.Asset(
            id=f"b{n}",
            kind="bin",
            material="residual",
            valid_from_ms=0,
            lon=-8.62 + chance.uniform(-0.05, 0.05),
            lat=41.16 + chance.uniform(-0.03, 0.03),
        )
        for n in range(1_500)
    ]
    path = {"type": "LineString", "coordinates": [[-8.66, 41.16], [-8.58, 41.16]]}
    for n in range(_TRUCKS):
        truck_id = f"t{n}"
        places.append(events.Asset(id=truck_id, kind="truck", truck_class="tipper", payload_kg=16_000, valid_from_ms=0))
        places.append(
            events.Permit(permit_id=f"p{n}", truck_ids=(truck_id,), corridor=path, corridor_m=50, valid_from_ms=0)
        )
    healthy = events.SensorHealth(cover="ok", bed="ok", load="ok")
    fixes = [
        events.TruckState(
            truck_id=f"t{n}",
            terminal_id=f"tm{n}",
            source="jt808",
            event_time_ms=_START_MS + k * 10 * SECOND_MS,
            received_time_ms=_START_MS + k * 10 * SECOND_MS + 400,
            seq=k % 65_536,
            lon=-8.62 + 0.035 * math.sin(k / 300),
            lat=41.16 + chance.gauss(0, 0.00005),
            speed_mps=9.0 + chance.gauss(0, 1),
            cover="closed",
            bed="level",
            load_state="full",
            load_kg=14_000 + chance.gauss(0, 400),
            sensor_health=healthy,
            ignition=True,
        )
        for k in range(_FIXES)
        for n in range(_TRUCKS)
    ]
    return Reference(places), fixes
