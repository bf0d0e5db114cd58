"""``python -m deploy.local run|stop|status|doctor|reset|setup``: what the Makefile's targets call."""

import sys
from typing import Annotated

import typer

from deploy.local import beside, checkup, ending, health, jars, launcher, measure, settings
from deploy.local.failure import LocalStartError, sentence

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The whole system on one machine. Settings: QINGYUN_… (services/settings.py), KAFKA_BOOTSTRAP, DATABASE_URL, "
    "QINGYUN_LOCAL_KAFKA_PORT, QINGYUN_LOCAL_METRICS_PORT.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def run() -> None:
    """Start everything, show the address and the demo log-ins, run until Ctrl-C."""
    launcher.run(settings.current())


@app.command()
def stop() -> None:
    """End everything that `run` started, from another terminal or after a crash."""
    print(ending.stop(settings.current()))


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say what is alive, how far behind it is, and why something is not healthy; exit code 1 if so."""
    raise typer.Exit(health.show(settings.current(), as_json=as_json))


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Check what a start needs and say what to do; exit code 1 if something is missing."""
    raise typer.Exit(checkup.show(settings.current(), as_json=as_json))


@app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the data of this system (events, tables, logs); what was built or downloaded stays."""
    local = settings.current()
    ending.refuse_while_running(local)
    if not local.data.exists():
        print(f"There is no data in {local.data}.")
        return
    if not yes:
        typer.confirm(f"Delete {local.data} with every event, plan and alert in it?", abort=True)
    ending.delete_data(local)
    print(f"{local.data} is deleted; `make run` begins a new city.")


@app.command()
def setup() -> None:
    """Fetch and build what `run` and the tests need first: jars, pages, road graph, base map, browser."""
    launcher.setup(settings.current())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def tool(context: typer.Context) -> None:
    """Run one of `python -m services …` beside the running system, with its settings."""
    raise typer.Exit(beside.run(settings.current(), context.args))


@app.command("measure")
def measured(*, minutes: Annotated[float, typer.Option(help="How long to watch.")] = 3.0) -> None:
    """Watch the running system as a page does, and say how fast it is."""
    measure.run(settings.current(), minutes=minutes)


@app.command(hidden=True)
def packages() -> None:
    """Install the packages the pages are built and checked with."""
    launcher.packages(settings.current())


@app.command("lock-jars", hidden=True)
def lock_jars() -> None:
    """Resolve Kafka's jars anew and write their lock."""
    print(f"{len(jars.lock(settings.current().build / 'kafka'))} jars pinned in {jars.LOCK}")


def main() -> None:
    """Run the command line; what cannot be done is one sentence and exit code 1."""
    try:
        app()
    except LocalStartError as error:
        print(f"× {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if (said := sentence(error)) is None:
            raise
        print(f"× {said}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
