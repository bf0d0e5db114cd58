"""Before the first record: whether the topics are there, with the partitions we count on, and keys in theirs.

The changelog is made, and set, by us.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from streams.topics import JOINED_PARTITIONS, REFERENCE, Topic
from streams.worker import partitioner
from streams.worker.role import Role

logger = logging.getLogger(__name__)

CHANGELOG: Final = {
    "cleanup.policy": "compact",
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": "3600000",
    "delete.retention.ms": "60000",  # whoever restores needs no word of what went: what is there says enough
}
"""Topic settings of the changelog: with Kafka's defaults it would never be compacted (segments of 7 days or 1 GB)."""
_OF_TOPIC: Final = 1
"""Where Kafka says that a setting comes from: the topic itself, not a default."""


class NotReady(RuntimeError):  # noqa: N818  # a state of the surroundings
    """The broker or its topics are not as they must be; the message says what to do."""


async def prepare(
    bootstrap: str,
    changelog: str,
    role: Role,
    *,
    group: str,
    replication: int,
    wait_s: float,
    goes_on_without: Collection[str] = (),
) -> None:
    """Wait for broker and topics, check them, make the changelog.

    Raises
    ------
    NotReady
        If they are not there within ``wait_s``, have other partition counts, or keys in other partitions.
    """
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            await _prepare(bootstrap, changelog, role, replication)
            await _look_at_keys(
                bootstrap, group, goes_on_without, max(1.0, deadline - asyncio.get_running_loop().time())
            )
        except (KafkaError, OSError, _MissingError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise NotReady(f"{error} (waited {wait_s:g} s at {bootstrap})") from error
            await asyncio.sleep(0.5)
        else:
            return


class _MissingError(Exception):
    """Some topic is not there yet."""


async def _prepare(bootstrap: str, changelog: str, role: Role, replication: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    await admin.start()
    try:
        for topic in role.own:
            await _create(admin, topic.name, replication, {"retention.ms": str(topic.retention_ms)})
        wanted = {topic.name: topic for topic in (*role.inputs, *role.says.values(), *REFERENCE)}
        found = await _partitions(admin, [*wanted, changelog])
        _check(found, wanted.values())
        if changelog not in found:
            await _create(admin, changelog, replication, CHANGELOG)
        elif found[changelog] != JOINED_PARTITIONS:
            raise NotReady(f"{changelog} has {found[changelog]} partitions, expected {JOINED_PARTITIONS}")
        else:
            await _set(admin, changelog)
    finally:
        await admin.close()


async def _look_at_keys(bootstrap: str, group: str, goes_on_without: Collection[str], wait_s: float) -> None:
    for newest in await partitioner.look(bootstrap, group, wait_s=wait_s):
        if newest.wrong and newest.topic not in goes_on_without:
            raise NotReady(newest.wrong)


async def _partitions(admin: Any, names: list[str]) -> dict[str, int]:
    described = await admin.describe_topics(names)
    return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}


def _check(found: dict[str, int], wanted: Iterable[Topic]) -> None:
    missing = sorted(topic.name for topic in wanted if topic.name not in found)
    if missing:
        raise _MissingError(
            f"topics are missing: {', '.join(missing)}; make them with: python -m services topics provision"
        )
    for topic in wanted:
        if found[topic.name] != topic.partitions:
            raise NotReady(
                f"{topic.name} has {found[topic.name]} partitions, expected {topic.partitions}: "
                "states and records would no longer meet; create it anew"
            )


async def _set(admin: Any, name: str) -> None:
    """Give a changelog of before these settings too; what else somebody has set stays. A broker that will not is only said."""
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    entries = answer.resources[0][4]
    known = {setting: value for setting, value, _, source, *_ in entries if source == _OF_TOPIC}
    if known | CHANGELOG == known:
        return
    (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, known | CHANGELOG)])
    code, why, *_ = answer.resources[0]
    if code:
        logger.warning(
            "%s keeps its settings: %s; compacted as they say, it may take longer to restore", name, why or code
        )


async def _create(admin: Any, name: str, replication: int, settings: Mapping[str, str]) -> None:
    """Make a topic that is joined; one that is there stays as it is."""
    topic = NewTopic(name, JOINED_PARTITIONS, replication, topic_configs=dict(settings))
    answer = await admin.create_topics([topic])
    for _, code, *rest in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise NotReady(f"{name} could not be created: {rest[0] if rest else code}")
