"""The system under test: started, looked at, one process of it killed, stopped or paused, ended in order."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import psutil

from deploy.local import health, leftovers, programs
from deploy.local.settings import Local
from services import bus, metrics, store
from services.recorder.mappings import RECORDED
from services.store import inspect
from services.store.outbox import waiting_count
from streams import codec, events, topics
from tests import whole_system
from tests.crash.page import Page
from tests.whole_system import Running

STORES: Final = ("kafka", "postgres")
START_S: Final = 300.0
PLANS_S: Final = 300.0
WHOLE_S: Final = 300.0
"""Longer than promised (60 s), so that a system that needs longer is measured, not only missed."""
STOP_S: Final = 30.0
STEADY_S: Final = 8.0
"""So long no program may end for the system to count as whole: what dies of the kill may die later."""
LOOK_S: Final = 0.25
LAST_WORDS_S: Final = 50.0
"""City time after the last report: reports that wait for others are released within 30 s, by ticks of 10 s."""
QUIET_S: Final = 120.0
MISDEEDS: Final = 7
"""So many times as often as in the default city: a run of minutes is to have alerts to lose."""
LEDGER: Final = "acknowledged.jsonl"
TOLD_S: Final = 30.0
"""After a server has fallen silent, who needs it says so within this."""
UNTOLD_S: Final = 90.0
"""Longer than promised, so that who needs longer is measured, not only missed."""
TOLD: Final = {
    "kafka": {"recorder": "kafka away", "gateway": "kafka away", "ingest": "kafka"},
    "postgres": {"recorder": "database away", "ingest": "database"},
}
"""By silent server who says what, as `make status` shows it."""


class NotWholeError(RuntimeError):
    """The system is not whole within the time; the message says what it said last."""


class System:
    """One running system of our own."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.local = Local.from_env(running.environment)
        self._engine = store.connect(self.local.database_url, pool=1, name="qingyun-crash")

    # ------------------------------------------------------------------------------------- begin

    def wait_until_planned(self) -> Iterator[str]:
        """Wait until the pages answer and every material has a plan; yield what is waited for."""
        yield from _until(self._answers, START_S, "the pages")
        yield from _until(self._missing_plans, PLANS_S, "plans")

    def _answers(self) -> str:
        return "" if self.running.answers() else "the pages do not answer yet"

    def _missing_plans(self) -> str:
        planned = {plan.material for plan in self._plans() if plan.visits}
        missing = sorted(set(events.MATERIALS) - planned)
        return f"no plan yet for {', '.join(missing)}" if missing else ""

    def _plans(self) -> list[events.TruckPlan]:
        follower = bus.Follower(self.local.kafka_bootstrap, [topics.PLANS], client_id="crash")
        try:
            return [codec.decode(topics.PLANS, record.value) for record in follower.read_to_end()]
        finally:
            follower.close()

    # ------------------------------------------------------------------------------------- kill

    def kill(self, name: str) -> int:
        """Kill a program with -9; return its process id."""
        process = self._process(name)
        process.kill()
        return int(process.pid)

    def stop(self, name: str) -> int:
        """Ask a program to stop, as an update does, and wait until it has; return its process id.

        Raises
        ------
        NotWholeError
            If it has not within `STOP_S`: a program that hangs when it is to end is a fault.
        """
        process = self._process(name)
        process.send_signal(signal.Signals[self._record(name).stop_signal])
        try:
            process.wait(STOP_S)
        except psutil.TimeoutExpired:
            raise NotWholeError(f"{name} did not end within {STOP_S:.0f} s of SIGTERM") from None
        return int(process.pid)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Stop a program and its children where they are, and let them go on afterwards."""
        process = self._process(name)
        tree = [process, *process.children(recursive=True)]
        for one in tree:
            one.suspend()
        try:
            yield
        finally:
            for one in tree:
                with suppress(psutil.NoSuchProcess):
                    one.resume()

    def wait_until_told(self, name: str, page: Page) -> Iterator[str]:
        """Wait until everybody says that a silent server is away, and the page since when its data are old.

        Raises
        ------
        NotWholeError
            After `UNTOLD_S`.
        """
        yield from _until(lambda: self._untold(name, page), UNTOLD_S, f"who needs {name} says that it is silent")

    def _untold(self, name: str, page: Page) -> str:
        why = {part.name: part.why for part in health.examine(self.local).parts}
        quiet = [program for program, reason in TOLD[name].items() if reason not in why.get(program, ())]
        if name == "kafka":  # without the database a page goes on: what it shows comes from Kafka
            said = httpx.get(f"{self.running.address}/health", timeout=5).json()
            quiet += [] if said["stale_since_ms"] is not None else ["the gateway's /health"]
            quiet += [] if page.stale_since_ms is not None else ["the page's stream"]
        return f"nothing is said by {', '.join(quiet)}" if quiet else ""

    def _record(self, name: str) -> leftovers.Record:
        return leftovers.recorded(self.local.supervisor.records)[name]

    def _process(self, name: str) -> psutil.Process:
        process = self._record(name).process()
        if process is None:
            raise NotWholeError(f"{name} does not run, so nothing can be done to it")
        return process

    def wait_until_whole(self, name: str, gone_pid: int | None, killed_s: float) -> Iterator[tuple[float, str]]:
        """Look until everything is whole again and nothing ends any more; yield wall seconds so far and what is wrong.

        ``killed_s``: when, UTC seconds; ``gone_pid``: what was killed, None after a pause. Whole means: another process
        is there (after a pause: one is), all are healthy, it has finished a round of work, and a report that arrived
        since has reached the tables. The last pair is the answer: its seconds are those from the call until then. If a
        program ends within `STEADY_S` of that, it was not then.

        Raises
        ------
        NotWholeError
            After `WHOLE_S`.
        """
        begun_s, whole_s, target = time.monotonic(), 0.0, None
        alive: dict[str, int] = {}
        while True:
            now_s = time.monotonic() - begun_s
            if whole_s and self._alive() == alive:
                if now_s - whole_s >= STEADY_S:
                    yield whole_s, ""
                    return
                yield now_s, "whole; does it stay so?"
            else:
                wrong = self._wrong(name, gone_pid, killed_s)
                if not wrong:
                    target = target or self._reports_recorded() + 1
                    wrong = "" if self._reports_recorded() >= target else "no report made since has reached the tables"
                whole_s, alive = (0.0 if wrong else now_s), self._alive()
                if wrong and now_s > WHOLE_S:
                    raise NotWholeError(f"{name} was hit and after {now_s:.0f} s: {wrong}")
                yield now_s, wrong
            time.sleep(LOOK_S)

    def _alive(self) -> dict[str, int]:
        """Return the process id of each program."""
        return {name: state.pid for name, state in (self.local.supervisor.states() or {}).items()}

    def _wrong(self, name: str, gone_pid: int | None, killed_s: float) -> str:
        state = (self.local.supervisor.states() or {}).get(name)
        if state is None or not state.is_running or state.pid == gone_pid:
            return f"{name} is not there"
        if name not in STORES and self._progress_s(name) <= killed_s:
            return f"{name} has not finished a round of work"
        looked = health.examine(self.local)
        return "" if looked.is_healthy else looked.sentence

    def _progress_s(self, name: str) -> float:
        try:
            samples = self._said(name)
        except OSError:
            return 0.0
        return max((value for _, value in samples.get("qingyun_last_progress_timestamp_seconds", [])), default=0.0)

    def _said(self, name: str) -> health.Samples:
        """Return a program's metrics; raises OSError if it does not answer."""
        return metrics.scrape(programs.metrics_ports(self.local)[name], self.local.services.reachable_host)

    def _reports_recorded(self) -> int:
        try:
            return inspect.recorded(self._engine).get(topics.TRUCK_STATES.name, 0)
        except store.Away:
            return -1

    # ------------------------------------------------------------------------------------- end

    def wind_down(self) -> Iterator[str]:
        """End the devices, then time, then the planner; wait until nobody is behind. Yield what is waited for.

        Raises
        ------
        NotWholeError
            If somebody is still behind after `QUIET_S`.
        """
        yield "the devices end"
        self.local.supervisor.end("simulator")
        yield "time passes for reports that wait for others"
        time.sleep(LAST_WORDS_S / self.local.services.clock_rate)
        for name in ("metronome", "planner"):
            yield f"{name} ends"
            self.local.supervisor.end(name)
        yield from _until(self._behind, QUIET_S, "nobody behind")

    def _behind(self) -> str:
        """Return who is behind, or does not answer; empty = nobody."""
        try:
            return self._told_behind()
        except (OSError, *store.Away, bus.BusError) as error:
            return f"somebody does not answer: {error}"

    def _told_behind(self) -> str:
        ends = self._ends()
        recorded = inspect.recorded(self._engine)
        late = [
            f"{topic} {end - recorded.get(topic, 0)}" for topic, end in ends.items() if end > recorded.get(topic, 0)
        ]
        if late:
            return f"the recorder is behind: {', '.join(late)}"
        if waiting := waiting_count(self._engine):
            return f"{waiting} commands wait in the outbox"
        lag = sum(value for _, value in self._said("worker").get("qingyun_consumer_lag_records", []))
        if lag:
            return f"the worker is {lag:.0f} records behind"
        if any(value for _, value in self._said("ingest").get("qingyun_ingest_spool_records", [])):
            return "uplinks wait in the spool"
        return "" if self._ends() == ends else "records still come"

    def _ends(self) -> dict[str, int]:
        recorded = RECORDED
        ends: dict[str, int] = {}
        for (topic, _), end in bus.ends(self.local.kafka_bootstrap, recorded, client_id="crash").items():
            ends[topic] = ends.get(topic, 0) + end
        return ends

    def close(self) -> None:
        """Disconnect."""
        self._engine.dispose()


@contextmanager
def started(folder: Path, rate: int) -> Iterator[System]:
    """Begin to start a system with its data in ``folder``; end it afterwards, as Ctrl-C does."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        more = {
            "QINGYUN_SIMULATOR_LEDGER": str(folder / LEDGER),
            "QINGYUN_SIMULATOR_MISDEEDS": str(MISDEEDS),
            "QINGYUN_CLOCK_RATE": str(rate),
        }
        system = System(stack.enter_context(whole_system.running(folder, more)))
        stack.callback(system.close)
        yield system


def _until(what_is_missing: Callable[[], str], within_s: float, what: str) -> Iterator[str]:
    give_up_s = time.monotonic() + within_s
    while missing := what_is_missing():
        if time.monotonic() > give_up_s:
            raise NotWholeError(f"{what}: not within {within_s:.0f} s; {missing}")
        yield missing
        time.sleep(2 * LOOK_S)
