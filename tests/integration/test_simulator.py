"""The city loaded into a real broker and database, and the town speaking to the real ingest, killed in the middle."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.local import ports
from services import bus, clock, store
from services.city import folder, load
from services.city.folder import City
from services.planner.roads import build_graph
from services.store import register
from streams.topics import DEAD_LETTERS, TRUCK_STATES, WEIGHINGS, Topic

pytestmark = pytest.mark.integration
PORTO = Path("deploy/cities/porto")
RATE = 60
OWN_PHONES = "0139000000"
"""Other tests share the broker and the tenant; these are the default city's terminals."""


@pytest.fixture(scope="module")
def porto() -> City:
    """The default city, its road graph built."""
    city = folder.read(PORTO)
    build_graph(city.roads, Path(".build/cities/porto/roads"))
    return city


@pytest.fixture(scope="module")
def environment(
    porto: City, topics: str, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Settings of the two processes: a Tuesday, 07:00, sixty city seconds a second."""
    return os.environ | {
        "KAFKA_BOOTSTRAP": topics,
        "DATABASE_URL": database_url,
        "QINGYUN_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "QINGYUN_INGEST_PORT": str(ports.free()),
        "QINGYUN_JT808_PORT": str(ports.free()),
        "QINGYUN_GATEWAY_PORT": str(ports.free()),
        "QINGYUN_CLOCK_ORIGIN_MS": str(porto.local_ms(dt.date(2026, 11, 24), "07:00")),
        "QINGYUN_CLOCK_WALL_ORIGIN_MS": str(clock.wall_now_ms()),
        "QINGYUN_CLOCK_RATE": str(RATE),
    }


@contextmanager
def running(name: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of ours; ended, whatever happens."""
    log = Path(environment["QINGYUN_DATA_DIR"]) / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, "-m", "services", name], env=environment, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def records(bootstrap: str, topic: Topic) -> list[bus.Record]:
    """Every record of a topic."""
    follower = bus.Follower(bootstrap, [topic], client_id="test")
    try:
        return list(follower.read_to_end())
    finally:
        follower.close()


def own_states(bootstrap: str) -> list[dict[str, Any]]:
    """What the default city's terminals have said."""
    states = [msgspec.json.decode(record.value or b"{}") for record in records(bootstrap, TRUCK_STATES)]
    return [state for state in states if state.get("terminal_id", "").startswith(OWN_PHONES)]


def wait_for(what: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Return when it is so."""
    give_up = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < give_up, f"not so within {timeout_s} s"
        time.sleep(0.3)


def test_a_city_is_loaded_once(porto: City, topics: str, database_url: str, environment: dict[str, str]) -> None:
    """The first load sends everything and registers all devices; the second sends nothing and keeps all secrets."""
    now_ms = int(environment["QINGYUN_CLOCK_ORIGIN_MS"])
    secrets = load.devices_file(environment["QINGYUN_DATA_DIR"])
    first = load.publish(topics, porto, now_ms)
    assert first.new > 3000
    count = load.register_devices(database_url, porto, secrets)
    kept = secrets.read_bytes()
    second = load.publish(topics, porto, now_ms)
    assert (second.new, second.changed, second.retired, second.unchanged) == (0, 0, 0, first.new)
    assert load.register_devices(database_url, porto, secrets) == count
    assert secrets.read_bytes() == kept
    engine = store.connect(database_url)
    own = [one for one in register.all_terminals(engine) if one.phone.startswith(OWN_PHONES)]
    engine.dispose()
    assert len(own) == 50


def test_the_town_speaks_and_survives(topics: str, environment: dict[str, str]) -> None:
    """50 terminals are admitted and report; town and ingest, killed with -9 in turn, leave no gap behind."""
    set_aside, weighed = len(records(topics, DEAD_LETTERS)), len(records(topics, WEIGHINGS))
    with running("ingest", environment) as ingest:
        with running("simulator", environment) as simulator:
            wait_for(lambda: len({state["truck_id"] for state in own_states(topics)}) == 50)
            simulator.kill()
            simulator.wait()
        with running("simulator", environment):
            before = len(own_states(topics))
            wait_for(lambda: len(own_states(topics)) > before + 200)
            ingest.kill()
            ingest.wait()
            with running("ingest", environment):
                before = len(own_states(topics))
                wait_for(lambda: len(own_states(topics)) > before + 400)
                wait_for(lambda: len(records(topics, WEIGHINGS)) > weighed)
    states = own_states(topics)
    told: dict[tuple[object, ...], dict[str, object]] = {}
    for state in states:
        # Confirmed by Kafka and not acknowledged in time, it is sent again: a lawful double, by the same key the same.
        key = (state["truck_id"], state["event_time_ms"], state["seq"])
        content = {name: value for name, value in state.items() if name not in ("received_time_ms", "resent")}
        assert told.setdefault(key, content) == content
    times: dict[str, list[int]] = {}
    for state in states:
        times.setdefault(state["truck_id"], []).append(state["event_time_ms"])
    gaps = [after - before for own in map(sorted, times.values()) for before, after in pairwise(own)]
    assert max(gaps) <= 120_000  # the slowest rhythm there is: engine off
    assert any(state.get("resent") for state in states)
    assert len(records(topics, DEAD_LETTERS)) == set_aside


def test_the_end_is_quick_and_clean(environment: dict[str, str]) -> None:
    """SIGTERM ends the town within ten seconds, with exit code 0 and its state kept."""
    with running("simulator", environment) as simulator:
        state = Path(environment["QINGYUN_DATA_DIR"]) / "simulator" / "state.json.gz"
        before = state.stat().st_mtime_ns
        wait_for(lambda: state.stat().st_mtime_ns > before)
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(10) == 0
        assert not state.with_name("state.json.gz.new").exists()
