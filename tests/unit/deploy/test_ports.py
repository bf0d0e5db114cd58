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
