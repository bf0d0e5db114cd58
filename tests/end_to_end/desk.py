"""The town as tests see and touch it: the live stream followed as a page does; what people and devices send."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import httpx

from services.city import folder
from services.simulator.doors import chirpstack_event, osmand_form
from services.simulator.state import Uplink
from streams.units import MINUTE_MS
from tests.browser import ROOT

if TYPE_CHECKING:
    from tests.end_to_end.conftest import System

Json = dict[str, Any]

SILENCE_S: Final = 30.0
"""The stream's heartbeat comes every 15 s."""
MOVED_MS: Final = 15 * MINUTE_MS
"""Times that move by more than this are a change."""
SEARCH_MS: Final = 2 * MINUTE_MS
"""City time that passes at most from the moment a plan is made for until it is sent."""
_LISTS: Final = {
    "trucks": ("truck", "truck_id"),
    "bins": ("bin", "bin_id"),
    "facilities": ("facility", "id"),
    "sources": ("source", "id"),
    "plans": ("plan", "truck_id"),
    "alerts": ("alert", "alert_id"),
    "runs": ("run", "material"),
    "due": ("due", "place_id"),
    "actions": ("action", "action_id"),
}
"""Lists of the snapshot: the kind of their things, and the member that is its id."""


class Live:
    """The live stream, followed in a thread: everything as it is now, and every plan that came since."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._things: dict[str, dict[str, Json]] = {kind: {} for kind, _ in _LISTS.values()}
        self._plans: list[Json] = []
        self._clock = (0, 0.0, 1.0)
        self._closing = False
        self._filled = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live", daemon=True)
        self._thread.start()
        assert self._filled.wait(SILENCE_S), "no snapshot came"

    def close(self) -> None:
        """Leave the stream: something comes several times a second."""
        self._closing = True
        self._thread.join(SILENCE_S)

    @property
    def now_ms(self) -> int:
        """City time."""
        at_ms, heard_s, rate = self._clock
        return at_ms + round((time.monotonic() - heard_s) * 1000 * rate)

    def all(self, kind: str) -> list[Json]:
        """Return the things of a kind."""
        return list(self.by_id(kind).values())

    def by_id(self, kind: str) -> dict[str, Json]:
        """Return the things of a kind, by their id."""
        assert self._thread.is_alive(), "the live stream has ended"
        with self._lock:
            return dict(self._things[kind])

    def plans_so_far(self) -> list[Json]:
        """Return every plan that came, in order: one a truck at first, then each new version."""
        with self._lock:
            return list(self._plans)

    def _follow(self) -> None:
        with self._client.stream("GET", "/api/v1/live", timeout=SILENCE_S) as stream:
            for event, data in _events(stream.iter_lines()):
                if self._closing:
                    return
                with self._lock:
                    self._take(event, data)
                self._filled.set()

    def _take(self, event: str, data: Json) -> None:
        self._clock = (data["now_ms"], time.monotonic(), data["rate"])
        if event == "snapshot":
            for name, (kind, member) in _LISTS.items():
                self._things[kind] = {thing[member]: thing for thing in data[name]}
            self._plans = list(data["plans"])
            return
        for change in data["changes"]:
            things, value = self._things.get(change["kind"]), change["value"]
            if things is None:
                continue
            if value is None:
                things.pop(change["id"], None)
                continue
            things[change["id"]] = value
            if change["kind"] == "plan":
                self._plans.append(value)


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    event = ""
    for line in lines:
        if line.startswith("event:"):
            event = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield event, json.loads(line.removeprefix("data:"))


class Desk:
    """A dispatcher at the API; and, with the secrets of the local start, the drivers' phones and the city's devices."""

    def __init__(self, system: "System") -> None:
        self.system = system
        self.client = system.client("dispatcher")
        self.live = Live(self.client)
        self.city = folder.read(ROOT / "deploy" / "cities" / "porto")
        self._rows = {row.bin_id: row for row in self.city.bins}

    def close(self) -> None:
        """Leave."""
        self.live.close()
        self.client.close()

    @property
    def now_ms(self) -> int:
        """City time."""
        return self.live.now_ms

    def plans(self) -> dict[str, Json]:
        """Return each truck's newest plan."""
        return self.live.by_id("plan")

    def put(self, path: str, body: Json) -> None:
        """Send a command; fail with the gateway's own words."""
        answer = self.client.put(path, json=body)
        assert answer.is_success, answer.text

    def overrule(self, subject_id: str, kind: str, **more: Any) -> None:
        """Lock, unlock, exclude or include a place."""
        self.put(f"/api/v1/dispatch-actions/{uuid.uuid4()}", {"subject_id": subject_id, "kind": kind, **more})

    # ----------------------------------------------------------------------------------------- drivers and devices

    def report(self, truck_id: str, **report: Any) -> str:
        """Send a report of that truck's driver; return its id."""
        action_id = str(uuid.uuid4())
        answer = httpx.put(
            f"{self.system.address}/api/v1/driver-actions/{action_id}",
            headers=self._bearer("driver_keys", truck_id),
            json={"event_time_ms": self.now_ms, **report},
        )
        assert answer.is_success, answer.text
        return action_id

    def uplink(self, bin_id: str, fill: float) -> None:
        """Let a bin's sensor measure the distance that stands for this fill, and ChirpStack hand it on."""
        row, source = self._rows[bin_id], self.city.header.chirpstack_source
        distance_mm = round((row.depth_mm - row.dead_zone_mm) * (1.0 - fill))
        said = Uplink(
            bin_id=bin_id, time_ms=self.now_ms, counter=60_000, distance_mm=distance_mm, temperature_c=14.0, battery=80
        )
        self._post(f"/chirpstack/{source}?event=up", ("chirpstack", source), json=chirpstack_event(row, said))

    def ticket(self, facility_id: str, truck_id: str, net_kg: float) -> None:
        """Let a facility's weighbridge send a ticket."""
        tare_kg = 14_000.0
        ticket = {
            "weighing_id": str(uuid.uuid4()),
            "facility_id": facility_id,
            "truck_id": truck_id,
            "event_time_ms": self.now_ms,
            "gross_kg": tare_kg + net_kg,
            "tare_kg": tare_kg,
            "material": "residual",
        }
        self._post(f"/weighbridge/{facility_id}/tickets", ("weighbridge", facility_id), json=ticket)

    def fix(self, phone: str, lon: float, lat: float) -> None:
        """Let a driver's phone say where it is."""
        self._post("/osmand/", ("osmand", phone), params=osmand_form(phone, self.now_ms, lon, lat))

    def _post(self, path: str, device: tuple[str, str], **content: Any) -> None:
        answer = httpx.post(self.system.ingest + path, headers=self._bearer(*device), timeout=10, **content)
        assert answer.status_code == 200, answer.text

    def _bearer(self, kind: str, name: str) -> dict[str, str]:
        secrets = json.loads((self.system.data / "secrets" / "devices.json").read_text())
        return {"Authorization": f"Bearer {secrets[kind][name]}"}

    def acknowledge(self, rule: str, truck_id: str) -> None:
        """Take up an open call of a truck, if there is one: the desk shows it until somebody does."""
        for alert in self.live.all("alert"):
            if alert["rule"] == rule and alert.get("truck_id") == truck_id and alert.get("acked_by") is None:
                said = {"alert_id": alert["alert_id"], "kind": "ack", "alert_revision": alert["revision"]}
                with suppress(AssertionError):  # somebody else was quicker
                    self.put(f"/api/v1/alert-actions/{uuid.uuid4()}", said)

    # ----------------------------------------------------------------------------------------- what plans say

    def left(self, plan: Json) -> list[Json]:
        """Return the visits of a plan that nobody has reported as done, without begin and end."""
        done = self._done_by(self.now_ms)
        tipped = [
            action["facility_id"]
            for action in self.live.all("action")
            if action["kind"] == "tipped"
            and action["truck_id"] == plan["truck_id"]
            and action["event_time_ms"] > plan["made_ms"]
        ]
        left = []
        for visit in plan.get("visits", ()):
            if visit.get("facility_id") in tipped:
                tipped.remove(visit["facility_id"])
            elif visit.get("kind", "collect") in ("collect", "tip", "break") and visit.get("stop_id") not in done:
                left.append(visit)
        return left

    def _done_by(self, at_ms: int) -> set[str]:
        return {
            action["stop_id"]
            for action in self.live.all("action")
            if action["kind"] == "collected" and action.get("stop_id") and action["event_time_ms"] <= at_ms
        }

    def _over(self, before: Json, plan: Json) -> Iterator[tuple[str, str | None]]:
        """Yield the tips and breaks the driver reported from the one plan to the other, the search for it included."""
        breaks = (visit["break_id"] for visit in before.get("visits", ()) if visit.get("kind") == "break")
        for action in self.live.all("action"):
            in_time = before["made_ms"] < action["event_time_ms"] <= plan["made_ms"] + SEARCH_MS
            if action["truck_id"] == plan["truck_id"] and in_time:
                if action["kind"] == "tipped":
                    yield ("tip", action.get("facility_id"))
                elif action["kind"] == "break_start":
                    yield ("break", next(breaks, None))

    def changes(self, since: int) -> Iterator[tuple[Json, Json]]:
        """Yield each plan that came after the first ``since`` ones, behind the version it replaces ({} = none)."""
        newest: dict[str, Json] = {}
        for number, plan in enumerate(self.live.plans_so_far()):
            before = newest.get(plan["truck_id"], {})
            if number >= since and plan["plan_version"] != before.get("plan_version"):
                yield before, plan
            newest[plan["truck_id"]] = plan

    def differs(self, before: Json, plan: Json) -> bool:
        """Whether a plan asks something else than what was left of the one before, or much earlier or later."""
        done = self._done_by(plan["made_ms"])
        old = [one for one in _sequence(before) if one[1] not in done]
        for over in self._over(before, plan):
            if over in old:
                old.remove(over)
        if old != _sequence(plan):
            return True
        times, now = _times(before), _times(plan)
        return any(abs(now[name] - times[name]) > MOVED_MS for name in now)


def collections(plan: Json) -> list[Json]:
    """Return the visits of a plan at which something is collected."""
    return [visit for visit in plan.get("visits", ()) if visit.get("kind", "collect") == "collect"]


def _sequence(plan: Json) -> list[tuple[str, str | None]]:
    return [
        (visit.get("kind", "collect"), visit.get("stop_id") or visit.get("facility_id") or visit.get("break_id"))
        for visit in plan.get("visits", ())
        if visit.get("kind", "collect") not in ("start", "end")
    ]


def _times(plan: Json) -> dict[str, int]:
    return {
        visit.get("stop_id") or visit["break_id"]: visit["arrive_ms"]
        for visit in plan.get("visits", ())
        if visit.get("kind", "collect") in ("collect", "break")
    }
