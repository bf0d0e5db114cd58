"""The catalogue of topics: name, key, record, partitions, retention, who writes it. `TOPICS` is the whole list.

Topics that are joined by truck or by place have `JOINED_PARTITIONS` partitions, so 1, 2, 3, 4, 6 or 12 workers share
them evenly; changing that number re-keys all state. What exists (assets, zones, …) is small, compacted and read whole
by everyone, from one partition.
"""

from functools import cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from streams import events
from streams.units import DAY_MS

JOINED_PARTITIONS: Final = 12
KEEP_FOREVER: Final = -1


class Topic(Struct, frozen=True, kw_only=True):
    """One topic. ``record`` None = opaque bytes. ``retention_ms`` -1 = for ever."""

    name: str
    key: str
    record: type[events.Event] | None
    written_by: str
    partitions: int = JOINED_PARTITIONS
    compacted: bool = False
    retention_ms: int = 7 * DAY_MS
    schema_of: str = ""
    """Name of the topic whose records these are; empty = this one's."""

    @property
    def schema(self) -> str:
        """Value of the header ``schema``: the name in the singular and its version."""
        return f"{_singular(self.schema_of or self.name)}/1"


@cache
def _singular(name: str) -> str:
    irregular = {"collections-due": "collection-due"}
    return irregular.get(name, name.removesuffix("s"))


def _measured(name: str, key: str, record: type[events.Event] | None, written_by: str, days: int = 7) -> Topic:
    return Topic(name=name, key=key, record=record, written_by=written_by, retention_ms=days * DAY_MS)


def _existing(name: str, key: str, record: type[events.Event]) -> Topic:
    return Topic(
        name=name,
        key=key,
        record=record,
        written_by="gateway, city load",
        partitions=1,
        compacted=True,
        retention_ms=KEEP_FOREVER,
    )


def _concluded(name: str, key: str, record: type[events.Event], written_by: str, days: int) -> Topic:
    return Topic(name=name, key=key, record=record, written_by=written_by, retention_ms=days * DAY_MS)


TRUCK_STATES: Final = _measured("truck-states", "truck_id", events.TruckState, "ingest")
BIN_READINGS: Final = _measured("bin-readings", "bin_id", events.BinReading, "ingest", days=30)
WEIGHINGS: Final = _measured("weighings", "truck_id", events.Weighing, "ingest", days=90)
DRIVER_ACTIONS: Final = _measured("driver-actions", "truck_id", events.DriverAction, "gateway", days=90)
ALERT_ACTIONS: Final = _measured("alert-actions", "alert_id", events.AlertAction, "gateway", days=90)
DISPATCH_ACTIONS: Final = _measured("dispatch-actions", "subject_id", events.DispatchAction, "gateway", days=90)
RAW_FRAMES: Final = _measured("raw-frames", "terminal_id or device id", None, "ingest", days=30)
TICKS: Final = _measured("ticks", "partition", events.Tick, "metronome", days=1)

ASSETS: Final = _existing("assets", "kind:id@version", events.Asset)
ZONES: Final = _existing("zones", "zone_id@version", events.Zone)
PERMITS: Final = _existing("permits", "permit_id@version", events.Permit)
ORDERS: Final = _existing("orders", "order_id@version", events.Order)
SHIFTS: Final = _existing("shifts", "shift_id@version", events.Shift)
CALENDARS: Final = _existing("calendars", "calendar_id@version", events.Calendar)

PLANS: Final = _concluded("plans", "truck_id", events.TruckPlan, "planner", 30)
PLANNING_RUNS: Final = _concluded("planning-runs", "material", events.PlanningRun, "planner", 30)
COLLECTIONS_DUE: Final = _concluded("collections-due", "place_id", events.CollectionDue, "worker", 30)
VISITS: Final = _concluded("visits", "truck_id", events.Visit, "worker", 90)
TICKETS: Final = _concluded("tickets", "ticket_id", events.Ticket, "worker", 90)
ALERTS: Final = _concluded("alerts", "alert_id", events.Alert, "worker", 90)
DUMPS: Final = _concluded("dumps", "cell", events.DumpSeen, "worker", 7)
"""Not recorded: each is of an alert that is."""
DEAD_LETTERS: Final = _measured("dead-letters", "as it came", None, "everyone", days=90)

REFERENCE: Final = (ASSETS, ZONES, PERMITS, CALENDARS, SHIFTS, ORDERS)
"""What exists; read whole before the first measurement is judged. The order settles ties of merge time."""

TOPICS: Final = (
    TRUCK_STATES,
    BIN_READINGS,
    WEIGHINGS,
    DRIVER_ACTIONS,
    ALERT_ACTIONS,
    DISPATCH_ACTIONS,
    RAW_FRAMES,
    TICKS,
    *REFERENCE,
    PLANS,
    PLANNING_RUNS,
    COLLECTIONS_DUE,
    VISITS,
    TICKETS,
    ALERTS,
    DUMPS,
    DEAD_LETTERS,
)
BY_NAME: Final = {topic.name: topic for topic in TOPICS}


def of_trial(topic: Topic, name: str) -> Topic:
    """Return the topic on which a trial says what it would have said on this one (`streams.worker.role`)."""
    return replace(
        topic,
        name=f"trial-{name}-{topic.name}",
        schema_of=topic.name,
        written_by="worker of a trial",
        retention_ms=30 * DAY_MS,
    )
