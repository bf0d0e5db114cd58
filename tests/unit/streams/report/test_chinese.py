"""What rules say has a Chinese sentence, the same as on the web pages."""

import re
import sys
from pathlib import Path

import pytest

from streams import inspection, rules
from streams.report.chinese import PHRASES, RULES, in_chinese
from streams.rules.gates import Gate
from tests.unit.streams.test_inspection import ALWAYS, VARIED, ZONES, write

WEB = Path(__file__).parents[4] / "services" / "web" / "src"


def test_every_gate_has_a_chinese_sentence() -> None:
    """Of every rule of trucks, and those that rules share."""
    shared = ("gates", "on_the_road", "call")
    modules = [*rules.RULES, *(sys.modules[f"streams.rules.{name}"] for name in shared)]
    gates = {one.condition for module in modules for one in vars(module).values() if isinstance(one, Gate)}
    assert len(gates) > 40
    assert [one for one in gates if in_chinese(one) is None] == []


@pytest.mark.parametrize("name", VARIED)
def test_every_condition_seen_has_a_chinese_sentence(tmp_path: Path, name: str) -> None:
    """And its unit."""
    day = write(tmp_path / "day", VARIED[name](), more=ZONES)
    seen = inspection.follow(day, {"t1": [ALWAYS]}).trucks["t1"]
    said = [one for spans in seen.spans.values() for span in spans for one in span.conditions]
    said += [one for revisions in seen.alerts.values() for alert in revisions for one in alert.because]
    assert {one.condition for one in said if in_chinese(one.condition) is None} == set()
    assert {one.unit for one in said if one.unit and in_chinese(one.unit) is None} == set()


def test_both_lists_say_the_same() -> None:
    """A phrase that the web pages have too, without or with numbers, is the same there."""
    text = (WEB / "say" / "phrases.ts").read_text(encoding="utf-8")
    found = re.findall(r'\[/\^((?:\\.|[^/\\])*)\$/,\s*\(?[^=]*?\)?\s*=>\s*(?:"([^"]*)"|`([^`]*)`)', text)
    web = {
        re.sub(r"\((?:\\S\+|\.\+|-\?\\d\+|\\d\+)\)", "{}", pattern).replace("\\", ""): plain
        or re.sub(r"\$\{[^}]*\}", "{}", made)
        for pattern, plain, made in found
    }
    both = PHRASES.keys() & web.keys()
    assert len(both) > 100
    assert {one: PHRASES[one] for one in both} == {one: web[one] for one in both}


def test_rules_have_the_names_of_the_pages() -> None:
    """So that nobody takes one for two."""
    text = (WEB / "words" / "zh.ts").read_text(encoding="utf-8")
    (body,) = re.findall(r"\n  rule: \{(.*?)\n  \}", text, re.DOTALL)
    assert dict(re.findall(r'"?([a-z-]+)"?: "([^"]+)"', body)) == RULES
