"""Plain Faust as other chapters of its guide have it: several events at once, batches, an output for each, larger messages.

It counts as `peers/plain_faust.py` does, and is set as that is; the environment says what is different:

- ``BENCH_AGENT``: ``counts``; ``says`` (and sends a record for each fix); ``takes`` (batches of 100)
- ``BENCH_AT_ONCE``: events that an agent has in hand at once
- ``BENCH_REQUEST_BYTES``: the largest message that Faust lets out
- ``BENCH_HANG_ONCE``: as of `peers/harm.py`, but it is awaited: the loop goes on
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import faust
from faust.worker import Worker

from streams import codec, topics
from tests.benchmarks.peers import harm

GROUP: Final = os.environ["BENCH_GROUP"]
HANG: Final = os.environ.get("BENCH_HANG_ONCE", "")
PARTITIONS: Final = topics.TRUCK_STATES.partitions

app = faust.App(
    GROUP,
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP']}",
    datadir=tempfile.mkdtemp(),
    topic_partitions=PARTITIONS,
    broker_commit_interval=0.5,
    broker_session_timeout=float(os.environ["QINGYUN_WORKER_SESSION_S"]),
    broker_heartbeat_interval=1.0,
    producer_max_request_size=int(os.environ.get("BENCH_REQUEST_BYTES", "1000000")),
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
)
said = app.topic(topics.ALERTS.name, value_serializer="raw", key_serializer="raw")


def count_one_by_one(*, says: bool) -> None:
    """Count in a table."""
    counts = app.Table("counts", default=int, partitions=PARTITIONS)

    async def count(stream: Any) -> None:
        async for value in stream:
            fix = codec.decode(topics.TRUCK_STATES, value)
            await meet(fix.truck_id)
            if says:
                await said.send(key=fix.truck_id.encode(), value=b"{}")
            had = counts[fix.truck_id]
            counts[fix.truck_id] = [(had or [0])[0] + 1, harm.PADDING] if grows(fix.truck_id) else had + 1

    fixes = app.topic(topics.TRUCK_STATES.name, value_serializer="raw", key_serializer="raw")
    app.agent(fixes, concurrency=int(os.environ.get("BENCH_AT_ONCE", "1")))(count)


def count_batches() -> None:
    """Count in memory, and send each count: no table can be written from a batch."""
    counts: dict[str, int] = {}
    kept = app.topic(f"{GROUP}-counts-changelog", value_serializer="json", key_serializer="raw", internal=True)

    async def count(stream: Any) -> None:
        await kept.declare()
        async for batch in stream.take(100, within=0.2):
            for fix in batch:
                truck_id = fix["truck_id"]
                await meet(truck_id)
                counts[truck_id] = counts.get(truck_id, 0) + 1
                await kept.send(key=truck_id.encode(), value=counts[truck_id])

    app.agent(app.topic(topics.TRUCK_STATES.name, value_serializer="json", key_serializer="raw"))(count)


def grows(truck_id: str) -> bool:
    """Tell whether its state has the padding: one truck's, or there would be 12 GB to send."""
    return bool(harm.PADDING) and truck_id == "t007"


async def meet(truck_id: str) -> None:
    """Do what this fix shall; one that hangs is waited for."""
    if not HANG:
        harm.meet(truck_id)
    elif truck_id == "t007" and _is_first():
        await asyncio.Event().wait()


def _is_first() -> bool:
    if Path(HANG).exists():
        return False
    Path(HANG).touch()
    return True


if __name__ == "__main__":
    agent = os.environ["BENCH_AGENT"]
    if agent == "takes":
        count_batches()
    else:
        count_one_by_one(says=agent == "says")
    sys.argv[1:] = []
    Worker(app, loglevel="error").execute_from_commandline()
