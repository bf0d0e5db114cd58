"""What a program is to the local start: what to run, with which surroundings, and how it wants to be stopped."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The clone."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process of the local start.

    ``argv[0]`` is a path. ``stop_signal`` asks for an orderly end, which may take ``stop_within_s`` seconds before the
    program is killed; ``death_signal`` is what the kernel sends if the supervisor itself dies: no program may outlive
    it by more than 5 s, so it is one that cannot be put off. ``keeps_data`` marks Kafka and PostgreSQL: they start first
    and stop last. ``metrics_port`` 0 = the program has no metrics.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    stop_signal: str = "SIGTERM"
    stop_within_s: int = 5
    death_signal: str = "SIGKILL"
    keeps_data: bool = False
    unprivileged: bool = False
    metrics_port: int = 0

    def tethered(self, specs: Path, *, record: Path | None = None) -> tuple[str, ...]:
        """Write the spec `deploy.local.tether` reads and return the command that becomes this program.

        ``specs`` is a folder only we can read: the environment holds the database's address.
        """
        specs.mkdir(parents=True, exist_ok=True, mode=0o700)
        spec = specs / f"{self.name}.json"
        with os.fdopen(os.open(spec, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(
                {
                    "argv": self.argv,
                    "environment": dict(self.environment),
                    "folder": str(self.folder),
                    "stop_signal": self.stop_signal,
                    "death_signal": self.death_signal,
                    "unprivileged": self.unprivileged,
                    "record": str(record) if record else None,
                },
                out,
            )
        return (sys.executable, "-m", "deploy.local.tether", str(spec))
