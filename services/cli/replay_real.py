"""``python -m services replay-real``: a real recording of 68 garbage trucks through ingest's door for phones."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from typing import Annotated, Final
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services import bus, clock, store
from services.city import load
from services.settings import Settings
from services.simulator import recording
from services.simulator.doors import osmand_form
from services.simulator.recording import Fix
from services.store import register

app = typer.Typer(help="Play real garbage trucks' recorded fixes through the real doors.")

AT_ONCE: Final = 24
"""Connections; a truck's fixes go over one of them, in their order."""
TRIES: Final = 40
_WAIT_S: Final = 1.0
_TIMEOUT_S: Final = 10.0

Due = tuple[int, Fix]
"""A fix and its time of the shifted recording, ms."""


@app.command()
def replay_real(
    rate: Annotated[
        float, typer.Option(min=1, max=100_000, help="Recorded seconds in a second; 58.9 h are played.")
    ] = 600,
) -> None:
    """Register 68 trucks in the tenant jersey-city, then send their 7,971 fixes of 2015 as OsmAnd phones.

    Needs a running system (make run) and its settings: KAFKA_BOOTSTRAP, DATABASE_URL, QINGYUN_INGEST_PORT. Times are
    shifted by whole weeks to the last week. Every fix is acknowledged by ingest, or sent again.
    """
    settings = Settings.from_env(os.environ)
    fixes = recording.read()
    times_ms = recording.shifted_ms(fixes, clock.city_now_ms())
    secrets = _register(settings, fixes, times_ms[0])
    begun_s = time.monotonic()
    sent = _play((settings.reachable_host, settings.ingest_port), fixes, times_ms, secrets, rate)
    trucks = len({fix.vehicle for fix in fixes})
    typer.echo(f"{sent} of {len(fixes)} fixes of {trucks} trucks acknowledged in {time.monotonic() - begun_s:.0f} s")
    typer.echo(
        f"To see them, log in as somebody of that tenant: python -m services users add NAME dispatcher --tenant {recording.TENANT}"
    )
    if sent < len(fixes):
        raise typer.Exit(1)


def _register(settings: Settings, fixes: Sequence[Fix], valid_from_ms: int) -> dict[str, str]:
    """Make the trucks and their phones known; return a secret for each phone. Known ones stay as they are."""
    vehicles = {fix.vehicle for fix in fixes}
    known = load.known_records(settings.kafka_bootstrap)
    new = [truck for truck in recording.trucks(vehicles, valid_from_ms) if load.name_of(truck) not in known]
    producer = bus.Producer(settings.kafka_bootstrap, client_id="replay-real")
    try:
        for future in [producer.send_event(truck) for truck in new]:
            future.result(timeout=60)
    finally:
        producer.close()
    file = Path(settings.data_dir) / "secrets" / "replay-real.json"
    kept = load.read_secrets(file).get("osmand", {})
    secrets = {vehicle: kept.get(vehicle) or register.new_secret() for vehicle in vehicles}
    load.write_secrets(file, {"osmand": secrets})
    engine = store.connect(settings.database_url, name="replay-real")
    try:
        register.upsert_devices(engine, [_device(vehicle, secret) for vehicle, secret in secrets.items()])
    finally:
        engine.dispose()
    return secrets


def _device(vehicle: str, secret: str) -> register.Device:
    return register.Device(
        protocol="osmand",
        device_id=recording.device_id(vehicle),
        tenant_id=recording.TENANT,
        entity_kind="truck",
        entity_id=recording.truck_id(vehicle),
        secret_hash=register.secret_hash(secret),
    )


def _play(
    door: tuple[str, int], fixes: Sequence[Fix], times_ms: Sequence[int], secrets: dict[str, str], rate: float
) -> int:
    """Send the fixes at their pace; return how many were acknowledged."""
    ended = Event()
    phones = [_Phone(door, secrets, ended) for _ in range(AT_ONCE)]
    lists: list[list[Due]] = [[] for _ in phones]
    place = {vehicle: number % AT_ONCE for number, vehicle in enumerate(sorted(secrets))}
    for time_ms, fix in zip(times_ms, fixes, strict=True):
        lists[place[fix.vehicle]].append((time_ms, fix))
    begin_s = time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(AT_ONCE) as threads:
        shown = progress.add_task(f"{len(secrets)} trucks at {rate:g}×", total=len(fixes))

        def play(phone: _Phone, dues: list[Due]) -> int:
            sent = 0
            for time_ms, fix in dues:
                due_s = begin_s + (time_ms - times_ms[0]) / 1000 / rate
                if ended.wait(max(0.0, due_s - time.monotonic())):
                    break
                sent += phone.send(time_ms, fix)
                progress.advance(shown)
            return sent

        try:
            return sum(threads.map(play, phones, lists))
        finally:
            ended.set()  # after Ctrl-C, so that nobody plays to the end


class _Phone:
    """One connection to ingest's door for phones, over which several trucks speak."""

    def __init__(self, door: tuple[str, int], secrets: dict[str, str], ended: Event) -> None:
        self._ended = ended
        self._connection = HTTPConnection(*door, timeout=_TIMEOUT_S)
        self._secrets = secrets

    def send(self, time_ms: int, fix: Fix) -> bool:
        """Send one fix until it is acknowledged; give up on what ingest refuses, and after `TRIES`."""
        form = osmand_form(recording.device_id(fix.vehicle), time_ms, fix.lon, fix.lat)
        headers = {"Authorization": f"Bearer {self._secrets[fix.vehicle]}"}
        for number in range(TRIES):
            try:
                self._connection.request("POST", f"/osmand/?{urlencode(form)}", headers=headers)
                answer = self._connection.getresponse()
                said = answer.read()
            except (OSError, HTTPException):
                self._connection.close()
                if self._ended.wait(_WAIT_S if number else 0.0):  # at first it may only have been idle for too long
                    return False
                continue
            if answer.status < 300:
                return True
            if answer.status < 500 and answer.status not in (401, 404):  # the register may be a moment behind
                typer.echo(f"refused: {answer.status} {said[:200]!r}", err=True)
                return False
            if self._ended.wait(_WAIT_S):
                return False
        typer.echo(f"not acknowledged after {TRIES} tries: {form['id']} at {form['timestamp']}", err=True)
        return False
