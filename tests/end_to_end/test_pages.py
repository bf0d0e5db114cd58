"""What the faces show of the running city, in a real browser."""

import csv
import re
import subprocess
from contextlib import closing
from itertools import chain

import pytest
from playwright.sync_api import Browser, Page, expect

from services.simulator.deeds import ON_THE_ROAD
from tests.end_to_end.conftest import LogIn, LogInAs, System, eventually
from tests.pictures import jpeg, png

pytestmark = pytest.mark.end_to_end

_SIGN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]{3}")
"""Units and ids have at most two letters in a row."""
_SAID = """() => {
  const apart = 'bdi, option, .brand, .map-canvas, .map-credit, [data-testid=language], [data-testid=account], body [lang]';
  const said = [];
  for (const one of document.body.querySelectorAll('*')) {
    if (one.closest(apart) || !one.checkVisibility()) continue;
    const texts = [...one.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data);
    said.push(texts.join('').trim(), one.title, one.ariaLabel, one.placeholder);
  }
  return said.filter(Boolean);
}"""
_PLACES = "() => window.qingyun.trucks().filter(t => t.lon !== null).map(t => [t.truck_id, t.lon, t.lat])"
_NAME = "Rua <b onclick=alert(1)>人民路</b> 🗑️"


def _places(page: Page) -> dict[str, tuple[float, float]]:
    return {truck: (lon, lat) for truck, lon, lat in page.evaluate(_PLACES)}


def test_trucks_move_on_the_map(log_in: LogIn) -> None:
    """A dispatcher sees the city's trucks on the map, and they move along without a reload."""
    page = log_in("dispatcher")
    expect(page.get_by_test_id("trucks-on-map")).not_to_have_attribute("data-count", "0", timeout=30_000)
    before = _places(page)
    assert len(before) >= 20

    def moved() -> list[str]:
        return [truck for truck, place in _places(page).items() if truck in before and place != before[truck]]

    assert len(eventually(lambda: moved() if len(moved()) >= 5 else [], within_s=60, what="five trucks move")) >= 5
    expect(page.get_by_text("OpenStreetMap contributors, ODbL")).to_be_visible()


def test_pages_speak_both_languages(log_in: LogIn) -> None:
    """The desk is Chinese or English throughout, by the browser's language: every list, with its titles and labels.

    Names from outside stay what they are, and so do sentences that are marked as being in another language. Without a
    map, which says in words that it cannot be drawn: maps cost seconds where no graphics card draws them.
    """
    chinese, english = (
        _said_in_each_list(log_in("dispatcher", language=language, draws_maps=False)) for language in ("zh", "en")
    )
    assert chinese.keys() == english.keys()
    assert len(chinese) == 7
    untranslated = [text for text in chain(*chinese.values()) if _WORD.search(text) and not _SIGN.search(text)]
    assert untranslated == []
    assert [text for text in chain(*english.values()) if _SIGN.search(text)] == []


def _said_in_each_list(page: Page) -> dict[str, list[str]]:
    """Return what a person or a screen reader is told, by the tab that is open."""
    said = {}
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        said[str(tab.get_attribute("data-testid"))] = page.evaluate(_SAID)
    return said


def test_a_dump_appears_with_its_reasons(system: System, log_in: LogIn) -> None:
    """A dump in the town becomes an alert on the enforcement page that says why it fired; the officer takes it on."""
    _alert_with_reasons(system, log_in("officer"), "illegal-dump")


def test_a_spill_appears_with_its_reasons(system: System, log_in: LogIn) -> None:
    """A spill along the way becomes an alert with the conditions that were met and their numbers; no map needed."""
    _alert_with_reasons(system, log_in("officer", draws_maps=False), "spillage")


def test_an_officer_takes_on_all_that_is_shown_at_once_and_takes_it_back(system: System, log_in: LogIn) -> None:
    """One click for all of them, each row says who answers for it; one click takes it back from all."""
    page = log_in("officer", draws_maps=False)
    page.get_by_test_id("group").uncheck()
    owner = page.get_by_test_id("owner").first
    expect(owner).to_be_visible(timeout=180_000)
    page.get_by_test_id("pick-all").check()
    page.get_by_test_id("bulk-assign").click()
    page.get_by_test_id("bulk-assign-send").click()
    toast = page.get_by_test_id("toast")
    expect(toast).to_have_attribute("data-kind", "assign")
    expect(toast).not_to_have_attribute("data-done", "0")
    expect(owner).to_have_attribute("data-login", system.users()["officer"]["login"])
    page.get_by_test_id("toast-undo").click()
    expect(toast).to_have_attribute("data-kind", "undo")
    expect(owner).to_have_attribute("data-login", "")


def test_sos_is_the_loudest_thing_on_the_desk(log_in: LogIn) -> None:
    """The driver calls for help; the desk shows it above everything until somebody acknowledges it."""
    desk = log_in("dispatcher", draws_maps=False)
    cab = log_in("driver", width=390, height=844)
    cab.get_by_test_id("sos").click()
    cab.get_by_test_id("sos-yes").click()
    call = desk.locator('[data-testid="loud-call"][data-rule="sos"]').first
    expect(call).to_be_visible(timeout=30_000)
    call.get_by_test_id("loud-ack").click()
    expect(call).to_be_hidden(timeout=30_000)
    expect(cab.get_by_test_id("down")).to_be_visible()
    cab.get_by_test_id("runs-again").click()
    expect(cab.get_by_test_id("down")).to_be_hidden(timeout=30_000)


@pytest.mark.usefixtures("desk")  # there are plans
def test_a_list_is_found_in_sorted_shared_and_taken_along(log_in: LogIn) -> None:
    """By keys and heads; another tab opens the same view by its address and needs no connection of its own."""
    page = log_in("dispatcher", draws_maps=False)
    rows = page.get_by_test_id("trucks").locator("[data-key]")
    expect(rows.first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("compactor")
    page.get_by_test_id("sort-truck").click()
    page.get_by_test_id("sort-truck").click()
    expect(page.get_by_role("columnheader", name="Truck")).to_have_attribute("aria-sort", "descending")
    page.keyboard.press("j")
    expect(rows.first.get_by_test_id("truck-row")).to_be_focused()
    shown = [row.get_attribute("data-key") for row in rows.all()]
    assert len(shown) > 3

    second = page.context.new_page()
    asked: list[str] = []
    second.on("request", lambda request: asked.append(request.url))
    second.goto(page.url)
    second.wait_for_selector('body[data-live="open"]', timeout=30_000)
    found = second.get_by_test_id("trucks").locator("[data-key]")
    expect(found).to_have_count(len(shown))
    assert [row.get_attribute("data-key") for row in found.all()] == shown
    assert not [url for url in asked if "/api/v1/live" in url]

    page.get_by_test_id("list-menu").click()
    with page.expect_download() as file:
        page.get_by_test_id("export-csv").click()
    with file.value.path().open(encoding="utf-8-sig", newline="") as text:
        assert {row["truck_id"] for row in csv.DictReader(text)} == set(shown)
    second.goto(f"{page.url}&print=all")
    assert second.get_by_test_id("sheet").first.get_attribute("data-truck-id") in shown


def test_a_citizen_reports_without_a_script_and_follows_what_becomes_of_it(
    system: System, browser: Browser, log_in: LogIn
) -> None:
    """A broken photo and one of 30 MB are refused with all that was typed kept; staff take a step; the citizen sees it."""
    context = browser.new_context(locale="zh-CN", viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{system.address}/report")
    page.get_by_text("道路遗撒").check()
    page.locator("#place").fill(_NAME)
    for photo in (jpeg()[:300], bytes(30_000_000)):
        page.locator("#photo").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo})
        page.get_by_test_id("send").click()
        expect(page.get_by_test_id("faults")).to_be_visible(timeout=30_000)
        expect(page.locator("#place")).to_have_value(_NAME)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#photo").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png()})
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("thanks")).to_be_visible(timeout=30_000)
    officer = log_in("officer", draws_maps=False)
    officer.goto(f"{system.address}/intake")
    officer.get_by_test_id("report-row").filter(has_text=_NAME).click()
    drawn = "one => one.complete && one.naturalWidth"
    eventually(lambda: officer.get_by_test_id("report-photo").evaluate(drawn), within_s=30, what="the photo is drawn")
    officer.get_by_test_id("step-filed").click()
    expect(officer.get_by_test_id("step-dispatched")).to_be_visible(timeout=30_000)
    page.reload()
    expect(page.locator("[data-state=filed]")).to_have_attribute("data-stands", "done")
    context.close()


def test_a_managers_figures_lead_to_their_records(system: System, log_in: LogIn) -> None:
    """Of the running day: what was due is counted, and two clicks lead from the alerts' figure to one of them."""
    page = log_in("manager", draws_maps=False)
    page.goto(f"{system.address}/manager")
    done = page.get_by_test_id("figure-due").locator(".figure")
    expect(done).to_have_text(re.compile(r"\d+ %"), timeout=30_000)
    page.get_by_test_id("figure-alerts").click()
    page.get_by_test_id("record-link").first.click()
    expect(page.get_by_test_id("alert-file")).to_be_visible(timeout=30_000)


def test_a_real_recording_shows_68_trucks(
    system: System, recording: "subprocess.Popen[str]", log_in_as: LogInAs
) -> None:
    """Fixes of 68 real garbage trucks go through the same doors and stand on the map of a tenant of their own."""
    said, _ = recording.communicate(timeout=240)
    assert recording.returncode == 0, said[-2000:]
    assert "7971 of 7971 fixes of 68 trucks" in said
    added = system.command(
        "deploy.local", "tool", "users", "add", "jersey", "dispatcher",
        "--tenant", "jersey-city", "--password", "for-this-test-only",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr[-2000:]
    page = log_in_as("jersey", "for-this-test-only")
    expect(page.get_by_test_id("trucks-on-map")).to_have_attribute("data-count", "68", timeout=30_000)


def test_the_past_is_played_and_left_without_a_reload(log_in: LogIn) -> None:
    """Two minutes back the page says so and takes no orders; played, trucks move; back to now it is live and was never loaded again."""
    page = log_in("dispatcher", draws_maps=False)
    no_orders = page.locator(".read-only")
    expect(no_orders).to_have_count(0)
    page.evaluate("window.neverLoadedAgain = true")
    for _ in range(2):
        page.get_by_test_id("time-minute-back").click()
        expect(page.get_by_test_id("not-now")).to_be_visible(timeout=20_000)
    expect(page.locator("body[data-past]")).to_be_attached()
    expect(page).to_have_url(re.compile(r"[?&]at=\d{4}-\d\d-\d\dT"))
    expect(no_orders).to_be_visible()
    then = _places(page)
    assert then
    page.get_by_test_id("time-speed").select_option("5")
    page.get_by_test_id("time-play").click()
    eventually(
        lambda: [t for t, place in _places(page).items() if then.get(t) != place], within_s=60, what="trucks move"
    )
    page.get_by_test_id("time-now").click()
    expect(page.get_by_test_id("not-now")).to_have_count(0)
    expect(page.locator('body[data-live="open"]:not([data-past])')).to_be_attached()
    expect(no_orders).to_have_count(0)
    assert page.evaluate("window.neverLoadedAgain")


def _alert_with_reasons(system: System, page: Page, rule: str) -> None:
    page.get_by_test_id("group").uncheck()  # each by itself: it may belong to what the truck did before
    first = page.locator(f'[data-testid="alert-row"][data-rule="{rule}"]').first
    try:
        expect(first).to_be_visible(timeout=180_000)
    except AssertionError as missing:
        missing.add_note(_what_there_was(system, rule))
        raise
    this = f'[data-alert-id="{first.get_attribute("data-alert-id")}"]'  # another may come, and stand first
    row = page.locator(f'[data-testid="alert-row"]{this}')
    row.click()
    file = page.locator(f'[data-testid="alert-file"]{this}')
    expect(file.get_by_test_id("alert-sentence")).not_to_be_empty()
    expect(file.get_by_test_id("because").locator("li").first).to_be_visible()
    expect(file.get_by_test_id("chart")).not_to_have_attribute("data-points", "0", timeout=60_000)
    file.get_by_test_id("ack").click()
    expect(row).not_to_have_attribute("data-handling", "new", timeout=20_000)


def _what_there_was(system: System, rule: str) -> str:
    """Say what the town did on its roads and what was alerted: whether the deed, the alert or the page is missing."""
    truth = (system.data / "simulator" / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    deeds = [line for line in truth if any(f'"{kind}"' in line for kind in ON_THE_ROAD)]
    with closing(system.client("officer")) as client:
        listed = client.get("/api/v1/alerts", params={"rule": rule}).json()["alerts"]
    alerts = [f"{one['alert_id']} of {one['truck_id']}: {one['state']}" for one in listed]
    return "\n".join(["the town's deeds that are over:", *deeds, f"alerts of {rule} in the database:", *alerts])
