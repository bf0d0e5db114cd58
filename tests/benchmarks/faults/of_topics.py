"""Faults of topics: a changelog made for other partitions, gone, or never compacted; an output that is not there."""

from typing import Final

from kafka.admin import ConfigResource, NewTopic

from services import bus
from streams import topics
from tests.benchmarks.faults.trial import MORE, Trial

CHANGELOG_PARTITIONS: Final = 24
_DAY_MS: Final = 86_400_000


def other_changelog(trial: Trial) -> int:
    """Make the changelog with more partitions than the fixes have; nobody is told if the program commits any."""
    with trial.admin() as admin:
        admin.create_topics([NewTopic(trial.changelog.name, CHANGELOG_PARTITIONS, 1)])
    trial.start()
    trial.until(lambda: trial.restarts > 0 or trial.committed() > 0, "an end, or a commit")
    return 0 if trial.restarts and trial.committed() == 0 else 1


def no_output(trial: Trial) -> int:
    """Take the topic of alerts away before it starts; nobody is told if the process stays as it is."""
    with trial.admin() as admin:
        admin.delete_topics([topics.ALERTS.name])
    trial.start()
    read = trial.until_read()
    return 0 if read or trial.restarts else 1


def uncompacted(trial: Trial) -> int:
    """Look at the changelog that it makes: nobody is told if its records stand for more than a day before compaction may begin.

    Kafka compacts closed segments only, and closes one when it is so old, or full, and something is written.
    """
    trial.start()
    trial.until_read()
    with trial.admin() as admin:
        asked = [ConfigResource("TOPIC", trial.changelog.name)]
        told = admin.describe_configs(asked, config_filter="all")["topic"][trial.changelog.name]
    open_ms = min(int(told[name]["value"]) for name in ("segment.ms", "max.compaction.lag.ms"))
    return 1 if told["cleanup.policy"]["value"] != "compact" or open_ms > _DAY_MS else 0


def changelog_made_anew(trial: Trial) -> int:
    """Make the changelog anew, empty, while it is stopped; nobody is told if it goes on without its states."""
    process = trial.start()
    trial.until_committed(1.0)
    trial.stop(process)
    compact = {"cleanup.policy": "compact"}
    with trial.admin() as admin:
        admin.delete_topics([trial.changelog.name])
        trial.until(lambda: not bus.topic_ids(trial.ways.bootstrap, [trial.changelog]), "the changelog to go")
        admin.create_topics([NewTopic(trial.changelog.name, topics.TRUCK_STATES.partitions, 1, topic_configs=compact)])
    trial.put_more(MORE)
    trial.start()
    return 1 if trial.until_read() else 0
