"""Settings of the local start."""

import pytest

from deploy.local import programs
from deploy.local.failure import LocalStartError
from deploy.local.settings import Local
from services.clock import CityClock
from services.settings import Settings


def test_every_process_understands_what_it_is_given():
    """What the local start hands to a process reads back as the settings meant, and none is unknown."""
    local = Local.from_env({"QINGYUN_GATEWAY_PORT": "21080", "QINGYUN_CLOCK_RATE": "20"})
    clock = CityClock(origin_ms=1, wall_origin_ms=2, rate=20)

    for program in programs.processes(local, clock):
        settings = Settings.from_env(program.environment)
        assert settings.gateway_port == 21080
        assert settings.metrics_port == program.metrics_port
        assert (settings.clock_origin_ms, settings.clock_wall_origin_ms, settings.clock_rate) == (1, 2, 20)
        assert settings.tenant_id == "porto"
        assert settings.kafka_bootstrap == local.kafka.bootstrap


def test_the_address_people_are_told_is_one_they_can_open():
    """Listening on every address is no address to go to."""
    everywhere, network = (Local.from_env({"QINGYUN_HOST": host}) for host in ("0.0.0.0", "10.0.0.7"))  # noqa: S104

    assert everywhere.address == "http://127.0.0.1:8080"
    assert network.address == "http://10.0.0.7:8080"


def test_no_two_parts_want_the_same_port():
    """By default every port is wanted once; a setting that makes two parts meet is refused with both names."""
    assert len(programs.wanted_ports(Local.from_env({}))) == 3 + 2 + len(programs.PROCESSES)

    with pytest.raises(LocalStartError, match=r"port 8081 .*the pages \(PORT\) and for devices' HTTP \(QINGYUN_INGEST"):
        programs.wanted_ports(Local.from_env({"QINGYUN_GATEWAY_PORT": "8081"}))
    with pytest.raises(LocalStartError, match=r"Kafka would be at port 65536: choose a lower QINGYUN_LOCAL_KAFKA_PORT"):
        programs.wanted_ports(Local.from_env({"QINGYUN_LOCAL_KAFKA_PORT": "65535"}))


def test_given_parts_are_used_not_started():
    """With KAFKA_BOOTSTRAP and DATABASE_URL set, neither is started, and their ports are not ours to check."""
    given = {"KAFKA_BOOTSTRAP": "broker.example:9092", "DATABASE_URL": "postgresql+psycopg://db.example/qingyun"}
    local = Local.from_env(given)

    assert programs.stores(local) == []
    assert local.kafka.port not in programs.wanted_ports(local)
    environment = programs.environment(local, CityClock(origin_ms=0, wall_origin_ms=0, rate=1))
    assert environment["KAFKA_BOOTSTRAP"] == given["KAFKA_BOOTSTRAP"]
    assert environment["DATABASE_URL"] == given["DATABASE_URL"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"QINGYUN_CITY": "atlantis"}, r"CITY is 'atlantis'.*porto"),
        ({"QINGYUN_CLOCK_RATE": "0.5"}, r"RATE is 0.5, expected 1 to 60"),
        ({"QINGYUN_CLOCK_RATE": "nan"}, r"RATE is nan, expected 1 to 60"),
        ({"QINGYUN_CLOCK_RATE": "fast"}, r"^RATE .*is 'fast', expected a number$"),
        ({"QINGYUN_CLOCK_RATE": "0"}, r"RATE is 0, expected 1 to 60"),
        ({"QINGYUN_GATEWAY_PORT": "99999"}, r"^PORT .*is 99999, expected a port, 1 to 65535$"),
        ({"QINGYUN_LOG_LEVEL": "LOUD"}, r"QINGYUN_LOG_LEVEL is 'LOUD', expected one of DEBUG"),
        ({"KAFKA_BOOTSTRAP": "broker"}, r"KAFKA_BOOTSTRAP is 'broker', expected host:port"),
        ({"QINGYUN_DATA_DIR": "/a,b"}, r"the path /a,b has a ',' in it"),
        ({"QINGYUN_LOCAL_KAFKA_PORT": "kafka"}, r"QINGYUN_LOCAL_KAFKA_PORT is 'kafka', expected a port"),
        ({"QINGYUN_DATA_DIR": "/data/100%"}, r"the path /data/100% has a '%' in it.*QINGYUN_DATA_DIR"),
        ({"QINGYUN_COLOUR": "red"}, r"unknown setting QINGYUN_COLOUR"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(environment, sentence):
    """Name, value, what was expected."""
    with pytest.raises(LocalStartError, match=sentence):
        Local.from_env(environment)
