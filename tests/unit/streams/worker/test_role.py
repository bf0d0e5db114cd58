"""What a worker reads and says: live, and on trial."""

import pytest

from streams import topics
from streams.worker.role import INPUTS, LIVE, OUTPUTS, Role
from streams.worker.settings import SettingError, Settings


def test_a_trial_reads_the_same_and_says_only_alerts() -> None:
    """Dumps meet by place among its own alone; nobody gets its visits, tickets, collections and letters."""
    trial = Role.trial("a-b")
    assert LIVE.inputs == INPUTS
    assert LIVE.says == {topic.name: topic for topic in OUTPUTS}
    assert set(LIVE.inputs) - set(trial.inputs) == {topics.DUMPS}
    assert {name: topic.name for name, topic in trial.says.items()} == {
        "alerts": "trial-a-b-alerts",
        "dumps": "trial-a-b-dumps",
    }
    assert set(trial.inputs) - set(LIVE.inputs) == {trial.topic("trial-a-b-dumps")}
    assert trial.topic("trial-a-b-alerts").schema == topics.ALERTS.schema
    assert not {topic.name for topic in trial.own} & topics.BY_NAME.keys()


def test_a_trial_has_a_group_and_states_of_its_own() -> None:
    """Else it would take partitions from the live worker."""
    live, trial = Settings.from_env({}), Settings.from_env({"QINGYUN_WORKER_TRIAL": "a-b"})
    assert (live.role, live.app_id, live.changelog) == (LIVE, "qingyun-worker", "qingyun-worker-state-changelog")
    assert (trial.app_id, trial.changelog) == ("qingyun-worker-trial-a-b", "qingyun-worker-trial-a-b-state-changelog")
    assert trial.role == Role.trial("a-b")


@pytest.mark.parametrize("name", ["A", "a b", "-a", "ä", "a" * 41, "a/b"])
def test_a_name_that_topics_cannot_have_is_refused(name: str) -> None:
    """With a sentence that says what is expected."""
    with pytest.raises(SettingError, match=r"QINGYUN_WORKER_TRIAL: a trial's name is .* expected 1 to 40"):
        Settings.from_env({"QINGYUN_WORKER_TRIAL": name})
