"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

NEVER_DELETED = (
    "alerts",
    "alert_revisions",
    "alert_actions",
    "driver_actions",
    "dispatch_actions",
    "tickets",
    "weighings",
    "dead_letters",
)
NEVER_CHANGED = ("alert_revisions", "alert_actions", "driver_actions", "dispatch_actions", "weighings")
REFUSE = """
CREATE FUNCTION qingyun_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % have states and are never %', TG_TABLE_NAME,
        CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:  # noqa: PLR0915  # one statement a table
    """Apply."""
    op.create_table(
        "alert_actions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "action_id", name=op.f("pk_alert_actions")),
    )
    op.create_index(
        op.f("ix_alert_actions_tenant_id_alert_id_at_ms"),
        "alert_actions",
        ["tenant_id", "alert_id", "at_ms"],
        unique=False,
    )
    op.create_table(
        "alert_revisions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("emitted_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "alert_id", "revision", name=op.f("pk_alert_revisions")),
    )
    op.create_table(
        "alerts",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=True),
        sa.Column("bin_id", sa.Text(), nullable=True),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("emitted_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "alert_id", name=op.f("pk_alerts")),
    )
    op.create_index(
        op.f("ix_alerts_tenant_id_raised_ms_alert_id"), "alerts", ["tenant_id", "raised_ms", "alert_id"], unique=False
    )
    op.create_index(
        op.f("ix_alerts_tenant_id_rule_raised_ms"), "alerts", ["tenant_id", "rule", "raised_ms"], unique=False
    )
    op.create_table(
        "api_keys",
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("driver_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_id"),
    )
    op.create_table(
        "assets",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "id", "version", name=op.f("pk_assets")),
    )
    op.create_table(
        "bin_readings",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("bin_id", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("reading_key", sa.Text(), nullable=False, comment="seq, or empty: what makes a duplicate"),
        sa.Column("fill", sa.Double(), nullable=True),
        sa.Column("battery", sa.Double(), nullable=True),
        sa.Column("invalid", sa.Text(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "bin_id", "event_time_ms", "reading_key", name=op.f("pk_bin_readings")),
    )
    op.create_table(
        "calendars",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("calendar_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "calendar_id", "version", name=op.f("pk_calendars")),
    )
    op.create_table(
        "collections_due",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "place_kind", "place_id", "at_ms", name=op.f("pk_collections_due")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("letter_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "letter_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_tenant_id_at_ms"), "dead_letters", ["tenant_id", "at_ms"], unique=False)
    op.create_table(
        "devices",
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("entity_kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=True),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("protocol", "device_id", name=op.f("pk_devices")),
    )
    op.create_table(
        "dispatch_actions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "action_id", name=op.f("pk_dispatch_actions")),
    )
    op.create_index(
        op.f("ix_dispatch_actions_tenant_id_at_ms"), "dispatch_actions", ["tenant_id", "at_ms"], unique=False
    )
    op.create_table(
        "driver_actions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("action_id", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("driver_id", sa.Text(), nullable=True),
        sa.Column("stop_id", sa.Text(), nullable=True),
        sa.Column("corrects", sa.Text(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "action_id", name=op.f("pk_driver_actions")),
    )
    op.create_index(
        op.f("ix_driver_actions_tenant_id_received_time_ms"),
        "driver_actions",
        ["tenant_id", "received_time_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_driver_actions_tenant_id_truck_id_event_time_ms"),
        "driver_actions",
        ["tenant_id", "truck_id", "event_time_ms"],
        unique=False,
    )
    op.create_table(
        "last_bins",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("bin_id", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "fill", sa.Double(), nullable=True, comment="the last usable fill, which may be older than the record"
        ),
        sa.Column("fill_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "bin_id", name=op.f("pk_last_bins")),
    )
    op.create_table(
        "last_due",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "place_kind", "place_id", name=op.f("pk_last_due")),
    )
    op.create_table(
        "last_plans",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("plan_version", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "truck_id", name=op.f("pk_last_plans")),
    )
    op.create_table(
        "last_positions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("rank_ms", sa.BigInteger(), nullable=False, comment="what newer means: services.store.ranking"),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True, comment="the last good place, which may be older than the record"),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "truck_id", name=op.f("pk_last_positions")),
    )
    op.create_table(
        "last_runs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "material", name=op.f("pk_last_runs")),
    )
    op.create_table(
        "orders",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "order_id", "version", name=op.f("pk_orders")),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "permits",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("permit_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("valid_to_ms", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "permit_id", "version", name=op.f("pk_permits")),
    )
    op.create_table(
        "planning_runs",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "run_id", name=op.f("pk_planning_runs")),
    )
    op.create_index(
        op.f("ix_planning_runs_tenant_id_material_made_ms"),
        "planning_runs",
        ["tenant_id", "material", "made_ms"],
        unique=False,
    )
    op.create_table(
        "plans",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("plan_version", sa.BigInteger(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "truck_id", "plan_version", name=op.f("pk_plans")),
    )
    op.create_table(
        "positions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "fix_key",
            sa.Text(),
            nullable=False,
            comment="terminal and seq, or terminal and place: what makes a duplicate",
        ),
        sa.Column("received_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("terminal_id", sa.Text(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("resent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("fix", sa.Boolean(), nullable=False),
        sa.Column("mocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.Column("odometer_m", sa.Double(), nullable=True),
        sa.Column("cover", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("load_state", sa.Text(), nullable=False),
        sa.Column("load_kg", sa.Double(), nullable=True),
        sa.Column("sensor_health", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("maintenance", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ignition", sa.Boolean(), nullable=True),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("alarms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("driver_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "truck_id", "event_time_ms", "fix_key", name=op.f("pk_positions")),
        postgresql_partition_by="RANGE (event_time_ms)",
    )
    op.create_table(
        "raw_frames",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("received_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "device_id", "received_time_ms", "partition", "offset", name=op.f("pk_raw_frames")
        ),
        postgresql_partition_by="RANGE (received_time_ms)",
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "shifts",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("driver_id", sa.Text(), nullable=True),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "shift_id", "version", name=op.f("pk_shifts")),
    )
    op.create_index(
        op.f("ix_shifts_tenant_id_truck_id_start_ms"), "shifts", ["tenant_id", "truck_id", "start_ms"], unique=False
    )
    op.create_table(
        "sink_offsets",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False, comment="offset of the first record not yet in the tables"),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_sink_offsets")),
    )
    op.create_table(
        "terminals",
        sa.Column("phone", sa.Text(), nullable=False, comment="as in the frame header, without leading zeros"),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("plate", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("auth_hash", sa.Text(), nullable=True),
        sa.Column("reopened", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("phone", name=op.f("pk_terminals")),
    )
    op.create_table(
        "tickets",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("facility_id", sa.Text(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "ticket_id", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_tenant_id_truck_id"), "tickets", ["tenant_id", "truck_id"], unique=False)
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("driver_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("disabled_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_users")),
        sa.UniqueConstraint("login"),
    )
    op.create_table(
        "visits",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("visit_id", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_id", sa.Text(), nullable=False),
        sa.Column("arrive_ms", sa.BigInteger(), nullable=False),
        sa.Column("leave_ms", sa.BigInteger(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "visit_id", name=op.f("pk_visits")),
    )
    op.create_index(
        op.f("ix_visits_tenant_id_place_id_arrive_ms"), "visits", ["tenant_id", "place_id", "arrive_ms"], unique=False
    )
    op.create_index(
        op.f("ix_visits_tenant_id_truck_id_arrive_ms"), "visits", ["tenant_id", "truck_id", "arrive_ms"], unique=False
    )
    op.create_table(
        "weighings",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("weighing_id", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("net_kg", sa.Double(), nullable=True),
        sa.Column("material", sa.Text(), nullable=True),
        sa.Column("inbound", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("accepted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "weighing_id", name=op.f("pk_weighings")),
    )
    op.create_index(
        op.f("ix_weighings_tenant_id_facility_id_event_time_ms"),
        "weighings",
        ["tenant_id", "facility_id", "event_time_ms"],
        unique=False,
    )
    op.create_index(
        op.f("ix_weighings_tenant_id_truck_id_event_time_ms"),
        "weighings",
        ["tenant_id", "truck_id", "event_time_ms"],
        unique=False,
    )
    op.create_table(
        "zones",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("zone_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "zone_id", "version", name=op.f("pk_zones")),
    )

    for name in ("positions", "raw_frames"):
        op.execute(f"CREATE TABLE {name}_other PARTITION OF {name} DEFAULT")
    op.execute(REFUSE)
    for name in NEVER_DELETED:
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON {name} EXECUTE FUNCTION qingyun_refuse()"
        )
    for name in NEVER_CHANGED:
        op.execute(
            f"CREATE TRIGGER never_changed BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION qingyun_refuse()"
        )


def downgrade() -> None:  # noqa: PLR0915  # one statement a table
    """Take back.

    Raises
    ------
    RuntimeError
        If there is anything that is never deleted.
    """
    for name in NEVER_DELETED:
        if op.get_bind().execute(sa.text(f"SELECT EXISTS (SELECT FROM {name})")).scalar_one():  # noqa: S608  # ours
            raise RuntimeError(f"rows of {name} are never deleted: the tables stay; begin with another database")
    op.drop_table("zones")
    op.drop_index(op.f("ix_weighings_tenant_id_truck_id_event_time_ms"), table_name="weighings")
    op.drop_index(op.f("ix_weighings_tenant_id_facility_id_event_time_ms"), table_name="weighings")
    op.drop_table("weighings")
    op.drop_index(op.f("ix_visits_tenant_id_truck_id_arrive_ms"), table_name="visits")
    op.drop_index(op.f("ix_visits_tenant_id_place_id_arrive_ms"), table_name="visits")
    op.drop_table("visits")
    op.drop_table("users")
    op.drop_index(op.f("ix_tickets_tenant_id_truck_id"), table_name="tickets")
    op.drop_table("tickets")
    op.drop_table("terminals")
    op.drop_table("sink_offsets")
    op.drop_index(op.f("ix_shifts_tenant_id_truck_id_start_ms"), table_name="shifts")
    op.drop_table("shifts")
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("raw_frames")
    op.drop_table("positions")
    op.drop_table("plans")
    op.drop_index(op.f("ix_planning_runs_tenant_id_material_made_ms"), table_name="planning_runs")
    op.drop_table("planning_runs")
    op.drop_table("permits")
    op.drop_table("outbox")
    op.drop_table("orders")
    op.drop_table("last_runs")
    op.drop_table("last_positions")
    op.drop_table("last_plans")
    op.drop_table("last_due")
    op.drop_table("last_bins")
    op.drop_index(op.f("ix_driver_actions_tenant_id_truck_id_event_time_ms"), table_name="driver_actions")
    op.drop_index(op.f("ix_driver_actions_tenant_id_received_time_ms"), table_name="driver_actions")
    op.drop_table("driver_actions")
    op.drop_index(op.f("ix_dispatch_actions_tenant_id_at_ms"), table_name="dispatch_actions")
    op.drop_table("dispatch_actions")
    op.drop_table("devices")
    op.drop_index(op.f("ix_dead_letters_tenant_id_at_ms"), table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_table("collections_due")
    op.drop_table("calendars")
    op.drop_table("bin_readings")
    op.drop_table("assets")
    op.drop_table("api_keys")
    op.drop_index(op.f("ix_alerts_tenant_id_rule_raised_ms"), table_name="alerts")
    op.drop_index(op.f("ix_alerts_tenant_id_raised_ms_alert_id"), table_name="alerts")
    op.drop_table("alerts")
    op.drop_table("alert_revisions")
    op.drop_index(op.f("ix_alert_actions_tenant_id_alert_id_at_ms"), table_name="alert_actions")
    op.drop_table("alert_actions")
    op.execute("DROP FUNCTION qingyun_refuse()")
