"""The ingest process: the register, the keeper and the doors in one asyncio loop, until SIGTERM."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn

from services import bus, metrics, program, store
from services.ingest import http_doors
from services.ingest.deferred import DeferredUplinks
from services.ingest.http_doors import Doors
from services.ingest.jt808.server import BACKLOG, TerminalServer
from services.ingest.keep import DELIVERY_S, Keeper
from services.ingest.register import DatabaseRegister
from services.ingest.spool import Spool
from services.ingest.uplinks import UplinkKeeper
from services.settings import Settings

logger = logging.getLogger(__name__)

GRACE_S: Final = 3
"""What is on its way to Kafka at SIGTERM gets this long to be confirmed and acknowledged."""
HTTP_CONNECTIONS: Final = 4000


class _HttpServer(uvicorn.Server):
    """uvicorn within our loop: we handle the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main() -> None:
    """Run until SIGTERM."""
    with program.running("ingest") as settings:
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it tells start and end for people at terminals
        try:
            program.looping(serve(settings))
        except store.NoDatabaseAddressError as error:
            raise SystemExit(str(error)) from error


def _listen(settings: Settings, port: int, setting: str) -> socket.socket:
    try:
        return socket.create_server((settings.host, port), backlog=BACKLOG)
    except OSError as error:
        raise SystemExit(f"{settings.host} port {port} cannot be opened ({error}); {setting} names another") from error


async def serve(settings: Settings) -> None:
    """Open the doors and keep them open until SIGTERM or SIGINT; raises what ends any of the parts."""
    tcp_socket = _listen(settings, settings.jt808_port, "QINGYUN_JT808_PORT")
    http_socket = _listen(settings, settings.ingest_port, "QINGYUN_INGEST_PORT")
    stop = asyncio.Event()
    program.when_told_to_stop(stop.set)
    keeper = Keeper(lambda: bus.Producer(settings.kafka_bootstrap, client_id="ingest", delivery_timeout_s=DELIVERY_S))
    register = DatabaseRegister(settings.database_url)
    spools = Path(settings.data_dir) / "spool"
    uplinks = UplinkKeeper(keeper, Spool(spools / "chirpstack"))
    deferred = DeferredUplinks(register, uplinks, Spool(spools / "chirpstack-deferred"))
    terminals = TerminalServer(keeper, register)
    web = _http_server(Doors(register, keeper, uplinks, deferred))
    async with asyncio.TaskGroup() as group:
        background = [
            group.create_task(keeper.run()),
            group.create_task(register.run()),
            group.create_task(uplinks.run()),
            group.create_task(deferred.run()),
            group.create_task(_report_health(keeper)),
        ]
        http = group.create_task(web.serve([http_socket]))
        tcp = await terminals.start(tcp_socket)
        logger.info("doors open", extra={"jt808_port": settings.jt808_port, "ingest_port": settings.ingest_port})
        await _stopped(stop, http)
        tcp.close()
        web.should_exit = True
        await keeper.settle(GRACE_S)
        terminals.close_all()
        await http
        for task in background:
            task.cancel()


async def _stopped(stop: asyncio.Event, http: "asyncio.Task[None]") -> None:
    """Return at a signal; a web server that ends by itself (its port is taken) ends the process."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, http], return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        waiting.cancel()
        http.result()
        raise RuntimeError("the HTTP server ended")


async def _report_health(keeper: Keeper) -> None:
    while True:
        metrics.LAST_PROGRESS.set_to_current_time()
        metrics.UNHEALTHY.labels("kafka").set(keeper.away)
        await asyncio.sleep(1.0)


def _http_server(doors: Doors) -> _HttpServer:
    config = uvicorn.Config(
        http_doors.build(doors),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=HTTP_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE_S,
    )
    return _HttpServer(config)
