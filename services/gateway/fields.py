"""What people's commands are made of: only what the database keeps, Kafka carries and a calendar can show."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

_TIMES_END_MS: Final = 253_370_764_800_000
"""Year 9999 UTC begins: a day before the last that any zone's calendar has, in Python and in browsers."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "expected text without NUL")  # PostgreSQL keeps none
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_without_nul)]
"""An id, a name, a code."""
Note = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_without_nul)]
"""What somebody wrote."""
Ms = Annotated[int, Field(ge=0, lt=_TIMES_END_MS)]
"""UTC ms, city time, before the year 9999."""
Version = Annotated[int, Field(ge=0, lt=2**31)]
"""Which plan or revision somebody saw."""
Span = Annotated[int, Field(gt=-_TIMES_END_MS, lt=_TIMES_END_MS)]
"""ms from one time to another, either way."""
