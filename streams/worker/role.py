"""What a worker reads, and on which topics it says what: the live one's, or those of a trial.

A trial is a worker of its own beside the live one, with other thresholds or another version of the rules. It reads what the live
one reads and has states of its own; of what it concludes only alerts are said, on topics of its own, so nobody acts on them.
"""

import re
from collections.abc import Iterable
from typing import Final, Self

from msgspec import Struct

from streams import topics
from streams.topics import Topic

TRUCK_TOPICS: Final = (topics.TRUCK_STATES, topics.DRIVER_ACTIONS, topics.WEIGHINGS, topics.PLANS)
BIN_TOPICS: Final = (topics.BIN_READINGS,)
INPUTS: Final = (*TRUCK_TOPICS, *BIN_TOPICS, topics.DUMPS, topics.TICKS)
OUTPUTS: Final = (
    topics.ALERTS,
    topics.VISITS,
    topics.COLLECTIONS_DUE,
    topics.TICKETS,
    topics.DUMPS,
    topics.DEAD_LETTERS,
)
_TRIAL_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Role(Struct, frozen=True, kw_only=True):
    """What one worker reads and says."""

    inputs: tuple[Topic, ...]
    says: dict[str, Topic]
    """By name of the topic where the live worker says something, the topic where this one does. What is not named is not said."""
    own: tuple[Topic, ...] = ()
    """Topics nobody else has: the worker makes them."""

    @classmethod
    def live(cls) -> Self:
        """Return the role of the one whose alerts count."""
        return cls(inputs=INPUTS, says=_by_name(OUTPUTS))

    @classmethod
    def trial(cls, name: str) -> Self:
        """Return the role of a trial.

        Raises
        ------
        ValueError
            If the name cannot be part of a topic's.
        """
        if not _TRIAL_NAME.fullmatch(name):
            raise ValueError(
                f"a trial's name is {name!r}, expected 1 to 40 small letters, digits and hyphens: it is part of topics' names"
            )
        alerts, dumps = (topics.of_trial(topic, name) for topic in (topics.ALERTS, topics.DUMPS))
        return cls(
            inputs=tuple(dumps if topic is topics.DUMPS else topic for topic in INPUTS),
            says={topics.ALERTS.name: alerts, topics.DUMPS.name: dumps},
            own=(alerts, dumps),
        )

    @property
    def tells_letters(self) -> bool:
        """Whether it says what it sets aside; else it only counts it."""
        return topics.DEAD_LETTERS.name in self.says

    def topic(self, name: str) -> Topic:
        """Return the topic of that name, which is one of the role's."""
        return next(topic for topic in (*self.inputs, *self.says.values()) if topic.name == name)


def _by_name(those: Iterable[Topic]) -> dict[str, Topic]:
    return {topic.name: topic for topic in those}


LIVE: Final = Role.live()
