"""Lists as rows: what the page shows with the same filters, and nothing of another district."""

from typing import Any

import pytest

from services.gateway.live_rows import SHEETS, Seen, Wanted
from services.gateway.live_state import Scope, Town
from services.gateway.sheets import GEOMETRY
from streams import events
from streams.units import DAY_MS, HOUR_MS

NOW_MS = 1_795_500_000_000


def asset(kind: str, asset_id: str, **more: Any) -> events.Asset:
    return events.Asset(id=asset_id, kind=kind, valid_from_ms=1, **({"lon": 1.0, "lat": 2.0} | more))


@pytest.fixture
def town() -> Town:
    """Two districts; a truck, a bin and a site of each; a plan that comes to one bin."""
    made = Town(lambda now_ms: now_ms - now_ms % DAY_MS)
    for district in ("north", "south"):
        made.apply(
            asset("truck", f"t-{district}", district_id=district, plate=f"京{district}", materials=("kitchen",)), 9
        )
        made.apply(asset("bin", f"b-{district}", district_id=district, name=f"Bin {district}", material="kitchen"), 9)
        made.apply(asset("source", f"s-{district}", district_id=district, name=f"Site {district}"), 9)
        order = events.Order(
            order_id=f"o-{district}", source_id=f"s-{district}", material="residual", kg=5, valid_from_ms=1
        )
        made.apply(order, 9)
        overflow_ms = NOW_MS + (HOUR_MS if district == "north" else -HOUR_MS)
        made.apply(
            events.CollectionDue(
                place_id=f"b-{district}",
                place_kind="bin",
                due=True,
                material="kitchen",
                at_ms=1,
                overflow_ms=overflow_ms,
            ),
            9,
        )
    visit = events.PlanVisit(stop_id="b-north", arrive_ms=NOW_MS, leave_ms=NOW_MS, lon=1.0, lat=2.0)
    made.apply(
        events.TruckPlan(
            truck_id="t-north", plan_version=3, made_ms=1, reason="shift", material="kitchen", visits=(visit,)
        ),
        9,
    )
    made.apply(asset("facility", "f-1", accepts=("kitchen",), closed_until_ms=NOW_MS + 1), 9)
    left = events.LeftOut(stop_id="b-south", place_kind="bin", place_id="b-south", code="excluded", reason="Wished.")
    made.apply(events.PlanningRun(run_id="r", material="kitchen", made_ms=1, reason="shift", left_out=(left,)), 9)
    return made


def ids(town: Town, sheet: str, scope: Scope | None = None, **wanted: Any) -> list[str]:
    """Return the first column of a sheet."""
    seen = Seen(town, scope or Scope())
    rows = list(SHEETS[sheet].rows(seen, Wanted(NOW_MS, **wanted)))
    return [row[SHEETS[sheet].columns[0]] for row in rows if row is not None]


def test_every_list_has_the_members_its_columns_name(town: Town) -> None:
    """A column that no row has would be empty for ever and nobody would notice."""
    for name, sheet in SHEETS.items():
        for row in sheet.rows(Seen(town, Scope()), Wanted(NOW_MS)):
            assert set(sheet.columns) | {GEOMETRY} <= set(row or ()), name


def test_another_districts_things_are_not_in_the_file(town: Town) -> None:
    """A person of the north gets the north's rows, and city-wide ones."""
    north = Scope(district_id="north")
    found = {name: ids(town, name, north) for name in SHEETS}
    assert found == {
        "trucks": ["t-north"],
        "bins": ["b-north"],
        "due": ["b-north"],
        "left-out": [],
        "orders": ["o-north"],
        "facilities": ["f-1"],
    }


@pytest.mark.parametrize(
    ("sheet", "wanted", "expected"),
    [
        ("trucks", {"find": "京NORTH"}, ["t-north"]),
        ("trucks", {"materials": frozenset({"residual"})}, []),
        ("trucks", {"show": "silent"}, ["t-north", "t-south"]),
        ("trucks", {"show": "on_shift"}, []),
        ("due", {"show": "unplanned"}, ["b-south"]),
        ("due", {"show": "overflowing"}, ["b-south"]),
        ("due", {"find": "bin n"}, ["b-north"]),
        ("left-out", {}, ["b-south"]),
        ("left-out", {"show": "urgent"}, []),
        ("orders", {"show": "cancelled"}, []),
        ("orders", {"find": "site s"}, ["o-south"]),
        ("facilities", {"show": "open"}, []),
        ("facilities", {"show": "closed"}, ["f-1"]),
        ("bins", {"show": "due"}, ["b-north", "b-south"]),
    ],
)
def test_a_file_has_the_lists_filters(town: Town, sheet: str, wanted: dict[str, Any], expected: list[str]) -> None:
    """The rows a page shows with a filter are the rows of its file."""
    assert ids(town, sheet, **wanted) == expected


def test_a_due_place_says_where_it_is_and_who_comes(town: Town) -> None:
    """Names and places come from the bin, the truck and its time from the running plan; nobody is nobody."""
    north, south = (row or {} for row in SHEETS["due"].rows(Seen(town, Scope()), Wanted(NOW_MS)))
    assert (north["name"], north["planned_truck_id"], north["planned_arrival_ms"]) == ("Bin north", "t-north", NOW_MS)
    assert north[GEOMETRY] == {"type": "Point", "coordinates": [1.0, 2.0]}
    assert (south["planned_truck_id"], south["planned_arrival_ms"]) == (None, None)
