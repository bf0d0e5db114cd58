"""What the routes stand on, made once at the start: handed to them by FastAPI's dependencies."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec
from fastapi import Depends, Request

from services.gateway.access import Identities
from services.gateway.hub import Hub
from services.gateway.problems import Problem
from services.settings import Settings
from streams.units import MINUTE_MS

DEADLINES_MIN: Final = {"critical": (5, 60), "high": (15, 240), "medium": (60, 1_440), "low": (480, 4_320)}
"""Minutes to acknowledge and to settle where the city's folder (`alert_deadlines_min`) says nothing: assumptions."""


class CityHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What ``city.json`` says that pages need; other members are passed over."""

    city: str
    tenant_id: str
    name: dict[str, str]
    time_zone: str
    centre: tuple[float, float]
    bounds: tuple[float, float, float, float]
    attribution: str
    alert_deadlines_min: dict[str, tuple[int, int]] = {}
    """Of a severity: minutes until an alert is to be acknowledged, and until it is to be settled."""

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.time_zone)


def read_city(folder: Path) -> CityHeader:
    """Read ``city.json``; raises OSError or `msgspec.DecodeError`, which name what is wrong."""
    return msgspec.json.decode((folder / "city.json").read_bytes(), type=CityHeader)


@dataclass(frozen=True, kw_only=True)
class State:
    """The gateway's parts. ``engine`` is `services.store.connect`'s."""

    settings: Settings
    engine: Any
    hub: Hub
    identities: Identities
    city: CityHeader
    web: Path
    """Folder of the built pages."""
    base_map: Path
    """The city's PMTiles archive, which may not be there."""

    def require_live(self) -> None:
        """Raise the `Problem` 503 while the live state is not there yet."""
        if not self.hub.ready:
            detail = "The live state is being read from the database."
            raise Problem(503, "not_ready", detail, headers={"Retry-After": "1"})


def state(request: Request) -> State:
    """Return the gateway's parts."""
    return cast("State", request.app.state.parts)


Parts = Annotated[State, Depends(state)]


def deadlines_ms(given_min: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Return, of each severity, how long after it was raised an alert is to be acknowledged and settled, ms."""
    return {
        severity: {"ack_ms": ack_min * MINUTE_MS, "settle_ms": settle_min * MINUTE_MS}
        for severity, (ack_min, settle_min) in {**DEADLINES_MIN, **given_min}.items()
    }
