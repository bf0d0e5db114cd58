"""A gateway that has only just begun does not know yet what exists."""

import dataclasses
from typing import Any, cast

import pytest

from services.gateway import dispatch
from services.gateway.hub import Hub
from services.gateway.live_state import Picture
from services.gateway.problems import Problem
from services.gateway.state import State


def parts(hub: Hub) -> State:
    """Return a gateway's parts, of which only the live state is asked."""
    others = {field.name: None for field in dataclasses.fields(State)}
    return State(**cast("Any", others | {"hub": hub}))


def test_a_stop_is_not_denied_before_the_live_state_is_there() -> None:
    """Whoever asks then is told to ask again: 404 would be taken for an answer."""
    hub = Hub(lambda _: lambda time_ms: time_ms)
    who: Any = type("Who", (), {"user": type("User", (), {"tenant_id": "porto"})})
    with pytest.raises(Problem) as early:
        dispatch.sees_stop(who, parts(hub), "b1")
    assert (early.value.status, early.value.code) == (503, "not_ready")
    hub.take_picture(Picture(offsets={}, positions=[], readings=[], events=[]), 0)
    assert not dispatch.sees_stop(who, parts(hub), "b1")
