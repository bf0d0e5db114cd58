"""How far a consumer group has committed, seen from outside."""

import time

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from streams.topics import Topic


class GroupWatch:
    """Looks on at a consumer group from outside: how far it has committed a topic."""

    def __init__(self, bootstrap: str, group: str, topic: Topic) -> None:
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
        self._group, self._topic = group, topic

    def committed(self) -> dict[int, int]:
        """Return the offset before which everything is committed, by partition; one never committed is left out.

        Asks the broker.
        """
        try:
            offsets = self._admin.list_group_offsets(self._group).get(self._group, {})
        except KafkaError as error:
            if not error.retriable:
                raise
            return {}  # the group's coordinator is just being made
        return {
            at.partition: said.offset
            for at, said in offsets.items()
            if at.topic == self._topic.name and said.offset >= 0
        }

    def members(self) -> int:
        """Return how many are in the group once it has settled; 0 while it shares out anew. Asks the broker."""
        try:
            described = self._admin.describe_groups([self._group])[self._group]
        except KafkaError as error:
            if not error.retriable:
                raise
            return 0
        return len(described["members"]) if described["group_state"] == "Stable" else 0

    def longest_pause_s(self, seconds: float) -> float:
        """Watch for some wall seconds; return the longest time any partition did not commit anything."""
        last = self.committed()
        moved_s, longest_s = dict.fromkeys(range(self._topic.partitions), time.monotonic()), 0.0
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            time.sleep(0.05)
            now_s, committed = time.monotonic(), self.committed()
            for partition in moved_s:
                if committed.get(partition) != last.get(partition):
                    moved_s[partition] = now_s
                longest_s = max(longest_s, now_s - moved_s[partition])
            last = committed
        return longest_s

    def close(self) -> None:
        """Disconnect."""
        self._admin.close()
