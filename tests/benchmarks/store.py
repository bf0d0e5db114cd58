"""How positions are kept: bytes a row, "this truck, this hour", a map's last positions, a day dropped. ``make bench-store``.

Days of a real size (500 trucks, a fix every 5 s: 8.64 million rows) in a year of partitions, written in the order fixes
arrive, so that neighbours of a truck's fix are other trucks'. A question reads one day or two, whatever lies beside them;
so days, not the year, are what has to be of real size. "Cold" is a server that was started again and files that are not
in the system's memory.
"""

import argparse
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.dialects import postgresql

from services import bus, store
from services.recorder import mappings
from services.store import history, live, partitions, queries, retention, sink
from services.store.migrate import migrate
from streams import codec, events
from streams.units import DAY_MS, HOUR_MS
from tests.faults import Database, running_database

FIRST_MS = 1_767_225_600_000  # 2026-01-01
TENANT = "porto"
TRUCKS, FIX_EVERY_MS = 500, 5_000
YEAR_DAYS = 365
ASKED = 60
"""Questions of each kind."""


def main() -> None:
    """Fill, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=float, default=4.0, help="days of 8.64 million rows")
    full = arguments.parse_args().days
    with (
        tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name,
        running_database(Path(name)) as server,
    ):
        engine = store.connect(server.url, timeout_s=0)
        migrate(engine)
        partitions.make(engine, "positions", (FIRST_MS + day * DAY_MS for day in range(YEAR_DAYS)))
        fill(engine, full)
        for _ in "as written", "sorted":
            sizes(engine)
            tracks(engine, server, Path(name), full)
            began_s = time.monotonic()
            if days_sorted := partitions.sort_before(engine, "positions", FIRST_MS + math.ceil(full) * DAY_MS):
                print(f"{'sorted':32} {len(days_sorted):9} days in {time.monotonic() - began_s:.1f} s")
        last_positions(engine)
        pasts(engine, full)
        drop(engine)
        engine.dispose()


def fill(engine: Engine, full: float) -> None:
    """Write days, fix after fix of all trucks, as many as given; the last may be a part of a day."""
    began_s, end_ms = time.monotonic(), FIRST_MS + round(full * 24) * HOUR_MS
    for first_ms in range(FIRST_MS, end_ms, DAY_MS):
        with engine.begin() as connection:
            connection.execute(text(_DAY), {"first": first_ms, "last": min(first_ms + DAY_MS, end_ms) - 1})
    rows, took_s = (end_ms - FIRST_MS) // FIX_EVERY_MS * TRUCKS, time.monotonic() - began_s
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE positions"))
    print(f"{'filled':32} {rows / 1e6:9.1f} million rows in {took_s:.0f} s")


_DAY = f"""
INSERT INTO positions (tenant_id, district_id, truck_id, event_time_ms, fix_key, received_time_ms, terminal_id, seq,
    source, lon, lat, fix, speed_mps, heading_deg, odometer_m, cover, bed, load_state, load_kg, sensor_health, ignition,
    power, alarms, driver_id)
SELECT '{TENANT}', 'd' || truck % 9, 't' || truck, ms + truck * 7, '0139' || 10000000 + truck || '|' || ms / 5000 % 65536,
    ms + truck * 7 + 400, '0139' || 10000000 + truck, ms / 5000 % 65536, 'jt808', -8.6 + random() / 20,
    41.1 + random() / 20, true, random() * 20, random() * 360, ms / 1000 % 1000000, 'closed', 'level', 'full',
    9000 + random() * 1000, '{{"cover": "ok", "bed": "ok", "load": "ok"}}', true, 'main', '[]', 'dr' || truck
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint), {FIX_EVERY_MS}) AS ms, generate_series(0, {TRUCKS - 1}) AS truck
ORDER BY ms
"""  # noqa: S608  # our own numbers


def sizes(engine: Engine) -> None:
    """Print bytes a row and what a year is."""
    query = text(
        "SELECT sum(pg_table_size(relid)) AS heap, sum(pg_indexes_size(relid)) AS indexes, "
        "(SELECT count(*) FROM positions) AS rows FROM pg_partition_tree('positions') WHERE isleaf"
    )
    with engine.connect() as connection:
        row = connection.execute(query).one()
    heap, indexes = int(row.heap) / row.rows, int(row.indexes) / row.rows
    year = TRUCKS * YEAR_DAYS * DAY_MS // FIX_EVERY_MS
    print(f"{'bytes a row':32} {heap + indexes:9.0f}, {heap:.0f} in the table, {indexes:.0f} in its index")
    print(f"{'a year of fixes':32} {year / 1e9:9.2f} thousand million rows, {year * (heap + indexes) / 1e9:.0f} GB")


def tracks(engine: Engine, server: Database, folder: Path, full: float) -> None:
    """Ask for hours of trucks at random: first nothing is in memory, then the same hours again."""
    chance = random.Random(7)
    asked = [
        (f"t{chance.randrange(TRUCKS)}", FIRST_MS + chance.randrange(round(full * 24)) * HOUR_MS) for _ in range(ASKED)
    ]
    engine.dispose()
    server.stop()
    for file in (folder / "postgres" / "base").rglob("*"):
        if file.is_file():
            forget(file)
    server.start()
    queries.reachable(engine)

    def ask(truck_id: str, from_ms: int) -> None:
        points = queries.track(engine, TENANT, truck_id, from_ms, from_ms + HOUR_MS - 1)
        assert 715 <= len(points) <= 720

    report("this truck, this hour, cold", [lambda one=one: ask(*one) for one in asked])
    report("this truck, this hour, again", [lambda one=one: ask(*one) for one in asked])
    query = queries.track_query(TENANT, asked[0][0], asked[0][1], asked[0][1] + HOUR_MS - 1)
    written = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        for line in connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {written}")).scalars():
            print(f"    {line}")


def forget(file: Path) -> None:
    """Let the system forget what it holds of a file."""
    handle = os.open(file, os.O_RDONLY)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


def last_positions(engine: Engine) -> None:
    """Upsert each truck's newest position 300 times, then read the picture a map starts from."""
    partition = ("truck-states", 0)
    at = sink.offsets(engine, [partition])[partition]
    for number in range(300):
        writes = [
            write
            for truck in range(TRUCKS)
            for write in mappings.writes_of(_record(f"t{truck}", FIRST_MS + (YEAR_DAYS - 1) * DAY_MS + number * 5_000))
            if write.table == "last_positions"
        ]
        sink.take(engine, [sink.Slice(partition, at, at + TRUCKS)], mappings.gathered(writes))
        at += TRUCKS
    now_ms = FIRST_MS + YEAR_DAYS * DAY_MS
    assert len(live.picture(engine, now_ms).positions) == TRUCKS
    report("the whole picture of a map", [lambda: live.picture(engine, now_ms)] * ASKED)
    with engine.connect() as connection:
        question = "SELECT CAST(record AS text), lon, lat FROM last_positions"
        report("a map's last positions", [lambda: connection.execute(text(question)).all()] * ASKED)
        for line in connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {question}")).scalars():
            print(f"    {line}")


def pasts(engine: Engine, full: float) -> None:
    """Ask what was at moments at random, and what came in the minutes after."""
    chance = random.Random(11)
    moments = [FIRST_MS + chance.randrange(HOUR_MS, round(full * 24) * HOUR_MS - HOUR_MS) for _ in range(ASKED // 2)]

    def whole(at_ms: int) -> None:
        assert len(history.picture(engine, TENANT, at_ms).positions) == TRUCKS

    report("all trucks at a moment", [lambda at=at: whole(at) for at in moments])
    report("all trucks at a moment, again", [lambda at=at: whole(at) for at in moments])
    for minutes, step_s in (1, 1), (15, 30), (75, 150):
        span = f"{minutes} min after it, steps of {step_s} s"
        report(
            span,
            [
                lambda at=at, to=at + minutes * 60_000, step=step_s * 1_000: history.arrivals(
                    engine, TENANT, at, to, step
                )
                for at in moments
            ],
        )
    at_ms, trucks = moments[0], [f"t{truck}" for truck in range(TRUCKS)]
    given = {"tenant": TENANT, "trucks": trucks, "at": at_ms, "ahead": at_ms + history.AHEAD_MS}
    back = {"since": at_ms - history.LOOK_BACK_MS[0], "good_since": at_ms - history.LOOK_BACK_MS[-1]}
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {history.POSITIONS_THEN.text}")
    phone = {"phone": events.PHONE, "phone_waits": events.PHONE_WAITS_MS}
    with engine.connect() as connection:
        for line in connection.execute(explained, given | back | phone).scalars():
            print(f"    {line}")


def _record(truck_id: str, event_time_ms: int) -> bus.Record:
    state = events.TruckState(
        tenant_id=TENANT,
        truck_id=truck_id,
        event_time_ms=event_time_ms,
        received_time_ms=event_time_ms + 400,
        terminal_id=f"0139{truck_id}",
        seq=1,
        source="jt808",
        lon=-8.6,
        lat=41.1,
        speed_mps=8.3,
        cover="closed",
        load_kg=9_400.0,
        sensor_health=events.SensorHealth(cover="ok", bed="ok", load="ok"),
    )
    return bus.Record("truck-states", 0, 0, truck_id.encode(), codec.encode(state), {}, event_time_ms)


def drop(engine: Engine) -> None:
    """Thin and drop the oldest day."""
    began_s = time.monotonic()
    gone = retention.keep(
        engine, FIRST_MS + 61 * DAY_MS, positions_kept_days=60, thinned_positions_kept_days=YEAR_DAYS
    )["positions"]
    assert gone == [FIRST_MS]
    took_s = time.monotonic() - began_s
    query = text(
        f"SELECT pg_total_relation_size('thinned_positions_d{FIRST_MS // DAY_MS}') AS bytes, count(*) AS rows "  # noqa: S608
        f"FROM thinned_positions_d{FIRST_MS // DAY_MS}"
    )
    with engine.connect() as connection:
        row = connection.execute(query).one()
    each = row.bytes / row.rows
    print(f"{'a day thinned and dropped':32} {took_s:9.1f} s; {row.rows} rows left of it, {each:.0f} bytes each")


def report(what: str, asks: list[Callable[[], object]]) -> None:
    """Time each and print the median and the worst but one in twenty."""
    times_ms, began_cpu_s = [], time.process_time()
    for ask in asks:
        began_s = time.perf_counter()
        ask()
        times_ms.append((time.perf_counter() - began_s) * 1000)
    times_ms.sort()
    p95 = times_ms[int(len(times_ms) * 0.95)]
    cpu_ms = (time.process_time() - began_cpu_s) * 1000 / len(asks)
    print(
        f"{what:32} {statistics.median(times_ms):9.1f} ms p50, {p95:.1f} ms p95, {times_ms[-1]:.1f} ms at most; "
        f"{cpu_ms:.1f} ms CPU of the client"
    )


if __name__ == "__main__":
    main()
