"""TCP ports on loopback: is one free, find a free one."""

import socket
from typing import Final

HOST: Final = "127.0.0.1"


def is_free(port: int, host: str = HOST) -> bool:
    """True when a server could listen there now (connections that are still closing do not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return False
        return True


def answers(port: int, host: str = HOST) -> bool:
    """True when somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def free() -> int:
    """Return a port nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.bind((HOST, 0))
        return int(trial.getsockname()[1])


def two_free() -> int:
    """Return a port that is free together with the next one."""
    while True:
        first = free()
        if first < 65535 and is_free(first + 1):
            return first
