"""``python -m services trial list|compare|end``: other rules or thresholds beside the live ones, and what they would have said.

A trial is a worker with a name (`streams.worker.role`): it reads what the live one reads, and nobody acts on its alerts.
"""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from services import bus, clock
from services.cli.tool import fail, moment_ms, zone_of
from services.settings import Settings
from streams import codec, compare, events, topics
from streams.topics import Topic
from streams.worker.role import Role
from streams.worker.settings import Settings as WorkerSettings

app = typer.Typer(
    no_args_is_help=True,
    help="Rules and thresholds are tried before they bind: QINGYUN_WORKER_TRIAL=NAME QINGYUN_WORKER_THRESHOLDS=FILE "
    "python -m streams worker runs beside the live worker, and nobody acts on its alerts.",
)

Name = Annotated[str, typer.Argument(help="The trial's name, as QINGYUN_WORKER_TRIAL gave it.")]
_ALERTS_OF: Final = re.compile(rf"trial-(.+)-{topics.ALERTS.name}")


@app.command("list")
def show() -> None:
    """Show the trials there are, and how far each has read."""
    bootstrap = Settings.from_env(os.environ).kafka_bootstrap
    names = sorted(found[1] for topic in bus.names(bootstrap) if (found := _ALERTS_OF.fullmatch(topic)))
    for name in names:
        typer.echo(f"{name:<40} {_behind(bootstrap, name):>9} records behind")
    if not names:
        typer.echo("no trial: QINGYUN_WORKER_TRIAL=NAME python -m streams worker begins one")


@app.command("compare")
def compare_alerts(
    name: Name,
    out: Annotated[Path, typer.Argument(help="Folder for both sides' alerts; made if missing, must be empty.")],
    *,
    begin: Annotated[str, typer.Option("--from", help="30m, 6h, 2d ago, or 2026-11-25T06:00 (UTC).")] = "1d",
    end: Annotated[str | None, typer.Option("--to", help="The first moment that is not in it; default: now.")] = None,
    tenant: Annotated[str, typer.Option(help="Default: the setting QINGYUN_TENANT_ID.")] = "",
    time_zone: Annotated[str, typer.Option(help="Of the times printed.")] = "UTC",
) -> None:
    """Show alerts that the trial would have lost, gained and changed; each with its reasons.

    Alerts count that began in the span. OUT/live and OUT/trial are what `python -m streams replay --compare` takes, too.
    """
    settings = Settings.from_env(os.environ)
    zone = zone_of(time_zone)
    now_ms = clock.city_now_ms()
    from_ms, to_ms = moment_ms(begin, now_ms), now_ms if end is None else moment_ms(end, now_ms)
    if out.exists() and any(out.iterdir()):
        fail(f"{out} is not empty: alerts of two comparisons must not meet")
    theirs = _role(settings.kafka_bootstrap, name).says[topics.ALERTS.name]
    if behind := _behind(settings.kafka_bootstrap, name):
        typer.echo(f"the trial is {behind} records behind: alerts of what it has not read are missing", err=True)
    for folder, topic in ((out / "live", topics.ALERTS), (out / "trial", theirs)):
        folder.mkdir(parents=True, exist_ok=True)
        lines = _began_within(settings.kafka_bootstrap, topic, tenant or settings.tenant_id, from_ms, to_ms)
        (folder / f"{topics.ALERTS.name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    span = " to ".join(f"{datetime.fromtimestamp(at_ms / 1000, zone):%Y-%m-%d %H:%M %Z}" for at_ms in (from_ms, to_ms))
    typer.echo(f"live (before) and trial {name} (after), {span}\n")
    typer.echo(compare.table(compare.compare(out / "live", out / "trial"), zone))


@app.command("end")
def end_trial(name: Name) -> None:
    """Delete what a trial has on Kafka: its alerts, its states, its group. Its worker must have ended."""
    bootstrap = Settings.from_env(os.environ).kafka_bootstrap
    role, worker = _role(bootstrap, name), _worker(name)
    if bus.members(bootstrap, worker.app_id):
        fail(f"the worker of {name} runs, or ended seconds ago: end it, and try again")
    own = [*(topic.name for topic in role.own), worker.changelog]
    bus.delete(bootstrap, own, group=worker.app_id)
    typer.echo(f"{name} is gone: {', '.join(own)}")


def _role(bootstrap: str, name: str) -> Role:
    """Return the role of a trial that is there."""
    try:
        role = Role.trial(name)
    except ValueError as error:
        fail(str(error))
    if not {topic.name for topic in role.own} & set(bus.names(bootstrap)):
        fail(f"there is no trial {name}: python -m services trial list shows which there are")
    return role


def _worker(name: str) -> WorkerSettings:
    return WorkerSettings.from_env(os.environ | {"QINGYUN_WORKER_TRIAL": name})


def _behind(bootstrap: str, name: str) -> int:
    """Return how many records a trial has yet to judge: committed for, of topics it has begun with."""
    worker = _worker(name)
    stands = bus.committed(bootstrap, worker.app_id)
    ends = bus.ends(bootstrap, worker.role.inputs, client_id="trial")
    return sum(max(0, end - stands.get(partition, 0)) for partition, end in ends.items() if end)


def _began_within(bootstrap: str, topic: Topic, tenant_id: str, from_ms: int, to_ms: int) -> Iterator[bytes]:
    """Yield the revisions on a topic of alerts that began in [from, to)."""
    with closing(bus.Follower(bootstrap, [topic], client_id="trial")) as follower:
        for record in follower.read_to_end():
            try:
                alert: events.Alert = codec.decode(topic, record.value)
            except codec.Undecodable:
                continue  # the recorder has set it aside, with its reason
            if alert.tenant_id == tenant_id and from_ms <= alert.start_ms < to_ms:
                yield record.value or b""
