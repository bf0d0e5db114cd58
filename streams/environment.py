"""Settings from the environment: a frozen dataclass of values with defaults, read by name, or a sentence why not.

Used by the worker's settings here and by those of the services above.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


_KINDS: Final = {int: "a whole number", float: "a number"}


class SettingError(ValueError):
    """A setting that cannot be used; the message names it, its value and what is expected."""


def read[Settings: DataclassInstance](
    kind: type[Settings],
    environment: Mapping[str, str],
    *,
    prefix: str,
    names: Mapping[str, Sequence[str]],
    others: tuple[str, ...] = (),
    check: Callable[[str, Any], None] = lambda *_: None,
) -> Settings:
    """Return the settings; what the environment does not give, or gives empty, keeps its default.

    Parameters
    ----------
    kind
        The dataclass; a field's default says its kind (`str`, `int`, `float`).
    prefix
        ``<prefix><FIELD>`` is a field's variable. An unknown variable of the prefix is a mistake.
    names
        Variables of the fields that have others than that; the first that is given counts.
    others
        Longer prefixes whose variables somebody else reads.
    check
        Called with each variable and its value; raises `SettingError` for a value of the right kind that no process could use.

    Raises
    ------
    SettingError
        For an unknown name or a value of the wrong kind.
    """
    variables = {field.name: names.get(field.name, (prefix + field.name.upper(),)) for field in fields(kind)}
    known = {name for several in variables.values() for name in several}
    for name in environment:
        if name.startswith(prefix) and name not in known and not name.startswith(others or ("\0",)):
            raise SettingError(f"unknown setting {name}; known are {', '.join(sorted(known))}")
    given: dict[str, Any] = {}
    for field in fields(kind):
        found = next((name for name in variables[field.name] if environment.get(name)), None)
        if found is not None:
            value = _convert(found, environment[found], type(field.default))
            check(found, value)
            given[field.name] = value
    return kind(**given)


def _convert(name: str, text: str, kind: Any) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise SettingError(f"{name} is {text!r}, expected {_KINDS[kind]}") from error
