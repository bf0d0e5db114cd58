"""What the command line tells people: which names there are, which settings a program takes, why a tool could not."""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Final

from services import settings

_SETTINGS_FROM: Final = "Settings come from the environment:"


def names(processes: Mapping[str, str], tools: Mapping[str, str]) -> str:
    """Return the list of what can be run."""
    wide = max(map(len, [*processes, *tools]))
    lines = [
        "python -m services NAME [--help]",
        "",
        "Programs that run until stopped (settings come from the environment):",
    ]
    lines += [f"  {name:<{wide}}  {text}" for name, text in processes.items()]
    lines += ["", "Tools:"]
    lines += [f"  {name:<{wide}}  {text}" for name, text in tools.items()]
    return "\n".join(lines)


def program(name: str, text: str) -> str:
    """Return the help of a program that runs until stopped: it has no options, but settings."""
    documents = _setting_documents()
    lines = [
        f"python -m services {name}",
        "",
        f"{text}. Runs until SIGTERM; logs go to standard output.",
        "",
        _SETTINGS_FROM,
    ]
    for field in fields(settings.Settings):
        default = f" [{field.default}]" if field.default not in {"", 0} else ""
        lines.append(f"  {settings.variable(field.name):<29}{documents[field.name]}{default}")
    return "\n".join(lines)


def failure(error: Exception, *, of_a_tool: bool) -> str | None:
    """Say in one sentence what the surroundings refused; None if the error is not theirs but ours.

    A program that runs until stopped meets the same while it works, and then must end with the whole story in its log:
    only what it cannot even start with is a sentence.
    """
    from services import store  # noqa: PLC0415  # only what failed pays for it

    if isinstance(error, (settings.SettingError, store.NoDatabaseAddressError)):
        return str(error)
    return _refused(error) if of_a_tool else None


def _refused(error: Exception) -> str | None:
    from services import bus, store  # noqa: PLC0415

    if isinstance(error, store.Away):
        return f"the database of DATABASE_URL does not answer ({store.reason(error)}): is it running?"
    if isinstance(error, store.Refused):
        return f"the database refused ({store.reason(error)}): is it migrated (python -m services database migrate)?"
    if isinstance(error, bus.BusError):
        return f"Kafka at KAFKA_BOOTSTRAP does not take it ({error}): is it running, are its topics provisioned?"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None


def _setting_documents() -> dict[str, str]:
    """Return the sentence below each field of the settings: Python keeps it in the source alone."""
    (declared,) = ast.parse(inspect.getsource(settings.Settings)).body
    found = {}
    body = declared.body if isinstance(declared, ast.ClassDef) else []
    for line, below in pairwise(body):
        match line, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text.partition(" Environment:")[0].replace("``", "")
    return found
