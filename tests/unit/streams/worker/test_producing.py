"""What was said leaves after the states it follows from, whoever wrote them. The worker's own producer; the broker's answers are ours."""

import asyncio
from typing import Any

from streams import truck
from streams.worker.app import Worker
from streams.worker.folding import Output
from streams.worker.producing import Producer
from streams.worker.settings import Settings

CHANGELOG = "test-states-changelog"
VISIT = Output("visits", b"t1", b"{}", ())


class _Batch:
    def append(self, **_: Any) -> object:
        return self

    def close(self) -> None:
        pass


class _Broker:
    """In place of aiokafka's producer: notes what is sent, confirms a batch when it is told to."""

    def __init__(self) -> None:
        self.batches: list[asyncio.Future[Any]] = []
        self.said: list[str] = []

    def create_batch(self) -> _Batch:
        return _Batch()

    async def send_batch(self, *_: Any, **__: Any) -> "asyncio.Future[Any]":
        self.batches.append(asyncio.get_running_loop().create_future())
        return self.batches[-1]

    async def send(self, topic: str, *_: Any, **__: Any) -> "asyncio.Future[Any]":
        self.said.append(topic)
        return asyncio.get_running_loop().create_future()


class _Place:
    def __init__(self, offset: int) -> None:
        self.topic, self.partition, self.offset = CHANGELOG, 3, offset
        self.topic_partition = (CHANGELOG, 3)


async def _turns() -> None:
    """Let everybody who can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_a_slice_said_waits_for_its_states_where_a_commit_has_taken_them() -> None:
    """A commit writes the states a slice has folded; the slice finds none left, and speaks when the commit's are kept."""

    async def story() -> None:
        broker, app = _Broker(), Worker(Settings(), truck.DEFAULT_SETTINGS)
        producer = Producer(app.transport)
        producer._producer = broker
        sender = asyncio.ensure_future(producer._send_said())
        await producer.keep_and_say(CHANGELOG, 3, lambda: [(b"truck:t1", b"state")], ())
        await producer.keep_and_say(CHANGELOG, 3, list, [VISIT])
        await _turns()
        assert broker.said == []
        broker.batches[0].set_result(_Place(0))
        await _turns()
        assert broker.said == ["visits"]
        sender.cancel()

    asyncio.run(story())
