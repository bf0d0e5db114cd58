"""How long a recorded day of a city takes to replay, how much memory it needs, and whether twice is the same.

``python -m tests.benchmarks.replay_day``: 500 trucks, a fix every 5 s, 24 h = 8.64 million fixes. CPU time of the
process, one core; its largest resident memory.
"""

import argparse
import gzip
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local.program import ROOT
from streams import codec, events
from streams.units import SECOND_MS
from tests.benchmarks.traffic import FIX_EVERY_S, TRUCKS, fix

BEGIN_MS = 1_795_564_800_000
"""2026-11-25 00:00 UTC."""


def main() -> None:
    """Write a day, replay it twice, print what each took."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--fixes", type=int, default=TRUCKS * 86_400 // FIX_EVERY_S)
    count = arguments.parse_args().fixes
    with tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name:
        day = Path(name) / "day"
        day.mkdir()
        _write(day, count)
        hashes = [_replayed(day, Path(name) / f"out-{number}", count) for number in (1, 2)]
    print("the same twice" if hashes[0] == hashes[1] else f"NOT the same twice: {hashes}")


def _write(day: Path, count: int) -> None:
    began_s = time.monotonic()
    with gzip.open(day / "assets.jsonl.gz", "wb", compresslevel=1) as out:
        out.writelines(codec.encode(asset) + b"\n" for asset in _assets())
    with gzip.open(day / "truck-states.jsonl.gz", "wb", compresslevel=1) as out:
        out.writelines(codec.encode(fix) + b"\n" for fix in _fixes(count))
    print(f"a day of {count:,} fixes written in {time.monotonic() - began_s:.0f} s", flush=True)


def _assets() -> Iterator[events.Asset]:
    chance = random.Random(7)
    for number in range(1_500):
        lon, lat = -8.62 + chance.uniform(-0.05, 0.05), 41.16 + chance.uniform(-0.03, 0.03)
        yield events.Asset(id=f"b{number}", kind="bin", material="residual", valid_from_ms=0, lon=lon, lat=lat)
    for number in range(TRUCKS):
        yield events.Asset(
            id=f"t{number:03}", kind="truck", truck_class="compactor", payload_kg=10_000, valid_from_ms=0
        )


def _fixes(count: int) -> Iterator[events.TruckState]:
    """Trucks that drive to and fro through a town of bins, loaded, with noise: the usual case, seeded."""
    chance = random.Random(7)
    noise = [chance.gauss(0, 1) for _ in range(10_007)]
    for number in range(count):
        seq, truck = divmod(number, TRUCKS)
        rough = noise[number % 10_007]
        yield fix(
            truck,
            seq,
            BEGIN_MS + seq * FIX_EVERY_S * SECOND_MS,
            tenant_id=events.DEFAULT_TENANT,
            lon=round(-8.62 + 0.045 * math.sin((seq + 31 * truck) / 300), 6),
            lat=round(41.16 + 0.03 * math.sin(truck) + 0.00004 * rough, 6),
            speed_mps=round(9 + rough, 1),
            odometer_m=120_000.0 + 45 * seq,
            load_kg=round(9_000 + 300 * rough),
        )


def _replayed(day: Path, out: Path, count: int) -> str:
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "streams", "replay", str(day), "-o", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the replay failed: {said}")
    cpu_s = used.ru_utime + used.ru_stime
    print(f"replay of {count:,} fixes: {time.monotonic() - began_s:.0f} s wall, {cpu_s:.0f} s CPU, "
          f"{cpu_s / count * 1e6:.1f} µs a fix, {used.ru_maxrss / 1024:.0f} MB", flush=True)  # fmt: skip
    return next(line for line in said.splitlines() if line.startswith("SHA-256"))


if __name__ == "__main__":
    main()
