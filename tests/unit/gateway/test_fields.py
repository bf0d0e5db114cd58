"""What a body may hold is bounded, whichever route takes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from services.gateway.app import RESOURCES

YEAR_9999_MS = 253_370_764_800_000


def members() -> Iterator[tuple[type[BaseModel], str]]:
    """Every member of every body."""
    for router in RESOURCES:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.body_field is not None:
                body = route.body_field.field_info.annotation
                assert isinstance(body, type)
                assert issubclass(body, BaseModel)
                yield from ((body, name) for name in body.model_fields)


MEMBERS = list(members())


def test_every_body_is_looked_at() -> None:
    """Log-in, alerts (one, many), drivers, dispatchers, prices, drafts, orders, closures, citizens' reports."""
    assert len({body for body, _ in MEMBERS}) == 10


@pytest.mark.parametrize(("body", "name"), MEMBERS, ids=lambda one: getattr(one, "__name__", one))
def test_no_member_takes_what_cannot_be_kept_or_shown(body: type[BaseModel], name: str) -> None:
    """Text with NUL is none for PostgreSQL, a number without end none for BIGINT, a year 9999 none for a calendar."""
    for value in ("a\0b", YEAR_9999_MS, 10**19):
        for given in (value, [value]):
            assert name in refused(body, {name: given}), given


def refused(body: type[BaseModel], given: dict[str, Any]) -> set[Any]:
    try:
        body.model_validate(given)
    except ValidationError as error:
        return {one["loc"][0] for one in error.errors() if one["type"] != "missing"}
    return set()
