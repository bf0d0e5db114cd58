"""How quick the pages are with a large city: ``make bench-pages``. A real Chromium with graphics in software, real Kafka.

1,000 trucks drive and report every 5 s, 20,000 bins are shown; a real gateway follows the topics, and no simulator, worker or
planner takes cores from the pages. What is measured is what a person has: from the press to the picture after it, from the
record handed to Kafka to the screen. Numbers are of two quiet cores.

    python -m tests.benchmarks.pages --minutes 30
    python -m tests.benchmarks.pages --minutes 1 --profile desk.cpuprofile     (opens in any Chromium's developer tools)
"""

import argparse
import contextlib
import gzip
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import psutil
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from services import clock
from services.city import folder
from tests.benchmarks.pages import measures
from tests.benchmarks.pages.load import ALERTS_BEFORE, CAB, Large, Traffic
from tests.benchmarks.pages.measures import Line
from tests.benchmarks.programs import cpu_s
from tests.browser import ARGUMENTS, ROOT, chromium
from tests.stage.running import Stage, standing

WATCHED: Final = 12
_WATCH: Final = (Path(__file__).parent / "watch.js").read_text(encoding="utf-8")
_QUIET: Final = 0.3
"""The share of the time in which nobody presses anything: trucks are watched on the whole city's map."""
_LISTS: Final = 0.3
"""… in which the lists of alerts and of changes are open."""
_BETWEEN_MS: Final = 250
"""From a press to the next one."""
AT_ONCE: Final = 500
"""Alerts an officer acknowledges with one press."""
_LATEST_MS: Final = 5_000
"""What was sent in the last seconds of a part is not asked for: it may be on its way."""


def main() -> None:
    """Print what was asked and what was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.pages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--minutes", type=float, default=3.0, help="how long the desk is watched (30 says whether memory stays)"
    )
    parser.add_argument("--trucks", type=int, default=1_000)
    parser.add_argument("--bins", type=int, default=20_000)
    parser.add_argument("--profile", type=Path, help="write where the desk's time goes into this file")
    given = parser.parse_args()
    city = folder.read(ROOT / "deploy" / "cities" / "porto")
    large = Large(city, trucks=given.trucks, bins=given.bins)
    with (
        tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name,
        standing(Path(name), tenant_id=city.tenant_id, truck_id=large.trucks[CAB]) as stage,
        _browser() as browser,
    ):
        _say(f"{given.trucks} trucks, {given.bins} bins onto the topics …")
        stage.send(itertools.chain(large.exists(), large.as_it_is()))
        stage.start_gateway()
        _until(lambda: _seen(stage) >= given.trucks, "the gateway to read them")
        with contextlib.closing(Traffic(stage.bootstrap, large, large.trucks[: WATCHED * 40 : 40])) as traffic:
            print(f"\n  {'what':<46} {'asked':>12} {'measured':>16}")
            desk = Desk(stage, browser, traffic, given)
            for line in itertools.chain(desk.lines(), _officer(stage, browser, large), _cab(stage, browser)):
                print(line, flush=True)


def _say(what: str) -> None:
    print(f"· {what}", flush=True)


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    path, environment = chromium()
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, "--enable-precise-memory-info", "--js-flags=--expose-gc"]
        started = playwright.chromium.launch(executable_path=path, env=environment, args=arguments)
        yield started
        started.close()


def _seen(stage: Stage) -> int:
    """How many trucks with a place the gateway shows."""
    kept = stage.cookie("dispatcher")
    cookies = {kept["name"]: kept["value"]}
    with httpx.stream("GET", f"{stage.address}/api/v1/live", cookies=cookies, timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                return sum(truck["lon"] is not None for truck in json.loads(line[5:])["trucks"])
    return 0


def _until(holds: Callable[[], bool], what: str, within_s: float = 120.0) -> None:
    give_up_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > give_up_s:
            raise SystemExit(f"waited {within_s:g} s for {what}")
        time.sleep(0.3)


# ------------------------------------------------------------------------------------------------------------ the desk


class Desk:
    """The dispatcher's page under measurement: opened, then watched, then worked at. Each part says its lines."""

    def __init__(self, stage: Stage, browser: Browser, traffic: Traffic, given: argparse.Namespace) -> None:
        self._traffic, self._total_s = traffic, 60 * given.minutes
        self._gateway = psutil.Process(stage.processes["gateway"].pid)
        self._profile: Path | None = given.profile
        self._context = _window(stage, browser, "dispatcher", width=1440, height=900)
        asked = {"trucks": given.trucks, "watched": traffic.watched}
        self._context.add_init_script(f"window.benchAsked = {json.dumps(asked)};")
        self._context.add_init_script(_WATCH)
        self.page = self._context.new_page()
        self._inside = self._context.new_cdp_session(self.page)
        self._heap = Heap(self._inside)

    def lines(self) -> Iterator[Line]:
        """Measure everything, part by part."""
        yield from self._first()
        if self._profile:
            self._inside.send("Profiler.enable")
            self._inside.send("Profiler.start")
        yield from self._trucks()
        yield from self._lists()
        yield from self._presses()
        if self._profile:
            self._profile.write_text(json.dumps(self._inside.send("Profiler.stop")["profile"]), encoding="utf-8")
            _say(f"where the time went: {self._profile}")
        yield self._heap.line()
        self._context.close()

    def _first(self) -> Iterator[Line]:
        _say("the desk is opened …")
        self.page.goto("/dispatch")
        _until(lambda: "trucks on the map" in self.page.evaluate("bench.first"), "the first picture", 90)
        first = self.page.evaluate("bench.first")
        yield Line("desk: first useful picture", 3.0, max(first.values()) / 1000, "s", _moments(first))

    def _trucks(self) -> Iterator[Line]:
        seconds = self._total_s * _QUIET
        _say(f"the trucks are watched for {seconds:.0f} s …")
        cpu, began_ms = Cpu(self._gateway), _wall_ms()
        self._heap.watch(self.page, seconds)
        until_ms = _wall_ms()
        yield from cpu.lines()
        sent = [one for one in self._traffic.sent.places if one[3] >= began_ms]
        moved, arrived = measures.drawn_after(sent, self.page.evaluate("bench.places"), until_ms)
        stored = _stored(sent, self.page.evaluate("bench.stored"))
        yield Line("fix on Kafka → page has it, p95", None, _seconds(stored), "s", measures.spread(stored, "ms"))
        yield Line("fix on Kafka → truck moves on, p95", 2.0, _seconds(moved), "s", measures.spread(moved, "ms"))
        yield Line(
            "fix on Kafka → truck stands there, p95", 2.0, _seconds(arrived), "s", measures.spread(arrived, "ms")
        )

    def _lists(self) -> Iterator[Line]:
        seconds = self._total_s * _LISTS / 2
        sent = self._traffic.sent
        for kind, tab, of_kind in (("alerts", "alerts", sent.alerts), ("plans", "changes", sent.plans)):
            _say(f"the list of {tab} is watched for {seconds:.0f} s …")
            _press(self.page, f'[data-testid="tab-{tab}"]')
            self.page.wait_for_timeout(1_500)
            from_ms = _wall_ms()
            self._heap.watch(self.page, seconds)
            shown = self.page.evaluate(f"bench.{kind}")
            took = measures.shown_after(of_kind, shown, from_ms, _wall_ms() - _LATEST_MS)
            what = f"{kind.removesuffix('s')} on Kafka → row, p95"
            yield Line(what, 1.0, _seconds(took), "s", measures.spread(took, "ms"))

    def _presses(self) -> Iterator[Line]:
        seconds = self._total_s * (1 - _QUIET - _LISTS)
        _say(f"somebody works at the desk for {seconds:.0f} s …")
        self.page.evaluate("bench.presses = {}; bench.tasks = []")
        issued, give_up_s = 0, time.monotonic() + seconds
        while time.monotonic() < give_up_s:
            issued += _work(self.page)
            self._heap.take()
        noted = list(self.page.evaluate("Object.values(bench.presses)"))
        took = measures.presses(noted, issued)
        yield Line("press → next picture, p95", 200.0, measures.share_of(took, 0.95), "ms", measures.spread(took, "ms"))
        worst = sorted(noted, key=lambda one: -one["took"])[:4]
        said = ", ".join(f"{one['name']} {one['on']} {one['took']:.0f}" for one in worst)
        yield Line("  the slowest", None, max(took), "ms", said)
        frames = self.page.evaluate("bench.frames")
        yield Line("  from picture to picture, map dragged, p95", None, measures.share_of(frames, 0.95), "ms")
        tasks = [took for _, took in self.page.evaluate("bench.tasks")]
        yield Line(
            "  long pieces of work, p95", None, measures.share_of(tasks, 0.95), "ms", measures.spread(tasks, "ms")
        )


class Heap:
    """The page's JavaScript memory in use, after a collection, as time goes on."""

    EVERY_S: Final = 15.0

    def __init__(self, inside: CDPSession) -> None:
        self._inside, self._taken = inside, list[float]()
        self._next_s = 0.0

    def watch(self, page: Page, seconds: float) -> None:
        """Let the page be for so long."""
        give_up_s = time.monotonic() + seconds
        while (left_s := give_up_s - time.monotonic()) > 0:
            self.take()
            page.wait_for_timeout(min(1_000, left_s * 1_000))

    def take(self) -> None:
        """Measure, if it is time."""
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + self.EVERY_S
        self._inside.send("HeapProfiler.collectGarbage")
        self._taken.append(self._inside.send("Runtime.getHeapUsage")["usedSize"] / 1e6)

    def line(self) -> Line:
        """Say how far the last sixth is above the second: in the first the page fills."""
        sixth = max(1, len(self._taken) // 6)
        before, after = (
            sum(some) / len(some) for some in (self._taken[sixth : 2 * sixth] or self._taken[-1:], self._taken[-sixth:])
        )
        said = f"from {before:.1f} to {after:.1f} MB, at most {max(self._taken):.1f} MB, n {len(self._taken)}"
        return Line("memory's growth", 10.0, max(0.0, (after / before - 1) * 100), "%", said)


class Cpu:
    """What gateway and browser used of a core since this was made."""

    def __init__(self, gateway: psutil.Process) -> None:
        self._began_s = time.monotonic()
        browsers = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
        self._used = {"gateway": [gateway], "browser": browsers}
        self._before = {name: _cpu_s(some) for name, some in self._used.items()}

    def lines(self) -> Iterator[Line]:
        """Say it, as a share of one core."""
        passed_s = time.monotonic() - self._began_s
        for name, some in self._used.items():
            share = (_cpu_s(some) - self._before[name]) / passed_s * 100
            yield Line(f"{name}: share of a core while trucks drive", None, share, "%")


def _cpu_s(processes: list[psutil.Process]) -> float:
    total_s = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total_s += cpu_s(process)
    return total_s


def _work(page: Page) -> int:
    """One round of what a dispatcher does; returns how many presses that were."""
    issued = 0

    def press(selector: str, at: int = 0) -> None:
        nonlocal issued
        issued += _press(page, selector, at)

    for at in (0, 3, 5):
        press('[data-testid="truck-row"]', at)
        press('[data-testid="truck-card"] header .button')
    for tab in page.evaluate("[...document.querySelectorAll('[role=tab]')].map(one => one.dataset.testid)"):
        press(f'[data-testid="{tab}"]')
    press('[data-testid="tab-trucks"]')
    press("input[type=search]")
    for key in ("t", "0", "4", "Backspace", "Backspace", "Backspace"):
        page.keyboard.press(key)
        page.wait_for_timeout(_BETWEEN_MS)
        issued += 1
    press('[data-testid="show-kitchen"]')
    press('[data-testid="show-kitchen"]')
    issued += _drag(page)
    return issued


def _press(page: Page, selector: str, at: int = 0) -> int:
    place = page.evaluate(
        """([selector, at]) => {
          const one = [...document.querySelectorAll(selector)].filter(one => one.checkVisibility())[at];
          const box = one?.getBoundingClientRect();
          return box && box.top < innerHeight && box.bottom > 0 ? [box.x + box.width / 2, box.y + box.height / 2] : null;
        }""",
        [selector, at],
    )
    if place is None:
        return 0
    page.mouse.click(*place)
    page.wait_for_timeout(_BETWEEN_MS)
    return 1


def _drag(page: Page) -> int:
    """Pan the map by hand, there and back, look closer and back."""
    page.evaluate("bench.panning = true")
    for way in (1, -1):
        page.mouse.move(450, 450)
        page.mouse.down()
        for step in range(1, 16):
            page.mouse.move(450 + way * step * 12, 450 + way * step * 4)
            page.wait_for_timeout(16)
        page.mouse.up()
        page.wait_for_timeout(_BETWEEN_MS)
    page.evaluate("bench.panning = false")
    for zoom in (-240, 240):
        page.mouse.wheel(0, zoom)
        page.wait_for_timeout(2 * _BETWEEN_MS)
    return 2


def _stored(sent: list[tuple[str, float, float, float]], stored: dict[str, list[list[float]]]) -> list[float]:
    """Ms from each watched fix until the page's store had it."""
    came = {(truck_id, lon, lat): at for truck_id, some in stored.items() for at, _, lon, lat in some}
    return [came[one[:3]] - one[3] for one in sent if one[:3] in came]


# --------------------------------------------------------------------------------------------------------- the officer


def _officer(stage: Stage, browser: Browser, large: Large) -> Iterator[Line]:
    """All that is shown is acknowledged with one press, until the page says of how many that was kept."""
    stage.send(large.alert(-number - 1, severity="medium") for number in range(ALERTS_BEFORE, AT_ONCE))
    _say(f"the officers' page, {AT_ONCE} alerts at once …")
    context = _window(stage, browser, "officer", width=1440, height=900)
    page = context.new_page()
    page.goto("/enforcement?severity=medium")  # the traffic's are critical
    page.get_by_test_id("group").uncheck()
    rows = page.get_by_test_id("alert-row")
    _until(lambda: rows.count() == AT_ONCE, f"{AT_ONCE} alerts in the list")
    page.get_by_test_id("pick-all").check()
    page.evaluate(_KEPT)
    page.get_by_test_id("bulk-ack").click()
    _until(lambda: page.evaluate("window.kept !== undefined"), "the page to say that it is kept")
    took_ms, done = page.evaluate("window.kept")
    if int(done) != AT_ONCE:
        raise SystemExit(f"{done} of {AT_ONCE} alerts were acknowledged")
    yield Line(f"officer: {AT_ONCE} alerts acknowledged at once", 1.0, took_ms / 1000, "s")
    context.close()


_KEPT: Final = """() => {
  addEventListener('click', event => {
    new MutationObserver((_, self) => {
      const toast = document.querySelector('[data-testid=toast]:not([data-done="0"])');
      if (!toast) return;
      self.disconnect();
      requestAnimationFrame(() => setTimeout(() => { window.kept = [performance.now() - event.timeStamp, toast.dataset.done]; }));
    }).observe(document.body, { childList: true, subtree: true, attributes: true });
  }, { once: true, capture: true });
}"""

# ------------------------------------------------------------------------------------------------------------- the cab


def _cab(stage: Stage, browser: Browser) -> Iterator[Line]:
    """The driver's page: what it weighs, how long a tap takes, and how it opens when nothing answers. Ends the gateway."""
    _say("the driver's page …")
    context = _window(stage, browser, "driver", width=390, height=844)
    context.add_init_script(_CARD)
    page = context.new_page()
    scripts: list[bytes] = []
    page.on(
        "response", lambda answer: scripts.append(answer.body()) if answer.request.resource_type == "script" else None
    )
    page.goto("/driver")
    page.get_by_test_id("next-stop").wait_for()
    before_card = list(scripts)
    weight = sum(len(gzip.compress(one, 9)) for one in before_card) / 1000
    yield Line("driver: JavaScript to the first card, gzip", 200.0, weight, "kB", f"{len(before_card)} files")
    page.wait_for_selector('body[data-live="open"]')
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # now the worker keeps what it hands out
    page.get_by_test_id("next-stop").wait_for()
    page.wait_for_timeout(1_500)
    taps = []
    for _ in range(10):
        if page.get_by_test_id("collected").count() == 0:
            break
        page.evaluate(_TAP)
        page.get_by_test_id("collected").click()
        page.wait_for_timeout(700)
        taps += page.evaluate("window.saved")
    yield Line("driver: tap → saved, p95", 50.0, measures.share_of(taps, 0.95), "ms", measures.spread(taps, "ms"))
    stage.end("gateway")
    _say("… and without a network")
    opened = []
    for _ in range(5):
        page.goto("/driver")
        page.get_by_test_id("next-stop").wait_for()
        opened.append(page.evaluate("window.card"))
        page.wait_for_timeout(500)
    yield Line("driver: first card from the cache, p95", 1.0, _seconds(opened), "s", measures.spread(opened, "ms"))
    context.close()


_CARD: Final = """
new MutationObserver((_, self) => {
  if (!document.querySelector('[data-testid=next-stop]')) return;
  self.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.card = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
_TAP: Final = """() => {
  window.saved = [];
  const known = document.querySelectorAll('[data-testid=reports] > li').length;
  addEventListener('click', event => {
    const look = new MutationObserver(() => {
      if (document.querySelectorAll('[data-testid=reports] > li').length <= known) return;
      look.disconnect();
      window.saved.push(performance.now() - event.timeStamp);
    });
    look.observe(document.body, { childList: true, subtree: true });
  }, { once: true, capture: true });
}"""
"""A report stands in the list when the phone's storage has it, and not before."""


# -------------------------------------------------------------------------------------------------------------- shared


def _window(stage: Stage, browser: Browser, login: str, *, width: int, height: int) -> BrowserContext:
    context = browser.new_context(base_url=stage.address, locale="en-GB", viewport={"width": width, "height": height})
    context.add_cookies([stage.cookie(login)])  # type: ignore[list-item]
    return context


def _moments(first: dict[str, float]) -> str:
    return ", ".join(f"{name} {at:.0f} ms" for name, at in sorted(first.items(), key=lambda one: one[1]))


def _seconds(took_ms: list[float]) -> float | None:
    found = measures.share_of(took_ms, 0.95)
    return None if found is None else found / 1000


def _wall_ms() -> float:
    return float(clock.wall_now_ms())


if __name__ == "__main__":
    main()
