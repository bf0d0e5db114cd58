"""``python -m deploy.local measure``: how fast the running system is, as a browser would see it."""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx

from deploy.local import health
from deploy.local.failure import LocalStartError
from deploy.local.settings import Local

_LATE_STREAM_S: Final = 30.0


class Delays:
    """Wall seconds from a report's arrival at the edge until a page has what follows from it."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._seen: set[tuple[str, str]] = set()
        self.by_kind: dict[str, list[float]] = {}

    def take(self, change: dict[str, Any], now_ms: int) -> None:
        """Take one change of the stream; ``now_ms`` is city time when it was received."""
        value = change["value"]
        if change["kind"] == "alert" and self._first("alert", value["alert_id"], value["state"]):
            self._add(f"alert {value['rule']}", now_ms - value["emitted_ms"])
        elif change["kind"] == "truck" and value.get("received_time_ms"):
            self._add("position", now_ms - value["received_time_ms"])

    def _first(self, kind: str, name: str, state: str) -> bool:
        new = state == "raised" and (kind, name) not in self._seen
        self._seen.add((kind, name))
        return new

    def _add(self, kind: str, city_ms: float) -> None:
        self.by_kind.setdefault(kind, []).append(city_ms / 1000 / self._rate)

    def lines(self) -> Iterator[str]:
        """Say count, median, 95th percentile and maximum of each kind."""
        for kind, delays in sorted(self.by_kind.items()):
            yield (
                f"{kind:<24} n {len(delays):>6}   p50 {statistics.median(delays):6.2f} s   "
                f"p95 {_percentile(delays, 0.95):6.2f} s   max {max(delays):6.2f} s"
            )


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def run(local: Local, *, minutes: float) -> None:
    """Watch the live stream for some minutes and print the delays, then the memory of each process.

    Raises
    ------
    LocalStartError
        If nothing runs, or nobody may log in.
    """
    client = _logged_in(local)
    print(f"watching {local.address} for {minutes:g} minutes …")
    delays: Delays | None = None
    until = time.monotonic() + 60 * minutes
    with client.stream("GET", "/api/v1/live", timeout=_LATE_STREAM_S) as stream:
        offset_ms, began = 0.0, time.monotonic()
        for event, data in _events(stream.iter_lines()):
            if event == "snapshot":
                delays = Delays(data["rate"])
                offset_ms, began = data["now_ms"], time.monotonic()
            elif delays is not None:
                now_ms = round(offset_ms + (time.monotonic() - began) * 1000 * data.get("rate", 1.0))
                for change in data["changes"]:
                    delays.take(change, now_ms)
            if time.monotonic() > until:
                break
    print("from a report's arrival at the edge to the page, in wall time:")
    print("\n".join(delays.lines()) if delays else "nothing came")
    health.show(local, as_json=False)


def _logged_in(local: Local) -> httpx.Client:
    try:
        users = json.loads((local.data / "secrets" / "demo-users.json").read_text(encoding="utf-8"))
        dispatcher = next(user for user in users if user["role"] == "dispatcher")
        client = httpx.Client(base_url=local.address, headers={"Origin": local.address})
        client.post(
            "/api/v1/session", json={"login": dispatcher["login"], "password": dispatcher["password"]}
        ).raise_for_status()
    except (OSError, StopIteration, httpx.HTTPError) as error:
        raise LocalStartError(f"cannot look at {local.address} ({error}); is it running? `make run`") from error
    return client


def _events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    event = ""
    for line in lines:
        if line.startswith("event:"):
            event = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield event, json.loads(line.removeprefix("data:"))
