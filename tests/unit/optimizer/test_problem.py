"""What is let in, and what bad input is told."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from kitchen import EXAMPLE

from optimizer.problem import ProblemError, parse

Document = dict[str, Any]


def _without(member: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        del document[member]

    return change


def _set(path: str, value: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        place: Any = document
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")[1:]]
        for step in steps:
            place = place[step]
        place[last] = value

    return change


BAD = [
    (_without("schema"), "/schema: is required"),
    (_set("/schema", "other/1"), "/schema: is 'other/1', expected 'qingyun.problem/1'"),
    (_without("stops"), "/stops: is required"),
    (_set("/colour", "red"), "/colour: no such member is known here"),
    (_set("/vehicles/0/colour", "red"), "/vehicles/0/colour: no such member is known here"),
    (_set("/stops/1/kg", -1), "/stops/1/kg: expected `int` >= 0"),
    (_set("/stops/1/kg", 1.5), "/stops/1/kg: expected `int`, got `float`"),
    (_set("/stops/1/kg", None), "/stops/1/kg: expected `int`, got `null`"),
    (_set("/stops/1/kg", 2**53), "/stops/1/kg: expected `int` <= 9007199254740991"),
    (_set("/stops/1/id", "s7"), "/stops/1/id: 's7' is also the id of /stops/0"),
    (_set("/stops/1/location", 2), "/stops/1/location: 2 is outside the matrices, which have 2 locations"),
    (_set("/stops/1/windows", [[5, 4]]), "/stops/1/windows/0: latest 4 is before earliest 5"),
    (_set("/stops/1/vehicles", ["t9"]), "/stops/1/vehicles/0: there is no vehicle 't9'"),
    (_set("/stops/1/facilities", ["x"]), "/stops/1/facilities/0: there is no facility 'x'"),
    (_set("/vehicles/0/shift", [200, 100]), "/vehicles/0/shift: latest 100 is before earliest 200"),
    (_set("/vehicles/0/shift", [200]), "/vehicles/0/shift: expected `array` of length 2"),
    (_set("/vehicles/0/profile", "ship"), "/vehicles/0/profile: there is no profile 'ship'"),
    (_set("/vehicles/0/end", 7), "/vehicles/0/end: 7 is outside the matrices, which have 2 locations"),
    (_set("/vehicles/0/tip_before_end", None), "/vehicles/0/tip_before_end: expected `bool`, got `null`"),
    (_set("/vehicles/0/load/0/compartment", 1), "/vehicles/0/load/0/compartment: 1 is none of the 1 compartments"),
    (_set("/vehicles/0/load/0/material", "glass"), "/vehicles/0/load/0/material: compartment 0 does not take 'glass'"),
    (_set("/vehicles/0/breaks/0/windows", [[9, 8]]), "/vehicles/0/breaks/0/windows/0: latest 8 is before earliest 9"),
    (_set("/vehicles/0/committed/0", {"stop": "s8"}), "/vehicles/0/committed/0/stop: there is no stop 's8'"),
    (_set("/vehicles/0/committed/1", {"stop": "s7"}), "/vehicles/0/committed/1/stop: 's7' is committed at"),
    (_set("/vehicles/0/committed/0", {}), "/vehicles/0/committed/0: expected exactly one of stop, facility, break"),
    (_set("/profiles/truck/duration_s/1", [60]), "/profiles/truck/duration_s/1: 1 entries, expected 2"),
    (_set("/profiles/truck/distance_m", [[0]]), "/profiles/truck/distance_m: 1 rows, expected 2"),
    (_set("/profiles/truck/duration_s/0/1", "x"), "/profiles/truck/duration_s/0/1: expected `int | null`, got `str`"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_input_is_named_by_pointer(change: Callable[[Document], None], sentence: str) -> None:
    """What the contract does not allow is refused in one line that begins with the member's JSON pointer."""
    document = json.loads(EXAMPLE)
    change(document)
    with pytest.raises(ProblemError) as refused:
        parse(json.dumps(document).encode())
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"nonsense", b"\x1f\x8bbroken", gzip.compress(EXAMPLE)[:-9], b"\xff\xfe{}", b"[" * 100_000],
    ids=["empty", "cut", "words", "no gzip", "cut gzip", "no UTF-8", "very deep"],
)
def test_what_is_not_json_is_named_by_the_root(data: bytes) -> None:
    """Bytes that are no JSON at all are refused under ``/``."""
    with pytest.raises(ProblemError, match=r"^/: "):
        parse(data)


NULL = [
    ("/facilities/0/remaining_kg", True),
    ("/facilities/0/docks", True),
    ("/facilities/0/windows", False),
    ("/vehicles/0/end", True),
    ("/vehicles/0/max_duration_s", True),
    ("/vehicles/0/breaks", True),
    ("/vehicles/0/day_kg", True),
    ("/vehicles/0/committed", True),
    ("/vehicles/0/compartments/0/kg", True),
    ("/vehicles/0/load", False),
    ("/vehicles/0/used_s", False),
    ("/stops/0/windows", True),
    ("/stops/0/skills", True),
    ("/stops/0/vehicles", True),
    ("/stops/0/facilities", True),
    ("/stops/0/prize", False),
    ("/previous", True),
    ("/cost_per_moved_stop", False),
]


@pytest.mark.parametrize(("path", "allowed"), NULL)
def test_null_is_allowed_where_it_means_none(path: str, allowed: bool) -> None:
    """Null is the default where the contract says no limit, any or none, and bad input elsewhere."""
    document = json.loads(EXAMPLE)
    if path == "/vehicles/0/breaks":
        assert all("break" not in visit for visit in document["vehicles"][0]["committed"])
    _set(path, None)(document)
    data = json.dumps(document).encode()
    if allowed:
        parse(data)
    else:
        with pytest.raises(ProblemError):
            parse(data)


def test_members_left_out_have_defaults() -> None:
    """An end left out is the start, a stop is required, metres cost one."""
    document = json.loads(EXAMPLE)
    for member in ("end", "cost_per_m", "breaks", "day_kg", "tip_before_end"):
        del document["vehicles"][0][member]
    problem = parse(json.dumps(document).encode())
    assert problem.vehicles[0].end_location == problem.vehicles[0].start
    assert problem.vehicles[0].cost_per_m == 1
    assert problem.vehicles[0].tip_before_end
    assert problem.stops[1].required


def test_gzip_is_read_as_well() -> None:
    """The same problem, gzipped, is the same problem."""
    assert parse(gzip.compress(EXAMPLE)) == parse(EXAMPLE)


def test_anything_may_be_in_meta() -> None:
    """Unknown members are allowed inside meta."""
    document = json.loads(EXAMPLE)
    document["meta"] = {"whatever": [1, {"deep": None}]}
    assert parse(json.dumps(document).encode()).meta["whatever"] == [1, {"deep": None}]
