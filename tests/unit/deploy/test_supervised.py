"""The supervisor's configuration."""

import configparser
import os
import stat
from pathlib import Path

import pytest

from deploy.local.program import Program
from deploy.local.supervised import Supervisor

STORE = Program(name="kafka", argv=("/bin/true",), keeps_data=True, stop_signal="SIGINT")
SERVICE = Program(name="worker", argv=("/bin/true", "100%"), environment={"DATABASE_URL": "secret%20"})


@pytest.fixture
def configuration(tmp_path):
    """Write the configuration of a store and a service and read it as the supervisor does."""
    supervisor = Supervisor(run=tmp_path / "run", logs=tmp_path / "log")
    (tmp_path / "run").mkdir()
    parser = configparser.RawConfigParser()
    parser.read_string(supervisor._configuration([STORE, SERVICE]))
    return parser


def test_the_stores_start_first_and_alone(configuration):
    """Kafka starts with the supervisor, our processes only when they are told to; the stores' group stops last."""
    assert configuration["program:kafka"]["autostart"] == "true"
    assert configuration["program:worker"]["autostart"] == "false"
    assert int(configuration["group:stores"]["priority"]) < int(configuration["group:services"]["priority"])


def test_every_program_is_started_again_for_ever(configuration):
    """Nothing is ever given up: each program is started again, with a growing wait, without a last try."""
    for name in ("kafka", "worker"):
        assert configuration[f"program:{name}"]["autorestart"] == "true"
        assert int(configuration[f"program:{name}"]["startretries"]) > 10**6


def test_the_environment_is_in_no_file_others_can_read(tmp_path, configuration):
    """The address of the database is in the spec only, which is ours alone."""
    text = "".join(f"{name}={value}" for section in configuration.values() for name, value in section.items())
    spec = tmp_path / "run" / "specs" / "worker.json"

    assert "secret" not in text
    assert "secret%20" in spec.read_text()
    assert stat.S_IMODE(spec.stat().st_mode) == 0o600
    assert stat.S_IMODE(spec.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("depth", [1, 20])
def test_the_socket_path_is_never_too_long(depth):
    """Where the clone lies deep, the socket lies in a short folder: a path over 107 bytes cannot be bound."""
    run = Path("/" + "/".join(["a-folder"] * depth)) / "run"

    socket = Supervisor(run=run, logs=run).socket

    assert len(os.fsencode(socket)) + len(".12345678") < 104


def test_two_clones_never_share_a_socket():
    """The short folder's name is made from the whole path."""
    deep = Path("/" + "/".join(["a-folder"] * 20))

    first, second = (Supervisor(run=deep / name, logs=deep).socket for name in ("one", "two"))

    assert first != second
