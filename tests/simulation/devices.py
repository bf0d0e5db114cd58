"""Terminals on trucks, sensors in bins, drivers and a weighbridge: what they report, and how the way to us mistreats it.

A terminal keeps a report until it is acknowledged and sends it again; what it could not send for a minute it marks as
resent. A sensor says a thing once. Each terminal has a clock, a counter, and its own network.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from streams import codec, events, topics
from streams.worker.folding import partition_of
from tests.simulation import journeys
from tests.simulation.log import Log, Producer
from tests.simulation.world import Process, World

AGAIN_MS: Final = 8_000
WINDOW: Final = 6
"""Reports a terminal has under way at once."""
HOUR_MS: Final = 3_600_000


class Terminal:
    """One truck's terminal. ``to_doors(report, acknowledge)`` hands a report to the network."""

    def __init__(self, world: World, number: int, kind: str, to_doors: Callable[..., None]) -> None:
        self.world = world
        self.truck_id = journeys.TRUCKS[number]
        self.kind = kind
        self.truth = journeys.fixes(kind, self.truck_id)
        self.to_doors = to_doors
        self.clock_ms = 0
        self.numbered = True
        self.rebooted_at: int | None = None
        self.heartbeats = False
        self.full = False
        self.jump_ms = 0
        """By how much its clock is off from report ``jump[0]`` up to ``jump[1]``, beside what it always is."""
        self.jump = (0, 0)
        self.blind: tuple[float, float, float] | None = None
        """Since when it is in a blind area, until when, and when it sends what it had to keep."""
        self._seq = 100
        self._waiting: dict[int, events.TruckState] = {}
        self._sent_ms: dict[int, float] = {}
        self._down_until_ms = 0.0
        self._sending = False
        self.reports: list[events.TruckState] = []
        """Each as it was first made; the index is its place in the truth."""

    def start(self) -> None:
        """Report through the whole drive."""
        for n, fix in enumerate(self.truth):
            self.world.after(fix.event_time_ms - self.world.now_ms + 300, self._make, n, fix)
        self._plan_outage()

    @property
    def waiting(self) -> int:
        """Reports not acknowledged."""
        return len(self._waiting)

    def drive(self, kind: str) -> None:
        """Drive this way instead."""
        self.kind, self.truth = kind, journeys.fixes(kind, self.truck_id)

    def begin_at(self, seq: int) -> None:
        """Count from here."""
        self._seq = seq

    def _make(self, n: int, fix: events.TruckState) -> None:
        if self.rebooted_at == n:
            self.world.sometimes["a terminal reboots"] += 1
            self._seq = 0
        elif self.heartbeats and n % 7 == 3:
            self._seq = (self._seq + 1) % 65_536
        seq = self._seq if self.numbered else None
        if self._seq == 65_535:
            self.world.sometimes["a counter wraps"] += 1
        self._seq = (self._seq + 1) % 65_536
        jump_ms = self.jump_ms if self.jump[0] <= n < self.jump[1] else 0
        report = replace(
            fix,
            event_time_ms=fix.event_time_ms + self.clock_ms + jump_ms,
            received_time_ms=None,
            seq=seq,
            source="jt808" if self.numbered else "traccar",
        )
        self.reports.append(report)
        self._waiting[n] = report
        if not self._sending:
            self._sending = True
            self._send()

    def _send(self) -> None:
        if not self._waiting:
            self._sending = False
            return
        self.world.after(self.world.between(700, 1_500), self._send)
        now_ms = self.world.now_ms
        if self.world.faults and (now_ms < self._down_until_ms or self._is_blind(now_ms)):
            return
        for n in [n for n in self._waiting if not self._is_kept_back(n)][:WINDOW]:
            sent_ms = self._sent_ms.get(n)
            if sent_ms is not None and now_ms - sent_ms < AGAIN_MS:
                continue
            if sent_ms is None and now_ms - self.truth[n].event_time_ms > 60_000:
                self.world.sometimes["a blind area is reported later"] += 1
                self._waiting[n] = replace(self._waiting[n], resent=True)
            if sent_ms is not None:
                self.world.sometimes["a report is sent again"] += 1
            self._sent_ms[n] = now_ms
            self._through_the_net(n)

    def go_blind(self) -> None:
        """Be out of reach while the truck is emptied, and send what was kept a while after the live reports."""
        chance, raised_ms = self.world.between, next(fix.event_time_ms for fix in self.truth if fix.bed == "raised")
        until_ms = raised_ms + chance(190_000, 250_000)
        self.blind = raised_ms - chance(115_000, 200_000), until_ms, until_ms + chance(5_000, 140_000)

    def _is_blind(self, at_ms: float) -> bool:
        return self.blind is not None and self.blind[0] <= at_ms < self.blind[1]

    def _is_kept_back(self, n: int) -> bool:
        """Whether a report of a blind area has to wait: live reports go first."""
        if self.blind is None or not self.world.faults or self.world.now_ms >= self.blind[2]:
            return False
        return self._is_blind(self.truth[n].event_time_ms)

    def _through_the_net(self, n: int) -> None:
        options = self.world.options
        if self.world.happens(options.drop):
            return
        copies = 2 if self.world.happens(options.duplicate) else 1
        for _ in range(copies):
            delay_ms = self.world.between(30, options.delay_ms if self.world.faults else 100)
            if self.world.happens(options.straggle):
                self.world.sometimes["a report straggles"] += 1
                delay_ms += self.world.between(2_000, 20_000)
            self.world.after(delay_ms, self.to_doors, self._waiting[n], lambda: self._acknowledged(n))

    def _acknowledged(self, n: int) -> None:
        if self.world.happens(self.world.options.drop):
            self.world.sometimes["an acknowledgement is lost"] += 1
            return
        self.world.after(self.world.between(30, 300), self._forget, n)

    def _forget(self, n: int) -> None:
        self._waiting.pop(n, None)

    def _plan_outage(self) -> None:
        every_ms = self.world.options.outage_every_ms
        if every_ms:
            self.world.after(self.world.chance.expovariate(1 / every_ms), self._go_down)

    def _go_down(self) -> None:
        if self.world.faults:
            self._down_until_ms = self.world.now_ms + self.world.options.outage_ms
            self._plan_outage()


def bring_up(world: World, to_doors: Callable[..., None]) -> list[Terminal]:
    """Return the terminals of a run, with the faults its options name."""
    options = world.options
    kinds = [world.chance.choice(journeys.KINDS) for _ in range(options.trucks)]
    terminals = [Terminal(world, n, kind, to_doors) for n, kind in enumerate(kinds)]
    left = list(terminals)
    world.chance.shuffle(left)
    for one in _some(left, options.blind):
        one.drive("emptied")
        one.go_blind()
        one.numbered = world.chance.random() < 0.3  # the number would tell that reports are missing
    for one in _some(left, options.wrapping):
        one.begin_at(world.chance.randint(65_440, 65_530))
    for one in _some(left, options.wrong_clocks):
        one.clock_ms = world.chance.choice((8 * HOUR_MS, 26 * HOUR_MS, 500 * HOUR_MS, -8 * HOUR_MS, -200_000 * HOUR_MS))
    for one in _some(left, options.unnumbered):
        one.numbered = False
    for one in _some(left, options.rebooting):
        one.rebooted_at = world.chance.randint(20, 70)
    for one in _some(left, options.heartbeats):
        one.heartbeats = True
    for one in _some(left, options.full):
        one.full = True
    for one in _some(left, options.jumping):
        one.jump_ms = world.chance.choice((8 * HOUR_MS, -8 * HOUR_MS, 26 * HOUR_MS, -500 * HOUR_MS))
        one.jump = (world.chance.randint(15, 40), world.chance.randint(50, 70))
        world.sometimes["a clock jumps"] += 1
    for one in _some(left, options.broken_covers):
        one.truth = tuple(replace(fix, cover="unknown") for fix in one.truth)
    return terminals


def _some(left: list[Terminal], count: int) -> list[Terminal]:
    taken = left[:count]
    del left[:count]
    return taken


class Desk(Process):
    """Drivers' phones and the weighbridge, through the gateway's outbox: what is sent arrives, at some time."""

    def __init__(self, world: World, log: Log, terminals: list[Terminal]) -> None:
        super().__init__(world, "desk")
        self.producer = Producer(self, log)
        for one in (one for one in terminals if one.full):
            times = sorted(world.between(400_000, 900_000) for _ in range(3))
            world.after(times[0], self._act, one.truck_id, "breakdown", 1)
            world.after(times[1], self._act, one.truck_id, "sos", 2)
            world.after(times[2], self._weigh, one.truck_id)

    def _act(self, truck_id: str, kind: str, number: int) -> None:
        now_ms = int(self.world.now_ms)
        action = events.DriverAction(
            action_id=f"{truck_id}-{number}",
            truck_id=truck_id,
            kind=kind,  # type: ignore[arg-type]
            event_time_ms=now_ms - 500,
            received_time_ms=now_ms,
            driver_id="dr1",
        )
        self._send(action)

    def _weigh(self, truck_id: str) -> None:
        now_ms = int(self.world.now_ms)
        weighing = events.Weighing(
            weighing_id=f"w-{truck_id}",
            facility_id="f1",
            truck_id=truck_id,
            event_time_ms=now_ms - 2_000,
            received_time_ms=now_ms,
            net_kg=13_000,
        )
        self._send(weighing)

    def _send(self, event: events.Event) -> None:
        topic, key = codec.topic_of(event), codec.key_of(event)
        self.producer.send((topic.name, partition_of(key)), key.encode(), codec.encode(event), codec.headers(topic))


class Metronome(Process):
    """A tick each ten seconds, to every partition with a truck or a bin (the real one leaves out none)."""

    def __init__(self, world: World, log: Log) -> None:
        super().__init__(world, "metronome")
        self.producer = Producer(self, log)
        world.after(10_000, self._tick)

    def _tick(self) -> None:
        self.world.after(10_000, self._tick)
        if not self.world.broker_up:
            return
        now_ms = int(self.world.now_ms)
        value = codec.encode(events.Tick(at_ms=now_ms - now_ms % 10_000))
        for number in journeys.NUMBERS:
            key = str(number).encode()
            self.producer.send((topics.TICKS.name, number), key, value, codec.headers(topics.TICKS))


class Stranger(Process):
    """A producer that does not know the contract."""

    def __init__(self, world: World, log: Log) -> None:
        super().__init__(world, "stranger")
        self.producer = Producer(self, log)
        for _ in range(world.options.poison):
            world.after(world.between(60_000, 1_200_000), self._send)

    def _send(self) -> None:
        chance = self.world.chance
        truck_id = chance.choice(journeys.TRUCKS)
        right = partition_of(truck_id)
        stray = events.DriverAction(action_id="x", truck_id=truck_id, kind="sos", event_time_ms=int(self.world.now_ms))
        topic, number, value = chance.choice(
            (
                ("truck-states", right, b"\xff\x00"),
                ("truck-states", right, b'{"truck_id": "T0"}'),
                ("driver-actions", (right + 1) % 12, codec.encode(stray)),
                ("plans", right, b"[]"),
                ("bin-readings", 3, b'{"bin_id": "", "event_time_ms": 1}'),
            )
        )
        # each of its own bytes, so that one can be told from another
        self.producer.send((topic, number), truck_id.encode(), value + b" " * chance.randint(0, 10_000))
