"""Fixes for benchmarks: a city's trucks as terminals send them, at once onto a topic or at a steady rate."""

import asyncio
import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import batched
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from services import bus
from streams import codec, events, topics
from streams.units import SECOND_MS
from streams.worker.folding import partition_of

NOW_MS: Final = time.time_ns() // 1_000_000  # wall time: the recorder's clock, so that the days get partitions
TRUCKS: Final = 500
FIX_EVERY_S: Final = 5
LARGEST_BATCH_BYTES: Final = 512 * 1024
FILLED_AT_ONCE: Final = 5_000
"""Fixes of all partitions together: a batch of each stays far below the largest."""
SOS_EVERY: Final = 50
"""Of steady traffic every so many fixes one says SOS: a rule that fires at once. The truck's next fix ends it."""
_HEALTHY: Final = events.SensorHealth(cover="ok", bed="ok", load="ok")


def fix(truck: int, seq: int, at_ms: int, **measured: Any) -> events.TruckState:
    """A fix of a loaded truck that drives; what is measured otherwise is given."""
    usual = {
        "tenant_id": "porto", "received_time_ms": at_ms + 400, "source": "jt808", "speed_mps": 9.0, "heading_deg": 90.0,
        "cover": "closed", "bed": "level", "load_state": "full", "load_kg": 9_500.0, "sensor_health": _HEALTHY,
        "ignition": True, "power": "main",
    }  # fmt: skip
    return events.TruckState(
        truck_id=f"t{truck:03}",
        terminal_id=f"01390000{truck:04}",
        seq=seq % 65_536,
        event_time_ms=at_ms,
        **(usual | measured),
    )


def fixes(count: int) -> Iterator[events.TruckState]:
    """Fixes of all trucks in the order of their arrival; the last of them is now."""
    chance = random.Random(7)
    for number in range(count):
        seq, truck = divmod(number, TRUCKS)
        yield fix(
            truck,
            seq,
            NOW_MS - (count // TRUCKS - seq) * FIX_EVERY_S * SECOND_MS,
            lon=round(-8.62 + chance.uniform(-0.05, 0.05), 6),
            lat=round(41.16 + chance.uniform(-0.03, 0.03), 6),
            speed_mps=round(chance.uniform(0, 20), 1),
            heading_deg=float(chance.randrange(360)),
            odometer_m=120_000.0 + number,
            load_kg=float(chance.randrange(9_000, 10_000)),
            driver_id=f"dr{truck:03}",
        )


def fill(bootstrap: str, count: int) -> None:
    """Put so many fixes on their topic; blocks until Kafka has confirmed each."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it repeats while topics just made look for their leaders
    asyncio.run(_fill(bootstrap, count))


async def _fill(bootstrap: str, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=LARGEST_BATCH_BYTES)
    await producer.start()
    try:
        for some in batched(fixes(count), FILLED_AT_ONCE):
            batches: dict[int, Any] = {}
            for one in some:
                partition = partition_of(one.truck_id)
                batch = batches.setdefault(partition, producer.create_batch())
                appended = batch.append(
                    key=one.truck_id.encode(), value=codec.encode(one), timestamp=None, headers=_HEADERS
                )
                assert appended is not None, "more at once than a batch holds"
            sent = [
                await producer.send_batch(batch, topics.TRUCK_STATES.name, partition=to)
                for to, batch in batches.items()
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


def ends(bootstrap: str) -> dict[int, int]:
    """Where each partition of the fixes ends."""
    found = bus.ends(bootstrap, [topics.TRUCK_STATES], client_id="bench")
    return {partition: end for (_, partition), end in found.items()}


class Traffic:
    """Sends fixes of all trucks in turn, ``a_second`` of them, from a thread, until closed.

    ``sent_s``: when the SOS of a truck was handed to Kafka's client, by truck and its event time (wall seconds);
    ``kept_s``: when the broker's word that it has it was there. Batches are made here, one a partition every few
    milliseconds: a client that sends each fix for itself is the first to be too slow.
    """

    def __init__(self, bootstrap: str, *, a_second: float) -> None:
        self._bootstrap = bootstrap
        self._every_s = 1.0 / a_second
        self._closing = threading.Event()
        self.sent_s: dict[tuple[str, int], float] = {}
        self.kept_s: dict[tuple[str, int], float] = {}
        self.sent = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; all that was sent is confirmed."""
        self._closing.set()
        self._thread.join()

    async def _run(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", compression_type="lz4", max_batch_size=LARGEST_BATCH_BYTES
        )
        await producer.start()
        try:
            began_s = time.monotonic()
            while not self._closing.is_set():
                due = int((time.monotonic() - began_s) / self._every_s)
                await self._send(producer, range(self.sent, due))
                self.sent = max(due, self.sent)
                await asyncio.sleep(0.003)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, numbers: Iterable[int]) -> None:
        batches: dict[int, Any] = {}
        calls: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for number in numbers:
            fix_ = _steady(number)
            partition = partition_of(fix_.truck_id)
            if partition not in batches:
                batches[partition] = producer.create_batch()
            key, value = fix_.truck_id.encode(), codec.encode(fix_)
            if batches[partition].append(key=key, value=value, timestamp=None, headers=_HEADERS) is None:
                raise OverflowError("the generator fell behind: more at once than a batch holds")
            if fix_.alarms:
                calls[partition].append((fix_.truck_id, fix_.event_time_ms))
        now_s = time.monotonic()
        for partition, batch in batches.items():
            batch.close()  # it leaves at once
            self.sent_s |= dict.fromkeys(calls[partition], now_s)
            sent = await producer.send_batch(batch, topics.TRUCK_STATES.name, partition=partition)
            sent.add_done_callback(partial(self._kept, calls[partition]))

    def _kept(self, calls: Iterable[tuple[str, int]], sent: "asyncio.Future[Any]") -> None:
        sent.result()
        self.kept_s |= dict.fromkeys(calls, time.monotonic())


_HEADERS: Final = codec.headers(topics.TRUCK_STATES)


def _steady(number: int) -> events.TruckState:
    seq, truck = divmod(number, TRUCKS)
    now_ms = time.time_ns() // 1_000_000
    calls = number % SOS_EVERY == seq % SOS_EVERY
    return fix(
        truck,
        seq,
        now_ms,
        received_time_ms=now_ms,
        alarms=("sos",) if calls else (),
        lon=-8.62 + 0.0001 * (seq % 700),
        lat=41.16 + 0.0001 * truck,
    )
