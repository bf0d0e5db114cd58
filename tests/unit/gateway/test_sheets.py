"""A file that people open: nothing in it runs, nothing of it is lost, and it says nothing that is not known."""

import csv
import io
import json
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import sheets

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW_MS = 1_795_500_000_000


def cells(columns: tuple[str, ...], *rows: dict[str, Any]) -> list[list[str]]:
    """Return rows as a spreadsheet would read them."""
    return list(csv.reader(io.StringIO(sheets.csv_lines(columns, rows, SHANGHAI), newline="")))


@pytest.mark.parametrize(
    "text", ["=1+1", "+86", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "＝1+1", "＠x"]
)
def test_what_looks_like_a_formula_is_text(text: str) -> None:
    """A name from outside that a spreadsheet would run gets an apostrophe; a negative number stays a number."""
    assert cells(("name", "lon"), {"name": text, "lon": -8.6}) == [[f"'{text}", "-8.6"]]
    assert cells(("names",), {"names": [text, "b"]}) == [[f"'{text}; b"]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_every_text_comes_back(texts: list[str]) -> None:
    """Quotes, commas, line ends, emoji, right to left: a reader of RFC 4180 gets what was written."""
    written = sheets.csv_lines(("name",), [{"name": f"x{text}"} for text in texts], UTC)
    assert [row[0] for row in csv.reader(io.StringIO(written, newline=""))] == [f"x{text}" for text in texts]


def test_the_first_line_says_the_columns_to_excel_too() -> None:
    """A byte order mark, then names; times say that they are local; lines end as the standard says."""
    assert sheets.csv_header(("truck_id", "seen_ms")) == "\ufefftruck_id,seen_local\r\n"


def test_what_is_not_known_is_empty_and_not_zero() -> None:
    """None, a number that is none and a time no calendar has are empty cells; 0 and false are said."""
    columns = ("a", "b", "c_ms", "d", "e", "f")
    row = {"a": None, "b": float("nan"), "c_ms": 10**18, "d": 0, "e": False}
    assert cells(columns, row) == [["", "", "", "0", "false", ""]]


def test_times_are_the_citys_in_a_sheet_and_with_their_offset_on_a_map() -> None:
    """A spreadsheet gets a form it takes for a time, a map one that no zone can change."""
    assert cells(("seen_ms",), {"seen_ms": NOW_MS}) == [["2026-11-24 14:00:00"]]
    (feature,) = sheets.features(("seen_ms", "name"), [{"seen_ms": NOW_MS, "name": "=1"}], SHANGHAI)
    assert json.loads(feature) == {
        "type": "Feature",
        "geometry": None,
        "properties": {"seen_time": "2026-11-24T14:00:00+08:00", "name": "=1"},
    }


def test_rings_run_as_the_standard_wants() -> None:
    """The outer ring counterclockwise, holes clockwise, whichever way they came."""
    outer = [[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]
    hole = [[1, 1], [2, 1], [2, 2], [1, 1]]
    turned = {"type": "Polygon", "coordinates": [outer[::-1], hole[::-1]]}
    given_rings: list[Any] = [{"type": "Polygon", "coordinates": [outer, hole]}, turned]
    assert [sheets.right_handed(one) for one in given_rings] == [turned, turned]
    many = {"type": "MultiPolygon", "coordinates": [[outer, hole]]}
    assert sheets.right_handed({"type": "GeometryCollection", "geometries": [many]})["geometries"] == [
        {"type": "MultiPolygon", "coordinates": [turned["coordinates"]]}
    ]
    assert sheets.right_handed(sheets.point(1.0, 2.0)) == {"type": "Point", "coordinates": [1.0, 2.0]}
    assert sheets.point(1.0, None) is None
