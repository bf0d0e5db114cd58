"""The citizen's pages as HTML: the form, and what has become of a report. They work without a script. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from services.gateway.citizen.html import Html, document, el, together
from services.gateway.citizen.words import BY_LANGUAGE, Language, Words
from services.gateway.report_steps import KINDS, STEPS, Kind, State

PLACE_CHARACTERS: Final = 300
NOTE_CHARACTERS: Final = 2000
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class Town:
    """What a page says of the city."""

    name: dict[str, str]
    zone: ZoneInfo
    bounds: tuple[float, float, float, float]
    attribution: str
    base_map: str | None


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the form, as it was typed. ``number``: what the report will be followed by."""

    number: str
    kind: str = ""
    place: str = ""
    lat: str = ""
    lon: str = ""
    note: str = ""


class Fault(NamedTuple):
    """Why a form was not taken: a key of `Words.faults`, the field it is about, what is filled in."""

    code: str
    field: str
    filled: Mapping[str, str] = MappingProxyType({})


class Step(NamedTuple):
    """The report came into this state then; the one after it is due by ``due_ms``."""

    state: State
    at_ms: int
    due_ms: int | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A report as the one who made it sees it. ``steps`` in order, the first is that it was received."""

    number: str
    kind: Kind
    place: str | None
    lat: float | None
    lon: float | None
    note: str | None
    has_photo: bool
    steps: Sequence[Step]


def grouped(number: str) -> str:
    """Return a number as people read it: ABCD-EFGH-…."""
    return "-".join(number[at : at + 4] for at in range(0, len(number), 4))


def form_page(language: Language, town: Town, typed: Typed, faults: Sequence[Fault] = ()) -> str:
    """Return the form, with what was typed and why it was not taken."""
    words = BY_LANGUAGE[language]
    wrong = {fault.field for fault in faults}
    form = el(
        "form",
        el("input", type="hidden", name="number", value=typed.number),
        _kinds(words, typed, "kind" in wrong),
        _where(words, town, typed, wrong),
        _long_text(words, typed, "note" in wrong),
        _photo(words, "photo" in wrong),
        el("p", words.privacy, class_="soft"),
        el("button", words.send, type="submit", class_="main", data_testid="send"),
        method="post",
        action=f"/report?lang={language}",
        enctype="multipart/form-data",
    )
    inside = together(el("p", words.lead), _wrong(words, faults), form, _follow(words, language))
    return _page(language, town, words.title, inside, "/report")


def follow_page(language: Language, town: Town, report: Followed, now_ms: int, address: str, *, is_new: bool) -> str:
    """Return what has become of a report. ``address``: where this page is, without the language."""
    words = BY_LANGUAGE[language]
    said = together(
        el("p", words.thanks, class_="good", role="status", data_testid="thanks") if is_new else None,
        el(
            "dl",
            _fact(words.number, el("strong", grouped(report.number), class_="number", data_testid="number")),
            _fact(words.what, words.kind[report.kind]),
            _fact(words.where, _place(report)),
            _fact(words.said, report.note) if report.note else None,
            _fact(words.photo_there, words.with_photo) if report.has_photo else None,
        ),
        el("p", words.keep_number, class_="soft"),
        el("h2", words.what_becomes),
        _way(words, language, town.zone, report, now_ms),
        el("p", el("a", words.again, href=f"/report?lang={language}")),
    )
    return _page(language, town, words.follow_title, said, address)


def no_report_page(language: Language, town: Town, *, is_away: bool = False) -> str:
    """Return the page for a number nobody has; ``is_away``: for any number, while the database does not answer."""
    words = BY_LANGUAGE[language]
    said = together(
        el("p", words.away if is_away else words.unknown_number, class_="bad", role="alert"),
        _follow(words, language),
        el("p", el("a", words.again, href=f"/report?lang={language}")),
    )
    return _page(language, town, words.follow_title, said, "/report")


# -------------------------------------------------------------------------------------------------- pieces of a page


def _page(language: Language, town: Town, title: str, inside: Html, address: str) -> str:
    words = BY_LANGUAGE[language]
    other: Language = "en" if language == "zh" else "zh"
    head = together(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="robots", content="noindex") if address != "/report" else None,
        el("title", f"{title} · {town.name.get(language, '')} · 清运 Qingyun"),
        el("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
        el("link", rel="stylesheet", href="/report.css"),
        el("script", type="module", src="/report.js"),
    )
    body = together(
        el(
            "header",
            el("img", src="/icon.svg", alt="", width="28", height="28"),
            el("span", town.name.get(language, "")),
            el(
                "a",
                words.other_language,
                href=f"{address}?lang={other}",
                lang=BY_LANGUAGE[other].tag,
                hreflang=BY_LANGUAGE[other].tag,
                data_testid="language",
            ),
        ),
        el("main", el("h1", title), inside),
        el("footer", el("a", words.staff, href="/")),
    )
    return document(words.tag, head, body)


def _wrong(words: Words, faults: Sequence[Fault]) -> Html | None:
    if not faults:
        return None
    lines = [
        el("li", el("a", words.faults[one.code].format(**one.filled), href=f"#{one.field}"), data_fault=one.code)
        for one in faults
    ]
    said = together(el("p", words.wrong), el("ul", *lines))
    return el("div", said, class_="bad", role="alert", data_testid="faults")


def _kinds(words: Words, typed: Typed, is_wrong: bool) -> Html:
    tiles = [
        el(
            "label",
            el(
                "input",
                type="radio",
                name="kind",
                value=kind,
                required=True,
                checked=typed.kind == kind,
                id="kind" if kind == KINDS[0] else None,
                aria_invalid="true" if is_wrong else None,
            ),
            el("span", words.kind[kind]),
        )
        for kind in KINDS
    ]
    return el("fieldset", el("legend", words.what), el("div", *tiles, class_="tiles"))


def _where(words: Words, town: Town, typed: Typed, wrong: Iterable[str]) -> Html:
    place = el(
        "input",
        type="text",
        id="place",
        name="place",
        value=typed.place,
        maxlength=str(PLACE_CHARACTERS),
        autocomplete="off",
        aria_describedby="place-hint",
        aria_invalid="true" if "place" in wrong else None,
    )
    buttons = el(
        "p",
        el("button", words.locate, type="button", id="locate"),
        " ",
        el("button", words.show_map, type="button", id="show-map"),
        el("span", role="status", id="located"),
        id="helpers",
        hidden=True,
        data_locating=words.locating,
        data_located=words.located,
        data_failed=words.locate_failed,
    )
    canvas = el(
        "div",
        el("p", words.map_hint, class_="soft"),
        el("div", id="map-canvas", role="application", aria_label=words.map_label),
        el("p", town.attribution, class_="soft"),
        id="map",
        hidden=True,
        data_language=words.tag,
        data_failed=words.map_failed,
        data_city=json.dumps(
            {"bounds": town.bounds, "base_map": town.base_map, "name": town.name, "attribution": town.attribution}
        ),
    )
    numbers = el(
        "div",
        *(
            el(
                "label",
                label,
                el(
                    "input",
                    type="text",
                    inputmode="text",  # a number pad of many phones has no minus
                    id=name,
                    name=name,
                    value=value,
                    maxlength="40",
                    autocomplete="off",
                    aria_invalid="true" if name in wrong else None,
                ),
            )
            for name, label, value in (("lat", words.lat, typed.lat), ("lon", words.lon, typed.lon))
        ),
        class_="pair",
    )
    is_open = bool(typed.lat or typed.lon or "lat" in wrong)
    return el(
        "fieldset",
        el("legend", words.where),
        el("label", words.place, for_="place"),
        place,
        el("p", words.place_hint, class_="soft", id="place-hint"),
        buttons,
        canvas,
        el("details", el("summary", words.coordinates), numbers, open=is_open, id="coordinates"),
    )


def _long_text(words: Words, typed: Typed, is_wrong: bool) -> Html:
    return together(
        el("label", words.note, for_="note"),
        el(
            "textarea",
            typed.note,
            id="note",
            name="note",
            rows="4",
            maxlength=str(NOTE_CHARACTERS),
            aria_describedby="note-hint",
            aria_invalid="true" if is_wrong else None,
        ),
        el("p", words.note_hint, class_="soft", id="note-hint"),
    )


def _photo(words: Words, is_wrong: bool) -> Html:
    return together(
        el("label", words.photo, for_="photo"),
        el(
            "input",
            type="file",
            id="photo",
            name="photo",
            accept="image/jpeg,image/png,image/webp",
            aria_describedby="photo-hint",
            aria_invalid="true" if is_wrong else None,
        ),
        el("p", words.photo_hint, class_="soft", id="photo-hint"),
    )


def _follow(words: Words, language: Language) -> Html:
    return el(
        "form",
        el("h2", words.follow_title),
        el("input", type="hidden", name="lang", value=language),
        el("label", words.follow_label, for_="follow"),
        el(
            "p",
            el(
                "input",
                type="text",
                id="follow",
                name="number",
                required=True,
                maxlength="40",
                autocomplete="off",
                spellcheck="false",
            ),
            " ",
            el("button", words.follow_button, type="submit"),
            class_="row",
        ),
        method="get",
        action="/report/find",
        class_="follow",
    )


def _fact(name: str, value: str) -> Html:
    return el("div", el("dt", name), el("dd", value))


def _place(report: Followed) -> Html:
    spot = f"{report.lat:.5f}, {report.lon:.5f}" if report.lat is not None and report.lon is not None else None
    return together(el("bdi", report.place) if report.place else None, " ", spot)


def _way(words: Words, language: Language, zone: ZoneInfo, report: Followed, now_ms: int) -> Html:
    """Return the steps of a report: done when, due when, or not yet begun."""
    received, last = report.steps[0], report.steps[-1]
    lines = [_line(words, "received", said_time(received.at_ms, zone, language), "done")]
    if last.state == "declined":
        why = words.declined_because.format(reason=last.reason) if last.reason else None
        lines.append(_line(words, "declined", said_time(last.at_ms, zone, language), "done", why))
        return el("ol", *lines, class_="way", data_testid="way")
    reached = STEPS.index(last.state) if last.state in STEPS else -1
    for place, state in enumerate(STEPS):
        entry = next((at for at in range(len(report.steps) - 1, 0, -1) if report.steps[at].state == state), None)
        if place <= reached and entry is not None:
            step, due_ms = report.steps[entry], report.steps[entry - 1].due_ms
            time = said_time(step.at_ms, zone, language)
            late = due_ms is not None and step.at_ms > due_ms
            lines.append(
                _line(words, state, words.done_late.format(time=time) if late else time, "late" if late else "done")
            )
        elif place == reached + 1 and last.due_ms is not None:
            time = said_time(last.due_ms, zone, language)
            over = now_ms > last.due_ms
            lines.append(
                _line(
                    words, state, (words.overdue if over else words.due).format(time=time), "late" if over else "next"
                )
            )
        else:
            lines.append(_line(words, state, words.not_yet, "later"))
    return el("ol", *lines, class_="way", data_testid="way")


_SIGNS: Final = {"done": "✓", "late": "!", "next": "→", "later": "·"}
"""State is never colour alone."""


def _line(words: Words, state: State, said: str, stands: str, more: str | None = None) -> Html:
    return el(
        "li",
        el("span", _SIGNS[stands], aria_hidden="true", class_="sign"),
        el("strong", words.state[state]),
        el("span", said),
        el("span", more) if more else None,
        class_=stands,
        data_state=state,
        data_stands=stands,
    )


def said_time(at_ms: int, zone: ZoneInfo, language: Language) -> str:
    """Return city time in the zone of the city: 28 Nov 2026, 14:05 or 2026年11月28日 14:05."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    if language == "zh":
        return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M}"
