"""Disk space a start needs, wherever its folders lie."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.failure import LocalStartError
from deploy.local.program import ROOT
from deploy.local.settings import Local

NEEDED_BYTES: Final = 3 * 2**30
"""The pages' packages 0.3 GB, jars and maps 0.13 GB, Kafka's and PostgreSQL's first files 0.1 GB, and room for records."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk that one or more of our folders lie on."""

    folder: Path
    setting: str
    """What moves that folder to another disk; empty = only moving the clone does."""
    free_bytes: int

    @property
    def is_enough(self) -> bool:
        """True when a start may begin."""
        return self.free_bytes >= NEEDED_BYTES

    @property
    def what_to_do(self) -> str:
        """How to come by more."""
        elsewhere = f"set {self.setting} to a folder on another disk" if self.setting else "move the clone"
        return f"free some, or {elsewhere}"


def disks(local: Local) -> Iterator[Disk]:
    """Give each disk once, by the first of our folders on it."""
    seen: set[int] = set()
    for folder, setting in ((local.data, "QINGYUN_DATA_DIR"), (local.build, "QINGYUN_BUILD_DIR"), (ROOT, "")):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if (disk := there.stat().st_dev) not in seen:
            seen.add(disk)
            yield Disk(folder=folder, setting=setting, free_bytes=shutil.disk_usage(there).free)


def check(local: Local) -> None:
    """Make the folders of data and of what is built.

    Raises
    ------
    LocalStartError
        If a disk has too little room, or a folder may not be written.
    """
    for disk in disks(local):
        if not disk.is_enough:
            raise LocalStartError(
                f"{disk.folder} has {disk.free_bytes / 2**30:.1f} GB of free disk space, "
                f"{NEEDED_BYTES / 2**30:.0f} GB are needed: {disk.what_to_do}"
            )
    local.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    local.build.mkdir(parents=True, exist_ok=True)
    for folder in (local.data, local.build, ROOT / "services" / "web"):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise LocalStartError(f"{folder} may not be written by this user: run as its owner, or clone as yourself")
