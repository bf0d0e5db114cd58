"""The metronome: how time passes where no record comes.

Two metronomes do no harm: a tick says what time it is, and a consumer takes the latest.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from services import bus, clock, metrics, program
from streams import codec, events
from streams.hearing import Hearing
from streams.topics import TICKS, TRUCK_STATES

TICK_MS: Final = 10_000
"""City time between ticks (contract, "A recorded day")."""


def main() -> None:
    """Run until SIGTERM."""
    with program.running("metronome") as settings:
        stop = program.told_to_stop()
        producer = bus.Producer(settings.kafka_bootstrap, client_id="metronome", delivery_timeout_s=10.0)
        topic = FixesTopic(settings.kafka_bootstrap)
        while not stop.is_set():
            now_ms = clock.city_now_ms()
            at_ms = now_ms - now_ms % TICK_MS
            hearing_ms = topic.hearing_ms(at_ms)
            _send(producer, events.Tick(tenant_id=settings.tenant_id, at_ms=at_ms, hearing_ms=hearing_ms), topic.ends)
            metrics.LAST_PROGRESS.set_to_current_time()
            stop.wait(clock.city_clock().wall_seconds(TICK_MS - now_ms % TICK_MS))
        topic.close()
        producer.close()


class FixesTopic:
    """Whether reports of trucks come, by the growth of their topic, and how far they have come."""

    def __init__(self, bootstrap: str) -> None:
        self._ends = bus.Ends(bootstrap, [TRUCK_STATES], client_id="metronome")
        self._hearing = Hearing()
        self.ends: dict[bus.Partition, int] = {}
        """Where each partition ended when it was asked last."""

    def hearing_ms(self, now_ms: int) -> int:
        """Ask the broker, and return it for a tick; raises `bus.BusError` if that does not answer."""
        ends = self._ends.now()
        if ends != self.ends:
            self.ends = ends
            self._hearing = self._hearing.heard(now_ms)
        return self._hearing.at(now_ms)

    def close(self) -> None:
        """Disconnect."""
        self._ends.close()


def _send(producer: bus.Producer, tick: events.Tick, ends: Mapping[bus.Partition, int]) -> None:
    """Send a tick to every partition; raises `bus.BusError` if the broker does not confirm."""
    sent = []
    for number in range(TICKS.partitions):
        one = replace(tick, fixes_to=ends[TRUCK_STATES.name, number])
        sent.append(producer.send(TICKS.name, str(number), codec.encode(one), codec.headers(TICKS), partition=number))
    for future in sent:
        future.result(timeout=15)
