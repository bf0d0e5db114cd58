"""TCP ports on loopback: is one free, find a free one."""

import errno
import random
import socket
from collections.abc import Collection
from typing import Final

import psutil  # type: ignore[import-untyped]

HOST: Final = "127.0.0.1"
QUIET: Final = (20_000, 32_000)
"""Below what Linux (32768) and others (49152) give to outgoing connections."""


def is_free(port: int, host: str = HOST) -> bool:
    """True when a server could listen there now (connections that are still closing do not count)."""
    return _refusal(port, host) is None


def why_not(port: int, host: str = HOST) -> str:
    """Say why no server could listen there now, as in "port 80 …"; empty if one could."""
    error = _refusal(port, host)
    if error is None:
        return ""
    if error.errno == errno.EADDRINUSE:
        return f"is in use by {_listener(port) or 'another program'}"
    if error.errno == errno.EACCES:
        return "may be opened by root only"
    return f"cannot be opened at {host} ({error.strerror or error})"


def _refusal(port: int, host: str) -> OSError | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            return error
        return None


def _listener(port: int) -> str:
    """Return name and number of the process that listens there, if we may know."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def answers(port: int, host: str = HOST) -> bool:
    """True when somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def free(taken: Collection[int] = ()) -> int:
    """Return a port nobody listens on now, and no outgoing connection is going to take before somebody does.

    ``taken``: those that somebody is going to listen on.
    A port asked of the kernel (port 0) is one of those that it gives to the next connection of any program.
    """
    while True:
        port = random.randrange(*QUIET)  # noqa: S311  # no secret: others who look for one at this moment find another
        if port not in taken and is_free(port):
            return port


def two_free(taken: Collection[int] = ()) -> int:
    """Return a port that is free together with the next one."""
    while True:
        first = free(taken)
        if first + 1 not in taken and is_free(first + 1):
            return first
