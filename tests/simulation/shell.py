"""Steps of the modelled shells that planted bugs replace (`tests.simulation.bugs`)."""

from collections.abc import Callable, Generator
from typing import Any

from streams import events


def hands_out_before_clearing(worker: Any) -> bool:  # noqa: ARG001  # planted bugs use it
    """Whether slices are handed out in a rebalance, before Faust clears its queues."""
    return False


def forget_partitions(worker: Any) -> None:
    """After a rebalance the table is the truth, not what was decoded before."""
    worker.partitions.clear()
    worker.journals.clear()
    worker.unsaved.forget()


def restore_until(end: int) -> int:
    """Up to which offset the changelog is read before the first record is judged."""
    return end


def save(worker: Any) -> Generator[float, None, None]:
    """Before a commit, all changed states are sent."""
    yield from worker.save()


def confirm(worker: Any) -> Generator[float, None, None]:
    """Before a commit, all that was sent is confirmed."""
    yield from worker._flush()


def is_reached(mark: Any) -> bool:
    """Whether all that was to be said before a flush's mark is sent."""
    return bool(mark.reached)


def another_writes(worker: Any, turn: int) -> bool:
    """Whether somebody has taken states out and not sent them yet: writers, and a flush, go in turn."""
    return bool(worker.turns[0] != turn)


def was_overtaken(worker: Any, forgotten: int) -> bool:
    """Whether the partitions were forgotten while a commit was being prepared."""
    return bool(worker.forgotten != forgotten)


def was_forgotten(worker: Any, forgotten: int) -> bool:
    """Whether the partitions were forgotten under a slice, since it was folded."""
    return bool(worker.forgotten != forgotten)


def is_whole(gone: str | None) -> bool:
    """Whether the changelog has all it had by the last commits."""
    return gone is None


def keep(worker: Any, kept: Any) -> Generator[float, None, None]:  # noqa: ARG001  # planted bugs use it
    """Before a slice's outputs are sent, its states are confirmed."""
    while kept.pending:
        yield 2


def is_out_of_place(expected: int, offset: int) -> bool:
    """Whether the broker put a state elsewhere than its writer expected: another wrote there."""
    return expected != offset


def may_go(line: Any, encoded: Any) -> list[bytes]:  # noqa: ARG001  # planted bugs use it
    """Which records of the changelog are said to go, with the states that are written next."""
    taken: list[bytes] = line.take_what_may_go(100)
    return taken


def at_the_edge(fix: events.TruckState) -> events.TruckState:
    """What ingest makes of a report; unknown stays unknown."""
    return fix


def sent(doors: Any, record: Any, acknowledge: Callable[[], None]) -> None:  # noqa: ARG001  # planted bugs use them
    """Ingest handed a report to its producer: nothing is acknowledged yet."""
    doors.point("ingest has sent, not acknowledged") if doors.world.faults else None


def tell(doors: Any, record: Any, acknowledge: Callable[[], None]) -> None:
    """The broker has confirmed a report: it is acknowledged."""
    doors.acknowledge(record, acknowledge)


def may_drop(doors: Any) -> bool:  # noqa: ARG001  # planted bugs use it
    """Whether a segment may be deleted before all of it is confirmed."""
    return False


def offsets_match(tables: Any, slices: Any) -> bool:
    """The recorder's compare-and-set."""
    return all(tables.next[one.partition] == one.first for one in slices)


def reads_again(scribe: Any) -> bool:  # noqa: ARG001  # planted bugs use it
    """After a conflict the recorder goes on from where the tables stand."""
    return True


def comes_last(tp: tuple[str, int]) -> bool:
    """Ticks are handed out after what was fetched with them."""
    return tp[0] == "ticks"
