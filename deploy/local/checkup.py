"""``make doctor``: what a start needs, one line each: √ there, ‼ worth knowing, × in the way, with what to do."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, Literal

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from deploy.local import given, kafka, leftovers, maps, once, ports, programs, space, unprivileged, web
from deploy.local.postgres import server_version
from deploy.local.settings import Local

_PYTHON: Final = (3, 12)
_NEEDED_MEMORY_GB: Final = 3.0
_REACH_TIMEOUT_S: Final = 3.0

Verdict = Literal["ok", "note", "wrong"]
_SIGNS: Final[dict[Verdict, str]] = {"ok": "[green]√[/]", "note": "[yellow]‼[/]", "wrong": "[red]×[/]"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: what was looked at, how it is, and, unless all is well, what to do."""

    group: str
    what: str
    verdict: Verdict = "ok"
    do: str = ""


def show(local: Local, *, as_json: bool) -> int:
    """Print the findings; return the exit code: 1 if something is in the way."""
    findings = list(examine(local))
    wrong = [finding for finding in findings if finding.verdict == "wrong"]
    if as_json:
        print(json.dumps({"ok": not wrong, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        _print(findings)
    return 1 if wrong else 0


def examine(local: Local) -> Iterator[Finding]:
    """Look at everything. Blocks for a few seconds at most."""
    yield from _machine(local)
    yield from _ports(local)
    yield from _downloads(local)
    yield from _given(local)


def _machine(local: Local) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    enough = sys.version_info[:2] >= _PYTHON
    yield _finding("machine", f"Python {version}", ok=enough, do="install Python 3.12 or newer, then remove .venv")
    for disk in space.disks(local):
        free = f"{disk.free_bytes / 2**30:.1f} GB of free disk space at {disk.folder}"
        needed = f"{space.NEEDED_BYTES / 2**30:.0f} GB are needed: {disk.what_to_do}"
        yield _finding("machine", free, ok=disk.is_enough, do=needed)
    memory_gb = psutil.virtual_memory().available / 2**30
    roomy = memory_gb >= _NEEDED_MEMORY_GB or _runs(local)
    yield Finding(
        group="machine",
        what=f"{memory_gb:.1f} GB of memory available",
        verdict="ok" if roomy else "note",
        do="" if roomy else f"the default city takes up to {_NEEDED_MEMORY_GB:g} GB: close something",
    )
    who = f"root: PostgreSQL will run as {unprivileged.USER}" if unprivileged.needed() else "an ordinary user"
    yield Finding(group="machine", what=f"running as {who}")
    works = server_version()
    yield _finding("machine", works or "PostgreSQL cannot be run here", ok=bool(works), do="run `make setup` again")


def _ports(local: Local) -> Iterator[Finding]:
    ours = _our_ports(local)
    for port in programs.wanted_ports(local).values():
        if port.number in ours:
            yield Finding(group="ports", what=f"port {port.number} is ours")
        else:
            why = ports.why_not(port.number, port.host)
            what = f"port {port.number} {why or 'is free'}"
            yield _finding(
                "ports", what, ok=not why, do=f"end what listens there, or choose another: it is wanted for {port.wish}"
            )


def _downloads(local: Local) -> Iterator[Finding]:
    there = {
        "Kafka's jars": local.kafka_is_given or kafka.is_fetched(local.kafka.build),
        "the pages' packages": web.is_installed(local.build),
    }
    for what, is_there in there.items():
        yield Finding(
            group="downloads",
            what=what if is_there else f"{what} are not there yet",
            verdict="ok" if is_there else "note",
            do="" if is_there else "the next `make run` or `make setup` fetches them; that needs the network",
        )
    built = maps.are_built(local)
    yield Finding(
        group="downloads",
        what=f"road graph and base map of {local.services.city}" + ("" if built else " are not built yet"),
        verdict="ok" if built else "note",
        do="" if built else "the next `make run` or `make setup` builds them, about a minute",
    )
    if not all(there.values()):
        yield _network()


def _network() -> Finding:
    """Ask the repository the jars come from; whatever it answers, the network is there."""
    from jgo.maven import MavenContext  # noqa: PLC0415  # only before the first start
    from jgo.util import http  # noqa: PLC0415

    try:
        for address in MavenContext().remote_repos.values():
            http.head(address, timeout=_REACH_TIMEOUT_S)
    except OSError as error:  # what the library's HTTP client raises is one
        reason = type(error).__name__
        return _finding("downloads", f"no network ({reason})", ok=False, do="connect it; only the first start needs it")
    return Finding(group="downloads", what="the network is there")


def _given(local: Local) -> Iterator[Finding]:
    """What the environment names instead of our own parts must be reachable."""
    if local.kafka_is_given:
        trouble = given.kafka_trouble(local)
        yield _finding("given", f"Kafka at {local.kafka_bootstrap}", ok=not trouble, do=trouble)
    if local.database_is_given:
        trouble = given.database_trouble(local)
        yield _finding("given", "the database of DATABASE_URL", ok=not trouble, do=trouble)


def _finding(group: str, what: str, *, ok: bool, do: str) -> Finding:
    return Finding(group=group, what=what, verdict="ok" if ok else "wrong", do="" if ok else do)


def _runs(local: Local) -> bool:
    return once.holder(local.run / "lock") is not None


def _our_ports(local: Local) -> set[int]:
    """Ports our own processes listen on now."""
    found: set[int] = set()
    for process in leftovers.alive(local.supervisor.records).values():
        try:
            connections = process.net_connections(kind="inet")
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        found |= {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}
    return found


def _print(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            console.print(f"\n{group}{os.linesep}{'-' * len(group)}")
        console.print(f"{_SIGNS[finding.verdict]} {finding.what}")
        if finding.do:
            console.print(f"    {finding.do}")
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    console.print(f"\n{wrong} in the way." if wrong else "\nNothing is in the way of `make run`.")
