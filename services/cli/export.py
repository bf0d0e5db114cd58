"""``python -m services export``: what the recorder kept, as a recorded day that ``python -m streams replay`` reads."""

import gzip
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.tool import database, fail
from services.settings import Settings
from services.store import days
from streams import recorded, replay, truck
from streams.assets import Reference
from streams.city_state import BadState, CityState
from streams.topics import Topic
from streams.units import HOUR_MS

app = typer.Typer(help="Write what the recorder kept as a recorded day.")

_LEVEL: Final = 3
"""Of compression: a third of the time of the default for a tenth more bytes."""


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
) -> None:
    """Write one <topic>.jsonl.gz a topic, and state.json.gz: what was known of trucks and bins at the start."""
    settings = Settings.from_env(os.environ)
    tenant_id = tenant or settings.tenant_id
    if out.exists() and any(out.iterdir()):
        fail(f"{out} is not empty: records of two exports must not meet")
    with database("export") as engine:
        zone = _zone(time_zone or days.time_zone(engine, tenant_id), tenant_id)
        from_ms, to_ms = _time_ms(begin, zone), _time_ms(end, zone)
        if from_ms >= to_ms:
            fail(f"--to {end} is not after --from {begin}")
        out.mkdir(parents=True, exist_ok=True)
        began = datetime.fromtimestamp(from_ms / 1000, zone)
        typer.echo(f"{tenant_id}, {began.isoformat()} to {datetime.fromtimestamp(to_ms / 1000, zone).isoformat()}")
        counts = write(engine, tenant_id, out, from_ms, to_ms)
        if state is not None:
            _copy_state(state, out, from_ms)
        elif warm_up_h:
            since_ms = from_ms - round(warm_up_h * HOUR_MS)
            write_state(engine, tenant_id, out, since_ms, from_ms)
    for name, count in counts.items():
        typer.echo(f"{name:<18} {count:>10}")
    if (out / replay.STATE_FILE).exists():
        known = CityState.read(out / replay.STATE_FILE)
        typer.echo(f"{replay.STATE_FILE:<18} {len(known.trucks):>10} trucks, {len(known.bins)} bins")


def write(engine: Any, tenant_id: str, out: Path, from_ms: int, to_ms: int) -> dict[str, int]:
    """Write the records of [from, to), one file for each topic that has some; return how many."""
    counts = {}
    columns = TextColumn("{task.description:<18}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for topic in days.EXPORTED:
            shown = progress.add_task(topic.name, total=to_ms - from_ms)

            def show(until_ms: int, shown: Any = shown) -> None:
                progress.update(shown, completed=until_ms - from_ms)

            count = _write_topic(out, topic, days.values(engine, tenant_id, topic, from_ms, to_ms, on_slice=show))
            if count:
                counts[topic.name] = count
    return counts


def _write_topic(out: Path, topic: Topic, values: Iterator[bytes]) -> int:
    path = out / f"{topic.name}.jsonl.gz"
    count = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
        for count, value in enumerate(values, start=1):  # noqa: B007  # the last one counts
            file.write(value + b"\n")
    if not count:
        path.unlink()
    return count


def write_state(engine: Any, tenant_id: str, out: Path, since_ms: int, from_ms: int) -> None:
    """Write the state at ``from_ms`` that a replay from ``since_ms`` on reaches. Nothing happened then = no file."""
    with TemporaryDirectory(dir=out, prefix="warming-up-") as folder:
        before = Path(folder)
        write(engine, tenant_id, before, since_ms, from_ms)
        day = replay.Day(Reference(), truck.DEFAULT_SETTINGS)
        lines = recorded.records(before, before, lambda _: None)
        _, last_ms = replay.fold_all(day, lines, lambda _: None, lambda _: None)
    if last_ms:
        day.at(last_ms).write(out / replay.STATE_FILE)


def _copy_state(state: Path, out: Path, from_ms: int) -> None:
    try:
        at_ms = CityState.read(state).at_ms
    except BadState as error:
        fail(str(error))
    if at_ms > from_ms:
        fail(f"{state} stands at {at_ms}, after the start at {from_ms}: take the state of the day before")
    shutil.copyfile(state, out / replay.STATE_FILE)


def _zone(name: str | None, tenant_id: str) -> ZoneInfo:
    if name is None:
        fail(f"no asset of {tenant_id} names a time zone: give --time-zone, such as Europe/Lisbon")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        fail(f"{name!r} is no time zone: expected a name such as Europe/Lisbon")


def _time_ms(text: str, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no time: expected one such as 2026-11-25 or 2026-11-25T06:00")
    return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)
