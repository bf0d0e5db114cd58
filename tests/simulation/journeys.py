"""What the trucks of a run really do: drives through the test town, each with its cause for alerts, or without one."""

from functools import cache
from typing import Final

from msgspec.structs import replace

from streams import events
from streams.assets import Reference
from streams.worker.folding import partition_of
from tests.unit.streams import town

TRUCKS: Final = tuple(f"T{n}" for n in range(8))
BINS: Final = tuple(f"B{n}" for n in range(4))
NUMBERS: Final = sorted({partition_of(name) for name in (*TRUCKS, *BINS)})
"""Partitions with a truck or a bin."""
START_MS: Final = town.START_MS
KINDS: Final = ("dump", "uncovered", "off-route", "yard", "spill", "tipping-late", "covered", "sos", "emptied")


def bins() -> list[events.Event]:
    """Return the bins of the town's register."""
    return [
        events.Asset(
            id=name,
            kind="bin",
            material="residual",
            volume_l=1_000,
            density_kg_per_l=0.1,
            lon=town.at(1_000 * n, 300)[0],
            lat=town.at(1_000 * n, 300)[1],
            valid_from_ms=0,
        )
        for n, name in enumerate(BINS)
    ]


@cache
def reference() -> Reference:
    """Return what exists."""
    return town.reference(*bins(), truck_ids=TRUCKS)


@cache
def fixes(kind: str, truck_id: str) -> tuple[events.TruckState, ...]:
    """Return the true fixes of one drive, in order, numbered from 100."""
    drive = town.Drive(truck_id, seed=KINDS.index(kind), every_s=15).fix().wait(30).load()
    match kind:
        case "dump":
            drive.go(2_000).go(2_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(70, bed="level").go(3_000)
        case "uncovered":
            drive.go(3_500, cover="open").go(6_000, cover="closed")
        case "off-route":
            drive.go(2_000, 300).go(4_500, 300).go(4_500, 0).go(6_000)
        case "yard":
            drive.go(8_000).wait(70).wait(90, falling_kg=14_000, bed="raised", cover="open").wait(60, bed="level")
        case "emptied":
            drive.go(8_000, speed_mps=20).wait(70).wait(90, falling_kg=14_000, bed="raised").wait(60, bed="level")
            drive.go(3_000, speed_mps=20)
        case "spill":
            drive.go(7_500, falling_kg=2_500)
        case "tipping-late":
            drive.go(6_500, cover="half").wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
        case "sos":
            drive.go(3_000).fix(alarms=("sos",)).wait(60).go(6_000)
        case _:
            drive.go(7_000)
    return tuple(replace(fix, terminal_id=f"tm-{truck_id}") for fix in drive.fixes)
