"""The whole system as `make run` starts it, in a folder and on ports of its own, and a real browser."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from deploy.local.settings import Local
from services import store
from services.store import access
from tests import whole_system
from tests.browser import ARGUMENTS, ROOT, chromium
from tests.end_to_end.desk import Desk, collections

START_S = 240


def wait_for[T](ask: Callable[[], T], *, within_s: float) -> T:
    """Return the first truthy answer, or after ``within_s`` the last."""
    give_up = time.monotonic() + within_s
    while not (answer := ask()) and time.monotonic() <= give_up:
        time.sleep(0.2)
    return answer


def eventually[T](ask: Callable[[], T], *, within_s: float, what: str) -> T:
    """Return the first truthy answer; fail with `what` was waited for, and the last answer, after ``within_s``."""
    answer = wait_for(ask, within_s=within_s)
    if not answer:
        pytest.fail(f"{what}: not within {within_s} s; the last answer was {answer!r}")
    return answer


class System(whole_system.Running):
    """A running system, as tests look at it."""

    def snapshot(self, client: httpx.Client) -> dict[str, Any]:
        """Return the live state as a browser gets it first."""
        with client.stream("GET", "/api/v1/live") as stream:
            event = ""
            for line in stream.iter_lines():
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:") and event == "snapshot":
                    snapshot: dict[str, Any] = json.loads(line.removeprefix("data:"))
                    return snapshot
        pytest.fail("the stream ended without a snapshot")

    def add_driver(self, login: str, password: str, *, driver_id: str, truck_id: str) -> None:
        """Add a user as the command does, without the seconds a command takes to start."""
        local = Local.from_env(self.environment)
        engine = store.connect(local.database_url, name="end-to-end")
        try:
            access.add_user(
                engine,
                tenant_id=local.services.tenant_id,
                login=login,
                password=password,
                name=login,
                role="driver",
                driver_id=driver_id,
                truck_id=truck_id,
            )
        finally:
            engine.dispose()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's commands beside the system."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Start everything, wait until the pages are live, end everything."""
    with whole_system.running(tmp_path_factory.mktemp("system")) as started:
        eventually(started.answers, within_s=START_S, what="the pages")
        running = System(started.address, started.ingest, started.data, started.environment, started.launcher)
        with closing(running.client("dispatcher")) as client:
            eventually(lambda: _trucks_seen(running, client) > 10, within_s=60, what="trucks with a position")
        yield running


def _trucks_seen(running: System, client: httpx.Client) -> int:
    return sum(truck.get("lon") is not None for truck in running.snapshot(client)["trucks"])


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Give what starts browsers: there can be one of it in a process."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Give one real Chromium."""
    path, environment = chromium()
    started = playwright.chromium.launch(executable_path=path, env=environment, args=list(ARGUMENTS))
    yield started
    started.close()


@pytest.fixture(scope="session")
def recording(system: System) -> Iterator["subprocess.Popen[str]"]:
    """Begin to play the real trucks' recording beside everything else: it takes its minute whoever waits for it."""
    command = [sys.executable, "-m", "deploy.local", "tool", "replay-real", "--rate", "3600"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=system.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as played:
        yield played
        with suppress(ProcessLookupError):  # the tool's own child as well: it would play on
            os.killpg(played.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def desk(system: System, recording: "subprocess.Popen[str]") -> Iterator[Desk]:  # noqa: ARG001  # let it have begun
    """Give a desk at which every material is planned."""
    desk = Desk(system)
    materials = {"kitchen", "construction", "recyclable", "residual"}
    eventually(
        lambda: {plan.get("material") for plan in desk.plans().values() if collections(plan)} >= materials,
        within_s=180,
        what="a plan for each of the four materials",
    )
    yield desk
    desk.close()


LogIn = Callable[..., Page]
LogInAs = Callable[..., Page]
NoteSeconds = Callable[[str, float], None]

_SECONDS = pytest.StashKey[list[tuple[str, float]]]()


@pytest.fixture
def note_seconds(request: pytest.FixtureRequest) -> NoteSeconds:
    """Give a function that notes how long something took; all of it is printed at the end of the run."""
    noted = request.config.stash.setdefault(_SECONDS, [])
    return lambda what, seconds: noted.append((what, seconds))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how long the drivers' pages took."""
    noted = config.stash.get(_SECONDS, [])
    if noted:
        terminalreporter.section("from an accepted event to the changed plan on a driver's page, wall seconds")
    for what, seconds in noted:
        terminalreporter.write_line(f"{what:<20}{seconds:6.1f}")


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Keep who has logged in already: the gateway rightly refuses the ninth log-in of a minute."""
    return {}


@pytest.fixture
def log_in_as(system: System, browser: Browser, sessions: dict[str, Any]) -> Iterator[LogInAs]:
    """Give a function that opens a person's page: through the log-in page the first time; then waits for live data."""
    contexts: list[BrowserContext] = []

    def log_in(
        login: str,
        password: str,
        *,
        language: str = "en",
        width: int = 1440,
        height: int = 900,
        draws_maps: bool = True,
    ) -> Page:
        context = browser.new_context(
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            viewport={"width": width, "height": height},
            storage_state=sessions.get(login),
            reduced_motion=None if draws_maps else "reduce",
        )
        contexts.append(context)
        if not draws_maps:
            context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        page = context.new_page()
        page.goto(system.address)
        if login not in sessions:
            page.get_by_test_id("login-name").fill(login)
            page.get_by_test_id("login-password").fill(password)
            page.get_by_test_id("login-submit").click()
        page.wait_for_selector('body[data-live="open"]', timeout=30_000)
        sessions[login] = {"cookies": context.cookies(), "origins": []}
        return page

    yield log_in
    for context in contexts:
        context.close()


@pytest.fixture
def log_in(system: System, log_in_as: LogInAs) -> LogIn:
    """Give a function that logs in the demo user of a role."""

    def log_in(role: str, **view: Any) -> Page:
        user = system.users()[role]
        return log_in_as(user["login"], user["password"], **view)

    return log_in
