"""Rules and thresholds beside the live ones, on a real broker: nobody hears of them who did not ask."""

import json
import signal
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services import bus
from services.cli import trial
from streams import codec, events
from streams import topics as catalogue
from streams.topics import Topic
from streams.worker.role import Role
from tests import worker_process
from tests.integration.test_worker import day, expected, has_more, last_revisions, send, told, wait_for
from tests.unit.streams import town

pytestmark = pytest.mark.integration

TRUCKS = tuple(f"q{n:02}" for n in range(12))
NAME = "no-covers"
ROLE = Role.trial(NAME)


def said(bootstrap: str, topic: Topic) -> list[events.Alert]:
    """All alerts of the test's trucks on a topic, each revision once."""
    if topic.name not in bus.names(bootstrap):
        return []
    with closing(bus.Follower(bootstrap, [topic], client_id="test")) as follower:
        found = [codec.decode(topic, record.value) for record in follower.read_to_end()]
    return list({(one.alert_id, one.revision): one for one in found if one.truck_id in TRUCKS}.values())


def test_a_trial_says_what_it_would_have_said_where_nobody_acts_on_it(
    topics: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the live worker, killed once: its alerts on its own topic alone, as a replay by its thresholds; compared; gone."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP", topics)
    monkeypatch.setenv("QINGYUN_WORKER_APP_ID", "beside")
    monkeypatch.setenv("QINGYUN_TENANT_ID", events.DEFAULT_TENANT)
    thresholds = tmp_path / "other.json"
    thresholds.write_text(json.dumps({"uncovered_s": 1e6}))
    fixes = day(TRUCKS)
    live = told(expected(fixes))
    others = [one for one in told_alerts(fixes) if one.rule != "uncovered-load"]
    assert 0 < len(others) < len(live)
    with closing(bus.Producer(topics, client_id="test")) as producer, ExitStack() as stack:
        for record in town.records(TRUCKS):
            producer.send_event(record)
        producer.flush()
        start = lambda **more: stack.enter_context(  # noqa: E731
            worker_process.running(topics, "beside", tmp_path / "worker.log", session_s="6", **more)
        )
        workers = [start(), start(trial=NAME, thresholds=str(thresholds), instance="trial")]
        send(producer, fixes[: len(fixes) // 2])
        wait_for(lambda: has_more(topics, f"beside-trial-{NAME}", 0), "the first states of the trial")
        workers[1].send_signal(signal.SIGKILL)
        workers[1] = start(trial=NAME, thresholds=str(thresholds), instance="trial")
        send(producer, fixes[len(fixes) // 2 :])
        producer.send("truck-states", b"q00", b"no record", ()).result(10)
        wait_for(lambda: last_revisions(said(topics, catalogue.ALERTS)) == live, "the live alerts")
        wanted = last_revisions(others)
        wait_for(lambda: last_revisions(said(topics, ROLE.says["alerts"])) == wanted, "the trial's alerts")
        ran = CliRunner().invoke(trial.app, ["end", NAME])
        assert ran.exit_code == 1
        assert "runs, or ended seconds ago" in ran.output
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=20) == 0, (tmp_path / "worker.log").read_text()[-2_000:]
    with closing(bus.Follower(topics, [catalogue.DEAD_LETTERS], client_id="test")) as follower:
        letters = [dict(record.headers)["topic"] for record in follower.read_to_end()]
    assert letters == [b"truck-states"]  # the live worker's: the trial counts, and is silent
    listed = CliRunner().invoke(trial.app, ["list"])
    assert f"{NAME:<40}         0 records behind" in listed.output
    span = ["--from", iso(town.START_MS - 1), "--to", iso(fixes[-1].event_time_ms + 1)]
    compared = CliRunner().invoke(trial.app, ["compare", NAME, str(tmp_path / "out"), *span])
    assert compared.exit_code == 0, compared.output
    assert f"lost: {len(told_alerts(fixes)) - len(others)}" in compared.output
    assert "gained: 0" in compared.output
    wait_for(lambda: CliRunner().invoke(trial.app, ["end", NAME]).exit_code == 0, "the trial's member to be forgotten")
    assert not [name for name in bus.names(topics) if NAME in name]
    assert "there is no trial" in CliRunner().invoke(trial.app, ["end", NAME]).output


def told_alerts(fixes: list[events.TruckState]) -> list[events.Alert]:
    """Last revision of each rule's alert of each truck, by the pure fold of the input."""
    return [alert for one in expected(fixes).values() for alert in one.ledger.last.values()]


def iso(time_ms: int) -> str:
    """The moment as a person types it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
