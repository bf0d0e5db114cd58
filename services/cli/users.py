"""``python -m services users demo|add|password|disable|key``."""

import json
import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from services.cli.tool import database, fail
from services.settings import Settings
from services.store import access

app = typer.Typer(no_args_is_help=True, help="People who log in, and keys for machines.")

_DEMO: Final[tuple[dict[str, Any], ...]] = (
    {"login": "dispatcher", "role": "dispatcher", "name": "调度员 · Dispatcher"},
    {"login": "driver", "role": "driver", "name": "驾驶员 · Driver", "driver_id": "dr01", "truck_id": "t01"},
    {"login": "officer", "role": "officer", "name": "执法员 · Officer"},
    {"login": "manager", "role": "manager", "name": "管理者 · Manager"},
    {"login": "administrator", "role": "administrator", "name": "管理员 · Administrator"},
)

Password = Annotated[
    str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, help="12 to 200 characters.")
]


@app.command()
def demo(*, as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False) -> None:
    """Make one user a role with a random password, once; print them. For the local start only.

    The passwords are kept in <data_dir>/secrets/demo-users.json, readable by the owner only.
    """
    settings = Settings.from_env(os.environ)
    kept = Path(settings.data_dir) / "secrets" / "demo-users.json"
    passwords = _kept_passwords(kept)
    given = [{**who, "password": passwords.get(who["login"]) or secrets.token_urlsafe(12)} for who in _DEMO]
    with database("users") as engine:
        for user in given:
            _ensure(engine, settings.tenant_id, user, known=user["login"] in passwords)
    shown = [{name: user[name] for name in ("login", "password", "role", "name")} for user in given]
    _keep(kept, shown)
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        typer.echo("\n".join(f"{user['role']:<14} {user['login']:<14} {user['password']}" for user in shown))


@app.command()
def add(  # noqa: PLR0917  # a command's parameters are its options
    login: str,
    role: str,
    password: Password,
    name: Annotated[str, typer.Option(help="As pages show it; default: the login.")] = "",
    tenant: Annotated[str, typer.Option(help="Default: the setting QINGYUN_TENANT_ID.")] = "",
    district: Annotated[str | None, typer.Option(help="Sees this district only.")] = None,
    driver: Annotated[str | None, typer.Option(help="A driver's id, such as dr01.")] = None,
    truck: Annotated[str | None, typer.Option(help="A driver's truck, such as t01.")] = None,
) -> None:
    """Add a user: dispatcher, driver, officer, manager or administrator."""
    settings = Settings.from_env(os.environ)
    with database("users") as engine:
        try:
            access.add_user(
                engine,
                tenant_id=tenant or settings.tenant_id,
                login=login,
                password=password,
                name=name or login,
                role=cast("access.Role", role),
                district_id=district,
                driver_id=driver,
                truck_id=truck,
            )
        except ValueError as error:
            fail(str(error))
    typer.echo(f"{login} can log in")


@app.command()
def password(login: str, password: Password) -> None:
    """Give a user another password; all sessions of that user end."""
    with database("users") as engine:
        try:
            found = access.set_password(engine, login, password)
        except access.WeakPasswordError as error:
            fail(str(error))
    _say(found, login, "has a new password")


@app.command()
def disable(login: str) -> None:
    """Shut a user out; all sessions of that user end."""
    with database("users") as engine:
        _say(access.disable_user(engine, login), login, "is shut out")


@app.command()
def key(
    name: str,
    role: str,
    driver: Annotated[str | None, typer.Option(help="For a driver's device.")] = None,
    truck: Annotated[str | None, typer.Option(help="For a driver's device.")] = None,
) -> None:
    """Make a key for a machine and print it, once: it is not kept in clear."""
    settings = Settings.from_env(os.environ)
    if role not in access.ROLES:
        fail(f"role is {role!r}, expected one of {', '.join(access.ROLES)}")
    with database("users") as engine:
        typer.echo(access.create_key(engine, settings.tenant_id, name, role, driver_id=driver, truck_id=truck))


def _say(found: bool, login: str, what: str) -> None:
    if not found:
        fail(f"there is no user {login!r}")
    typer.echo(f"{login} {what}")


def _ensure(engine: Any, tenant_id: str, user: dict[str, Any], *, known: bool) -> None:
    try:
        access.add_user(engine, tenant_id=tenant_id, **user)
    except access.LoginTakenError:
        if not known:
            access.set_password(engine, user["login"], user["password"])


def _kept_passwords(path: Path) -> dict[str, str]:
    try:
        return {user["login"]: user["password"] for user in json.loads(path.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return {}


def _keep(path: Path, shown: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(shown, out, ensure_ascii=False, indent=1)
    beside.replace(path)
