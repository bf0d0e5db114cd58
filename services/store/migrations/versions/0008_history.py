"""Indexes by time: what was then, and what came after, is asked for any moment."""

from alembic import op

revision = "0008"
down_revision = "0007"

BY_TIME = (
    ("weighings", ["tenant_id", "event_time_ms"]),
    ("alert_actions", ["tenant_id", "at_ms"]),
    ("collections_due", ["tenant_id", "at_ms"]),
    ("plans", ["tenant_id", "truck_id", "made_ms"]),
    ("plans", ["tenant_id", "made_ms"]),
    ("alert_revisions", ["tenant_id", "emitted_ms"]),
    ("shifts", ["tenant_id", "start_ms"]),
)


def upgrade() -> None:
    """Apply. Writing to a table waits while its index is made: seconds for a year of a city."""
    for table, columns in BY_TIME:
        op.create_index(_name(table, columns), table, columns)


def downgrade() -> None:
    """Take back."""
    for table, columns in reversed(BY_TIME):
        op.drop_index(_name(table, columns), table)


def _name(table: str, columns: list[str]) -> str:
    return op.f(f"ix_{table}_{'_'.join(columns)}")
