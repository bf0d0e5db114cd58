"""``python -m services topics provision|list``."""

import os

import typer

from services import bus
from services.settings import Settings
from streams.topics import TOPICS

app = typer.Typer(no_args_is_help=True, help="Kafka's topics, as the catalogue in streams/topics.py says.")


@app.command()
def provision(replication: int = 1, wait_s: float = 30.0) -> None:
    """Create what is missing; fail if a topic has another number of partitions than the catalogue."""
    settings = Settings.from_env(os.environ)
    try:
        bus.wait_for_broker(settings.kafka_bootstrap, wait_s)
        created = bus.provision(settings.kafka_bootstrap, replication=replication)
    except (TimeoutError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{len(created)} topics created, {len(TOPICS) - len(created)} were there")


@app.command("list")
def show() -> None:
    """Print the catalogue."""
    for topic in TOPICS:
        keep = "compacted" if topic.compacted else f"{topic.retention_ms // 86_400_000} days"
        typer.echo(f"{topic.name:<18} {topic.partitions:>2} × {keep:<10} key {topic.key:<26} by {topic.written_by}")
