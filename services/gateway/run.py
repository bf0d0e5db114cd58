"""The gateway process: pages, API and live events; follows Kafka, sends the outbox."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI

from services import program, store
from services.gateway import app as application
from services.gateway.access import Identities
from services.gateway.follow import Follow
from services.gateway.hub import Hub
from services.gateway.sender import Sender
from services.gateway.state import CityHeader, State, read_city
from services.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
SHUTDOWN_S: Final = 3
_FAILED_EXIT: Final = 1


def main() -> None:
    """Run until SIGTERM; exit code 1 when a part of it failed."""
    with program.running("gateway") as settings:
        if program.looping(_serve(settings)):
            raise SystemExit(_FAILED_EXIT)


async def _serve(settings: Settings) -> bool:
    """Serve until told to stop; True = something failed."""
    parts = make_parts(settings)
    loop = asyncio.get_running_loop()
    follow = Follow(parts.hub, parts.engine, settings.kafka_bootstrap, loop)

    def fail() -> None:
        loop.call_soon_threadsafe(follow.failed.set)

    sender = Sender(parts.engine, settings.kafka_bootstrap, fail)
    server = _Server(_config(application.make(parts), settings), parts.hub)
    program.when_told_to_stop(server.stop)
    follow.start()
    sender.start()
    publishing = asyncio.create_task(parts.hub.run())
    publishing.add_done_callback(lambda task: None if task.cancelled() else follow.failed.set())
    failing = asyncio.create_task(_stop_on_failure(follow.failed, server))
    try:
        await server.serve()
    finally:
        follow.stop()
        publishing.cancel()
        failing.cancel()
        await asyncio.to_thread(sender.stop)
        parts.engine.dispose()
    return follow.failed.is_set() or not server.started


async def _stop_on_failure(failed: asyncio.Event, server: "_Server") -> None:
    await failed.wait()
    server.stop()


class _Server(uvicorn.Server):
    """Signals are the loop's, so that one place decides how the process ends."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # uvicorn's is a generator
        """Leave them alone."""
        return nullcontext()

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    def stop(self) -> None:
        """Take no more, give what is open a moment, end."""
        self.should_exit = True
        self._hub.close()


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.gateway_port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # an address in a header is anybody's to write
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        limit_concurrency=1000,
        timeout_keep_alive=30,
    )


def make_parts(settings: Settings) -> State:
    """Return what the routes stand on; connects to nothing yet."""
    city = read_city(ROOT / "deploy" / "cities" / settings.city)
    engine = store.connect(settings.database_url, pool=10, name="qingyun-gateway")
    return State(
        settings=settings,
        engine=engine,
        hub=Hub(midnights(city)),
        identities=Identities(engine),
        city=city,
        web=ROOT / "services" / "web" / "dist",
        base_map=Path(settings.build_dir) / "cities" / settings.city / "base.pmtiles",
    )


def midnights(city: CityHeader) -> Callable[[str], Callable[[int], int]]:
    """Return, for a tenant, the function that gives its city's last midnight (UTC for tenants without a city)."""

    def of_tenant(tenant_id: str) -> Callable[[int], int]:
        return midnight_before(city.zone if tenant_id == city.tenant_id else ZoneInfo("UTC"))

    return of_tenant


def midnight_before(zone: ZoneInfo) -> Callable[[int], int]:
    """Return a function from UTC ms to UTC ms of the local midnight before it."""

    @cache
    def of_date(year: int, month: int, day: int) -> int:
        return round(datetime(year, month, day, tzinfo=zone).timestamp() * 1000)

    def before(now_ms: int) -> int:
        local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
        return of_date(local.year, local.month, local.day)

    return before
