"""``make status``: what is alive, how far behind each consumer is, and why something is not healthy."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from typing import Final

import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from deploy.local import leftovers, once, programs
from deploy.local.settings import Local
from deploy.local.supervised import ProcessState
from services import metrics
from services.clock import wall_now_ms

STUCK_S: Final = 60.0
"""A process that has work and made no progress for this long is not healthy (wall time)."""

Samples = dict[str, list[tuple[dict[str, str], float]]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """How one process is. ``behind``: records it has not yet taken into account, by topic; ``memory_mb`` in MiB."""

    name: str
    state: str
    since_s: float | None = None
    restarts: int = 0
    memory_mb: float = 0.0
    behind: dict[str, int] = field(default_factory=dict)
    progress_age_s: float | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Health:
    """How the whole system is."""

    parts: tuple[Part, ...]
    address: str
    runs: bool

    @property
    def is_healthy(self) -> bool:
        """True when everything runs and nothing has a reason against it."""
        return self.runs and not any(part.why for part in self.parts)

    @property
    def sentence(self) -> str:
        """The one line to read."""
        if not self.runs:
            return "Nothing runs; `make run` starts it."
        sick = [f"{part.name}: {', '.join(part.why)}" for part in self.parts if part.why]
        if sick:
            return f"Not healthy. {'; '.join(sick)}."
        memory_gb = sum(part.memory_mb for part in self.parts) / 1024
        behind = sum(sum(part.behind.values()) for part in self.parts)
        lag = f"{behind} records are under way" if behind else "nobody is behind"
        return f"Healthy; {len(self.parts)} processes run in {memory_gb:.1f} GB, {lag}: {self.address}"


def show(local: Local, *, as_json: bool) -> int:
    """Print the health of the system; return the exit code: 0 healthy, 1 not."""
    health = examine(local)
    if as_json:
        document = {"healthy": health.is_healthy, "sentence": health.sentence, "address": health.address}
        print(json.dumps({**document, "parts": [asdict(part) for part in health.parts]}, ensure_ascii=False))
    else:
        console = Console(highlight=False, soft_wrap=True)
        if health.parts:
            console.print(_table(health.parts))
        console.print(health.sentence)
    return 0 if health.is_healthy else 1


def examine(local: Local) -> Health:
    """Ask the supervisor, the operating system and each process. Blocks for up to a second a silent process."""
    states = local.supervisor.states()
    if states is None:
        runs = once.holder(local.run / "lock") is not None
        starting = Part(name="supervisor", state="starting", why=("everything is still being prepared or ended",))
        return Health(parts=(starting,) if runs else (), address=local.address, runs=runs)
    records = leftovers.recorded(local.supervisor.records)
    ports = programs.metrics_ports(local)
    parts = [_examine_one(state, records.get(name), ports.get(name, 0), local) for name, state in states.items()]
    if supervisor := records.get("supervisor"):
        parts.append(Part(name="supervisor", state="running", memory_mb=_memory_mb(supervisor.pid, alone=True)))
    return Health(parts=tuple(sorted(parts, key=lambda part: part.name)), address=local.address, runs=True)


def judge(samples: Samples, *, now_s: float) -> tuple[dict[str, int], float | None, list[str]]:
    """Read what a process says of itself: records behind by topic, seconds since its last progress, reasons against it."""
    behind = {
        labels.get("topic", "?"): round(value)
        for labels, value in samples.get("qingyun_consumer_lag_records", [])
        if value > 0
    }
    progress = [value for _, value in samples.get("qingyun_last_progress_timestamp_seconds", []) if value > 0]
    age_s = round(now_s - max(progress), 1) if progress else None
    why = [labels.get("reason", "?") for labels, value in samples.get("qingyun_unhealthy", []) if value]
    if age_s is None:  # then it has not said how far behind it is either, and silence is not "nothing to do"
        why.append("has not finished its first round of work yet")
    elif age_s > STUCK_S and behind:
        why.append(f"no progress for {age_s:.0f} s with {sum(behind.values())} records to do")
    return behind, age_s, why


def _examine_one(state: ProcessState, record: leftovers.Record | None, port: int, local: Local) -> Part:
    restarts = max(0, record.starts - 1) if record else 0
    log = f"see {local.logs / state.name}.log"
    if not state.is_running:
        return Part(name=state.name, state=state.state.lower(), restarts=restarts, why=(f"{state.remark}, {log}",))
    behind, age_s, why = _self_report(port, local.services.reachable_host, log)
    return Part(
        name=state.name,
        state=state.state.lower(),
        since_s=round(wall_now_ms() / 1000 - state.since_s, 1),
        restarts=restarts,
        memory_mb=_memory_mb(state.pid),
        behind=behind,
        progress_age_s=age_s,
        why=tuple(why),
    )


def _self_report(port: int, host: str, log: str) -> tuple[dict[str, int], float | None, list[str]]:
    if not port:
        return {}, None, []
    try:
        return judge(metrics.scrape(port, host), now_s=wall_now_ms() / 1000)
    except (OSError, HTTPException):
        return {}, None, [f"does not answer on its metrics port {port} of {host}, {log}"]


def _memory_mb(pid: int, *, alone: bool = False) -> float:
    """Memory of a process and its children, pages they share counted once (proportional set size), in MiB."""
    try:
        process = psutil.Process(pid)
        family = [process] if alone else [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return round(sum(_own_memory(member) for member in family) / 2**20, 1)


def _own_memory(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _table(parts: Iterable[Part]) -> Table:
    table = Table("process", "state", "since", "restarts", "memory", "behind", box=None, header_style="dim")
    table.add_column("why", overflow="fold")
    for part in parts:
        table.add_row(
            f"[red]×[/] {part.name}" if part.why else f"[green]√[/] {part.name}",
            part.state,
            _span(part.since_s),
            str(part.restarts or ""),
            f"{part.memory_mb:.0f} MB" if part.memory_mb else "",
            ", ".join(f"{topic} {count}" for topic, count in sorted(part.behind.items())),
            ", ".join(part.why),
        )
    return table


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
