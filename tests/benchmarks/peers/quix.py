"""QuixStreams: a stateful function over single fixes, its state store with a changelog, commits twice a second."""

import os
import tempfile
from typing import Any

from quixstreams import Application, State

from streams import codec, events, topics

app = Application(
    broker_address=os.environ["KAFKA_BOOTSTRAP"],
    consumer_group=os.environ["BENCH_GROUP"],
    auto_offset_reset="earliest",
    commit_interval=0.5,
    state_dir=tempfile.mkdtemp(),
    loglevel="ERROR",
)


def decode(value: bytes) -> Any:
    """Decode as we do."""
    return codec.decode(topics.TRUCK_STATES, value)


def count(fix: events.TruckState, state: State) -> events.TruckState:
    """Count the fixes of the key, which is the truck."""
    state.set("count", state.get("count", 0) + 1)
    return fix


fixes = app.dataframe(app.topic(topics.TRUCK_STATES.name, value_deserializer="bytes", key_deserializer="str"))
fixes.apply(decode).apply(count, stateful=True)

if __name__ == "__main__":
    app.run()
