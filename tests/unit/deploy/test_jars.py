"""Kafka's jars are pinned, every one."""

import re

from deploy.local import jars


def test_every_jar_is_pinned_by_version_and_content():
    """Each line of the lock names group, artifact, one version and a SHA-256."""
    pinned = jars.pinned()

    assert len(pinned) > 40
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in pinned)
    assert len({(jar.group, jar.artifact) for jar in pinned}) == len(pinned)


def test_all_of_kafka_has_one_version():
    """Jars of two Kafka versions on one classpath fail only later and strangely; what is wanted is what is pinned."""
    versions = {jar.version for jar in jars.pinned() if jar.group == "org.apache.kafka"}
    pinned = {f"{jar.group}:{jar.artifact}:{jar.version}" for jar in jars.pinned()}

    assert len(versions) == 1
    assert set(jars.WANTED) <= pinned


def test_a_truncated_jar_is_not_whole(tmp_path):
    """What an interrupted download left counts as missing."""
    jar = jars.pinned()[0]
    assert not jar.is_whole(tmp_path)
    jar.path(tmp_path).parent.mkdir(parents=True)
    jar.path(tmp_path).write_bytes(b"half")

    assert jar in jars.missing(tmp_path)
