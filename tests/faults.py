"""Faults made on purpose: a way to a server that can be held, slowed and cut at a byte; servers that can be crashed.

Threads and sockets only, no other program: a test arms a fault, waits for the event that says it happened, and heals.
"""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.program import ROOT, Program
from deploy.local.tether import signal_number

Address = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""


class Direction(Enum):
    """Which way bytes go."""

    UP = "from the client to the server"
    DOWN = "from the server to the client"


class Proxy:
    """A TCP way to ``upstream``, on a port of its own on loopback, that fails when told to.

    A client must be given `port`; one that is told another address by its server (Kafka's ``advertised.listeners``)
    must be told this one. Use as a context manager.
    """

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ways = {direction: _Way() for direction in Direction}
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # wakes the thread that waits in accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal()
        self.cut()

    def hold(self, direction: Direction) -> None:
        """Let nothing more through one way, on connections there are and those that come: a black hole, not an end."""
        way = self._ways[direction]
        way.held = True
        way.open.clear()

    def slow(self, direction: Direction, delay_s: float, piece_bytes: int = 65_536) -> None:
        """Pass at most ``piece_bytes`` at once, each piece after ``delay_s``."""
        way = self._ways[direction]
        way.delay_s, way.piece_bytes = delay_s, piece_bytes

    def heal(self) -> None:
        """Pass everything at once again; what was held goes on where it stood. Traps that did not spring are gone."""
        for way in self._ways.values():
            way.delay_s, way.piece_bytes, way.held = 0.0, 65_536, False
            way.traps.clear()
            way.open.set()

    def connected(self) -> int:
        """Return how many connections there are."""
        with self._lock:
            return sum(link.lives for link in self._links)

    def cut(self) -> None:
        """End every connection there is; new ones are taken."""
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            link.end()

    def trap(
        self, direction: Direction, mark: "bytes | int | Place", act: Callable[[], None], *, let_pass: bool = True
    ) -> threading.Event:
        """Call ``act`` once, exactly when ``mark`` comes by: these bytes, or the so-manieth byte from now on.

        Or what a function finds: it is given a connection and a piece, and says how many bytes of it still go on.

        The mark itself has gone on before that if ``let_pass``, and the other side's answer to it has not come through;
        what follows the mark has not gone on. The event is set afterwards.
        """
        trap = _Trap(mark=mark, act=act, let_pass=let_pass)
        self._ways[direction].traps.append(trap)
        return trap.sprung

    def lose_answer(self, asks: int) -> threading.Event:
        """Lose Kafka's answer to the next request with API key ``asks``: it came as far as here, so it was done.

        The connection ends before the answer's first byte goes on; others are left alone. The event is set afterwards.
        """
        asked: list[tuple[_Link, bytes]] = []
        lost = threading.Event()

        def request(link: _Link, data: bytes) -> int | None:
            for at in _frames(data):
                if int.from_bytes(data[at + 4 : at + 6]) == asks:
                    asked.append((link, data[at + 8 : at + 12]))
                    return at
            return None

        def answer(link: _Link, data: bytes) -> int | None:
            return next((at for at in _frames(data) if (link, data[at + 4 : at + 8]) in asked), None)

        def lose() -> None:
            asked[0][0].end()
            lost.set()

        def wait_for_answer() -> None:
            self.trap(Direction.DOWN, answer, lose)

        self.trap(Direction.UP, request, wait_for_answer)
        return lost

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                link = _Link(client, _connected(self._upstream))
            except OSError:  # the server is away: so are we
                client.close()
                continue
            with self._lock:
                self._links.add(link)
            for direction, other in ((Direction.UP, Direction.DOWN), (Direction.DOWN, Direction.UP)):
                pump = (direction, self._ways[direction], self._ways[other])
                threading.Thread(target=link.pump, args=pump, daemon=True).start()


@dataclass(eq=False)
class _Trap:
    """Springs once. Remembers the end of what went by on each link: a mark may come in two pieces."""

    mark: "bytes | int | Place"
    act: Callable[[], None]
    let_pass: bool
    sprung: threading.Event = field(default_factory=threading.Event)
    _tails: dict["_Link", bytes] = field(default_factory=dict)
    _passed: int = 0

    def find(self, link: "_Link", data: bytes) -> int | None:
        """Return how many bytes of ``data`` go on before it springs, or None if the mark is not in them."""
        if isinstance(self.mark, int):
            before, self._passed = self._passed, self._passed + len(data)
            return self.mark - before if self._passed >= self.mark else None
        if not isinstance(self.mark, bytes):
            return self.mark(link, data)
        tail = self._tails.get(link, b"")
        at = (tail + data).find(self.mark)
        self._tails[link] = (tail + data)[-len(self.mark) + 1 :] if len(self.mark) > 1 else b""
        if at < 0:
            return None
        return max(0, at - len(tail) + (len(self.mark) if self.let_pass else 0))


@dataclass(eq=False)
class _Way:
    """What happens to bytes that go one way."""

    open: threading.Event = field(default_factory=threading.Event)
    held: bool = False
    delay_s: float = 0.0
    piece_bytes: int = 65_536
    traps: list[_Trap] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open.set()

    def disarm(self, trap: _Trap) -> bool:
        """Take a trap away; False if it is gone: it springs on one connection only."""
        try:
            self.traps.remove(trap)
        except ValueError:
            return False
        return True


class _Link:
    """One client's connection and ours to the server for it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self._over: set[Direction] = set()

    @property
    def lives(self) -> bool:
        """Whether bytes may still go either way."""
        return len(self._over) < len(Direction)

    def pump(self, direction: Direction, way: _Way, back: _Way) -> None:
        """Carry bytes one way until either side ends."""
        source, sink = (self._client, self._server) if direction is Direction.UP else (self._server, self._client)
        try:
            while data := source.recv(way.piece_bytes):
                if way.delay_s:
                    time.sleep(way.delay_s)
                self._carry(data, sink, way, back)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.end()
        finally:
            self._over.add(direction)

    def _carry(self, data: bytes, sink: socket.socket, way: _Way, back: _Way) -> None:
        for trap in list(way.traps):
            at = trap.find(self, data)
            if at is None or not way.disarm(trap):
                continue
            way.open.wait()
            back.open.clear()
            try:
                sink.sendall(data[:at])
                data = data[at:]
                trap.act()
            finally:
                if not back.held:
                    back.open.set()
                trap.sprung.set()
        way.open.wait()
        sink.sendall(data)

    def end(self) -> None:
        """Reset the client's connection. The server may read what has come to it, then finds the end."""
        with contextlib.suppress(OSError):
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


Place = Callable[[_Link, bytes], int | None]
"""Finds a mark in a piece of what a connection carries."""


def _frames(data: bytes) -> Iterator[int]:
    """Yield where the frames of Kafka's protocol begin in a piece that begins with one: each has its length before it.

    Clients and broker write a frame at once, so a piece begins with one, but for the rest of one longer than a piece.
    """
    at = 0
    while at + 8 <= len(data):
        yield at
        at += 4 + int.from_bytes(data[at : at + 4])


def _connected(upstream: Address) -> socket.socket:
    if isinstance(upstream, str):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(upstream)
        except OSError:
            server.close()
            raise
        return server
    return socket.create_connection(upstream)


class _Served:
    """A server's process, and its log in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still meanwhile, and every process of it."""
        with paused(self._process) if self._process is not None else contextlib.nullcontext():
            yield

    def lives(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def _begin(self, program: Program) -> None:
        with (self._folder / f"{program.name}.log").open("ab") as log:
            command = program.tethered(self._folder / "specs")
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(30)


class Broker(_Served):
    """A Kafka of a test's own, in ``folder``, that can be killed and started again. Its jars must be there."""

    def __init__(self, folder: Path, server: Kafka) -> None:
        super().__init__(folder)
        self._server = server

    @property
    def bootstrap(self) -> str:
        """What clients connect to who take no other way."""
        return self._server.bootstrap

    def begin(self) -> None:
        """Start; returns before it answers."""
        self._server.prepare()
        self._begin(self._server.program())

    def wait_until_ready(self) -> None:
        """Block until it answers; raises `TimeoutError` after a minute."""
        self._server.wait_until_ready()

    def kill(self) -> None:
        """End at once, as ``kill -9`` does; nothing to do if it has ended."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            for one in _tree(process):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait(30)

    def stop(self) -> None:
        """End in order; nothing to do if it does not run."""
        self._end(signal_number(self._server.program().stop_signal))


class Database(_Served):
    """A PostgreSQL of a test's own, in ``folder``, that can be crashed and started again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = Postgres(data=folder / "postgres", specs=folder / "specs")
        self._server.prepare()

    @property
    def url(self) -> str:
        """What clients connect to."""
        return self._server.url

    def start(self) -> None:
        """Start, repairing what a crash left, and wait until it takes connections."""
        self._server.prepare()
        self._begin(self._program())
        self._server.wait_until_ready()

    def crash(self) -> None:
        """End at once without writing anything down: what ``pg_ctl stop -m immediate`` sends (it refuses root)."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """End in order; nothing to do if it does not run."""
        self._end(signal_number(self._program().stop_signal))

    def _program(self) -> Program:
        program = self._server.program()
        return replace(program, argv=(*program.argv, "-c", "fsync=off"))


class Disk:
    """A small disk of its own under a folder that is there already; it can be full. Only root on Linux can have one.

    A file system in memory: full means that its size is set to what is in use. Use as a context manager, round the life
    of the server whose folder it is; what is in the folder moves there, and back at the end.
    """

    ROOM: Final = "2g"
    """More than a run writes; memory is used only as it is written."""
    TRIES: Final = 20
    """What is written between looking and setting the size makes one try to fill it fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def impossible() -> str:
        """Return why this machine lets us have none; empty = it does."""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "only root on Linux may mount a small disk"
        with tempfile.TemporaryDirectory() as trial:
            refused = _run("mount", "-t", "tmpfs", "-o", "size=64k", "qingyun-trial", trial)
            if not refused:
                _run("umount", trial)
        return f"a small disk cannot be mounted: {refused}" if refused else ""

    def __enter__(self) -> Self:
        beside = self._folder.with_name(self._folder.name + ".moved")
        self._folder.rename(beside)
        self._folder.mkdir()
        self._must("mount", "-t", "tmpfs", "-o", f"size={self.ROOM}", "qingyun-small", str(self._folder))
        self._must("cp", "-a", f"{beside}/.", str(self._folder))
        shutil.rmtree(beside)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        beside = self._folder.with_name(self._folder.name + ".kept")
        beside.mkdir()
        self._must("cp", "-a", f"{self._folder}/.", str(beside))
        self._must("umount", str(self._folder))
        self._folder.rmdir()
        beside.rename(self._folder)

    def fill(self) -> None:
        """Leave no room for another byte: what grows must fail from now on."""
        for _ in range(self.TRIES):
            used = os.statvfs(self._folder)
            blocks = used.f_blocks - used.f_bfree
            if not _run("mount", "-o", f"remount,size={blocks * used.f_frsize}", str(self._folder)):
                return
        raise RuntimeError("the disk grows faster than it can be filled")

    def heal(self) -> None:
        """Give room again."""
        self._must("mount", "-o", f"remount,size={self.ROOM}", str(self._folder))

    @staticmethod
    def _must(*argv: str) -> None:
        if refused := _run(*argv):
            raise RuntimeError(f"{' '.join(argv)}: {refused}")


def _run(*argv: str) -> str:
    """Run a program of the system; return why it failed, empty if it did not."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


@contextlib.contextmanager
def paused(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Stop a process and its children where they are, and let them go on afterwards."""
    stopped = _tree(process)
    try:
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
        yield
    finally:
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()


def _tree(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    whole = psutil.Process(process.pid)
    return [whole, *whole.children(recursive=True)]


@contextlib.contextmanager
def running_database(folder: Path) -> Iterator[Database]:
    """Give a database that runs; end it afterwards."""
    database = Database(folder)
    database.start()
    try:
        yield database
    finally:
        database.stop()
