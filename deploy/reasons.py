"""What other programs' words about a failure mean, and what to do: the same few things go wrong with all of them."""

import re
from typing import Final

NETWORK: Final = "the first start needs the network, try again when it is there"

_MEANINGS: Final = (
    (r"no space left|enospc|os error 28|errno 28", "the disk is full: free some space, then try again"),
    (
        r"permission denied|read-only file system|eacces|eperm|erofs|os error (13|30)\b|errno (13|30)\b",
        "a folder may not be written: run as the owner of the clone and of the package caches below HOME",
    ),
    (r"ensurepip", "this Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"),
    (
        r"hash mismatch|do not match the hashes|eintegrity",
        "a file is not the pinned one: the download was damaged, or the source changed it; try again",
    ),
    (
        (
            r"no matching distribution|error sending request|failed to (fetch|download)|\bnpm error network\b|enotfound|"
            r"eai_again|econn|etimedout|enetunreach|ehostunreach|dns error|connectionerror|connect(ion)? (error|refused|reset)|"
            r"timed? ?out|unreachable|name resolution"
        ),
        NETWORK,
    ),
)
"""Patterns, the surest first. pip says "no matching distribution" when it reached no index."""
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def advice(words: str) -> str:
    """Return what the words mean and what to do, as a part of a sentence; empty if they are none of the usual ones."""
    return next((means for pattern, means in _MEANINGS if re.search(pattern, words, re.IGNORECASE)), "")


def last_line(words: str) -> str:
    """Return the last line that says something, without colours and full stop; empty if there is none."""
    lines = [line.strip() for line in _ESCAPES.sub("", words).splitlines() if line.strip()]
    return lines[-1][:300].rstrip(".") if lines else ""
