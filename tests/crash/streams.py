"""``python -m tests.crash.streams --seeds 1-100``: streams and tables alone, every harm there is; then judge all that is left.

Broker, database, two workers and two recorders, a town that reports all the while. Each harm is followed until all of it
is whole again: everything said since it was healed is committed by the workers and in the tables.
"""

import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import psutil
from rich.table import Table

from deploy.local.progress import Reporter
from services import bus, store
from services.simulator.ledger import Ledger
from streams import codec, events
from streams.topics import JOINED_PARTITIONS
from tests.crash import campaign, harm, inputs, parts
from tests.crash.campaign import PROMISED_S, Asked, Seed
from tests.crash.claims import POISON
from tests.crash.harm import Harm
from tests.crash.inputs import Poison
from tests.crash.judge import IDENTITY, Verdict
from tests.crash.parts import Setting
from tests.crash.results import Result

A_SECOND: Final = 40.0
"""Records a second."""
LONGEST_S: Final = 150.0
"""Longer than promised, so that what needs longer is measured, not only missed."""
LAST_TICKS: Final = 6
"""Reports that wait for others are released within 30 s."""
LEDGER: Final = "acknowledged.jsonl"
REFUSED_S: Final = 30.0
"""A broker that has room again takes what it refused within this."""


class Traffic:
    """Sends the town's records at a steady rate, and writes down which the broker has confirmed.

    What the broker refuses is sent again, as the doors' spool does.
    """

    def __init__(self, bootstrap: str, seed: int, ledger: Path) -> None:
        self._producer = bus.Producer(bootstrap, client_id="town", delivery_timeout_s=240.0, block_s=120.0)
        self._ledger = Ledger(str(ledger))
        self._stream = inputs.stream(seed)
        self._closing = threading.Event()
        self.failed: list[str] = []
        self._refused: deque[events.Event | Poison] = deque()
        self._at_ms = inputs.START_MS
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let time pass for reports that wait, and wait until the broker has all of it."""
        self._closing.set()
        self._thread.join()
        for _ in range(LAST_TICKS):
            self._at_ms += inputs.TICK_MS
            self._send(events.Tick(at_ms=self._at_ms))
        give_up_s = time.monotonic() + REFUSED_S
        self._producer.flush(60)
        while self._refused and time.monotonic() < give_up_s:
            self._send_again()
            self._producer.flush(60)
        self._producer.close()
        self.failed += [f"the town could not send {str(one)[:100]}" for one in self._refused]

    def _run(self) -> None:
        began_s = time.monotonic()
        for sent, record in enumerate(self._stream, 1):
            if self._closing.is_set():
                return
            self._send_again()
            self._send(record)
            time.sleep(max(0.0, began_s + sent / A_SECOND - time.monotonic()))

    def _send(self, record: events.Event | Poison) -> None:
        if isinstance(record, Poison):
            said = {"value": record.value.hex(), "by_worker": record.by_worker}
            sent = self._producer.send(record.topic.name, record.key, record.value, record.headers)
            sent.add_done_callback(partial(self._confirmed, record, POISON, record.topic.name, said))
            return
        topic, value = codec.topic_of(record), codec.encode(record)
        if isinstance(record, events.Tick):
            self._at_ms = record.at_ms
            for number in range(JOINED_PARTITIONS):
                self._producer.send(topic.name, str(number), value, codec.headers(topic), partition=number)
            return
        identity = {member: getattr(record, member) for member in IDENTITY[topic]}
        sent = self._producer.send_event(record)
        sent.add_done_callback(partial(self._confirmed, record, "topic", topic.name, identity))

    def _send_again(self) -> None:
        """Send what the broker had refused, once; one thread sends, and this is it."""
        for _ in range(len(self._refused)):
            self._send(self._refused.popleft())

    def _confirmed(self, record: events.Event | Poison, door: str, topic: str, said: dict[str, Any], sent: Any) -> None:
        if sent.exception() is None:
            self._ledger.note(door, topic, **said)
        else:
            self._refused.append(record)


def setting_of(seed: int) -> Setting:
    """Return how the small system of a seed is set up: half of them with each of two things."""
    chance = Random(f"setting {seed}")
    return Setting(static=chance.random() < 0.5, impatient=chance.random() < 0.5)


class Run:
    """One seed."""

    def __init__(self, number: int, seed: Seed, reporter: Reporter, harms: list[Harm]) -> None:
        self._chance = Random(f"doing {number}")
        self._number, self._seed, self._reporter = number, seed, reporter
        self.harms, self.setting = harms, setting_of(number)
        self.done: list[str] = []
        self.ended: list[str] = []
        self.whole_s: dict[str, float] = {}
        self.findings: list[str] = []

    def run(self) -> Verdict:
        """Do everything that is planned; return what was judged. Leaves nothing running."""
        folder = self._seed.folder
        folder.mkdir(parents=True)
        small, impossible = harm.small_disks(self.harms)
        if impossible:
            self._reporter.say(f"no disk will be full: {impossible}")
        with parts.running(folder, self.setting, small=small) as running:
            running.findings, running.ended = self.findings, self.ended
            with closing(bus.Producer(running.broker.bootstrap, client_id="reference")) as producer:
                for record in inputs.reference():
                    producer.send_event(record)
                producer.flush()
            with closing(Traffic(running.broker.bootstrap, self._number, folder / LEDGER)) as traffic:
                self._whole(running, "start")
                for number, one in enumerate(self.harms, 1):
                    time.sleep(self._chance.uniform(0.0, 1.0))
                    self._do(running, number, one)
            self.findings += traffic.failed
            with self._reporter.step("until nobody is behind"):
                self._caught_up(running)
            self.findings += [*running.ended_in_order(), *running.holes()]
            with self._reporter.step("judge"):
                where = ("--bootstrap", running.broker.bootstrap, "--database", running.database.url)
                return self._seed.judged(*where, "--ledgers", LEDGER)

    def _do(self, running: parts.Parts, number: int, one: Harm) -> None:
        """Do one harm, and wait until all is whole again."""
        ends = harm.may_end(one, self.setting)
        with self._reporter.step(one.title), running.during(one.title, ends.__contains__):
            done = harm.done_to(running, one, self._chance)
            self.done += [one.sort] if done else []
            self._whole(running, f"{number} {'' if done else 'not done, '}{one.title}")

    def _whole(self, running: parts.Parts, what: str) -> None:
        """Wait until everything that was said up to now is committed and in the tables, and all programs run."""
        begun_s, inputs_to, tables_to = time.monotonic(), None, None
        while True:
            running.tend()
            inputs_to = inputs_to or running.ends(parts.INPUT_TOPICS)
            tables_to = tables_to or running.ends(parts.TABLE_TOPICS)
            missing = [name for name in parts.PROGRAMS if running.process(name) is None]
            wrong = f"{missing[0]} is not there" if missing else "the broker does not answer"
            if inputs_to is not None and tables_to is not None and not missing:
                wrong = running.behind(inputs_to, tables_to)
            took_s = time.monotonic() - begun_s
            if not wrong:
                break
            if took_s > LONGEST_S:
                raise TimeoutError(f"{what}: after {took_s:.0f} s {wrong}")
            time.sleep(0.2)
        self.whole_s[what] = took_s

    def _caught_up(self, running: parts.Parts) -> None:
        give_up_s, before = time.monotonic() + LONGEST_S, None
        while True:
            running.tend()
            inputs_to, tables_to = running.ends(parts.INPUT_TOPICS), running.ends(parts.TABLE_TOPICS)
            wrong = "the broker does not answer"
            if inputs_to is not None and tables_to is not None:
                wrong = running.behind(inputs_to, tables_to)
                if not wrong and tables_to == before:
                    return
                before = tables_to if not wrong else None
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"somebody stays behind: {wrong}")
            time.sleep(0.3)


def one(seed: int, data: Path, reporter: Reporter, harms: list[Harm], *, promised_s: float = PROMISED_S) -> Result:
    """Run one seed and have it judged; its data stay only if something was found. ``harms``: what it does."""
    played = Seed("streams", seed, data)
    run = Run(seed, played, reporter, harms)
    verdict = Verdict(counts={}, repeats={}, findings=[])
    try:
        verdict = run.run()
    except (TimeoutError, bus.BusError, *store.Away, psutil.Error, subprocess.SubprocessError) as error:
        run.findings.append(f"{type(error).__name__}: {error}")
    late = [f"{what}: whole again after {s:.0f} s" for what, s in run.whole_s.items() if s > promised_s]
    result = played.result(
        reporter,
        verdict,
        run.whole_s,
        [*run.findings, *late],
        planned=[harm.sort for harm in run.harms],
        done=run.done,
    )
    return msgspec.structs.replace(result, ended=run.ended, setting=run.setting._asdict())


def summary(done: Sequence[Result]) -> Table:
    """Return for each kind of harm how often it was done and how long until all was whole again; then what was compared."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for result in done:
        for what, whole_s in result.whole_s.items():
            seconds[what.partition(" ")[2].partition(":")[0] or what].append(whole_s)
    shown = Table("", "times", "whole again, median s", "worst s", box=None, header_style="dim")
    for kind, each in sorted(seconds.items()):
        shown.add_row(kind, str(len(each)), f"{sorted(each)[len(each) // 2]:.1f}", f"{max(each):.1f}")
    for name in ("events", "alert revisions", "rows", "states", "acknowledged", f"by {POISON}"):
        shown.add_row(name, f"{sum(result.counts.get(name, 0) for result in done):,}")
    shown.add_row("sent again", f"{sum(sum(result.repeats.values()) for result in done):,}")
    shown.add_row("ended by itself, and had to", str(sum(len(result.ended) for result in done)))
    shown.add_row("findings", str(sum(len(result.findings) for result in done)))
    return shown


def main() -> int:
    """Run the seeds; return 1 if anything was found."""
    parser = campaign.parser(__doc__)
    parser.add_argument("--among", default="", help="only harms with this in their name, such as: crash point")
    parser.add_argument("--for", dest="budget_s", type=float, default=harm.BUDGET_S, help="seconds of harm foreseen")
    given = parser.parse_args()
    options = {"among": given.among, "for": f"{given.budget_s:g}"}
    whole = {"among": "", "for": f"{harm.BUDGET_S:g}"}
    asked = Asked(
        given.seeds,
        given.data / "streams.jsonl",
        harm.sorts(),
        harm.impossible(),
        {} if options == whole else options,
    )
    return campaign.play(
        asked,
        lambda seed, reporter: one(seed, given.data, reporter, harm.planned(seed, given.budget_s, among=given.among)),
        summary,
    )


if __name__ == "__main__":
    sys.exit(main())
