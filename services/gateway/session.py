"""Log-in: POST opens a session, GET says whose it is, DELETE ends it."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import BaseModel

from services import clock
from services.gateway.access import COOKIE, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Text
from services.gateway.problems import Problem
from services.gateway.state import CityHeader, Parts, State, deadlines_ms
from services.store import access as stored
from services.store.access import SESSION_LIFE_MS, User

router = APIRouter(prefix="/api/v1/session", tags=["session"], route_class=GuardedRoute)

_BY_LOGIN: Final = parse("8 per minute")
_BY_ADDRESS: Final = parse("60 per minute")
_attempts: Final = MovingWindowRateLimiter(MemoryStorage())


class Credentials(BaseModel):
    """What a person types."""

    login: Text
    password: Text


@router.post("")
@action("session.open")
async def open_session(credentials: Credentials, request: Request, parts: Parts) -> Json:
    """Log in; the session comes as a cookie no script can read. 401: login and password do not fit."""
    address = request.client.host if request.client else "unknown"
    _count(_BY_ADDRESS, "address", address)
    _count(_BY_LOGIN, "login", credentials.login.casefold())
    user = await asyncio.to_thread(stored.check_password, parts.engine, credentials.login, credentials.password)
    if user is None:
        raise Problem(401, "wrong_credentials", "Login and password do not fit.")
    token = await asyncio.to_thread(stored.open_session, parts.engine, user)
    answer = Json(described(user, parts))
    answer.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_LIFE_MS // 1000,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get("")
@action("session.read")
async def read_session(me: Me, parts: Parts) -> Json:
    """Say who is logged in, in which city, and what time it is there."""
    return Json(described(me.user, parts))


@router.delete("", status_code=204)
@action("session.close")
async def close_session(me: Me, parts: Parts) -> Json:
    """Log out."""
    await asyncio.to_thread(stored.close_session, parts.engine, me.token)
    parts.identities.forget(me.token)
    answer = Json(None, 204)
    answer.body = b""
    answer.headers["content-length"] = "0"
    answer.delete_cookie(COOKIE)
    return answer


def described(user: User, parts: State) -> dict[str, Any]:
    """Return what a page needs to begin."""
    return {
        "user": vars(user),
        "city": _city(user, parts),
        "clock": {"now_ms": clock.city_now_ms(), "rate": parts.hub.rate},
        "deadlines": deadlines_ms(parts.city.alert_deadlines_min if user.tenant_id == parts.city.tenant_id else {}),
    }


def _city(user: User, parts: State) -> dict[str, Any]:
    city: CityHeader = parts.city
    if user.tenant_id != city.tenant_id:
        return _plain_city(user.tenant_id, parts)
    return {
        "city": city.city,
        "name": city.name,
        "time_zone": city.time_zone,
        "centre": city.centre,
        "bounds": city.bounds,
        "attribution": city.attribution,
        "base_map": f"/tiles/{city.city}.pmtiles" if parts.base_map.is_file() else None,
    }


def _plain_city(tenant_id: str, parts: State) -> dict[str, Any]:
    """Return a tenant without a folder: a plain background around where its trucks are."""
    town = parts.hub.tenant(tenant_id).town
    west, south, east, north = town.bounds() or (-180.0, -60.0, 180.0, 75.0)
    return {
        "city": tenant_id,
        "name": {"zh": tenant_id, "en": tenant_id},
        "time_zone": town.time_zone() or "UTC",
        "centre": ((west + east) / 2, (south + north) / 2),
        "bounds": (west, south, east, north),
        "attribution": "",
        "base_map": None,
    }


def _count(limit: RateLimitItem, kind: str, who: str) -> None:
    if _attempts.hit(limit, kind, who):
        return
    wait_s = max(1, round(_attempts.get_window_stats(limit, kind, who).reset_time - clock.wall_now_ms() / 1000))
    raise Problem(
        429, "too_many_attempts", f"Too many attempts; wait {wait_s} s.", headers={"Retry-After": str(wait_s)}
    )
