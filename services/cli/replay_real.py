"""``python -m services replay-real``: a real recording of 68 garbage trucks through ingest's door for phones."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import httpx
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
"""Requests under way; fixes of one truck stay in their order."""
TRIES: Final = 40
_WAIT_S: Final = 1.0


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
    base = f"http://{settings.reachable_host}:{settings.ingest_port}"
    begun_s = time.monotonic()
    sent = asyncio.run(_play(base, fixes, times_ms, secrets, rate))
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


async def _play(base: str, fixes: Sequence[Fix], times_ms: Sequence[int], secrets: dict[str, str], rate: float) -> int:
    """Send the fixes at their pace; return how many were acknowledged."""
    by_truck: dict[str, list[tuple[int, Fix]]] = {}
    for fix, time_ms in zip(fixes, times_ms, strict=True):
        by_truck.setdefault(fix.vehicle, []).append((time_ms, fix))
    room = asyncio.Semaphore(AT_ONCE)
    begin_s = time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=base, timeout=10.0, limits=limits) as client:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            shown = progress.add_task(f"{len(by_truck)} trucks at {rate:g}×", total=len(fixes))

            async def one_truck(vehicle: str) -> int:
                sent = 0
                headers = {"Authorization": f"Bearer {secrets[vehicle]}"}
                for time_ms, fix in by_truck[vehicle]:
                    due_s = begin_s + (time_ms - times_ms[0]) / 1000 / rate
                    await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                    async with room:
                        params = osmand_form(recording.device_id(vehicle), time_ms, fix.lon, fix.lat)
                        sent += await _send(client, params, headers)
                    progress.advance(shown)
                return sent

            return sum(await asyncio.gather(*map(one_truck, by_truck)))


async def _send(client: httpx.AsyncClient, params: dict[str, str], headers: dict[str, str]) -> bool:
    """Send one fix until it is acknowledged; give up on what ingest refuses, and after `TRIES`."""
    for _ in range(TRIES):
        try:
            answer = await client.post("/osmand/", params=params, headers=headers)
        except httpx.TransportError:
            await asyncio.sleep(_WAIT_S)
            continue
        if answer.is_success:
            return True
        if answer.status_code < 500 and answer.status_code not in (401, 404):  # the register may be a moment behind
            typer.echo(f"refused: {answer.status_code} {answer.text[:200]}", err=True)
            return False
        await asyncio.sleep(_WAIT_S)
    typer.echo(f"not acknowledged after {TRIES} tries: {params['id']} at {params['timestamp']}", err=True)
    return False
