"""The whole system as `make run` starts it, in a folder and on ports of its own, and a real browser."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import ARGUMENTS, ROOT, chromium

RATE = 10
START_S = 240
STOP_S = 30


def eventually[T](ask: Callable[[], T], *, within_s: float, what: str) -> T:
    """Return the first truthy answer; fail with `what` was waited for, and the last answer, after ``within_s``."""
    give_up = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > give_up:
            pytest.fail(f"{what}: not within {within_s} s; the last answer was {answer!r}")
        time.sleep(0.2)


@dataclass(frozen=True)
class System:
    """A running system: where its pages are, where its data are, who may log in."""

    address: str
    ingest: str
    data: Path
    environment: dict[str, str]

    def users(self) -> dict[str, dict[str, str]]:
        """Return the demo users by role."""
        users = json.loads((self.data / "secrets" / "demo-users.json").read_text())
        return {user["role"]: user for user in users}

    def client(self, role: str) -> httpx.Client:
        """Return a client that is logged in."""
        user = self.users()[role]
        client = httpx.Client(base_url=self.address, timeout=10, headers={"Origin": self.address})
        answer = client.post("/api/v1/session", json={"login": user["login"], "password": user["password"]})
        assert answer.status_code == 200, answer.text
        return client

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


def _consecutive_ports(count: int) -> int:
    """Return the first of ``count`` free ports in a row."""
    for first in range(31000, 39000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no free ports in a row")


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Start everything, wait until the pages are live, end everything."""
    data = tmp_path_factory.mktemp("system")
    first = _consecutive_ports(15)
    gateway, ingest, jt808, kafka, metrics = first, first + 1, first + 2, first + 3, first + 5
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QINGYUN_")},
        "QINGYUN_DATA_DIR": str(data),
        "QINGYUN_GATEWAY_PORT": str(gateway),
        "QINGYUN_INGEST_PORT": str(ingest),
        "QINGYUN_JT808_PORT": str(jt808),
        "QINGYUN_LOCAL_KAFKA_PORT": str(kafka),
        "QINGYUN_LOCAL_METRICS_PORT": str(metrics),
        "QINGYUN_CLOCK_RATE": str(RATE),
    }
    running = System(f"http://127.0.0.1:{gateway}", f"http://127.0.0.1:{ingest}", data, environment)
    log = (data / "launcher.log").open("w")
    launcher = subprocess.Popen(
        [sys.executable, "-m", "deploy.local", "run"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        eventually(lambda: _answers(running, launcher), within_s=START_S, what="the pages")
        with closing(running.client("dispatcher")) as client:
            eventually(lambda: _trucks_seen(running, client) > 10, within_s=60, what="trucks with a position")
        yield running
    finally:
        launcher.send_signal(signal.SIGINT)
        try:
            launcher.wait(STOP_S)
        except subprocess.TimeoutExpired:
            launcher.kill()
            pytest.fail(f"the system did not end within {STOP_S} s of Ctrl-C")
        finally:
            log.close()


def _answers(running: System, launcher: subprocess.Popen[bytes]) -> bool:
    if launcher.poll() is not None:
        pytest.fail(f"the local start ended:\n{(running.data / 'launcher.log').read_text()[-3000:]}")
    try:
        return httpx.get(f"{running.address}/health", timeout=2).is_success and bool(running.users())
    except (httpx.HTTPError, FileNotFoundError):
        return False


def _trucks_seen(running: System, client: httpx.Client) -> int:
    return sum(truck.get("lon") is not None for truck in running.snapshot(client)["trucks"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give one real Chromium."""
    path, environment = chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, env=environment, args=list(ARGUMENTS))
        yield started
        started.close()


LogIn = Callable[..., Page]


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Keep who has logged in already: the gateway rightly refuses the ninth log-in of a minute."""
    return {}


@pytest.fixture
def log_in_as(system: System, browser: Browser, sessions: dict[str, Any]) -> Iterator[LogIn]:
    """Give a function that opens a person's page: through the log-in page the first time; then waits for live data."""
    contexts: list[BrowserContext] = []

    def log_in(login: str, password: str, *, language: str = "en", width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            viewport={"width": width, "height": height},
            storage_state=sessions.get(login),
        )
        contexts.append(context)
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
def log_in(system: System, log_in_as: LogIn) -> LogIn:
    """Give a function that logs in the demo user of a role."""

    def log_in(role: str, **view: Any) -> Page:
        user = system.users()[role]
        return log_in_as(user["login"], user["password"], **view)

    return log_in
