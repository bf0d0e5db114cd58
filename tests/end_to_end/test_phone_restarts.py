"""What a driver reports while the phone reaches nobody is kept over a killed browser, and arrives once, in order."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from playwright.sync_api import Error, Page, Playwright, expect

from services import bus
from services.city import folder
from streams import topics
from tests.benchmarks.pages.load import CAB, Large
from tests.browser import ARGUMENTS, ROOT, chromium
from tests.end_to_end.conftest import wait_for
from tests.stage.running import PASSWORD, Stage, standing

pytestmark = [pytest.mark.end_to_end, pytest.mark.long]

BEFORE: Final = 10
"""Reports made before the browser is killed; as many after."""
_SKIPPED: Final = ("blocked", "contaminated", "overfilled", "not_out")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Give a gateway behind which one truck has a plan of 25 stops."""
    city = folder.read(ROOT / "deploy" / "cities" / "porto")
    town = Large(city, trucks=CAB + 1, bins=200)
    with standing(tmp_path, tenant_id=city.tenant_id, truck_id=town.trucks[CAB]) as stage:
        stage.send(town.exists())
        stage.send(town.as_it_is())
        stage.start_gateway()
        yield stage


@contextmanager
def _phone(playwright: Playwright, stage: Stage, profile: Path, *, killed: bool) -> Iterator[Page]:
    """Open the driver's page in a browser that keeps its profile; in the end it is closed, or killed without a word."""
    path, environment = chromium()
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=path, env=environment, args=list(ARGUMENTS), base_url=stage.address,
        viewport={"width": 390, "height": 844}, locale="en-GB",
    )  # fmt: skip
    page = context.new_page()
    page.goto("/driver")
    yield page
    if killed:
        _kill(profile)
    with suppress(Error):
        context.close()


def _kill(profile: Path) -> None:
    """End all of the browser that has this profile at once, as a phone does that runs out of memory."""
    has_it = f"--user-data-dir={profile}"
    mine = [one for one in psutil.process_iter(["cmdline"]) if has_it in (one.info["cmdline"] or ())]
    assert mine, "the browser with this profile is not running"
    for process in mine:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(mine, timeout=20)
    assert not alive


def _report(page: Page, number: int) -> tuple[str, str]:
    """Report of the next stop, each third time that it was skipped; return what kind of report, and of which stop."""
    card = page.get_by_test_id("next-stop")
    stop = str(card.get_attribute("data-stop-id"))
    kind = "skipped" if number % 3 == 2 else "collected"
    page.get_by_test_id(kind).click()
    if kind == "skipped":
        page.get_by_test_id(f"skip-{_SKIPPED[number // 3 % len(_SKIPPED)]}").click()
    expect(card).not_to_have_attribute("data-stop-id", stop)
    return kind, stop


def _arrived(stage: Stage) -> list[dict[str, Any]]:
    with closing(bus.Follower(stage.bootstrap, [topics.DRIVER_ACTIONS], client_id="test")) as follower:
        return [json.loads(record.value) for record in follower.read_to_end() if record.value]


def test_twenty_reports_without_a_network_outlive_a_killed_browser_and_arrive_once_in_order(
    playwright: Playwright, stage: Stage, tmp_path: Path
) -> None:
    """Ten reports, the browser is killed, ten more; when the office answers again it has each once, in order, at its time."""
    profile = tmp_path / "profile"
    with _phone(playwright, stage, profile, killed=False) as page:
        page.get_by_test_id("login-name").fill("driver")
        page.get_by_test_id("login-password").fill(PASSWORD)
        page.get_by_test_id("login-submit").click()
        page.wait_for_selector('body[data-live="open"]', timeout=30_000)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.reload()  # now the page's files are kept on the phone
        page.get_by_test_id("next-stop").wait_for()
    stage.end("gateway")
    with _phone(playwright, stage, profile, killed=True) as page:
        made = [_report(page, number) for number in range(BEFORE)]
        expect(page.get_by_test_id("queue")).to_have_attribute("data-waiting", str(BEFORE))
    with _phone(playwright, stage, profile, killed=False) as page:
        queue = page.get_by_test_id("queue")
        expect(queue).to_have_attribute("data-waiting", str(BEFORE), timeout=20_000)
        made += [_report(page, number) for number in range(BEFORE, 2 * BEFORE)]
        expect(queue).to_have_attribute("data-waiting", str(2 * BEFORE))
        assert _arrived(stage) == []
        stage.start_gateway()
        expect(queue).to_have_attribute("data-waiting", "0", timeout=60_000)
    arrived = wait_for(lambda: _arrived(stage), within_s=20)
    assert [(one["kind"], one["stop_id"]) for one in arrived] == made
    assert len({one["action_id"] for one in arrived}) == 2 * BEFORE
    times_ms = [one["event_time_ms"] for one in arrived]
    assert times_ms == sorted(set(times_ms))
    assert max(times_ms) < min(one["received_time_ms"] for one in arrived)
