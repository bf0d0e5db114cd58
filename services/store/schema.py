"""Every table, as SQLAlchemy Core. The migrations make exactly this; a test compares the two.

Conventions
-----------
- Times are UTC milliseconds (``_ms``, BIGINT) of city time, but for sessions, keys and the outbox, which are wall time.
- Every table of the city's data carries ``tenant_id`` and ``district_id`` (null = no one district). ``sink_offsets``,
  ``sink_topics`` and ``evidence_offsets`` have neither: one record's offset belongs to all tenants.
- ``record`` is the contract's record as it stood on Kafka; the columns beside it are what is searched by.
- ``last_*`` holds the newest record of each thing; the table without that prefix holds all of them.
- Alerts, actions and what was said about them have states and are never deleted (`NEVER_DELETED`).
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

metadata: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _maybe_text(name: str) -> Column[str]:
    return Column(name, Text)


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _maybe_ms(name: str) -> Column[int]:
    return Column(name, BigInteger)


def _number(name: str) -> Column[float]:
    return Column(name, Double)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _record() -> Column[object]:
    return Column("record", JSONB, nullable=False)


def _table(name: str, *items: SchemaItem, key: tuple[str, ...], by: str | None = None) -> Table:
    """Return a table of the city's data; ``key`` follows ``tenant_id`` in its primary key; ``by`` partitions it."""
    options: dict[str, Any] = {"postgresql_partition_by": f"RANGE ({by})"} if by else {}
    return Table(
        name,
        metadata,
        Column("tenant_id", Text, nullable=False),
        Column("district_id", Text),
        *items,
        PrimaryKeyConstraint("tenant_id", *key),
        **options,
    )


# --------------------------------------------------------------------------------------------- measurements

positions: Final = _table(
    "positions",
    _text("truck_id"),
    _ms("event_time_ms"),
    Column("fix_key", Text, nullable=False, comment="terminal and seq, or terminal and place: what makes a duplicate"),
    _maybe_ms("received_time_ms"),
    _maybe_text("terminal_id"),
    Column("seq", Integer),
    _maybe_text("source"),
    _flag("resent"),
    _number("lon"),
    _number("lat"),
    _number("accuracy_m"),
    Column("fix", Boolean, nullable=False),
    _flag("mocked"),
    _number("speed_mps"),
    _number("heading_deg"),
    _number("odometer_m"),
    _text("cover"),
    _text("bed"),
    _text("load_state"),
    _number("load_kg"),
    Column("sensor_health", JSONB, nullable=False),
    _flag("maintenance"),
    Column("ignition", Boolean),
    _text("power"),
    Column("alarms", JSONB, nullable=False),
    _maybe_text("driver_id"),
    Column("rest", JSONB, comment="members of the record that have no column here; null = none"),
    Column("arrival", BigInteger, comment="offset on its topic: the order of a moment; null = older than this column"),
    Index(None, "received_time_ms", postgresql_using="brin"),
    key=("truck_id", "event_time_ms", "fix_key"),
    by="event_time_ms",
)
"""One row a fix; one partition a day of event time. The key is also the index a track is read by."""

thinned_positions: Final = _table(
    "thinned_positions",
    _text("truck_id"),
    _ms("event_time_ms"),
    _number("lon"),
    _number("lat"),
    _number("speed_mps"),
    _number("odometer_m"),
    _number("load_kg"),
    _text("cover"),
    _text("bed"),
    key=("truck_id", "event_time_ms"),
    by="event_time_ms",
)
"""Of days whose fixes are gone: the first good fix of each minute, without driver and terminal."""

last_positions: Final = _table(
    "last_positions",
    _text("truck_id"),
    _ms("event_time_ms"),
    Column("rank_ms", BigInteger, nullable=False, comment="what newer means: services.newest"),
    _maybe_text("source"),
    Column("lon", Double, comment="the last good place, which may be older than the record"),
    _number("lat"),
    _record(),
    key=("truck_id",),
)

bin_readings: Final = _table(
    "bin_readings",
    _text("bin_id"),
    _ms("event_time_ms"),
    _maybe_ms("received_time_ms"),
    Column("reading_key", Text, nullable=False, comment="seq, or empty: what makes a duplicate"),
    _number("fill"),
    _number("battery"),
    _maybe_text("invalid"),
    _record(),
    Index(None, "received_time_ms", postgresql_using="brin"),
    key=("bin_id", "event_time_ms", "reading_key"),
)
last_bins: Final = _table(
    "last_bins",
    _text("bin_id"),
    _ms("event_time_ms"),
    Column("fill", Double, comment="the last usable fill, which may be older than the record"),
    _maybe_ms("fill_time_ms"),
    Column("rank_ms", BigInteger, nullable=False, comment="what newer means: services.newest"),
    _record(),
    key=("bin_id",),
)

weighings: Final = _table(
    "weighings",
    _text("weighing_id"),
    _text("facility_id"),
    _text("truck_id"),
    _ms("event_time_ms"),
    _number("net_kg"),
    _maybe_text("material"),
    _flag("inbound"),
    _flag("accepted"),
    _record(),
    Index(None, "tenant_id", "facility_id", "event_time_ms"),
    Index(None, "tenant_id", "truck_id", "event_time_ms"),
    Index(None, "tenant_id", "event_time_ms"),
    key=("weighing_id",),
)

raw_frames: Final = _table(
    "raw_frames",
    _text("device_id"),
    _ms("received_time_ms"),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    _maybe_text("protocol"),
    _maybe_text("session"),
    Column("bytes", LargeBinary, nullable=False),
    key=("device_id", "received_time_ms", "partition", "offset"),
    by="received_time_ms",
)
"""The bytes as they came; one partition a day of arrival."""

# --------------------------------------------------------------------------------------------- what people did

driver_actions: Final = _table(
    "driver_actions",
    _text("action_id"),
    _text("truck_id"),
    _text("kind"),
    _ms("event_time_ms"),
    _maybe_ms("received_time_ms"),
    _maybe_text("driver_id"),
    _maybe_text("stop_id"),
    _maybe_text("corrects"),
    _record(),
    Index(None, "tenant_id", "truck_id", "event_time_ms"),
    Index(None, "tenant_id", "received_time_ms"),
    Index(None, "tenant_id", "event_time_ms"),
    key=("action_id",),
)
photos: Final = _table(
    "photos",
    _text("photo_id"),
    _text("truck_id"),
    _maybe_text("driver_id"),
    Column("taken_ms", BigInteger, nullable=False, comment="when, as the phone said, corrected"),
    _ms("received_ms"),
    Column("clock_ahead_ms", BigInteger, comment="what was corrected; null = nothing"),
    _maybe_text("stop_id"),
    _maybe_text("order_id"),
    _maybe_text("facility_id"),
    _maybe_ms("plan_version"),
    _number("lon"),
    _number("lat"),
    _number("accuracy_m"),
    _text("media_type"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", Text, nullable=False, comment="of the bytes, made where they came in"),
    Column("bytes", LargeBinary, nullable=False),
    Index(None, "tenant_id", "truck_id", "taken_ms"),
    key=("photo_id",),
)
alert_actions: Final = _table(
    "alert_actions",
    _text("action_id"),
    _text("alert_id"),
    _text("kind"),
    _text("actor"),
    _ms("at_ms"),
    _record(),
    Index(None, "tenant_id", "alert_id", "at_ms"),
    Index(None, "tenant_id", "at_ms"),
    key=("action_id",),
)
alert_action_batches: Final = _table(
    "alert_action_batches",
    _text("batch_id"),
    _text("actor"),
    _text("kind"),
    _ms("at_ms"),
    Column("undoes_batch", Text, comment="the batch that this one takes back"),
    Column("asked_sha256", Text, nullable=False, comment="of what was asked: the same again is the same"),
    Column("done", Integer, nullable=False, comment="how many alerts it was said of"),
    Column("answer", JSONB, nullable=False, comment="what of it was done and what refused, as the asker was told"),
    Index(None, "tenant_id", "at_ms"),
    Index(None, "tenant_id", "undoes_batch", postgresql_where=text("undoes_batch IS NOT NULL")),
    key=("batch_id",),
)
"""What was said of many alerts at once; of each alert alone it is in ``alert_actions``."""
dispatch_actions: Final = _table(
    "dispatch_actions",
    _text("action_id"),
    _text("subject_id"),
    _text("kind"),
    _text("actor"),
    _ms("at_ms"),
    _record(),
    Index(None, "tenant_id", "at_ms"),
    Index(None, "tenant_id", "subject_id", "at_ms"),
    key=("action_id",),
)

# --------------------------------------------------------------------------------------------- what we conclude

collections_due: Final = _table(
    "collections_due",
    _text("place_kind"),
    _text("place_id"),
    _ms("at_ms"),
    _flag("due"),
    _text("material"),
    _record(),
    Index(None, "tenant_id", "at_ms"),
    key=("place_kind", "place_id", "at_ms"),
)
last_due: Final = _table(
    "last_due",
    _text("place_kind"),
    _text("place_id"),
    _ms("at_ms"),
    _flag("due"),
    _text("material"),
    _record(),
    key=("place_kind", "place_id"),
)
plans: Final = _table(
    "plans",
    _text("truck_id"),
    Column("plan_version", BigInteger, nullable=False),
    _ms("made_ms"),
    _text("reason"),
    _maybe_text("material"),
    _maybe_text("run_id"),
    _record(),
    Index(None, "made_ms", postgresql_using="brin"),
    Index(None, "tenant_id", "truck_id", "made_ms"),
    Index(None, "tenant_id", "made_ms"),
    key=("truck_id", "plan_version"),
)
last_plans: Final = _table(
    "last_plans",
    _text("truck_id"),
    Column("plan_version", BigInteger, nullable=False),
    _ms("made_ms"),
    _record(),
    key=("truck_id",),
)
planning_runs: Final = _table(
    "planning_runs",
    _text("run_id"),
    _text("material"),
    _ms("made_ms"),
    _text("reason"),
    _record(),
    Index(None, "tenant_id", "material", "made_ms"),
    key=("run_id",),
)
last_runs: Final = _table("last_runs", _text("material"), _ms("made_ms"), _text("run_id"), _record(), key=("material",))
visits: Final = _table(
    "visits",
    _text("visit_id"),
    _text("truck_id"),
    _text("place_kind"),
    _text("place_id"),
    _ms("arrive_ms"),
    _maybe_ms("leave_ms"),
    _record(),
    Index(None, "tenant_id", "truck_id", "arrive_ms"),
    Index(None, "tenant_id", "place_id", "arrive_ms"),
    key=("visit_id",),
)
tickets: Final = _table(
    "tickets",
    _text("ticket_id"),
    Column("revision", Integer, nullable=False),
    _text("state"),
    _text("truck_id"),
    _maybe_text("source_id"),
    _maybe_text("facility_id"),
    _record(),
    Index(None, "tenant_id", "truck_id"),
    key=("ticket_id",),
)
alerts: Final = _table(
    "alerts",
    _text("alert_id"),
    Column("revision", Integer, nullable=False),
    _text("rule"),
    _text("state"),
    _text("severity"),
    _maybe_text("truck_id"),
    _maybe_text("bin_id"),
    _ms("raised_ms"),
    _ms("emitted_ms"),
    _record(),
    Index(None, "tenant_id", "raised_ms", "alert_id"),
    Index(None, "tenant_id", "rule", "raised_ms"),
    key=("alert_id",),
)
"""The newest revision of each alert."""
alert_revisions: Final = _table(
    "alert_revisions",
    _text("alert_id"),
    Column("revision", Integer, nullable=False),
    _text("state"),
    _ms("emitted_ms"),
    _record(),
    Index(None, "tenant_id", "emitted_ms"),
    key=("alert_id", "revision"),
)
dead_letters: Final = _table(
    "dead_letters",
    _text("letter_id"),
    _text("topic"),
    Column("partition", Integer),
    Column("offset", BigInteger),
    _text("stage"),
    _text("reason"),
    Column("key", LargeBinary),
    Column("value", LargeBinary, nullable=False),
    Column("headers", JSONB, comment="name to base64; null = written before they were kept"),
    _ms("at_ms"),
    Index(None, "tenant_id", "at_ms"),
    key=("letter_id",),
)
"""``at_ms`` is the broker's time of the record that was set aside: wall time."""
dead_letter_replays: Final = _table(
    "dead_letter_replays",
    Column("origin", Text, nullable=False, comment="the record that was set aside: services.store.letters"),
    _text("letter_id"),
    Column("attempt", Integer, nullable=False),
    _ms("begun_ms"),
    _maybe_ms("confirmed_ms"),
    key=("origin",),
)
"""Records sent to their topic again, once each. Not confirmed = whether the broker has it is not known. Wall time."""
dead_letter_drops: Final = _table(
    "dead_letter_drops",
    Column("origin", Text, nullable=False, comment="the record that was set aside: services.store.letters"),
    _text("letter_id"),
    _text("reason"),
    _text("actor"),
    _ms("at_ms"),
    key=("origin",),
)
"""Records of which somebody decided that they are never sent again, who and why; the letters stay. Wall time."""

# --------------------------------------------------------------------------------------------- what can be proven

evidence: Final = _table(
    "evidence",
    _text("evidence_id"),
    Column("version", Integer, nullable=False, comment="1 and up; the next is added when something came later"),
    Column("number", BigInteger, nullable=False, comment="place in the tenant's chain: 1 and up, without a hole"),
    _text("alert_id"),
    Column("alert_revision", Integer, nullable=False),
    _ms("made_ms"),
    Column("complete", Boolean, nullable=False),
    Column("previous_sha256", Text, nullable=False, comment="of the entry before in the chain; empty for the first"),
    Column("sha256", Text, nullable=False, comment="of the document's bytes"),
    Column("document", LargeBinary, nullable=False, comment="canonical JSON with its seal: services.seal"),
    Index(None, "tenant_id", "number", unique=True),
    Index(None, "tenant_id", "alert_id"),
    key=("evidence_id", "version"),
)
evidence_frames: Final = _table(
    "evidence_frames",
    _text("sha256"),
    Column("bytes", LargeBinary, nullable=False),
    key=("sha256",),
)
"""Bytes as they came that documents name by their hash: they outlive `raw_frames`."""
evidence_wanted: Final = _table(
    "evidence_wanted",
    _text("evidence_id"),
    _text("alert_id"),
    Column("alert_revision", Integer, nullable=False),
    Column("due_ms", BigInteger, comment="when to look (again); null = no more, unless another revision comes"),
    _record(),
    Index(None, "due_ms", postgresql_where=text("due_ms IS NOT NULL")),
    key=("evidence_id",),
)
"""The newest revision of each alert, until its evidence is made, and as long as something may come late."""
evidence_offsets: Final = Table(
    "evidence_offsets",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next", BigInteger, nullable=False, comment="offset of the first record not yet in evidence_wanted"),
    PrimaryKeyConstraint("topic", "partition"),
)

# --------------------------------------------------------------------------------------------- what citizens report

citizen_reports: Final = _table(
    "citizen_reports",
    _text("report_id"),
    Column("number_hash", Text, nullable=False, comment="SHA-256 of the number it is followed by, which nobody keeps"),
    _text("kind"),
    _maybe_text("place"),
    _number("lon"),
    _number("lat"),
    _maybe_text("note"),
    _text("language"),
    _ms("at_ms"),
    Column("due_ms", BigInteger, nullable=False, comment="by when somebody should have looked at it"),
    Index(None, "tenant_id", "number_hash", unique=True),
    Index(None, "tenant_id", "at_ms", "report_id"),
    key=("report_id",),
)
"""As it was sent; what became of it is in `citizen_report_steps`. Who sent it is not known."""
citizen_report_steps: Final = _table(
    "citizen_report_steps",
    _text("step_id"),
    _text("report_id"),
    Column("number", Integer, nullable=False, comment="1 and up: two people cannot make the same step"),
    _text("state"),
    _text("actor"),
    _maybe_text("reason"),
    _ms("at_ms"),
    Column("due_ms", BigInteger, comment="by when the next step should be there; null = none is to follow"),
    Index(None, "tenant_id", "report_id", "number", unique=True),
    key=("step_id",),
)
citizen_photos: Final = _table(
    "citizen_photos",
    _text("report_id"),
    _text("sha256"),
    _text("media_type"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column(
        "bytes", LargeBinary, nullable=False, comment="as they came; what is served is without the camera's own words"
    ),
    key=("report_id",),
)
"""Faces may be on it: a photo alone may be deleted, never changed."""

# --------------------------------------------------------------------------------------------- what exists


def _versioned(name: str, *items: SchemaItem, key: tuple[str, ...]) -> Table:
    return _table(
        name,
        *items,
        Column("version", Integer, nullable=False),
        _ms("valid_from_ms"),
        _flag("retired"),
        _record(),
        key=(*key, "version"),
    )


assets: Final = _versioned(
    "assets", _text("kind"), _text("id"), _maybe_text("name"), _number("lon"), _number("lat"), key=("kind", "id")
)
zones: Final = _versioned("zones", _text("zone_id"), _text("kind"), _maybe_text("name"), key=("zone_id",))
permits: Final = _versioned(
    "permits", _text("permit_id"), _maybe_text("source_id"), _maybe_ms("valid_to_ms"), key=("permit_id",)
)
orders: Final = _versioned(
    "orders",
    _text("order_id"),
    _text("source_id"),
    _text("material"),
    _text("state"),
    _maybe_ms("due_ms"),
    key=("order_id",),
)
shifts: Final = _versioned(
    "shifts",
    _text("shift_id"),
    _text("truck_id"),
    _maybe_text("driver_id"),
    _ms("start_ms"),
    _ms("end_ms"),
    Index(None, "tenant_id", "truck_id", "start_ms"),
    Index(None, "tenant_id", "start_ms"),
    key=("shift_id",),
)
calendars: Final = _versioned("calendars", _text("calendar_id"), key=("calendar_id",))

# --------------------------------------------------------------------------------------------- between Kafka and here

sink_offsets: Final = Table(
    "sink_offsets",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next", BigInteger, nullable=False, comment="offset of the first record not yet in the tables"),
    PrimaryKeyConstraint("topic", "partition"),
)
sink_topics: Final = Table(
    "sink_topics",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("topic_id", Text, nullable=False, comment="what the broker calls this topic: another one has another id"),
)
outbox: Final = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("district_id", Text),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""People's commands on their way to Kafka; a row goes when the broker has confirmed it. Wall time."""
planner_questions: Final = _table(
    "planner_questions",
    _text("question_id"),
    Column("asked_ms", BigInteger, nullable=False, comment="wall time"),
    Column("question", JSONB, nullable=False),
    Column("answer", JSONB, comment="null = not yet"),
    key=("question_id",),
)
"""What pages ask the planner: `services.store.mailbox`. Empty but for questions of the moment."""

# --------------------------------------------------------------------------------------------- who may speak

terminals: Final = Table(
    "terminals",
    metadata,
    Column("phone", Text, primary_key=True, comment="as in the frame header, without leading zeros"),
    Column("tenant_id", Text, nullable=False),
    Column("district_id", Text),
    Column("truck_id", Text, nullable=False),
    Column("terminal_id", Text, nullable=False),
    Column("plate", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("auth_hash", Text),
    _flag("reopened"),
)
devices: Final = Table(
    "devices",
    metadata,
    Column("protocol", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("district_id", Text),
    Column("entity_kind", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("secret_hash", Text),
    Column("profile", JSONB, nullable=False),
    PrimaryKeyConstraint("protocol", "device_id"),
)
users: Final = Table(
    "users",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("district_id", Text),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("driver_id", Text),
    Column("truck_id", Text),
    Column("password_hash", Text, nullable=False),
    Column("disabled_ms", BigInteger),
)
sessions: Final = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("district_id", Text),
    Column("user_id", Text, nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)
api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("key_hash", Text, primary_key=True),
    Column("key_id", Text, nullable=False, unique=True),
    Column("tenant_id", Text, nullable=False),
    Column("district_id", Text),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("driver_id", Text),
    Column("truck_id", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)

THINNED: Final = "thinned_positions"
PARTITIONED: Final = {
    "positions": "event_time_ms",
    "raw_frames": "received_time_ms",
    THINNED: "event_time_ms",
}
"""Tables with one partition a day, and the column that says which."""

NEVER_DELETED: Final = (
    "alerts",
    "alert_revisions",
    "alert_actions",
    "alert_action_batches",
    "driver_actions",
    "dispatch_actions",
    "tickets",
    "weighings",
    "dead_letters",
    "dead_letter_drops",
    "evidence",
    "evidence_frames",
    "photos",
    "citizen_reports",
    "citizen_report_steps",
)
"""Rows of these cannot be deleted, whoever asks: a trigger of the first migration refuses."""

NEVER_CHANGED: Final = (
    "alert_revisions",
    "alert_actions",
    "alert_action_batches",
    "driver_actions",
    "dispatch_actions",
    "weighings",
    "evidence",
    "evidence_frames",
    "photos",
    "citizen_reports",
    "citizen_report_steps",
    "citizen_photos",
)
"""Rows of these cannot be updated either: a correction is a new row."""
