"""Every page in every state worth a look: a walk for each face, which says the name of a scene when it stands.

A walk opens nothing that leaves a mark: no order is sent, no report is made.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, expect

LIVE_MS: Final = 30_000
LOCALES: Final = {"zh": "zh-CN", "en": "en-GB"}
THEMES: Final = ("day", "night")

_NO_MAPS: Final = """{
  const usual = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind.startsWith('webgl') ? null : usual.call(this, kind, ...more);
  };
}"""

Walk = Callable[[Page], Iterator[str]]


def context(
    browser: Browser,
    address: str,
    cookie: Any,
    *,
    language: str,
    theme: str,
    width: int = 1440,
    height: int = 900,
    draws_maps: bool = True,
    **more: Any,
) -> BrowserContext:
    """Return a browser's window of somebody who is logged in (``cookie`` None = of nobody), in a language and theme.

    Nothing moves by itself in it, and pages are asked of the gateway each time.
    """
    made = browser.new_context(
        base_url=address,
        locale=LOCALES[language],
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        color_scheme="dark" if theme == "night" else "light",
        service_workers="block",
        **more,
    )
    if cookie is not None:
        made.add_cookies([cookie])
    made.add_init_script(f"localStorage['qingyun.language'] = '{language}'; localStorage['qingyun.theme'] = '{theme}';")
    if not draws_maps:
        made.add_init_script(_NO_MAPS)
    return made


def login(page: Page) -> Iterator[str]:
    """Show the front door, and what it says to a wrong password."""
    page.goto("/")
    page.get_by_test_id("login-submit").wait_for()
    yield "login"
    page.get_by_test_id("login-name").fill("nobody")
    page.get_by_test_id("login-password").fill("not-the-password")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_role("alert")).not_to_be_empty(timeout=LIVE_MS)
    yield "login-refused"


def dispatch(page: Page) -> Iterator[str]:
    """Show each list with its first row opened where rows open, a truck's card, the menus."""
    page.goto("/dispatch")
    _live(page)
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        opening = page.locator('#list [aria-expanded="false"]:not(summary)')
        if opening.count():
            opening.first.click()
        yield f"dispatch-{(tab.get_attribute('data-testid') or '').removeprefix('tab-')}"
    page.get_by_role("tab").first.click()
    page.locator('[data-testid="truck-row"]:not(.down)').nth(1).click()
    page.get_by_test_id("truck-card").wait_for()
    yield "dispatch-truck"
    page.locator(".legend > summary").click()
    page.get_by_test_id("account").click()
    yield "dispatch-menus"


def driver(page: Page) -> Iterator[str]:
    """Show the next stop, and each sheet that a button opens."""
    page.goto("/driver")
    _live(page)
    page.get_by_test_id("next-stop").wait_for()
    yield "driver"
    for name in ("skipped", "breakdown", "sos"):
        page.get_by_test_id(name).click()
        page.get_by_role("dialog").wait_for()
        yield f"driver-{name}"
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_test_id("account").click()
    yield "driver-menu"
    page.get_by_test_id("account").click()
    page.locator("details.reports > summary").click()
    yield "driver-reports"


def enforcement(page: Page) -> Iterator[str]:
    """Show the list, a dump's whole story, a spill's, and why one is dismissed."""
    page.goto("/enforcement")
    _live(page)
    page.get_by_test_id("alert-row").first.wait_for()
    yield "enforcement"
    for rule in ("illegal-dump", "spillage"):
        page.goto("/enforcement")
        _live(page)
        page.locator(f'[data-testid="alert-row"][data-rule="{rule}"]').first.click()
        page.get_by_test_id("chart").wait_for()
        yield f"enforcement-{rule}"
    page.get_by_test_id("dismiss").click()
    yield "enforcement-dismiss"


def report(page: Page) -> Iterator[str]:
    """Show a citizen's form, what it says to one without a place, and to a number that is nobody's."""
    page.goto("/report")
    page.get_by_test_id("send").wait_for()
    yield "report"
    page.locator("input[name=kind]").first.check()
    page.locator("#coordinates > summary").click()
    page.get_by_test_id("send").click()
    page.get_by_test_id("faults").wait_for()
    yield "report-refused"
    page.goto("/report/2222222222222222")
    page.locator("h1").wait_for()
    yield "report-unknown"


def intake(page: Page) -> Iterator[str]:
    """Show what citizens report, and one of them whole where there is one."""
    page.goto("/intake")
    _live(page)
    page.locator('[data-testid="reports"], .intake .empty').first.wait_for()
    yield "intake"
    if page.get_by_test_id("report-row").count():
        page.get_by_test_id("report-row").first.click()
        page.get_by_test_id("report-file").wait_for()
        yield "intake-report"


def manager(page: Page) -> Iterator[str]:
    """Show the day's figures, the records behind one, and the week."""
    page.goto("/manager")
    _live(page)
    page.get_by_test_id("tiles").wait_for(timeout=LIVE_MS)
    yield "manager"
    page.get_by_test_id("figure-alerts").click()
    page.locator('[data-testid="records"]:not([data-count=""])').wait_for()
    yield "manager-records"
    page.get_by_test_id("period").select_option("week")
    expect(page.get_by_test_id("shown-period")).to_contain_text("–")
    expect(page.get_by_test_id("manager")).not_to_have_attribute("data-counted", "", timeout=LIVE_MS)
    yield "manager-week"


WALKS: Final[Mapping[str, tuple[str | None, Walk]]] = {
    "login": (None, login),
    "dispatch": ("dispatcher", dispatch),
    "driver": ("driver", driver),
    "enforcement": ("officer", enforcement),
    "report": (None, report),
    "intake": ("officer", intake),
    "manager": ("manager", manager),
}
"""Each face: who looks at it, and the walk."""


def _live(page: Page) -> None:
    page.wait_for_selector('body[data-live="open"]', timeout=LIVE_MS)
