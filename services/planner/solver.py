"""The optimiser in a process of its own, so that the planner goes on listening while it searches.

Problems and answers go through pipes as the contract's JSON, each behind its length. The child ends when its pipe does:
a planner that is killed leaves nothing behind. Every plan is judged by `optimizer.check` before it is handed back.
"""

import os
import struct
import subprocess
import sys
import threading
from concurrent.futures import Future
from typing import IO, Any, Final

import msgspec

from optimizer.plan import Plan

_LENGTH: Final = struct.Struct(">Q")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A problem (contract: ``qingyun.problem/1``), how long to search, wall seconds, and with what."""

    problem: msgspec.Raw
    seconds: float
    seed: int
    engine: str = "auto"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, unless there is none; ``broken`` are the rules it breaks, or why there is none. Then it must not be sent."""

    plan: Plan | None = None
    broken: list[str] = []


class SolverEnded(RuntimeError):  # noqa: N818  # what happened
    """The child is gone; the planner cannot work without it and ends too."""


class Solver:
    """One child that solves one problem at a time. `close` ends it."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "services.planner.solver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._waiting: Future[Answer] | None = None
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="solver answers", daemon=True)
        self._reader.start()

    def ask(self, problem: dict[str, Any], *, seconds: float, seed: int, engine: str = "auto") -> "Future[Answer]":
        """Hand in a problem; one at a time. The future fails with `SolverEnded` if the child dies."""
        raw = msgspec.Raw(msgspec.json.encode(problem))
        request = Request(problem=raw, seconds=seconds, seed=seed, engine=engine)
        future: Future[Answer] = Future()
        with self._lock:
            if self._waiting is not None:
                raise RuntimeError("the solver is at work on another problem")
            self._waiting = future
        try:
            _write(_pipe(self._child.stdin), msgspec.json.encode(request))
        except OSError:
            self._fail()
        return future

    def close(self, timeout_s: float = 5.0) -> None:
        """End the child; a search that goes on is given up."""
        _pipe(self._child.stdin).close()
        self._child.terminate()
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._reader.join(timeout_s)
        _pipe(self._child.stdout).close()

    def _read(self) -> None:
        while (data := _read(_pipe(self._child.stdout))) is not None:
            answer = msgspec.json.decode(data, type=Answer)
            with self._lock:
                future, self._waiting = self._waiting, None
            if future is not None:
                future.set_result(answer)
        self._fail()

    def _fail(self) -> None:
        with self._lock:
            future, self._waiting = self._waiting, None
        if future is not None:
            future.set_exception(SolverEnded(f"the solver process ended (exit code {self._child.poll()})"))


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("the solver has no pipe")
    return pipe


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes | None:
    """Return the next message; None at the end."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    return data if len(data) == length else None


def answer(request: Request) -> Answer:
    """Solve and judge. Bad input and a search without any lawful plan are answers too: nothing is sent, all is shown."""
    from optimizer import problem as problems  # noqa: PLC0415  # the parent never loads the engines
    from optimizer.check import check  # noqa: PLC0415
    from optimizer.solve import UnlawfulPlanError, solve  # noqa: PLC0415

    try:
        problem = problems.parse(bytes(request.problem))
        plan = solve(problem, seconds=request.seconds, seed=request.seed, engine=request.engine)
    except (problems.ProblemError, UnlawfulPlanError) as error:
        return Answer(broken=[str(error)])
    return Answer(plan=plan, broken=check(problem, plan).broken)


def main() -> None:
    """Answer until standard input ends."""
    # Whatever a library prints must not get between the answers.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (data := _read(sys.stdin.buffer)) is not None:
        _write(out, msgspec.json.encode(answer(msgspec.json.decode(data, type=Request))))


if __name__ == "__main__":
    main()
