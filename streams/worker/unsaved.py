"""Changed states that the changelog has not yet. No Faust, no I/O.

A truck reports many times between two commits; its state is written once. It must be kept before two things only: before
what was said of it leaves, and before an input it has folded in is committed.
"""

from collections.abc import Mapping
from typing import Any

from streams import state
from streams.state import Stamped

Encoded = list[tuple[bytes, bytes]]
"""States by key of the table, as the changelog has them."""


class Unsaved:
    """By number of the partition and key of the table."""

    def __init__(self) -> None:
        self._changed: dict[int, dict[str, Stamped[Any]]] = {}

    def note(self, number: int, changed: Mapping[str, Stamped[Any]]) -> None:
        """Take note of states that a slice changed. They may go on changing until they are taken."""
        self._changed.setdefault(number, {}).update(changed)

    def take(self, number: int, keys: set[str]) -> Encoded:
        """Return some of a partition's states as they are now; whoever takes them writes them.

        Raises
        ------
        streams.state.TooLarge
        """
        changed = self._changed.get(number, {})
        return [(key.encode(), _written(key, changed.pop(key))) for key in sorted(keys) if key in changed]

    def take_all(self, number: int) -> Encoded:
        """Return all of a partition's, likewise."""
        return self.take(number, set(self._changed.get(number, ())))

    def numbers(self) -> list[int]:
        """Return the partitions that have some."""
        return [number for number, changed in self._changed.items() if changed]

    def forget(self) -> None:
        """Start anew: what they have folded in was not committed, and is read again."""
        self._changed.clear()


def _written(key: str, stamped: Stamped[Any]) -> bytes:
    try:
        value = state.encode(stamped)
    except state.TooLarge as error:
        raise state.TooLarge(f"{key}: {error}") from None
    stamped.steps = []
    return value
