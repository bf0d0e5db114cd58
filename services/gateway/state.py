"""What the routes stand on, made once at the start: handed to them by FastAPI's dependencies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

import msgspec
from fastapi import Depends, Request

from services.gateway.access import Identities
from services.gateway.hub import Hub
from services.gateway.problems import Problem
from services.settings import Settings


class CityHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What ``city.json`` says that pages need; other members are passed over."""

    city: str
    tenant_id: str
    name: dict[str, str]
    time_zone: str
    centre: tuple[float, float]
    bounds: tuple[float, float, float, float]
    attribution: str

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
