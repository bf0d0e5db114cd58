"""Pages about a recorded day: whatever devices call themselves, whatever is missing."""

import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

from streams import compare, events, inspection
from streams.inspection import Followed, Seen
from streams.report import compared, inspected, strips
from streams.report.strips import Axis, Bar, Curve
from streams.report.words import Clock, Said
from tests.unit.streams import town
from tests.unit.streams.test_compare import alert, out
from tests.unit.streams.test_inspection import ALWAYS, ZONES, dump, write

CLOCK = Clock(dt.UTC)
HOSTILE = "</title><script>alert(1)</script>&\"'"
VOID = {"meta", "input", "br"}


class Tree(HTMLParser):
    """Tells whether tags close in the order they were opened, and which there are."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002, D102
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002, D102
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:  # noqa: D102
        self.text.append(data)


def read(page: str) -> Tree:
    tree = Tree()
    tree.feed(page)
    assert tree.open == []
    return tree


def look(day: Path, truck_id: str = "t1") -> str:
    return inspected.render(inspection.follow(day, {truck_id: [ALWAYS]}), truck_id, CLOCK)


def test_a_day_is_told_in_both_languages_without_scripts(tmp_path: Path) -> None:
    """Alert, conditions, gates and their numbers stand in the text; nothing is loaded from anywhere."""
    page = look(write(tmp_path / "day", dump(), more=ZONES))
    tree = read(page)
    text = " ".join(tree.text)
    for said in ("illegal-dump", "偷倒乱倒", "the load fell", "载重下降", "stopped at a gate", "未过前提"):
        assert said in text
    assert re.findall(r"\b(?:src|href)=|https?://|url\(|@import", page) == []
    assert tree.tags.count("script") == 1


def test_ids_from_devices_are_text_wherever_they_stand(tmp_path: Path) -> None:
    """Truck, zone, site and permit, in text, titles and attributes."""
    drive = town.Drive(HOSTILE)
    drive.fix()
    drive.wait(30).load().go(2_000, 300).go(4_500, 300)
    more = (
        events.Zone(zone_id=HOSTILE, kind="forbidden", name=HOSTILE, valid_from_ms=0, area=town.square(3_000, 300, 300)),
        events.Permit(
            permit_id=HOSTILE, truck_ids=(HOSTILE,), valid_from_ms=0,
            corridor={"type": "LineString", "coordinates": [list(town.at(0)), list(town.at(5_000))]},
        ),
    )  # fmt: skip
    page = look(write(tmp_path / "day", drive, more=more), HOSTILE)
    tree = read(page)
    assert tree.tags.count("script") == 1
    assert HOSTILE in "".join(tree.text)
    assert "<script>alert" not in page


def test_a_truck_of_which_nothing_is_known_has_a_page(tmp_path: Path) -> None:
    """No place, no sensor, no load: said so, and nothing drawn for it."""
    drive = town.Drive().fix(
        fix=False, lon=None, lat=None, cover="unknown", bed="unknown", load_kg=None, sensor_health=events.SensorHealth()
    )
    page = look(write(tmp_path / "day", drive))
    read(page)
    assert "No place is known in this time." in page
    assert '<rect class="closed"' not in page
    assert '<rect class="level"' not in page


def test_a_day_of_five_seconds_is_a_page_of_a_size_that_can_be_sent(tmp_path: Path) -> None:
    """Seventeen thousand fixes that go to and fro with noise: below 3 MB."""
    drive = town.Drive(every_s=5)
    drive.fix()
    drive.load()
    while len(drive.fixes) < 17_280:
        drive.go(7_000).go(500)
    page = look(write(tmp_path / "day", drive))
    assert len(page) < 3_000_000


def test_unknown_is_drawn_neither_as_0_nor_as_what_was_before() -> None:
    """A curve breaks; a strip of bars has a hole."""
    axis = Axis(0, 100_000)
    curve = Curve(Said("载重", "load"), "load", [(0, 5.0), (10_000, None), (20_000, 6.0)])
    drawn = strips.curves(Said("载重", "Load"), axis, [curve], "t")
    assert drawn.count("M") - drawn.count('class="grid" d="M') >= 2
    assert "no data" in strips.curves(Said("载重", "Load"), axis, [curve._replace(values=[(0, None)])], "t")
    assert "no data" in strips.bars(Said("篷盖", "Cover"), axis, [])


def test_bars_too_short_to_be_seen_show_the_one_that_matters() -> None:
    """Of ten thousand flaps in a day one was an alert: it is drawn, with how many stand behind it."""
    axis = Axis(0, 86_400_000)
    several = [Bar(n * 8_640, (n + 1) * 8_640, "gate", 0, (Said("x", "x"),)) for n in range(10_000)]
    several[5_000] = several[5_000]._replace(style="told", rank=3)
    drawn = strips.bars(Said("规则", "rule"), axis, several)
    assert drawn.count("<rect") <= 501
    assert drawn.count('class="told"') == 1
    assert "more that are as short" in drawn


def test_a_comparison_draws_each_difference(tmp_path: Path) -> None:
    """Gained, lost and changed, with why and where; an alert of several trucks, and one without place or day, too."""
    day = write(tmp_path / "day", dump())
    at = {"type": "Point", "coordinates": list(town.at(3_000, 200))}
    several = alert("unauthorised-landfill", truck_id="t9", truck_ids=("t1", "t2"), where=at)
    lost, changed = alert(truck_id=HOSTILE, where={"type": "Nonsense"}), alert("spillage", where=at)
    before = out(tmp_path / "a", lost, changed)
    after = out(
        tmp_path / "b",
        alert("spillage", start_s=30, where=at, severity="low"),
        several,
        alert("illegal-dump", start_s=600, where=at),
    )
    found = compare.compare(before, after)
    told_of = compared.stories(found, compare.standing(before), compare.standing(after))
    followed = inspection.follow(day, compared.times(told_of), thinking=False)
    page = compared.render(found, told_of, followed, CLOCK)
    tree = read(page)
    assert [one.group for one in told_of] == ["gained", "gained", "lost", "changed"]
    assert tree.tags.count("article") == 4
    assert "severity" in page
    assert "off the corridor" in page
    assert "<script>alert" not in page


def test_a_comparison_without_differences_is_a_table() -> None:
    """Nothing to draw is no mistake."""
    day = Followed(inspection.Reference(), {}, frozenset(), 0)
    page = compared.render(compare.Comparison(rules={}, lost=(), gained=(), changed=()), [], day, CLOCK)
    assert "<article" not in page
    read(page)


def test_a_truck_seen_at_one_moment_has_an_axis() -> None:
    """A single receipt, no fix."""
    span = inspection.Span(
        stage="gate", since_ms=5, until_ms=5, at_ms=5, conditions=(events.Condition(condition="x", met=False),)
    )
    seen = Seen(truck_id="t1", times=[ALWAYS], receipts={"mass-balance": [span]})
    read(inspected.render(Followed(inspection.Reference(), {"t1": seen}, frozenset(), 0), "t1", CLOCK))
