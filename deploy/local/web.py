"""The pages are built with the Node of a Python wheel, and again only when their sources or packages changed."""

import os
import sys
from pathlib import Path
from typing import Final

from deploy.local import stamps
from deploy.local.commands import Commands
from deploy.local.program import ROOT

WEB: Final = ROOT / "services" / "web"
PAGES: Final = WEB / "dist"
_NOT_SOURCES: Final = frozenset({"node_modules", "dist", "tests"})
_ENVIRONMENT: Final = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "1"}
"""npm's own programs find Node in the virtual environment."""


def build(commands: Commands, build_folder: Path) -> None:
    """Install the packages of the lock and build the pages, each only if needed. Blocks for up to a minute.

    Raises
    ------
    LocalStartError
        If npm fails: no network, or sources that do not build.
    """
    install(commands, build_folder)
    wanted = stamps.fingerprint(stamps.files_below(WEB, without=_NOT_SOURCES), below=WEB)
    stamp = build_folder / "web" / "pages.stamp"
    if PAGES.is_dir() and stamps.says(stamp, wanted):
        return
    stamp.unlink(missing_ok=True)
    _npm(commands, "run", "build", what="building the pages", advice=f"the whole story is in {commands.log}")
    stamp.write_text(wanted, encoding="utf-8")


def install(commands: Commands, build_folder: Path) -> None:
    """Install the packages of `package-lock.json`, if they are not the installed ones."""
    stamp = build_folder / "web" / "packages.stamp"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    wanted = stamps.fingerprint([WEB / "package-lock.json"], below=WEB)
    if (WEB / "node_modules").is_dir() and stamps.says(stamp, wanted):
        return
    stamp.unlink(missing_ok=True)
    advice = "the first start needs the network, try again when it is there"
    _npm(commands, "ci", "--no-audit", "--no-fund", what="installing the pages' packages", advice=advice)
    stamp.write_text(wanted, encoding="utf-8")


def is_installed(build_folder: Path) -> bool:
    """True when nothing needs to be downloaded to build the pages."""
    wanted = stamps.fingerprint([WEB / "package-lock.json"], below=WEB)
    return (WEB / "node_modules").is_dir() and stamps.says(build_folder / "web" / "packages.stamp", wanted)


def _npm(commands: Commands, *arguments: str, what: str, advice: str) -> None:
    npm = Path(sys.executable).with_name("npm")
    commands.run([str(npm), *arguments], what=what, environment=_ENVIRONMENT, folder=WEB, advice=advice)
