"""A broker whose clients come by ways that can be held and slowed: one for writers, one for everything else.

With many brokers the one that keeps the states may be slow while the one that takes commits is not.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.local import kafka, ports
from deploy.local.kafka import HOST, Kafka, Way
from deploy.local.program import ROOT
from services import bus
from tests.faults import Broker, Direction, Proxy


class Ways(NamedTuple):
    """A running broker and the ways to it."""

    bootstrap: str
    """The direct way, for who looks on."""
    readers: Proxy
    writers: Proxy

    @property
    def told(self) -> str:
        """Address of the way for readers."""
        return f"{HOST}:{self.readers.port}"

    @property
    def told_writers(self) -> str:
        """Address of the way for writers."""
        return f"{HOST}:{self.writers.port}"

    def hold(self) -> None:
        """Let nothing through: the broker is silent."""
        for way in (self.readers, self.writers):
            for direction in Direction:
                way.hold(direction)

    def heal(self) -> None:
        """Let everything through again."""
        for way in (self.readers, self.writers):
            way.heal()


@contextmanager
def running() -> Iterator[Ways]:
    """Run a broker for a load, with our topics, in a folder that goes with it."""
    build = ROOT / ".build" / "kafka"
    kafka.fetch(build)
    ready, written = ports.free(), ports.free()
    with (
        tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name,
        Proxy((HOST, ready)) as readers,
        Proxy((HOST, written)) as writers,
    ):
        told = (
            Way(name="READERS", port=ready, told_port=readers.port),
            Way(name="WRITERS", port=written, told_port=writers.port),
        )
        folder = Path(name)
        server = Kafka(data=folder / "kafka", build=build, port=ports.two_free(), ways=told, busy=True)
        broker = Broker(folder, server)
        broker.begin()
        try:
            broker.wait_until_ready()
            bus.provision(broker.bootstrap)
            yield Ways(broker.bootstrap, readers, writers)
        finally:
            broker.stop()
