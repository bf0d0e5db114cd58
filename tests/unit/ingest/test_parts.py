"""Sub-packages: put together in any order, bounded in number, size and time."""

import pytest

from services.ingest.jt808.frame import BadFrame, Frame
from services.ingest.jt808.parts import MAX_BYTES, MAX_PARTS, MAX_WAIT_S, Message, Reassembler


def part(index: int, total: int, *, body: bytes = b"", serial: int = 100, raw: bytes = b"r") -> Frame:
    """Return one sub-package; serials count up with the index."""
    number = serial + index & 0xFFFF
    return Frame(message_id=0x0704, phone=b"\x01" * 6, serial=number, body=body, raw=raw, part=(total, index))


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (1, 1, 2, 3)])
def test_parts_come_in_any_order_and_twice(order: tuple[int, ...]) -> None:
    """The body is joined by index, whenever the last missing part comes."""
    parts = Reassembler()
    *early, last = [parts.add(part(index, 3, body=bytes([index])), 0.0) for index in order]
    assert early == [None] * (len(order) - 1)
    assert isinstance(last, Message)
    assert last.body == b"\x01\x02\x03"
    assert [frame.serial for frame in last.frames] == [101, 102, 103]
    assert parts._bytes == 0


def test_messages_do_not_mix() -> None:
    """Two messages of one kind, sent one after the other, are told apart by their serials."""
    parts = Reassembler()
    assert parts.add(part(1, 2, body=b"a", serial=10), 0.0) is None
    assert parts.add(part(1, 2, body=b"b", serial=20), 0.0) is None
    second = parts.add(part(2, 2, body=b"B", serial=20), 0.0)
    assert isinstance(second, Message)
    assert second.body == b"bB"


def test_the_serial_may_wrap_within_a_message() -> None:
    """65535 is followed by 0."""
    parts = Reassembler()
    assert parts.add(part(1, 2, serial=65534), 0.0) is None
    assert isinstance(parts.add(part(2, 2, serial=65534), 0.0), Message)


def test_too_many_parts_are_refused() -> None:
    """64 parts are taken, 65 are not."""
    assert Reassembler().add(part(1, MAX_PARTS), 0.0) is None
    assert isinstance(Reassembler().add(part(1, MAX_PARTS + 1), 0.0), BadFrame)


def test_unfinished_parts_hold_at_most_their_bound() -> None:
    """Beyond 256 KiB of unfinished parts a terminal gets no more room, whatever the messages."""
    parts = Reassembler()
    raw = b"x" * 2000
    found = [parts.add(part(1, 2, serial=3 * number, raw=raw), 0.0) for number in range(200)]
    assert sum(1 for one in found if one is None) == MAX_BYTES // len(raw)
    assert isinstance(found[-1], BadFrame)


def test_parts_that_do_not_all_come_are_given_up() -> None:
    """After 60 s the parts leave, with a reason and their bytes."""
    parts = Reassembler()
    parts.add(part(1, 2, raw=b"first"), 0.0)
    assert parts.expire(MAX_WAIT_S) == []
    [bad] = parts.expire(MAX_WAIT_S + 0.1)
    assert bad == BadFrame("1 of 2 sub-packages came within 60 s", b"first")
    assert parts._bytes == 0
