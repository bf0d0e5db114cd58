"""What was missed comes again in order, or is said to be gone: never a gap."""

from services.gateway import ring as rings
from services.gateway.live_state import Change
from services.gateway.ring import Ring


def change(number: int) -> Change:
    return Change("truck", f"t{number}", {"n": number})


def filled(count: int) -> Ring:
    ring = Ring("life")
    for number in range(1, count + 1):
        ring.add([change(number)], number, None)
    return ring


def test_a_client_gets_exactly_what_it_missed() -> None:
    """After batch 2 of 5 come 3, 4, 5; after 5 comes nothing."""
    ring = filled(5)
    assert [batch.number for batch in ring.after(2) or []] == [3, 4, 5]
    assert ring.after(5) == []
    assert ring.after(0) is not None


def test_ids_of_another_life_or_of_nothing_are_not_resumed() -> None:
    """A restarted gateway, a hand-made id, a number from the future: a snapshot is needed."""
    ring = filled(5)
    assert ring.number_of("life-5") == 5
    assert [ring.number_of(text) for text in (None, "", "other-3", "life-6", "life-x", "life-²", "life--1")] == [
        None
    ] * 7


def test_what_fell_off_is_gone(monkeypatch) -> None:
    """With room for three batches, a client that has only the first must begin again."""
    monkeypatch.setattr(rings, "MAX_BATCHES", 3)
    ring = filled(5)
    assert ring.number_of("life-1") is None
    assert ring.after(1) is None
    assert [batch.number for batch in ring.after(2) or []] == [3, 4, 5]


def test_the_ring_is_bounded_in_bytes(monkeypatch) -> None:
    """Large plans push older batches out; the newest always stays."""
    monkeypatch.setattr(rings, "MAX_BYTES", 100)
    ring = Ring("life")
    for number in range(4):
        ring.add([Change("plan", "t1", "x" * 90)], number, None)
    assert ring.after(2) is None
    assert [batch.number for batch in ring.after(3) or []] == [4]


def test_an_empty_ring_can_be_resumed_from_its_start() -> None:
    """A snapshot of a quiet tenant has number 0; nothing was missed since."""
    ring = Ring("life")
    assert (ring.newest, ring.number_of("life-0"), ring.after(0)) == (0, 0, [])
