"""Who asks, and whether they may: decided before a body is read, by the action the route names."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from services import metrics, store
from services.gateway.live_state import Scope
from services.gateway.policy import Reach, Rule
from services.gateway.problems import Problem, database_away
from services.store import access as stored
from services.store.access import KEY_PREFIX, User

COOKIE: Final = "qingyun_session"
TRUSTED_S: Final = 2.0
"""Who a token belongs to is asked again after this; so long a closed session may still work."""
TRUSTED_WITHOUT_DATABASE_S: Final = 300.0
"""While the database is away, who was known goes on being known for so long."""
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True)
class Asker:
    """Who asks, and how far the permission for this action goes."""

    user: User
    reach: Reach
    token: str

    @property
    def scope(self) -> Scope:
        """What of the tenant's things they may see."""
        if self.reach == "own":
            return Scope(truck_id=self.user.truck_id or "")
        return Scope(district_id=self.user.district_id)


def asker(request: Request) -> Asker:
    """Return who asks; the guard has put it there."""
    return cast("Asker", request.state.asker)


Me = Annotated[Asker, Depends(asker)]


class Identities:
    """Tokens to users, remembered for a moment, so that a page's many requests ask the database once."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._known: dict[str, tuple[User | None, float]] = {}

    async def user_of(self, token: str) -> User | None:
        """Return whose token it is; None = nobody's.

        Raises
        ------
        Problem
            503, if that cannot be known now.
        """
        user, asked_s = self._known.get(token, (None, -TRUSTED_WITHOUT_DATABASE_S))
        age_s = time.monotonic() - asked_s
        if token in self._known and age_s < TRUSTED_S:
            return user
        try:
            user = await asyncio.to_thread(self._ask, token)
        except store.Away as error:
            if token in self._known and age_s < TRUSTED_WITHOUT_DATABASE_S:
                return user
            raise database_away() from error
        self._remember(token, user)
        return user

    def forget(self, token: str) -> None:
        """Ask again next time."""
        self._known.pop(token, None)

    def _ask(self, token: str) -> User | None:
        find = stored.key_user if token.startswith(KEY_PREFIX) else stored.session_user
        return find(self._engine, token)

    def _remember(self, token: str, user: User | None) -> None:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        if user is not None:
            self._known[token] = (user, time.monotonic())
        else:
            self._known.pop(token, None)


def token_of(request: Request) -> str | None:
    """Return the token a request carries: a key in ``Authorization``, else the session cookie."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return request.cookies.get(COOKIE)


class GuardedRoute(APIRoute):
    """A route that names its action, and is asked for permission before it reads the body."""

    @property
    def action(self) -> str | None:
        """The action it names."""
        return getattr(self.endpoint, "action", None)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, behind the guard."""
        handle = super().get_route_handler()
        action = self.action

        async def guarded(request: Request) -> Response:
            await permit(request, action)
            return await handle(request)

        return guarded


def action[F: Callable[..., Any]](name: str) -> Callable[[F], F]:
    """Name the action of the policy that a route is."""

    def mark(endpoint: F) -> F:
        endpoint.action = name  # type: ignore[attr-defined]
        return endpoint

    return mark


async def permit(request: Request, name: str | None) -> None:
    """Put the `Asker` into the request, or raise the `Problem` that says why not."""
    rule: Rule = request.app.state.rules[name]
    if rule.everyone:
        return
    token = token_of(request)
    user = await request.app.state.identities.user_of(token) if token else None
    if user is None or token is None:
        raise Problem(401, "not_logged_in", "Log in first.", headers={"WWW-Authenticate": "Bearer"})
    reach = rule.roles.get(user.role)
    if reach is None:
        metrics.DENIED.labels(name).inc()
        raise Problem(403, "not_allowed", f"The role {user.role} may not do this ({name}).")
    request.state.asker = Asker(user, reach, token)
