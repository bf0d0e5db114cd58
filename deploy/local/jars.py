"""Kafka's jars: every one pinned by version and SHA-256 in `kafka-jars.lock`, fetched once, kept in the build folder.

The whole closure is listed, so nothing is decided at download time. `lock` writes the list anew for another version.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from deploy import reasons
from deploy.local.failure import LocalStartError
from deploy.local.together import together

LOCK: Final = Path(__file__).with_name("kafka-jars.lock")
WANTED: Final = ("org.apache.kafka:kafka_2.13:4.4.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5")
"""What `lock` starts from: the broker, and the bridge from its logging interface (SLF4J 1.7) to Log4j 2."""

_AT_ONCE: Final = 8
_TIMEOUT_S: Final = 30


@dataclass(frozen=True, kw_only=True)
class Jar:
    """One pinned file."""

    group: str
    artifact: str
    version: str
    sha256: str

    def path(self, folder: Path) -> Path:
        """Where it lies in a Maven repository at ``folder``."""
        return folder.joinpath(
            *self.group.split("."), self.artifact, self.version, f"{self.artifact}-{self.version}.jar"
        )

    def is_whole(self, folder: Path) -> bool:
        """True when it is there and is what the lock says."""
        try:
            return hashlib.sha256(self.path(folder).read_bytes()).hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def pinned() -> list[Jar]:
    """Read the lock."""
    lines = (
        line.split() for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    )
    return [_jar(coordinates, sha256) for coordinates, sha256 in lines]


def missing(folder: Path) -> list[Jar]:
    """Return what is not there, or not whole."""
    return [jar for jar in pinned() if not jar.is_whole(folder)]


def classpath(folder: Path) -> str:
    """Return the classpath of the broker."""
    return ":".join(str(jar.path(folder)) for jar in pinned())


def fetch(folder: Path, on_progress: Callable[[str], None] = lambda _: None) -> None:
    """Fetch what is missing. Blocks for seconds to a minute; calls ``on_progress`` with a text after each file.

    Raises
    ------
    LocalStartError
        If the repository does not answer, or gives a file that is not the pinned one.
    """
    wanted = missing(folder)
    if not wanted:
        return
    context = _maven(folder)
    together(
        [partial(_fetch_one, context, folder, jar) for jar in wanted],
        at_once=_AT_ONCE,
        on_done=lambda count: on_progress(f"{count} of {len(wanted)} jars"),
    )


def lock(folder: Path) -> list[Jar]:
    """Resolve `WANTED`, fetch the closure and write the lock."""
    context = _maven(folder)
    chosen: dict[tuple[str, str], str] = {}
    for coordinates in WANTED:
        root, closure = context.resolver.get_dependency_list([context.create_dependency(coordinates)])
        for node in (*root.children, *closure):
            chosen[node.dep.groupId, node.dep.artifactId] = node.dep.version
    jars = []
    for (group, artifact), version in sorted(chosen.items()):
        path = context.project(group, artifact).at_version(version).artifact().resolve()
        jars.append(_jar(f"{group}:{artifact}:{version}", hashlib.sha256(path.read_bytes()).hexdigest()))
    lines = [f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}" for jar in jars]
    head = "# Kafka's jars: group:artifact:version sha256. `make lock` writes this."
    LOCK.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return jars


def _jar(coordinates: str, sha256: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group=group, artifact=artifact, version=version, sha256=sha256)


def _maven(folder: Path) -> Any:
    from jgo.maven import MavenContext  # noqa: PLC0415  # a quarter of a second, and only the first start fetches

    return MavenContext(repo_cache=folder, timeout=_TIMEOUT_S)


def _fetch_one(context: Any, folder: Path, jar: Jar) -> None:
    """Fetch one file, whole or not at all: what an interrupted download left is removed first."""
    path = jar.path(folder)
    path.unlink(missing_ok=True)
    try:
        context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except Exception as error:  # the library raises whatever its HTTP client does
        path.unlink(missing_ok=True)
        why = reasons.advice(str(error)) or f"{_reason(error)}; {reasons.NETWORK}"
        raise LocalStartError(f"{jar.artifact} {jar.version} (for Kafka) could not be downloaded: {why}") from error
    if not jar.is_whole(folder):
        path.unlink(missing_ok=True)
        raise LocalStartError(
            f"{jar.artifact} {jar.version} (for Kafka) was downloaded with another content than the pinned SHA-256 "
            "says; it was thrown away, try again"
        )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else 'no reason given'}"
