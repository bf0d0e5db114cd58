"""The metronome: how time passes where no record comes.

Two metronomes do no harm: a tick says what time it is, and a consumer takes the latest.
"""

from typing import Final

from services import bus, clock, metrics, program
from streams import codec, events
from streams.topics import TICKS

TICK_MS: Final = 10_000
"""City time between ticks (contract, "A recorded day")."""


def main() -> None:
    """Run until SIGTERM."""
    with program.running("metronome") as settings:
        stop = program.told_to_stop()
        producer = bus.Producer(settings.kafka_bootstrap, client_id="metronome", delivery_timeout_s=10.0)
        while not stop.is_set():
            now_ms = clock.city_now_ms()
            _tick(producer, settings.tenant_id, now_ms - now_ms % TICK_MS)
            metrics.LAST_PROGRESS.set_to_current_time()
            stop.wait(clock.city_clock().wall_seconds(TICK_MS - now_ms % TICK_MS))
        producer.close()


def _tick(producer: bus.Producer, tenant_id: str, at_ms: int) -> None:
    """Send one tick to every partition; raises `bus.BusError` if the broker does not confirm."""
    value = codec.encode(events.Tick(tenant_id=tenant_id, at_ms=at_ms))
    sent = [
        producer.send(TICKS.name, str(number), value, codec.headers(TICKS), partition=number)
        for number in range(TICKS.partitions)
    ]
    for future in sent:
        future.result(timeout=15)
