"""Stamps: a file that says what something was made from, so that it is made again only when that has changed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(files: Iterable[Path], *, below: Path) -> str:
    """Return a text that changes when a file's name (relative to ``below``) or content does."""
    found = hashlib.sha256()
    for path in files:
        found.update(f"{path.relative_to(below)}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def says(stamp: Path, wanted: str) -> bool:
    """True when the stamp is there and says so."""
    try:
        return stamp.read_text(encoding="utf-8") == wanted
    except FileNotFoundError:
        return False


def files_below(folder: Path, *, without: frozenset[str] = frozenset()) -> list[Path]:
    """Return all files below a folder in a fixed order; ``without``: names of folders and files at its top to leave out."""
    tops = [top for top in sorted(folder.iterdir()) if top.name not in without]
    return [path for top in tops for path in (sorted(top.rglob("*")) if top.is_dir() else [top]) if path.is_file()]
