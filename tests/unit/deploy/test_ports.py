"""TCP ports on loopback."""

import socket
from pathlib import Path

from deploy.local import ports


def test_no_outgoing_connection_takes_a_port_that_was_found_free() -> None:
    """It is below the range the kernel gives connections from, and somebody can listen there."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(50):
        port = ports.free()
        assert port < first
        with socket.create_server((ports.HOST, port)):
            assert not ports.is_free(port)


def test_a_port_that_somebody_is_going_to_take_is_not_free() -> None:
    """Nobody listens there yet: only who asked for it knows."""
    lowest, beyond = ports.QUIET
    left = {lowest + 7, lowest + 8, lowest + 9}
    taken = set(range(lowest, beyond)) - left
    assert ports.free(taken) in left
    assert ports.two_free(taken) in {lowest + 7, lowest + 8}
