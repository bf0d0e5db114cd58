"""What the thread of the days does with what fails."""

import logging
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from services import metrics
from services.recorder import keeping
from services.settings import Settings
from services.store import partitions, retention


def test_days_that_are_not_kept_are_said_and_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not as a database that is away: each day by its name, and unhealthy until a round keeps them all."""
    stop = threading.Event()
    found = [retention.UnkeptError("day 7 of positions is not dropped: lock timeout"), {"positions": [0]}]
    shown: list[float] = []
    unhealthy = metrics.UNHEALTHY.labels(keeping._UNKEPT)

    def keep(*_: Any, **__: Any) -> dict[str, list[int]]:
        one = found.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    def wait(_: float) -> None:
        shown.append(unhealthy._value.get())
        if not found:
            stop.set()

    monkeypatch.setattr(retention, "keep", keep)
    monkeypatch.setattr(partitions, "rest_rows", lambda *_: 5)
    monkeypatch.setattr(partitions, "days_of", lambda *_: [0])
    monkeypatch.setattr(stop, "wait", wait)
    metrics.REST_ROWS.labels("positions").set(0)
    with caplog.at_level(logging.INFO):
        keeping._rounds(SimpleNamespace(dispose=lambda: None), Settings(), stop)
    assert shown == [1, 0]
    assert "day 7 of positions is not dropped: lock timeout" in caplog.text
    assert metrics.REST_ROWS.labels("positions")._value.get() == 5
