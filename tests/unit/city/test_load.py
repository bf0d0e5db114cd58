"""Loading a city sends what differs and nothing else."""

import dataclasses
import datetime as dt

import msgspec
import pytest

from services.city import load
from services.city.folder import City
from services.city.load import Loaded, differences, newest, wanted
from services.store.register import secret_fits
from streams import events


@pytest.fixture
def now_ms(porto: City) -> int:
    """A Tuesday, 07:00 local."""
    return porto.local_ms(dt.date(2026, 11, 24), "07:00")


def test_loading_twice_sends_nothing(porto: City, now_ms: int) -> None:
    """Everything is new the first time and unchanged the second."""
    first, done = differences(porto, {}, now_ms)
    assert done == Loaded(len(first), 0, 0, 0)
    assert differences(porto, newest(first), now_ms) == ([], Loaded(0, 0, 0, len(first)))


def test_the_next_day_adds_a_day_of_shifts_and_orders(porto: City, now_ms: int) -> None:
    """28 days of shifts and two days of orders lie ahead; tomorrow's load tops them up."""
    known = newest(differences(porto, {}, now_ms)[0])
    more, done = differences(porto, known, now_ms + 86_400_000)
    assert {type(record) for record in more} == {events.Shift, events.Order}
    assert (done.changed, done.retired) == (0, 0)


def test_an_edited_line_becomes_the_next_version(porto: City, now_ms: int) -> None:
    """A truck whose payload was edited is version 2, valid from now: what was judged before stays judged."""
    known = newest(wanted(porto, now_ms))
    edited = tuple(
        msgspec.structs.replace(one, payload_kg=9000.0) if (one.kind, one.id) == ("truck", "t01") else one
        for one in porto.assets
    )
    (sent,), done = differences(dataclasses.replace(porto, assets=edited), known, now_ms)
    assert isinstance(sent, events.Asset)
    assert (sent.id, sent.version, sent.valid_from_ms, sent.payload_kg) == ("t01", 2, now_ms, 9000.0)
    assert done.changed == 1


def test_what_is_gone_is_retired(porto: City, now_ms: int) -> None:
    """A container taken out of the file is retired by a new version, never forgotten."""
    known = newest(wanted(porto, now_ms))
    fewer = tuple(one for one in porto.assets if one.id != "b0001")
    (sent,), done = differences(dataclasses.replace(porto, assets=fewer), known, now_ms)
    assert (sent.retired, sent.version, done.retired) == (True, 2, 1)


def test_another_tenants_trucks_are_left_alone(porto: City, now_ms: int) -> None:
    """A load retires only what belongs to its own tenant."""
    stranger = events.Asset(tenant_id="jersey-city", id="jc-1", kind="truck", valid_from_ms=0)
    known = newest([*wanted(porto, now_ms), stranger])
    assert differences(porto, known, now_ms)[0] == []


def test_a_closure_outlives_a_load(porto: City, now_ms: int) -> None:
    """A site a dispatcher closed stays closed, also when its line in the file is edited."""
    closed = msgspec.structs.replace(
        porto.asset["facility", "f-landfill"], version=2, closed_until_ms=now_ms + 3_600_000
    )
    known = newest([*wanted(porto, now_ms), closed])
    assert differences(porto, known, now_ms)[0] == []
    edited = tuple(msgspec.structs.replace(one, docks=2) if one.id == "f-landfill" else one for one in porto.assets)
    (sent,), _ = differences(dataclasses.replace(porto, assets=edited), known, now_ms)
    assert isinstance(sent, events.Asset)
    assert (sent.version, sent.docks, sent.closed_until_ms) == (3, 2, now_ms + 3_600_000)


def test_a_planned_order_is_not_touched(porto: City, now_ms: int) -> None:
    """An order that the planner has marked stays as the planner left it."""
    order = porto.orders(porto.local_date(now_ms))[0]
    planned = msgspec.structs.replace(order, version=2, state="planned", kg=1.0)
    assert differences(porto, newest([*wanted(porto, now_ms), planned]), now_ms)[0] == []


def test_a_shift_that_has_begun_is_history(porto: City, now_ms: int) -> None:
    """Changed patterns change coming shifts only."""
    known = newest(wanted(porto, now_ms))
    later = tuple(
        msgspec.structs.replace(row, end="12:30") if row.pattern == "early" else row for row in porto.patterns
    )
    sent, _ = differences(dataclasses.replace(porto, patterns=later), known, now_ms)
    shifts = [record for record in sent if isinstance(record, events.Shift)]
    assert shifts
    assert min(shift.start_ms for shift in shifts) > now_ms


def test_secrets_are_made_once(porto: City) -> None:
    """Every phone, weighbridge and network server has a secret of its own; kept ones stay; registers hold hashes."""
    secrets = load.make_secrets(porto, {})
    assert load.make_secrets(porto, secrets) == secrets
    assert (len(secrets["osmand"]), len(secrets["weighbridge"]), len(secrets["chirpstack"])) == (2, 6, 1)
    for device in load.devices(porto, secrets):
        given = secrets.get(device.protocol, {}).get(device.device_id)
        assert (device.secret_hash is None) == (given is None)
        assert given is None or secret_fits(given, device.secret_hash)


def test_every_device_has_its_owner(porto: City) -> None:
    """Each terminal, sensor, phone and weighbridge belongs to something that exists."""
    known = {(one.kind, one.id) for one in porto.assets}
    assert all(("truck", one.truck_id) in known for one in load.terminals(porto))
    others = [one for one in load.devices(porto, load.make_secrets(porto, {})) if one.entity_kind != "source"]
    assert all((one.entity_kind, one.entity_id) in known for one in others)
    assert len(others) == 1500 + 6 + 2
