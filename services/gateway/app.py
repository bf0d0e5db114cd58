"""The gateway's application: every resource, one line; every route behind the policy."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute

from services.gateway import (
    alert_batches,
    alert_places,
    alerts,
    dispatch,
    drafts,
    driver,
    evidence,
    exports,
    facilities,
    figures,
    history,
    live,
    orders,
    pages,
    photos,
    policy,
    problems,
    reports,
    session,
    status,
    trucks,
)
from services.gateway.access import GuardedRoute, action
from services.gateway.answers import Json
from services.gateway.citizen import routes as citizen
from services.gateway.middleware import Guardrails
from services.gateway.state import State

RESOURCES: Final[tuple[APIRouter, ...]] = (
    session.router,
    live.router,
    history.router,
    trucks.router,
    alerts.router,
    alert_batches.router,
    alert_places.router,
    evidence.router,
    driver.router,
    photos.router,
    dispatch.router,
    drafts.router,
    orders.router,
    facilities.router,
    exports.router,
    citizen.router,
    reports.router,
    figures.router,
    status.router,
)

description = APIRouter(include_in_schema=False, route_class=GuardedRoute)


@description.get("/api/openapi.json")
@action("api.describe")
async def describe(request: Request) -> Json:
    """Return the API's description (OpenAPI)."""
    return Json(request.app.openapi())


def make(parts: State, rules: Mapping[str, policy.Rule] | None = None) -> FastAPI:
    """Return the application.

    Raises
    ------
    policy.PolicyError
        If a route and the policy do not fit: nothing is served then.
    """
    app = FastAPI(
        title="Qingyun",
        version="1",
        summary="Waste logistics of a city: live state, alerts, plans, commands.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    app.state.identities = parts.identities
    app.state.rules = policy.read() if rules is None else rules
    for router in (*RESOURCES, description, pages.router):
        app.router.routes.extend(router.routes)  # flat: what is checked below is what is served
    problems.install(app)
    app.add_middleware(Guardrails)
    policy.check(app.state.rules, actions_of(app))
    return app


def actions_of(app: FastAPI) -> dict[str, str | None]:
    """Return every route, as text, with the action it names."""
    return {_name(route): getattr(route, "action", None) for route in app.routes}


def _name(route: object) -> str:
    if isinstance(route, APIRoute):
        return f"{','.join(sorted(route.methods or ()))} {route.path}"
    return f"{type(route).__name__} {getattr(route, 'path', '?')}"
