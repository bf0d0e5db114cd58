"""A made day: a folder in the form of a recorded day with `truth.json` beside it. The same seed makes the same bytes."""

import json
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.labelled import bin_deeds, bin_life, bin_sensor, truck_deeds, truck_life
from tests.labelled.terminal import Terminal, at
from tests.labelled.truck_life import Way
from tests.labelled.truth import BEGIN_MS, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Hardness, Made, Trap, Truth, Violation

Record = dict[str, Any]
EACH = 36
"""Violations of each kind, and traps, in a day of full size."""
TRIPS = 8
NO_SUN_C = 83.0
"""No sun makes a sensor hotter (`tests.labelled.bin_life`)."""
_ROADS_APART_M = 500.0


def make(
    folder: Path, seed: int, hard: Hardness, *, size: float = 1.0, slower: float = 1.0, lawful: bool = False
) -> dict[str, Any]:
    """Write a day; return its truth.

    Parameters
    ----------
    size
        Share of the violations, traps, bins and trucks of a full day.
    slower
        Factor on all reporting intervals.
    lawful
        Without violations: whatever happens is a trap.
    """
    truth = Truth()
    each = max(1, round(EACH * size))
    violations = 0 if lawful else each
    made = Made(
        truth=truth,
        hard=hard,
        chance=random.Random(f"{seed} bins"),
        violations=violations,
        traps=each,
        slower=slower,
    )
    bins = _bins(made)
    arrived_bins = [one for life, chance in bins for one in bin_sensor.readings(life, hard, chance)]
    _learn_of_bins(truth, [life for life, _ in bins], arrived_bins)
    terminals = _trucks(replace(made, chance=random.Random(f"{seed} trucks")))
    arrived_trucks = [one for terminal in terminals for one in terminal.run()]
    for one in (*truth.violations, *truth.traps):
        one.start_ms += BEGIN_MS
        one.end_ms += BEGIN_MS
    _learn_of_trucks(truth, terminals)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "assets.jsonl", _assets([life for life, _ in bins], terminals))
    _write(folder / "zones.jsonl", [zone for terminal in terminals for zone in _zones(terminal, hard)])
    _write(folder / "bin-readings.jsonl", sorted(arrived_bins, key=_arrival))
    _write(folder / "truck-states.jsonl", sorted(arrived_trucks, key=_arrival))
    meta = {
        "seed": seed,
        "profile": hard.name,
        "slower": slower,
        "trucks": len(terminals),
        "bins": len(bins),
        "bin_days": len(bins) * bin_life.DAYS,
        "truck_days": len(terminals) * TRIPS * 2_300 / 86_400,
    }
    document = truth.document(meta)
    (folder / "truth.json").write_text(json.dumps(document, indent=1))
    return document


def _arrival(record: Record) -> int:
    received_ms: int = record["received_time_ms"]
    return received_ms


def _write(path: Path, records: Iterable[Record]) -> None:
    path.write_text("".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records))


# --------------------------------------------------------------------------------------------- bins


def _bins(made: Made) -> list[tuple[bin_life.Life, random.Random]]:
    """Return lives of bins in which so many violations and traps of each kind happen, each bin with its own chance."""
    lives = [bin_life.born(f"b{n}", made) for n in range(max(12, 5 * made.traps))]
    for wrong, lawful in bin_deeds.DEEDS.values():
        _spread(wrong, made.violations, lives, made)
        _spread(lawful, made.traps, lives, made)
    found = []
    for life in lives:
        own = random.Random(made.chance.random())
        life.live(own)
        found.append((life, own))
        if life.emptied and len(found) <= made.traps:
            at_ms = max(life.emptied)
            made.truth.traps.append(
                Trap(
                    trap="emptied",
                    subject=life.bin_id,
                    start_ms=at_ms,
                    end_ms=at_ms + 2 * MINUTE_MS,
                    forbidden_rules=("bin-moved", "bin-overflow", "sensor-fault"),
                )
            )
    return found


def _spread(deeds: tuple[bin_deeds.Deed, ...], count: int, lives: list[bin_life.Life], made: Made) -> None:
    """Have each deed happen to some bins, in turn, until there are so many; where none fits any more, fewer."""
    done = 0
    for n in range(60 * count):
        if done >= count:
            return
        done += deeds[n % len(deeds)](made.chance.choice(lives), made)


def _learn_of_bins(truth: Truth, lives: list[bin_life.Life], arrived: list[Record]) -> None:
    """Say of each violation of a bin when its readings have shown it; what they do not show is nobody's fault."""
    by_bin: dict[str, list[Record]] = {}
    for reading in arrived:
        by_bin.setdefault(reading["bin_id"], []).append(reading)
    clocks = {life.bin_id: life.sensor.clock_ms for life in lives}
    for one in truth.violations:
        clock_ms = clocks[one.subject] + BEGIN_MS
        within = [
            r for r in by_bin[one.subject] if one.start_ms <= r["event_time_ms"] - clock_ms < one.end_ms + MINUTE_MS
        ]
        shown = sorted({(r["event_time_ms"], r["received_time_ms"]) for r in within if _SHOWS[one.rule](r)})
        one.start_ms += min(0, clocks[one.subject])  # nobody promises to correct the clock of a bin that is behind
        times = sorted({received_ms for _, received_ms in shown})
        lasted_ms = shown[-1][0] - shown[0][0] if shown else 0
        needed, least_ms = _NEEDED[one.note]
        if len(times) < needed or lasted_ms < least_ms:
            one.must_be = "either"
            continue
        one.knowable_ms = next(came for event, came in sorted(shown) if event - shown[0][0] >= least_ms)


def _is_hot(reading: Record) -> bool:
    return bool(NO_SUN_C <= reading["temperature_c"] <= bin_sensor.HOTTEST_C)


_SHOWS: dict[str, Callable[[Record], bool]] = {
    "bin-overflow": lambda reading: reading.get("fill", 0.0) >= 0.9,
    "bin-fire": _is_hot,
    "bin-moved": lambda reading: reading["tilted"] is True,
    "sensor-fault": lambda _: True,
}
_NEEDED: dict[str, tuple[int, int]] = {
    "full to the brim": (3, 30 * MINUTE_MS),
    "filled at once": (4, 2 * HOUR_MS),
    "flames": (1, 0),
    "embers": (2, 0),
    "on its side": (2, 15 * MINUTE_MS),
    "no echo": (8, 8 * HOUR_MS),
    "stuck": (24, 2 * DAY_MS),
}
"""How many readings must show it, and over how long, before anybody can know."""


# --------------------------------------------------------------------------------------------- trucks


def _trucks(made: Made) -> list[Terminal]:
    chance = made.chance
    count = max(4, -(-(made.violations + made.traps) * 20 // (2 * EACH)))
    ways = [[(Way(), Way()) for _ in range(TRIPS)] for _ in range(count)]
    _hand_out(ways, made)
    terminals = []
    for n in range(count):
        clock_ms = (40, -25, 480)[n % 3] * MINUTE_MS if n % 5 == 0 else 0
        life = truck_life.Life(
            f"t{n}", made.hard, made.truth, random.Random(chance.random()), ways[n], clock_ms=clock_ms
        )
        bare = frozenset({("cover", "bed", "load")[n // 4 % 3]}) if n % 4 == 3 else frozenset()
        _fault(life, made, bare)
        every_s = round(10 * made.slower)
        terminals.append(
            Terminal(life, road_m=n * _ROADS_APART_M, every_s=every_s, bare=bare, chance=random.Random(chance.random()))
        )
    return terminals


def _hand_out(ways: list[list[tuple[Way, Way]]], made: Made) -> None:
    """Spread what happens over the ways there and back: each has at most one thing of its driving and one of its power."""
    chance, violations, traps = made.chance, made.violations, made.traps
    there = [way for trips in ways for way, _ in trips]
    back = [way for trips in ways for _, way in trips]
    driving = [truck_deeds.too_fast(chance) for _ in range(violations)]
    kinds = truck_deeds.DRIVING_TRAPS
    driving += [truck_deeds.driving_trap(kinds[n % len(kinds)], made.hard, chance) for n in range(traps)]
    for way, what in zip(chance.sample(there + back, len(driving)), driving, strict=True):
        way.kind, way.zone, way.factor = what.kind, what.zone, what.factor
    deeds = [truck_deeds.UNPLUGGED[n % len(truck_deeds.UNPLUGGED)] for n in range(violations)]
    deeds += [truck_deeds.LAWFUL[n % len(truck_deeds.LAWFUL)] for n in range(traps)]
    calm = [way for way in there if not way.kind]
    for way, deed in zip(chance.sample(calm, len(deeds)), deeds, strict=True):
        way.power = deed
    for way in chance.sample([way for way in back if not way.kind], max(1, traps // 6)):
        way.power = truck_deeds.empty


def _fault(life: truck_life.Life, made: Made, bare: frozenset[str]) -> None:
    """One fault of the truck's sensors, and some that pass, an hour or more apart."""
    truth, chance, begin_s = made.truth, made.chance, truck_life.BEGINS_S
    if made.violations and not bare:
        deed = truck_deeds.is_stuck if chance.random() < 0.25 else truck_deeds.breaks
        life.faults, what = deed(chance, begin_s + 4_500 + chance.randrange(1_800))
        found = life.faults[0]
        accept = ("sensor-fault", "tamper") if what == "load stuck" else ()
        truth.violations.append(_of(life, found.from_s, found.to_s, f"sensor at fault: {what}", accept))
        if accept:  # whether by a worn cell or by a hand nobody knows
            either = _of(life, found.from_s, found.to_s, "the same through several cycles", ())
            truth.violations.append(replace(either, rule="tamper", must_be="either", accept=("tamper",)))
    for deed in chance.sample(truck_deeds.PASSING, 2):
        from_s = begin_s + (600 if deed is truck_deeds.rain else 17_500 + chance.randrange(1_000))
        passing = [one for one in deed(chance, from_s) if one.sensor not in bare]
        if passing:
            life.faults += passing
            end_s = max(one.to_s for one in passing)
            truth.traps.append(_trap(life, deed.__name__, passing[0].from_s, end_s))
    if bare:
        truth.traps.append(_trap(life, "without a sensor", begin_s, begin_s + TRIPS * 2_300))


def _of(life: truck_life.Life, from_s: int, to_s: int, note: str, accept: tuple[str, ...]) -> Violation:
    return Violation(
        rule="sensor-fault",
        subject=life.truck_id,
        start_ms=from_s * SECOND_MS,
        end_ms=to_s * SECOND_MS,
        note=note,
        accept=accept,
    )


def _trap(life: truck_life.Life, name: str, from_s: int, to_s: int) -> Trap:
    return Trap(
        trap=name,
        subject=life.truck_id,
        start_ms=from_s * SECOND_MS,
        end_ms=to_s * SECOND_MS,
        forbidden_rules=("sensor-fault",),
    )


def _learn_of_trucks(truth: Truth, terminals: list[Terminal]) -> None:
    """Say when reports have shown it: three with a place, of speed; two of power; a sensor's after a quarter of an hour."""
    shown: dict[str, list[int]] = {}
    for terminal in terminals:
        life = terminal.life
        times = {
            one["event_time_ms"] - life.clock_ms for one in terminal.arrived if one["fix"] and not one.get("resent")
        }
        shown[life.truck_id] = sorted(times)
    for one in truth.violations:
        if not one.subject.startswith("t"):
            continue
        times = shown[one.subject]
        first = bisect_left(times, one.start_ms)
        if one.rule == "sensor-fault":
            one.knowable_ms = one.start_ms + 15 * MINUTE_MS
            continue
        needed = 4 if one.rule == "overspeed" else 2
        if first + needed > len(times) or times[first + needed - 1] > one.end_ms:
            one.must_be = "either"
            continue
        one.knowable_ms = times[first + needed - 1]


# --------------------------------------------------------------------------------------------- what exists


def _square(x_m: float, y_m: float, half_m: float = 50.0) -> Record:
    return _box(x_m - half_m, x_m + half_m, y_m - half_m, y_m + half_m)


def _box(west_m: float, east_m: float, south_m: float, north_m: float) -> Record:
    corners = [(west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m), (west_m, south_m)]
    return {"type": "Polygon", "coordinates": [[list(at(*corner)) for corner in corners]]}


def _assets(lives: list[bin_life.Life], terminals: list[Terminal]) -> list[Record]:
    found: list[Record] = []
    for n, life in enumerate(lives):
        lon, lat = at(-3_000.0 - 40 * (n % 25), 60.0 * (n // 25))
        found.append(
            {
                "id": life.bin_id,
                "kind": "bin",
                "lon": lon,
                "lat": lat,
                "material": "residual",
                "volume_l": 1_100.0,
                "depth_mm": float(life.depth_mm),
            }
        )
    for terminal in terminals:
        truck_id, road_m = terminal.life.truck_id, terminal.road_m
        truck = {"kind": "truck", "class": "tipper", "materials": ["construction"], "payload_kg": truck_life.PAYLOAD_KG}
        found += [
            {"id": truck_id} | truck,
            {"id": f"s-{truck_id}", "kind": "source", "material": "construction", "area": _square(0, road_m)},
            {
                "id": f"f-{truck_id}",
                "kind": "facility",
                "accepts": ["construction"],
                "area": _square(truck_life.YARD_M, road_m),
            },
            {"id": f"d-{truck_id}", "kind": "depot", "area": _square(truck_life.DEPOT_M, road_m)},
        ]
    return [one | {"valid_from_ms": BEGIN_MS - DAY_MS, "version": 1} for one in found]


def _zones(terminal: Terminal, hard: Hardness) -> list[Record]:
    truck_id, road_m = terminal.life.truck_id, terminal.road_m
    chance = random.Random(f"{truck_id} {hard.name} beside")
    found = [
        _zone(f"v{name}-{truck_id}", (from_m, to_m), road_m, limit_mps)
        for name, (from_m, to_m, limit_mps) in truck_life.ZONES.items()
    ]
    beside_m = hard.beside_m + chance.uniform(0, 12)
    beside = _zone(f"vb-{truck_id}", truck_life.BESIDE_M, road_m, truck_life.LOW_MPS)
    found.append(beside | {"area": _box(*truck_life.BESIDE_M, road_m + beside_m, road_m + beside_m + 60)})
    later = _zone(f"vl-{truck_id}", truck_life.LATER_M, road_m, truck_life.LOW_MPS)
    found.append(later | {"valid_from_ms": BEGIN_MS + truck_life.LATER_FROM_MS, "received_time_ms": BEGIN_MS - DAY_MS})
    tunnel = _box(*truck_life.TUNNEL_M, road_m - 30, road_m + 30)
    found.append(_plain(f"x-{truck_id}", "dead_zone", tunnel))
    found.append(_plain(f"w-{truck_id}", "workshop", _square(truck_life.WORKSHOP_M, road_m + 150, 40)))
    return found


def _zone(zone_id: str, along_m: tuple[float, float], road_m: float, limit_mps: float) -> Record:
    area = _box(*along_m, road_m - 40, road_m + 40)
    return _plain(zone_id, "speed_limit", area) | {"limit_mps": limit_mps}


def _plain(zone_id: str, kind: str, area: Record) -> Record:
    return {
        "zone_id": zone_id,
        "kind": kind,
        "name": zone_id,
        "area": area,
        "valid_from_ms": BEGIN_MS - DAY_MS,
        "version": 1,
    }
