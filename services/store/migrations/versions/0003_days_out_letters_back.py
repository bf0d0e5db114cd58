"""What a day is exported from, and which dead letters were sent again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0001"

BY_ARRIVAL = (("positions", "received_time_ms"), ("bin_readings", "received_time_ms"), ("plans", "made_ms"))


def upgrade() -> None:
    """Apply. Only bin readings are written again, once: their time of arrival becomes a column."""
    op.add_column(
        "positions",
        sa.Column(
            "rest",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="members of the record that have no column here; null = none",
        ),
    )
    op.add_column("bin_readings", sa.Column("received_time_ms", sa.BigInteger(), nullable=True))
    op.execute(  # a time of arrival of thirty digits is none, and must not end this
        "UPDATE bin_readings SET received_time_ms = CASE WHEN record->>'received_time_ms' ~ '^[0-9]{1,18}$' "
        "THEN (record->>'received_time_ms')::bigint END"
    )
    for table, column in BY_ARRIVAL:  # rows lie in order of arrival, so a few pages of index are enough
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False, postgresql_using="brin")
    op.add_column(
        "dead_letters",
        sa.Column(
            "headers",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="name to base64; null = written before they were kept",
        ),
    )
    op.create_table(
        "dead_letter_replays",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False, comment="the record that was set aside: services.store.letters"),
        sa.Column("letter_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("begun_ms", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "origin", name=op.f("pk_dead_letter_replays")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("dead_letter_replays")
    op.drop_column("dead_letters", "headers")
    for table, column in reversed(BY_ARRIVAL):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    op.drop_column("bin_readings", "received_time_ms")
    op.drop_column("positions", "rest")
