"""``python -m services export``: what the recorder kept, as a recorded day that ``python -m streams replay`` reads."""

import gzip
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from services import bus, clock
from services.cli.tool import database, fail, iso_ms, zone_of
from services.settings import Settings
from services.store import days, retention, sink
from streams import recorded, replay, truck
from streams.assets import Reference
from streams.city_state import BadState, CityState
from streams.topics import Topic
from streams.units import DAY_MS, HOUR_MS
from streams.worker.settings import Settings as WorkerSettings

app = typer.Typer(help="Write what the recorder kept as a recorded day.")

_LEVEL: Final = 3
"""Of compression: a third of the time of the default for a tenth more bytes."""
UNFINISHED: Final = ".unfinished"
"""What files are called until all of them are there: a replay does not take an interrupted export for a day."""
ANSWER_S: Final = 600.0
"""So long the database may take for one of its answers: a day of a city is sorted for it."""
_WAIT_S: Final = 30.0
"""So long the recorder may take to have what was on the topics when the export began."""


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Folder to write to; made if it is missing, must be empty.")],
    *,
    begin: Annotated[str, typer.Option("--from", help="Local city time, such as 2026-11-25 or 2026-11-25T06:00.")],
    end: Annotated[str, typer.Option("--to", help="The first moment that is not in it.")],
    tenant: Annotated[str, typer.Option(help="Default: the setting QINGYUN_TENANT_ID.")] = "",
    time_zone: Annotated[str, typer.Option(help="Of the two times; default: the one the tenant's assets name.")] = "",
    warm_up_h: Annotated[
        float,
        typer.Option(min=0, help="The state at the start is that of a replay that began so long before; 0 = empty."),
    ] = 24.0,
    state: Annotated[
        Path | None, typer.Option(help="The state at the start: what replay --state-out wrote for the day before.")
    ] = None,
    thresholds_file: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="Thresholds of that replay (JSON); default: QINGYUN_WORKER_THRESHOLDS, the worker's."
        ),
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Write what there is, also where something of the span is missing.")
    ] = False,
) -> None:
    """Write one <topic>.jsonl.gz a topic, and state.json.gz: what was known of trucks and bins at the start.

    Refuses where it knows that something is missing, and says what. Exit code 1 also if a record could not be written: the
    others are there.
    """
    settings = Settings.from_env(os.environ)
    core = _core(thresholds_file)
    odd: Counter[str] = Counter()
    tenant_id = tenant or settings.tenant_id
    if out.exists() and any(out.iterdir()):
        fail(f"{out} is not empty: records of two exports must not meet")
    with database("export", timeout_s=ANSWER_S) as engine:
        zone = _zone(time_zone or days.time_zone(engine, tenant_id), tenant_id)
        from_ms, to_ms = _time_ms(begin, zone), _time_ms(end, zone)
        if from_ms >= to_ms:
            fail(f"--to {end} is not after --from {begin}")
        since_ms = from_ms - (0 if state is not None else round(warm_up_h * HOUR_MS))
        _check_complete(engine, settings, tenant_id, since_ms, to_ms, incomplete=incomplete)
        out.mkdir(parents=True, exist_ok=True)
        began = datetime.fromtimestamp(from_ms / 1000, zone)
        typer.echo(f"{tenant_id}, {began.isoformat()} to {datetime.fromtimestamp(to_ms / 1000, zone).isoformat()}")
        counts = write(engine, tenant_id, out, from_ms, to_ms, odd)
        if state is not None:
            _copy_state(state, out, from_ms)
        elif warm_up_h:
            write_state(engine, tenant_id, out, since_ms, from_ms, core, odd)
    _finish(out)
    for name, count in counts.items():
        typer.echo(f"{name:<18} {count:>10}")
    if (out / replay.STATE_FILE).exists():
        known = CityState.read(out / replay.STATE_FILE)
        typer.echo(f"{replay.STATE_FILE:<18} {len(known.trucks):>10} trucks, {len(known.bins)} bins")
    if odd:
        fail(f"{len(odd)} records could not be written, see above; the others are in {out}")


def _core(thresholds_file: Path | None) -> truck.Settings:
    """Return what the worker judges by: the state at the start must be the one it had."""
    worker = WorkerSettings.from_env(os.environ)
    if thresholds_file is not None:
        worker = replace(worker, thresholds=str(thresholds_file))
    try:
        return worker.core()
    except ValueError as error:
        fail(f"{worker.thresholds}: {error}")


def _check_complete(  # of one export
    engine: Any, settings: Settings, tenant_id: str, since_ms: int, to_ms: int, *, incomplete: bool
) -> None:
    """Say what is missing of a span, and end, unless that is what is wanted."""
    gaps = retention.missing(engine, tenant_id, since_ms, to_ms)
    kept_days = max(settings.positions_kept_days, settings.thinned_positions_kept_days)
    if min(settings.positions_kept_days, settings.thinned_positions_kept_days) and (
        since_ms < clock.city_now_ms() - kept_days * DAY_MS
    ):
        gaps.append(f"fixes of days more than {kept_days} days ago were dropped, a fix a minute too")
    if to_ms > clock.city_now_ms():
        gaps.append("its end is yet to come: records that will belong to it are not there")
    gaps += _not_recorded(engine, settings.kafka_bootstrap)
    for gap in gaps:
        typer.echo(f"missing: {gap}", err=True)
    if gaps and not incomplete:
        fail("nothing was written: --incomplete writes what there is")


def _not_recorded(engine: Any, bootstrap: str) -> list[str]:
    """Return, topic by topic, what is on it now and does not get into the tables in time."""
    if not bus.answers(bootstrap):
        return [f"no Kafka answers at {bootstrap}: what the recorder has not taken from it yet"]
    ends = bus.ends(bootstrap, days.EXPORTED, client_id="export")
    give_up_s = time.monotonic() + _WAIT_S
    while True:
        stands = sink.known_offsets(engine, list(ends))
        behind: Counter[str] = Counter()
        for partition, end in ends.items():
            behind[partition[0]] += max(0, end - stands.get(partition, 0))
        left = +behind
        if not left or time.monotonic() > give_up_s:
            return [f"{records} records of {topic} that the recorder has not taken" for topic, records in left.items()]
        time.sleep(0.2)


def write(  # noqa: PLR0917  # of one export
    engine: Any, tenant_id: str, out: Path, from_ms: int, to_ms: int, odd: Counter[str]
) -> dict[str, int]:
    """Write the records of [from, to), one file for each topic that has some, `UNFINISHED` yet; return how many.

    ``odd`` counts those that cannot be written; each is said, once an export.
    """

    def aside(record: str, reason: str) -> None:
        if not odd[record]:
            typer.echo(f"set aside: {record}: {reason}", err=True)
        odd[record] += 1

    counts = {}
    columns = TextColumn("{task.description:<18}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for topic in days.EXPORTED:
            shown = progress.add_task(topic.name, total=to_ms - from_ms)

            def show(until_ms: int, shown: Any = shown) -> None:
                progress.update(shown, completed=until_ms - from_ms)

            values = days.values(engine, tenant_id, topic, from_ms, to_ms, on_slice=show, aside=aside)
            count = _write_topic(out, topic, values)
            if count:
                counts[topic.name] = count
    return counts


def _write_topic(out: Path, topic: Topic, values: Iterator[bytes]) -> int:
    path = out / f"{topic.name}.jsonl.gz{UNFINISHED}"
    count = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
        for count, value in enumerate(values, start=1):  # noqa: B007  # the last one counts
            file.write(value + b"\n")
    if not count:
        path.unlink()
    return count


def _finish(out: Path) -> None:
    for path in out.glob(f"*{UNFINISHED}"):
        path.rename(path.with_name(path.name.removesuffix(UNFINISHED)))


def write_state(  # noqa: PLR0917  # of one export
    engine: Any, tenant_id: str, out: Path, since_ms: int, from_ms: int, core: truck.Settings, odd: Counter[str]
) -> None:
    """Write the state at ``from_ms`` that a replay from ``since_ms`` on reaches. Nothing happened then = no file."""
    with TemporaryDirectory(dir=out, prefix="warming-up-") as folder:
        before = Path(folder)
        write(engine, tenant_id, before, since_ms, from_ms, odd)
        _finish(before)
        day = replay.Day(Reference(), core)
        lines = recorded.records(before, before, lambda _: None)
        _, last_ms = replay.fold_all(day, lines, lambda _: None, lambda _: None)
    if last_ms:
        day.at(last_ms).write(out / f"{replay.STATE_FILE}{UNFINISHED}")


def _copy_state(state: Path, out: Path, from_ms: int) -> None:
    try:
        at_ms = CityState.read(state).at_ms
    except BadState as error:
        fail(str(error))
    if at_ms > from_ms:
        fail(f"{state} stands at {at_ms}, after the start at {from_ms}: take the state of the day before")
    shutil.copyfile(state, out / f"{replay.STATE_FILE}{UNFINISHED}")


def _zone(name: str | None, tenant_id: str) -> ZoneInfo:
    if name is None:
        fail(f"no asset of {tenant_id} names a time zone: give --time-zone, such as Europe/Lisbon")
    return zone_of(name)


def _time_ms(text: str, zone: ZoneInfo) -> int:
    try:
        return iso_ms(text, zone)
    except ValueError:
        fail(f"{text!r} is no time: expected one such as 2026-11-25 or 2026-11-25T06:00")
