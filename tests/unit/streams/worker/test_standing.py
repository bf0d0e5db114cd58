"""When a worker stands: any partition with records to read and none done for a while, whatever goes on beside it."""

from collections.abc import Hashable

from streams.worker.standing import Standing


def noted(*looks: dict[Hashable, int]) -> Standing:
    """Look once a second."""
    standing = Standing()
    for at_s, behind in enumerate(looks):
        standing.note(behind, float(at_s))
    return standing


def test_one_partition_that_stands_is_seen_beside_others_that_go_on() -> None:
    """The sum of what was done would grow all the while."""
    standing = noted(*({"a": 7, "b": n} for n in range(30)))
    assert (standing.where, standing.one_s, standing.all_s) == ("a", 0.0, 29.0)


def test_nothing_to_do_and_all_that_goes_on_are_progress() -> None:
    """A partition that was done and has more later begins anew."""
    assert noted({"a": 7}, {"a": 8}, {"a": 9}).one_s == 2.0
    done = noted({"a": 7}, {"a": 7}, {})
    assert (done.where, done.one_s, done.all_s) == (None, 2.0, 2.0)
    standing = noted({"a": 7}, {"a": 7}, {}, {"a": 7}, {"a": 7})
    assert (standing.where, standing.one_s, standing.all_s) == ("a", 3.0, 3.0)


def test_partitions_that_move_in_turn_are_progress_at_every_look() -> None:
    """Each stands for a second or two; all of them together never do."""
    standing = noted(*({"a": n // 2, "b": (n + 1) // 2} for n in range(30)))
    assert standing.all_s == 29.0
    assert standing.one_s >= 28.0


def test_going_back_is_no_standstill() -> None:
    """After a rebalance a partition may be read again from an earlier offset: its number changes, and that is work."""
    assert noted({"a": 9}, {"a": 5}).one_s == 1.0
