"""Faust as its tutorial has it: an agent over single events, a table that counts, commits twice a second."""

import os
import sys
import tempfile
from typing import Any

import faust
from faust.worker import Worker

from streams import codec, topics
from tests.benchmarks.peers import harm

app = faust.App(
    os.environ["BENCH_GROUP"],
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP']}",
    datadir=tempfile.mkdtemp(),
    topic_partitions=topics.TRUCK_STATES.partitions,
    broker_commit_interval=0.5,
    # as ours: the default leaves a killed worker's partitions alone for a minute
    broker_session_timeout=float(os.environ.get("QINGYUN_WORKER_SESSION_S", "10")),
    broker_heartbeat_interval=1.0,
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
)
counts = app.Table("counts", default=int, partitions=topics.TRUCK_STATES.partitions)


@app.agent(app.topic(topics.TRUCK_STATES.name, value_serializer="raw", key_serializer="raw"))
async def count(stream: Any) -> None:
    """Count the fixes of each truck."""
    async for value in stream:
        fix = codec.decode(topics.TRUCK_STATES, value)
        harm.meet(fix.truck_id)
        counts[fix.truck_id] = one_more(counts[fix.truck_id])


def one_more(had: Any) -> Any:
    """Return a count and one; with the padding, if there is any."""
    return [(had or [0])[0] + 1, harm.PADDING] if harm.PADDING else had + 1


if __name__ == "__main__":
    sys.argv[1:] = []
    Worker(app, loglevel="error").execute_from_commandline()
