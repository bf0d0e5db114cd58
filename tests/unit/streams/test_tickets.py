"""The ticket: one load from source to receipt, every state once and in order."""

from streams import events
from streams.truck import TruckRecord
from tests.unit.streams import town
from tests.unit.streams.judging import fold
from tests.unit.streams.rules.receipts import delivered, weighing


def tickets(records: list[TruckRecord]) -> list[events.Ticket]:
    """Every revision."""
    return [out for out in fold(records) if isinstance(out, events.Ticket)]


def test_a_load_is_followed_from_its_source_to_its_receipt() -> None:
    """Opened when the truck came to the source, closed when it is empty; kilograms at each step."""
    found = tickets(delivered(13_950))
    assert [ticket.state for ticket in found] == ["loaded", "in_transit", "arrived", "weighed", "accepted", "closed"]
    assert [ticket.revision for ticket in found] == [1, 2, 3, 4, 5, 6]
    assert len({ticket.ticket_id for ticket in found}) == 1
    last = found[-1]
    assert (last.source_id, last.facility_id, last.material, last.permit_id) == ("s1", "f1", "construction", "p1")
    assert last.source_kg is not None
    assert abs(last.source_kg - 14_000) < 150
    assert last.transit_kg is not None
    assert abs(last.transit_kg - 14_000) < 150
    assert last.weighed_kg == 13_950
    times = [last.times[state] for state in ("opened", "loaded", "in_transit", "arrived", "weighed", "closed")]
    assert times == sorted(times)


def test_a_load_that_is_turned_away_is_rejected() -> None:
    """And not closed."""
    states = [ticket.state for ticket in tickets(delivered(13_950, accepted=False, reject_reason="mixed"))]
    assert states[-2:] == ["weighed", "rejected"]


def test_each_load_has_its_own_ticket() -> None:
    """The next one begins a new ticket."""
    first = town.loaded().go(town.STREET_M).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
    receipt = weighing(first.time_ms, 14_000)
    ends = len(first.fixes)
    first.go(0).wait(30).load(15_000).go(3_000)
    found = tickets([*first.fixes[:ends], receipt, *first.fixes[ends:]])
    one, two = dict.fromkeys(ticket.ticket_id for ticket in found)
    assert [ticket.state for ticket in found if ticket.ticket_id == one][-1] == "closed"
    assert [ticket.state for ticket in found if ticket.ticket_id == two] == ["loaded", "in_transit"]


def test_a_load_that_never_arrives_stays_open() -> None:
    """Dumped on the way: its ticket says where it was last."""
    drive = town.loaded().go(3_000).go(3_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(200, bed="level")
    assert [ticket.state for ticket in tickets(list(drive.fixes))] == ["loaded", "in_transit"]


def test_a_receipt_of_a_load_that_no_sensor_told_of_has_a_ticket_too() -> None:
    """Of an unknown source."""
    drive = town.Drive().fix().go(3_000)
    found = tickets([*drive.fixes, weighing(drive.time_ms, 1_200)])
    assert [ticket.state for ticket in found] == ["weighed", "accepted", "closed"]
    assert (found[0].source_id, found[0].weighed_kg) == (None, 1_200)


def test_the_same_receipt_again_changes_nothing() -> None:
    """The weighbridge's ways resend."""
    records = delivered(13_950)
    (receipt,) = (record for record in records if isinstance(record, events.Weighing))
    assert tickets([*records, receipt]) == tickets(records)


def test_receipts_that_come_in_the_evening_find_their_loads() -> None:
    """Three loads, no way from the weighbridge all day: each receipt of the last two joins its own load, the first has none left."""
    drive, weighed_ms = town.Drive(), []
    drive.fix().wait(30)
    for _ in range(3):
        drive.load().go(town.STREET_M).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
        weighed_ms.append(drive.time_ms)
        drive.go(0).wait(30)
    late = [
        weighing(at_ms, 13_000 + n, f"g{n}", received_time_ms=drive.time_ms + n) for n, at_ms in enumerate(weighed_ms)
    ]
    found = [one for one in tickets([*drive.fixes, *late]) if one.state == "accepted"]
    assert [one.source_id for one in found] == [None, "s1", "s1"]
    assert [one.weighed_kg for one in found] == [13_000, 13_001, 13_002]


def test_a_ticket_is_of_the_trucks_tenant() -> None:
    """By the register, also where its first record is a receipt."""
    porto = town.truck(tenant_id="porto", version=2)
    (first, *_) = [
        out for out in fold([weighing(town.START_MS, 900)], town.reference(porto)) if isinstance(out, events.Ticket)
    ]
    assert first.tenant_id == "porto"
