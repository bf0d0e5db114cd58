"""An answer of Kafka's protocol is lost on its way: it has come as far as the proxy, and goes no further."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults import Proxy

PRODUCE, COMMIT = 0, 8


def _request(key: int, correlation_id: int) -> bytes:
    body = struct.pack(">hhih", key, 3, correlation_id, 1) + b"x" + b"?" * 20
    return struct.pack(">i", len(body)) + body


def _answer(correlation_id: int) -> bytes:
    body = struct.pack(">i", correlation_id) + b"!" * 20
    return struct.pack(">i", len(body)) + body


@pytest.fixture
def asked() -> list[tuple[int, int]]:
    """Key and correlation id of each request that the server has answered."""
    return []


@pytest.fixture
def way(asked: list[tuple[int, int]]) -> Iterator[Proxy]:
    """A way to a server that answers each request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with connection:
                while head := connection.recv(4, socket.MSG_WAITALL):
                    body = connection.recv(int.from_bytes(head), socket.MSG_WAITALL)
                    key, _, correlation_id = struct.unpack_from(">hhi", body)
                    asked.append((key, correlation_id))
                    connection.sendall(_answer(correlation_id))

        def accept() -> None:
            for _ in range(2):
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        with Proxy(listener.getsockname()) as made:
            yield made


def test_the_request_is_done_and_nobody_hears_of_it(way: Proxy, asked: list[tuple[int, int]]) -> None:
    """Only the answer to such a request, only on its connection; what came before it has come."""
    with (
        socket.create_connection(("127.0.0.1", way.port)) as client,
        socket.create_connection(("127.0.0.1", way.port)) as other,
    ):
        other.sendall(_request(PRODUCE, 7))
        assert other.recv(100) == _answer(7)
        lost = way.lose_answer(COMMIT)
        client.sendall(_request(PRODUCE, 7) + _request(COMMIT, 8))
        assert client.recv(len(_answer(7)), socket.MSG_WAITALL) == _answer(7)
        assert lost.wait(5)
        assert (COMMIT, 8) in asked
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
        other.sendall(_request(COMMIT, 8))
        assert other.recv(100) == _answer(8)
