"""Which records of the changelog count, and which may go."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.worker import restoring
from streams.worker.restoring import Line, record_key


class Record(NamedTuple):
    """A record of the changelog."""

    key: bytes
    value: bytes | None
    offset: int


def written(name: bytes, offset: int, *, meant_for: int | None = None, writer: bytes = b"w") -> Record:
    """Return the record of a state; its value is the offset it was meant for."""
    at = offset if meant_for is None else meant_for
    return Record(record_key(name, at, writer), b"%d" % at, offset)


def test_a_state_counts_where_its_writer_expected_it() -> None:
    """One that another pushed back counts for nobody; one of before states said where counts."""
    of_before = Record(b"truck:c", b"old", 2)
    read = Line().read([written(b"truck:a", 0), written(b"truck:a", 1, meant_for=0, writer=b"dead"), of_before])
    assert read == {b"truck:a": b"0", b"truck:c": b"old"}


def test_what_is_displaced_or_followed_may_go_and_is_said_once() -> None:
    """The last state that counts of each truck stays; of the others it is said that they may go, unless somebody has."""
    line = Line()
    first, displaced, second = (
        written(b"truck:a", 0),
        written(b"truck:a", 1, meant_for=0, writer=b"dead"),
        written(b"truck:a", 2),
    )
    line.read([first, displaced, second, Record(first.key, None, 3)])
    assert line.take_what_may_go(10) == [displaced.key]
    assert line.take_what_may_go(10) == []
    line.counts(record_key(b"truck:a", 4, b"w"))
    assert line.take_what_may_go(10) == [second.key]


def test_no_more_may_go_at_a_time_than_is_asked() -> None:
    """The rest waits for the next states."""
    line = Line()
    line.read([written(b"truck:a", number) for number in range(5)])
    assert [len(line.take_what_may_go(3)), len(line.take_what_may_go(3))] == [3, 1]


def test_one_that_says_where_it_counts_is_not_replaced_by_one_that_does_not() -> None:
    """A process of before, suspended over the update, writes its state late: it may go."""
    line = Line()
    assert line.read([written(b"truck:a", 0), Record(b"truck:a", b"old", 1)]) == {b"truck:a": b"0"}
    assert line.take_what_may_go(10) == [b"truck:a"]


def test_a_confirmation_heard_late_replaces_nothing() -> None:
    """Whatever is heard first: the record meant for the later offset counts."""
    line = Line()
    line.read([written(b"truck:a", 5)])
    assert not line.counts(record_key(b"truck:a", 3, b"w"))
    assert line.take_what_may_go(10) == [record_key(b"truck:a", 3, b"w")]


def test_an_id_with_any_bytes_in_it_keeps_its_own_state() -> None:
    """The last two parts of a key are ours, whatever a foreign producer puts into an id."""
    for name in (b"truck:a\0x", b"truck:a\0\0", b"truck:a\x007\0w"):
        line = Line()
        assert line.read([written(b"truck:a", 0), written(name, 1)]) == {b"truck:a": b"0", name: b"1"}
        assert line.take_what_may_go(10) == []


def test_two_states_meant_for_one_offset_have_two_keys() -> None:
    """Compaction must not take one for the other: the writer is in the key."""
    assert record_key(b"truck:a", 7, b"w1") != record_key(b"truck:a", 7, b"w2")


@settings(max_examples=200, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from([b"truck:a", b"truck:b", b"bin:c"]), st.booleans()), max_size=30),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_compaction_at_any_time_leaves_what_counts(rows: list[tuple[bytes, bool]], readers: list[int]) -> None:
    """Whoever reads in between, says what may go and has it compacted away: the states read at the end are the same."""
    log = [
        written(name, offset, meant_for=None if in_place else max(0, offset - 1), writer=b"w%d" % offset)
        for offset, (name, in_place) in enumerate(rows)
    ]
    gone: set[bytes] = set()
    for so_far in readers:
        reader = Line()
        reader.read(record for record in log[:so_far] if record.key not in gone)
        gone |= set(reader.take_what_may_go(100))
    assert Line().read(record for record in log if record.key not in gone) == Line().read(log)


def test_who_reads_from_the_beginning_again_knows_nothing_of_before() -> None:
    """A partition that was lost and came back: what others wrote meanwhile counts, nothing of it is said to go."""
    line = Line()
    line.read([written(b"truck:a", 0), written(b"truck:a", 1)])
    line.read([written(b"truck:a", 0), written(b"truck:a", 1), written(b"truck:a", 2, writer=b"other")])
    assert record_key(b"truck:a", 2, b"other") not in line.take_what_may_go(10)
    assert restoring.state_key(record_key(b"truck:a", 2, b"other")) == b"truck:a"
