"""Positions that are thinned when they are old, and which topic the offsets belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

UPDATED_OFTEN = ("last_positions", "last_bins")


def upgrade() -> None:
    """Apply. Nothing that is there is written again, whatever its size."""
    op.create_table(
        "thinned_positions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("event_time_ms", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("odometer_m", sa.Double(), nullable=True),
        sa.Column("load_kg", sa.Double(), nullable=True),
        sa.Column("cover", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "truck_id", "event_time_ms", name=op.f("pk_thinned_positions")),
        postgresql_partition_by="RANGE (event_time_ms)",
    )
    op.create_table(
        "sink_topics",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column(
            "topic_id",
            sa.Text(),
            nullable=False,
            comment="what the broker calls this topic: another one has another id",
        ),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_sink_topics")),
    )
    for name in UPDATED_OFTEN:  # room on each page for the next version of its rows: no index has to follow
        op.execute(f"ALTER TABLE {name} SET (fillfactor = 50)")


def downgrade() -> None:
    """Take back; only the thinned positions are lost.

    Raises
    ------
    RuntimeError
        If there are any: they are all that is left of their days.
    """
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM thinned_positions)")).scalar_one():
        raise RuntimeError(
            "thinned_positions holds all that is left of days whose fixes are gone; copy them away and empty it first"
        )
    for name in UPDATED_OFTEN:
        op.execute(f"ALTER TABLE {name} RESET (fillfactor)")
    op.drop_table("sink_topics")
    op.drop_table("thinned_positions")
