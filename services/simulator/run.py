"""The simulator process: the town's seconds, and all devices' connections, in one asyncio loop, until SIGTERM."""

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import Final

import httpx
import msgspec

from services import clock, metrics, program
from services.city import folder
from services.city.load import devices_file, read_secrets
from services.planner.roads import Roads
from services.settings import Settings
from services.simulator import keep, opening, script
from services.simulator.couriers import Courier
from services.simulator.doors import TIMEOUT_S, DriversPage, Ingest, Page
from services.simulator.keep import Saved, Shelf
from services.simulator.ledger import Ledger
from services.simulator.links import Link
from services.simulator.state import Output, PhoneFix, Pressed, Report, Ticketed, Truth, Uplink
from services.simulator.terminal import Kept, Terminal
from services.simulator.town import STEP_MS, Town
from streams.events import DriverAction, Weighing
from streams.units import HOUR_MS

logger = logging.getLogger(__name__)

CITIES: Final = Path("deploy/cities")
BEAT_S: Final = 0.1
STEPS_AT_ONCE: Final = 300
"""Seconds of the town between two looks at the sockets while it catches up."""
CATCH_UP_MS: Final = HOUR_MS
"""A longer pause is not played after: the town stood still, and wakes up later."""
LATE_S: Final = 3.0
"""A report older than this (wall) when it is made has missed its time: it goes with the resends."""
POLL_S: Final = 3.0
"""How often a driver looks at the page, wall time."""
SAVE_S: Final = 5.0


def main() -> None:
    """Run until SIGTERM."""
    with program.running("simulator") as settings:
        program.looping(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    program.when_told_to_stop(stop.set)
    secrets = await _secrets(devices_file(settings.data_dir), stop)
    if stop.is_set():
        return
    limits = httpx.Limits(max_connections=40, max_keepalive_connections=40)
    async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as client:
        stage = Stage(settings, client, secrets)
        await stage.play(stop)


async def _secrets(file: Path, stop: asyncio.Event) -> dict[str, dict[str, str]]:
    """Wait until the city is loaded: its devices' secrets are made then."""
    while not stop.is_set():
        found = read_secrets(file)
        if found.get("chirpstack"):
            return found
        logger.warning(
            "waiting for the devices' secrets: run `python -m services city load`", extra={"file": str(file)}
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 5.0)
    return {}


class Stage:
    """The town with its devices around it."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, secrets: dict[str, dict[str, str]]) -> None:
        self.city = folder.read(CITIES / settings.city)
        self.play_book = script.read(self.city, settings.simulator_misdeeds)
        self.shelf = Shelf(Path(settings.data_dir) / "simulator")
        roads = Roads(Path(settings.build_dir) / "cities" / settings.city / "roads")
        now_ms = clock.city_now_ms()
        saved = self.shelf.read(self.city.header.city, self.play_book.script.seed, now_ms)
        town = saved.town if saved is not None else opening.begin(self.city, self.play_book, roads, now_ms)
        self.town = Town(self.city, self.play_book, roads, town)
        self._bins = {row.bin_id: row for row in self.city.bins}
        self._phones = {row.truck_id: row.osmand_id for row in self.city.trucks if row.osmand_id is not None}
        self.ledger = Ledger(settings.simulator_ledger)
        host = settings.reachable_host
        self.ingest = Ingest(
            client, f"http://{host}:{settings.ingest_port}", secrets, self.city.header.chirpstack_source, self.ledger
        )
        self.page = DriversPage(client, f"http://{host}:{settings.gateway_port}", secrets["driver_keys"])
        self.actions: Courier[DriverAction] = Courier("driver", self.page.press, self._pressed)
        self.tickets: Courier[Weighing] = Courier("weighbridge", self.ingest.ticket, self._ticketed)
        self.phones: Courier[PhoneFix] = Courier("osmand", self.ingest.phone, self._heard)
        self.links = self._links(host, settings.jt808_port, saved)
        self._saved = saved
        logger.info(
            "the play goes on" if saved is not None else "a new play begins",
            extra={"city": self.city.header.city, "trucks": len(self.links), "bins": len(self._bins)},
        )

    def _links(self, host: str, port: int, saved: Saved | None) -> dict[str, Link]:
        codes = self.shelf.codes()
        links = {}
        for row in self.city.trucks:
            kept = saved.terminals.get(row.phone, Kept()) if saved is not None else Kept()
            terminal = Terminal(
                phone=row.phone,
                terminal_id=row.terminal_id,
                plate=row.plate,
                header=row.header,
                kept=msgspec.structs.replace(kept, code=codes.get(row.phone)),
            )
            links[row.truck_id] = Link(terminal, host, port, self._keep_codes, self.ledger)
        return links

    # ------------------------------------------------------------------------------------- the play

    async def play(self, stop: asyncio.Event) -> None:
        """Play until told to stop; then keep everything."""
        if self._saved is not None:
            self.actions.restore(self._saved.actions)
            self.tickets.restore(self._saved.tickets)
        self._write(keep.encode(self._everything()))  # before the first word: a play that was heard can be taken up
        tasks = [
            *(asyncio.create_task(link.run()) for link in self.links.values()),
            asyncio.create_task(self.ingest.send_uplinks()),
            asyncio.create_task(self._look_at_pages()),
            asyncio.create_task(self._keep_saving()),
            asyncio.create_task(self._seconds()),
        ]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # none of them ends by itself: raise what ended it
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for courier in (self.actions, self.tickets, self.phones):
                courier.stop()
            self._write(keep.encode(self._everything()))

    async def _seconds(self) -> None:
        """Let the town's seconds pass as the city's clock does."""
        while True:
            now_ms = clock.city_now_ms()
            state = self.town.state
            if now_ms - state.now_ms > CATCH_UP_MS:
                logger.warning("a long pause: the town wakes up later", extra={"pause_ms": now_ms - state.now_ms})
                state.now_ms = now_ms - now_ms % STEP_MS
            for _ in range(min(STEPS_AT_ONCE, (now_ms - state.now_ms) // STEP_MS)):
                for output in self.town.step():
                    self._deliver(output, now_ms)
            metrics.LAST_PROGRESS.set_to_current_time()
            await asyncio.sleep(BEAT_S if now_ms - state.now_ms < STEPS_AT_ONCE * STEP_MS else 0)

    def _deliver(self, output: Output, now_ms: int) -> None:
        match output:
            case Report():
                late = now_ms - output.time_ms > LATE_S * 1000 * clock.city_clock().rate
                self.links[output.truck_id].tell(msgspec.structs.replace(output, reachable=False) if late else output)
            case Uplink():
                self.ingest.uplink(self._bins[output.bin_id], output)
            case PhoneFix():
                self.phones.add(self._phones[output.truck_id], output)
            case Pressed():
                self.actions.add(output.action.truck_id, output.action)
            case Ticketed():
                self.tickets.add(output.weighing.facility_id, output.weighing)
            case Truth():
                self.shelf.tell_truth(output)

    # ------------------------------------------------------------------------------------- drivers

    async def _look_at_pages(self) -> None:
        """Let the drivers on duty look at their pages in turn, each every few seconds."""
        wait_s = POLL_S
        while True:
            begun_s = time.monotonic()
            on_duty = [truck_id for truck_id in self.links if self.town.on_duty(truck_id)]
            try:
                for truck_id in on_duty:
                    self._read(truck_id, await self.page.look(truck_id))
                    await asyncio.sleep(0.8 * POLL_S / max(1, len(on_duty)))
                metrics.SIMULATED.labels("driver", "looked").inc(len(on_duty))
                wait_s = POLL_S
            except (httpx.HTTPError, msgspec.MsgspecError) as error:
                metrics.SIMULATED.labels("driver", "page_away").inc()
                logger.info("the driver's page is away", extra={"why": str(error)})
                wait_s = min(15.0, wait_s * 1.5)
            await asyncio.sleep(max(0.0, wait_s - (time.monotonic() - begun_s)))

    def _read(self, truck_id: str, page: Page | None) -> None:
        """Let the driver take in what the page says; None = nothing new."""
        if page is None:
            return
        self.town.set_down(truck_id, down=page.truck.down is not None)
        if page.plan is not None:
            for output in self.town.take_plan(truck_id, page.plan):
                self._deliver(output, self.town.state.now_ms)

    # ------------------------------------------------------------------------------------- what was taken

    def _pressed(self, truck_id: str, action: DriverAction) -> None:
        self.ledger.note("driver", truck_id, action_id=action.action_id)

    def _ticketed(self, facility_id: str, weighing: Weighing) -> None:
        self.ledger.note("weighbridge", facility_id, weighing_id=weighing.weighing_id)

    def _heard(self, device_id: str, fix: PhoneFix) -> None:
        self.ledger.note("osmand", device_id, time_ms=fix.time_ms)

    # ------------------------------------------------------------------------------------- what is kept

    def _everything(self) -> Saved:
        return Saved(
            city=self.city.header.city,
            seed=self.play_book.script.seed,
            town=self.town.state,
            terminals={
                link.terminal.phone: msgspec.structs.replace(link.terminal.kept(), code=None)
                for link in self.links.values()
            },
            actions=self.actions.waiting(),
            tickets=self.tickets.waiting(),
        )

    async def _keep_saving(self) -> None:
        while True:
            everything = keep.encode(self._everything())  # here: the town must not move meanwhile
            await asyncio.to_thread(self._write, everything)
            await asyncio.sleep(SAVE_S)

    def _write(self, everything: bytes) -> None:
        self.shelf.write(keep.pack(everything))

    def _keep_codes(self) -> None:
        codes = {link.terminal.phone: link.terminal.code for link in self.links.values()}
        self.shelf.write_codes({phone: code for phone, code in codes.items() if code is not None})
