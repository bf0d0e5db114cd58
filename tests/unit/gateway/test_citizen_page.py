"""The citizen's pages as HTML."""

import re
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.gateway.citizen import routes, words
from services.gateway.citizen.page import Fault, Followed, Step, Town, Typed, follow_page, form_page
from services.gateway.citizen.words import BY_LANGUAGE, Language
from services.gateway.report_steps import KINDS, NEXT, STATES, due_ms

HOUR_MS = 3_600_000
NOW_MS = 1_795_864_800_000
RUBBISH = "</textarea><script>alert(1)</script>\" onfocus='x' 🗑️ \u202egnp.exe &amp;"
TOWN = Town(
    name={"zh": "波尔图", "en": "Porto"},
    zone=ZoneInfo("Europe/Lisbon"),
    bounds=(-8.7, 41.1, -8.5, 41.2),
    attribution="© OSM",
    base_map=None,
)


class Seen(HTMLParser):
    """What a browser would make of a page: its elements, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data

    def of(self, tag: str, **wanted: str) -> dict[str, str | None]:
        """Return the attributes of the first such element."""
        return next(has for name, has in self.elements if name == tag and wanted.items() <= has.items())


def followed(*steps: Step, reason: str | None = None) -> Followed:
    return Followed(
        number="ABCDEFGHJKLMNPQR", kind="spill", place=reason or "Rua 1", lat=41.15, lon=-8.61, note=RUBBISH,
        has_photo=True, steps=steps,
    )  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_was_typed_comes_back_as_text(language: Language) -> None:
    """Markup, quotes, emoji and turned-round names stand in the form again exactly so, and make no element of the page."""
    typed = Typed(number="ABCDEFGHJKLMNPQR", kind=RUBBISH, place=RUBBISH, lat=RUBBISH, lon="1", note=RUBBISH)
    seen = Seen(form_page(language, TOWN, typed, [Fault("kind", "kind"), Fault("photo_large", "photo")]))
    assert [has for tag, has in seen.elements if tag == "script"] == [{"type": "module", "src": "/report.js"}]
    assert seen.of("input", name="place")["value"] == RUBBISH
    assert seen.of("input", name="lat")["value"] == RUBBISH
    assert RUBBISH in seen.text
    assert not [name for _, has in seen.elements for name in has if name.startswith("on")]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_form_needs_no_script(language: Language) -> None:
    """It is a form that is posted with a file; each field has its label; what only a script can do is hidden without one."""
    seen = Seen(form_page(language, TOWN, Typed(number="N")))
    form = seen.of("form", method="post")
    assert (form["enctype"], form["action"]) == ("multipart/form-data", f"/report?lang={language}")
    labelled = {has.get("for") for tag, has in seen.elements if tag == "label"}
    assert {"place", "note", "photo", "follow"} <= labelled
    assert "hidden" in seen.of("p", id="helpers")
    assert "hidden" in seen.of("div", id="map")
    assert len([has for _, has in seen.elements if has.get("name") == "kind"]) == len(KINDS)
    links = {has.get("href") or has.get("src") for _, has in seen.elements} - {None}
    assert all(link.startswith(("/", "#")) for link in links if link), "no other host is asked for anything"


def test_every_fault_and_state_has_its_words() -> None:
    """Each kind, state and fault is said in both languages, with the same things to fill in."""
    for one in BY_LANGUAGE.values():
        assert set(one.kind) == set(KINDS)
        assert set(one.state) == set(STATES) == set(NEXT)
        assert all(getattr(one, field.name) for field in fields(one))
    zh, en = words.ZH.faults, words.EN.faults
    assert zh.keys() == en.keys()
    assert [re.findall(r"{\w+}", zh[code]) for code in en] == [re.findall(r"{\w+}", en[code]) for code in en]
    used = set(re.findall(r'Fault\("(\w+)"', Path(routes.__file__).read_text(encoding="utf-8")))
    assert used | {"photo_kind", "photo_broken", "photo_pixels", "place_long", "note_long"} == set(en)


def test_a_report_is_followed_step_by_step() -> None:
    """What is done, what is due by when, what came too late, and what is not begun stand apart, by more than colour."""
    filed_ms, dispatched_ms = NOW_MS + HOUR_MS, NOW_MS + 5 * HOUR_MS
    report = followed(
        Step("received", NOW_MS, due_ms("spill", "received", NOW_MS)),
        Step("filed", filed_ms, due_ms("spill", "filed", filed_ms)),
        Step("dispatched", dispatched_ms, due_ms("spill", "dispatched", dispatched_ms)),
    )

    def stands(now_ms: int) -> dict[str, str | None]:
        seen = Seen(follow_page("en", TOWN, report, now_ms, "/report/x", is_new=False))
        return {str(has["data-state"]): has["data-stands"] for tag, has in seen.elements if "data-state" in has}

    assert stands(dispatched_ms) == {
        "received": "done", "filed": "done", "dispatched": "late", "handled": "next", "verified": "later", "closed": "later",
    }  # fmt: skip
    assert stands(dispatched_ms + 3 * HOUR_MS)["handled"] == "late"
    seen = Seen(follow_page("zh", TOWN, report, dispatched_ms, "/report/x", is_new=True))
    assert "ABCD-EFGH-JKLM-NPQR" in seen.text
    assert RUBBISH in seen.text
    assert [tag for tag, _ in seen.elements if tag == "script"] == ["script"]


def test_sent_back_work_is_due_again() -> None:
    """What was found not good is again to be dealt with: it stands where it was sent back to."""
    times = [NOW_MS + hour * HOUR_MS for hour in range(5)]
    states = ("received", "filed", "dispatched", "handled", "dispatched")
    steps = [Step(state, at_ms, due_ms("other", state, at_ms)) for state, at_ms in zip(states, times, strict=True)]
    seen = Seen(follow_page("en", TOWN, followed(*steps), times[-1], "/report/x", is_new=False))
    stands = {has["data-state"]: has["data-stands"] for _, has in seen.elements if "data-state" in has}
    assert (stands["dispatched"], stands["handled"], stands["verified"]) == ("done", "next", "later")


def test_why_it_was_declined_is_said() -> None:
    """Nothing is due any more, and the reason is there, as text."""
    steps = (Step("received", NOW_MS, NOW_MS), Step("declined", NOW_MS, None, RUBBISH))
    seen = Seen(follow_page("en", TOWN, followed(*steps), NOW_MS, "/report/x", is_new=False))
    stands = [has["data-state"] for _, has in seen.elements if "data-state" in has]
    assert stands == ["received", "declined"]
    assert f"Why: {RUBBISH}" in seen.text


@pytest.mark.parametrize(
    ("wish", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "pt-PT,zh;q=0.8,en;q=0.7", "zh"),
        (None, "en;q=0.3,zh-CN", "zh"),
        (None, "de;q=x,en", "en"),
        ("zh", "en", "zh"),
        ("<b>", "zh", "zh"),
    ],
)
def test_the_page_speaks_the_browsers_language(wish: str | None, accepted: str, language: str) -> None:
    """The address says it, else the browser's list by its weights, else English."""
    assert words.language_of(wish, accepted) == language


def test_a_number_is_understood_however_it_is_typed() -> None:
    """Small letters, spaces and lines are the same number; a sign that is in none is none; no two are the same."""
    number = routes.new_number()
    assert routes.plain_number(f" {number[:4].lower()}-{number[4:8]} {number[8:]} ") == number
    assert routes.plain_number(number[:-1] + "0") is None
    assert routes.plain_number(number[:-1]) is None
    assert len({routes.new_number() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
    ],
)
def test_one_connection_counts_once(address: str, who: str) -> None:
    """A household's IPv6 addresses are one."""
    assert routes.neighbourhood(address) == who
