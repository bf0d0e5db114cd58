"""A log line is one JSON object that can be searched by its fields and sorted by its time."""

import json
import logging
import time

import pytest

from services import logs as services_logs
from streams.worker import logs as worker_logs


@pytest.mark.parametrize("formatter", [services_logs.Utc, worker_logs.Utc], ids=["services", "worker"])
def test_the_time_of_a_line_is_utc_wherever_the_machine_stands(
    formatter: type[logging.Formatter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half past five in Shanghai is 21:30 the day before."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        record = logging.makeLogRecord({"msg": "kept", "truck_id": "t1", "created": 1_795_469_400.25, "msecs": 250.0})
        line = json.loads(formatter("{asctime}{message}", style="{").format(record))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert line == {"asctime": "2026-11-23T21:30:00.250Z", "message": "kept", "truck_id": "t1"}
