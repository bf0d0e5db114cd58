"""`contract.ts` of the pages says what the gateway sends and takes: names, codes, and what may be missing."""

import re
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from pydantic import BaseModel

from services.gateway import driver, live_state
from services.gateway.live_state import LISTS, Town
from streams import events

CONTRACT = (Path(__file__).parents[3] / "services" / "web" / "src" / "contract.ts").read_text(encoding="utf-8")
_CODE = re.compile(r'"([^"]+)"')


def _declared(name: str) -> dict[str, tuple[bool, str]]:
    """Return the members of an interface, those it extends too: whether each may be missing, and its type."""
    found = re.search(
        rf"^export interface {name}(?: extends (\w+))? \{{\n(.*?)^\}}", CONTRACT, re.MULTILINE | re.DOTALL
    )
    assert found, f"contract.ts has no interface {name}"
    body = re.sub(r"/\*\*.*?\*/", "", found[2], flags=re.DOTALL)
    own = re.findall(r"^  (\w+)(\?)?: (.*?);$", body, re.MULTILINE | re.DOTALL)
    inherited = _declared(found[1]) if found[1] else {}
    return inherited | {member: (bool(optional), of) for member, optional, of in own}


def _codes(of: str) -> set[str]:
    """Return the codes a type allows, also by another type's name; empty = not a type of codes."""
    codes: set[str] = set()
    for part in (one.strip() for one in of.split("|")):
        alias = re.search(rf"^export type {re.escape(part)} =(.*?);$", CONTRACT, re.MULTILINE | re.DOTALL)
        if alias:
            codes |= _codes_listed(alias[1])
        elif _CODE.fullmatch(part):
            codes.add(part.strip('"'))
        elif part not in ("null", ""):
            return set()
    return codes


def _codes_listed(alias: str) -> set[str]:
    """Return the codes of a type's declaration: those in it, or those of the list it is made from."""
    of_list = re.search(r"typeof (\w+)", alias)
    if of_list is None:
        return set(_CODE.findall(alias))
    found = re.search(rf"^export const {of_list[1]} = \[(.*?)\]", CONTRACT, re.MULTILINE | re.DOTALL)
    return set(_CODE.findall(found[1])) if found else set()


def _allowed(hint: Any) -> set[str]:
    """Return the codes a record's member allows; empty = not a member of codes."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        parts = [_allowed(one) for one in get_args(hint) if one is not type(None)]
        return set.union(*parts) if all(parts) else set()
    return set()


def _fields(kind: type[Any]) -> dict[str, Any]:
    """Return a record's members by their names in JSON, with what each may be."""
    hints = get_type_hints(kind)
    if issubclass(kind, BaseModel):
        return {name: hints[name] for name in kind.model_fields}
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize(
    ("interface", "kind", "added"),
    [
        ("CollectionDue", events.CollectionDue, ()),
        ("TruckPlan", events.TruckPlan, ()),
        ("PlanVisit", events.PlanVisit, ()),
        ("PlanChange", events.PlanChange, ()),
        ("PlanningRun", events.PlanningRun, ()),
        ("LeftOut", events.LeftOut, ()),
        ("Order", events.Order, ()),
        ("Zone", events.Zone, ()),
        ("Permit", events.Permit, ()),
        ("DriverAction", events.DriverAction, ()),
        ("Alert", events.Alert, ("acked_by", "ack_ms", "actions")),
        ("AlertAction", events.AlertAction, ()),
        ("Condition", events.Condition, ()),
        ("DriverActionBody", driver.DriverActionBody, ()),
    ],
)
def test_a_page_reads_what_a_record_has(interface: str, kind: type[Any], added: tuple[str, ...]) -> None:
    """Every member a page names is one of the record's, with the same codes, and optional where the record may lack it."""
    fields = _fields(kind)
    for member, (optional, of) in _declared(interface).items():
        if member in added:
            continue
        assert member in fields, f"{interface}.{member}: {kind.__name__} has no such member"
        allowed, codes = _allowed(fields[member]), _codes(of)
        assert not allowed or not codes or allowed == codes, f"{interface}.{member}"
        may_be_none = type(None) in get_args(fields[member])
        assert not may_be_none or optional or "null" in of, f"{interface}.{member} may be null"


@pytest.mark.parametrize("interface", ["Truck", "Bin"])
def test_a_page_reads_what_the_live_state_shows(interface: str) -> None:
    """Trucks and bins are made of several records: every member a page names is in the view."""
    town = Town(lambda now_ms: now_ms)
    kind = interface.lower()
    asset = events.Asset(id="x", kind=kind, valid_from_ms=1, lon=1.0, lat=1.0)  # type: ignore[arg-type]  # one of the two
    town.apply(asset, 9)
    assert set(_declared(interface)) <= set(town.thing(kind, "x").value)


def test_a_page_reads_what_places_have() -> None:
    """Depots, facilities and sources are assets as they are shown."""
    shown = {*live_state._PLACE_MEMBERS, "today_kg", "queue", "retired"}
    assert set(_declared("Facility")) <= shown


def test_the_snapshot_has_the_lists_that_pages_read() -> None:
    """A list the gateway calls otherwise would be empty on every page, and nothing would say so."""
    lists = {member for member, (_, of) in _declared("Snapshot").items() if of.endswith("[]")}
    assert lists == set(LISTS.values())
