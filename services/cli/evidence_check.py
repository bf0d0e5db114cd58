"""``python -m services evidence-check [ID]``: is all evidence there, and as it was sealed? One sentence each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from services import seal
from services.cli.tool import database, fail
from services.seal import Link, Sealed
from services.store import evidence
from services.store.evidence import Version

app = typer.Typer(help="Prove what alerts were judged from: hashes, the chain, the bytes that devices sent.")


@dataclass
class _Walk:
    """What was seen on the way along one tenant's chain."""

    entries: int = 0
    newest: Link = seal.FIRST
    noted_number: int | None = None
    shown: list[Version] = field(default_factory=list)
    """Versions of the evidence that was asked for, without their documents."""
    faults: list[str] = field(default_factory=list)


@app.command()
def check(
    some_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="An alert, or its evidence; without: all")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose; without: everybody's")] = None,
    noted: Annotated[
        str | None, typer.Option(help="A SHA-256 noted earlier, elsewhere: is it still in the chain?")
    ] = None,
) -> None:
    """Say what holds and what does not. Exit code 1 if anything does not."""
    with database("evidence-check", timeout_s=0) as engine:
        tenants = evidence.tenants(engine) if tenant is None else [tenant]
        asked = {one: evidence.alert_of(engine, one, some_id) if some_id else None for one in tenants}
        if some_id is not None and not any(asked.values()):
            fail(f"there is no evidence of {some_id!r}: give the id of an alert, or of its evidence")
        walks = {one: _walk(engine, one, alert_id, noted) for one, alert_id in asked.items()}
    for name, walk in walks.items():
        _say(name, walk)
    if noted is not None and all(walk.noted_number is None for walk in walks.values()):
        fail(f"{noted} is the hash of no entry: what was sealed when it was noted is not what is here")
    if findings := sum(len(walk.faults) for walk in walks.values()):
        fail(f"not all is as it was sealed: {findings} findings")


def _walk(engine: Any, tenant_id: str, alert_id: str | None, noted: str | None) -> _Walk:
    """Go along the whole chain: that an entry was not sealed anew shows in those behind it. Bytes: of what was asked for."""
    walk = _Walk()

    def passing() -> Iterator[Sealed]:
        for version in evidence.chain(engine, tenant_id):
            entry = version.entry
            walk.entries += 1
            walk.newest = entry.link
            if entry.sha256 == noted:
                walk.noted_number = entry.number
            if alert_id in {None, version.alert_id}:
                missing = evidence.frame_faults(engine, tenant_id, seal.frame_hashes(entry.document))
                walk.faults += [f"entry {entry.number}: {fault}" for fault in missing]
            if alert_id == version.alert_id:
                walk.shown.append(version._replace(entry=entry._replace(document=b"")))
            yield entry

    walk.faults = [*seal.chain_faults(passing()), *walk.faults]
    return walk


def _say(tenant_id: str, walk: _Walk) -> None:
    for version in walk.shown:
        typer.echo(
            f"evidence {version.evidence_id} version {version.version} of alert {version.alert_id} revision "
            f"{version.alert_revision}: entry {version.entry.number}, "
            f"{'complete' if version.complete else 'incomplete'}, SHA-256 {version.entry.sha256}"
        )
    for fault in walk.faults:
        typer.echo(f"× {tenant_id}: {fault}", err=True)
    if walk.noted_number is not None:
        typer.echo(f"the noted hash is that of entry {walk.noted_number}: up to it, nothing was exchanged")
    if not walk.faults:
        typer.echo(
            f"{tenant_id}: {walk.entries} entries, none missing, each as it was sealed and behind the one before; "
            f"note the newest: entry {walk.newest.number}, SHA-256 {walk.newest.sha256}"
        )
