"""How the pages look and whether everybody can use them: in a real browser, of a made-up moment behind a real gateway."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page

from services.city import folder
from tests.browser import ROOT
from tests.stage import scenes, town
from tests.stage.running import Stage, standing

pytestmark = [pytest.mark.end_to_end, pytest.mark.long]

_HERE: Final = ROOT / "tests" / "stage"
_AXE: Final = ROOT / "services" / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_LOOK: Final = """async options => {
  const found = await axe.run(document, { resultTypes: ['violations'], ...options });
  return found.violations.flatMap(one => one.nodes.map(node => `${one.id} (${one.impact}): ${node.target.join(' ')} ${
    node.any.concat(node.all, node.none).map(check => check.message).join(' ')}`));
}"""
_TUESDAY: Final = (2026, 11, 24)
_HARD_TENANT: Final = "hard-names"
_PHONES: Final = (360, 320)
_RESIZED_MS: Final = 150
"""A chart follows its frame, with the next picture."""
_TARGET_PX: Final = 24
"""WCAG 2.2, 2.5.8."""
_CAB_TARGET_PX: Final = 76
"""Google, Android for Cars: a finger in a moving cab."""
_LONG_WORDS: Final = """() => {
  // each word as much longer as German is at its worst, a short one by more than its length says
  const longer = text => text.replace(/\\p{L}{3,}/gu, word => word + 'enkeit'.slice(0, Math.max(2, Math.ceil(word.length * 0.4))));
  const all = words => Object.fromEntries(Object.entries(words).map(([name, word]) => [name,
    typeof word === 'string' ? longer(word) : typeof word === 'function' ? (...given) => longer(word(...given)) : all(word)]));
  window.qingyunWords = all;
}"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a gateway with the made-up moment of the city, and the same with hard names for another tenant."""
    city = folder.read(ROOT / "deploy" / "cities" / "porto")
    at_ms = city.local_ms(city.local_date(0).replace(*_TUESDAY), "10:20")
    with standing(tmp_path_factory.mktemp("stage"), tenant_id=city.tenant_id, at_ms=at_ms) as stage:
        for role, truck_id in (("dispatcher", None), ("driver", town.DRIVER_TRUCK), ("officer", None)):
            stage.add_user(f"hard-{role}", role, tenant_id=_HARD_TENANT, truck_id=truck_id)  # type: ignore[arg-type]
        stage.send(town.moment(city, stage.now_ms))
        hard = town.moment(city, stage.now_ms, names=town.HARD)
        stage.send(replace(record, tenant_id=_HARD_TENANT) for record in hard)
        stage.record()
        stage.end("recorder")
        stage.start_gateway()
        for name in town.HARD[:3]:
            stage.report("dumping", name, note=name)
        yield stage


@dataclass
class Open:
    """An open page, and what its console said that is wrong."""

    page: Page
    wrong: list[str]


def _opened(stage: Stage, browser: Browser, login: str | None, **view: Any) -> Iterator[Open]:
    given = {"language": "en", "theme": "day", "bypass_csp": True} | view
    context = scenes.context(browser, stage.address, login and stage.cookie(login), **given)
    wrong: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        yield Open(page, wrong)
    finally:
        context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("face", scenes.WALKS)
def test_axe_finds_nothing(stage: Stage, browser: Browser, face: str, language: str) -> None:
    """No violation of WCAG 2.2 AA or good practice in any scene, by day; by night no contrast is too low."""
    login, walk = scenes.WALKS[face]
    found: list[str] = []
    for opened in _opened(stage, browser, login, language=language):
        page = opened.page
        for scene in walk(page):
            found += [f"{scene}: {one}" for one in _violations(page, {"runOnly": _RULES})]
            page.evaluate("document.documentElement.dataset.theme = 'night'")
            night = _violations(page, {"runOnly": {"type": "rule", "values": ["color-contrast"]}})
            found += [f"{scene} at night: {one}" for one in night]
            page.evaluate("document.documentElement.dataset.theme = 'day'")
        found += opened.wrong
    _nothing(found)


def _nothing(found: list[str]) -> None:
    said = list(dict.fromkeys(found))
    assert not said, "\n".join([f"{len(said)} findings:", *said])


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    return page.evaluate(_LOOK, options)


@pytest.mark.parametrize("face", scenes.WALKS)
def test_long_words_fit_a_narrow_phone(stage: Stage, browser: Browser, face: str) -> None:
    """With words two fifths longer, at 360 and 320 px: nothing moves sideways, is cut off, covered or too small to press."""
    login, walk = scenes.WALKS[face]
    found: list[str] = []
    for opened in _opened(stage, browser, login, width=_PHONES[0], height=740, draws_maps=False):
        page = opened.page
        page.add_init_script(f"({_LONG_WORDS})()")
        for scene in walk(page):
            for width in _PHONES:
                page.set_viewport_size({"width": width, "height": 740})
                page.wait_for_timeout(_RESIZED_MS)
                found += [f"{scene} at {width} px: {one}" for one in _looks(page, face)]
            page.set_viewport_size({"width": _PHONES[0], "height": 740})
        found += opened.wrong
    _nothing(found)


def _looks(page: Page, face: str) -> list[str]:
    if not page.evaluate("'looks' in window"):
        page.evaluate((_HERE / "looks.js").read_text(encoding="utf-8"))
    cab = f"looks.small({_CAB_TARGET_PX}, '.big')" if face == "driver" else "[]"
    said: list[str] = page.evaluate(
        f"() => [looks.sideways(), looks.clipped(), looks.spilled(), looks.covered(), looks.small({_TARGET_PX}), {cab}].flat()"
    )
    return said


@pytest.mark.parametrize("face", ["dispatch", "driver", "enforcement"])
def test_hard_names_are_only_text(stage: Stage, browser: Browser, face: str) -> None:
    """Names with HTML, emoji, right-to-left text and no spaces are shown as they are: nothing runs, breaks or moves sideways."""
    login, walk = scenes.WALKS[face]
    found: list[str] = []
    for opened in _opened(stage, browser, f"hard-{login}", width=390, height=844, draws_maps=face == "dispatch"):
        page, said = opened.page, ""
        for scene in walk(page):
            said += page.locator("body").inner_text()
            found += [f"{scene}: {one}" for one in _looks(page, face)]
            found += [f"{scene}: a name became {one}" for one in page.evaluate(_MADE_OF_NAMES)]
        found += opened.wrong
        assert any(name in said for name in town.HARD[:3])
    _nothing(found)


_MADE_OF_NAMES: Final = """() => [
  ...(window.broken === undefined ? [] : ['a program that ran']),
  ...[...document.querySelectorAll('img[src="x"], svg[onload], body script')].map(one => one.outerHTML.slice(0, 60)),
]"""
