"""The order fixes arrived in, what "newest" means where a clock is ahead, letters somebody decided about, notes of late rows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ARRIVED = "CASE WHEN record->>'received_time_ms' ~ '^[0-9]{1,18}$' THEN (record->>'received_time_ms')::bigint END"
"""A time of arrival that is none (a word, thirty digits) is none: `codec` would not have read it either."""
NOTE_LATE = """
CREATE FUNCTION qingyun_note_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I SELECT ($1).*', TG_ARGV[0]) USING NEW;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Apply. Of what is there only the last positions and last bins are written again: a row a truck, a row a bin."""
    op.add_column(
        "positions",
        sa.Column(
            "arrival",
            sa.BigInteger(),
            nullable=True,
            comment="offset on its topic: the order of a moment; null = older than this column",
        ),
    )
    op.add_column("last_bins", sa.Column("rank_ms", sa.BigInteger(), nullable=True))
    op.execute(f"UPDATE last_bins SET rank_ms = LEAST(event_time_ms, {ARRIVED})")  # noqa: S608  # ours
    op.alter_column("last_bins", "rank_ms", nullable=False, comment="what newer means: services.newest")
    op.execute(
        f"UPDATE last_positions SET rank_ms = rank_ms - GREATEST(0, event_time_ms - {ARRIVED}) "  # noqa: S608  # ours
        f"WHERE {ARRIVED} < event_time_ms"
    )
    op.alter_column("last_positions", "rank_ms", comment="what newer means: services.newest")
    op.create_table(
        "dead_letter_drops",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False, comment="the record that was set aside: services.store.letters"),
        sa.Column("letter_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "origin", name=op.f("pk_dead_letter_drops")),
    )
    op.execute(
        "CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON dead_letter_drops EXECUTE FUNCTION qingyun_refuse()"
    )
    op.execute(NOTE_LATE)


def downgrade() -> None:
    """Take back.

    Raises
    ------
    RuntimeError
        If somebody decided about a letter: that is never deleted.
    """
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM dead_letter_drops)")).scalar_one():
        raise RuntimeError("rows of dead_letter_drops are never deleted: the tables stay; begin with another database")
    op.execute("DROP FUNCTION qingyun_note_late() CASCADE")  # with the notes of days that were about to be sorted
    op.drop_table("dead_letter_drops")
    op.alter_column("last_positions", "rank_ms", comment="what newer means: services.store.ranking")
    op.drop_column("last_bins", "rank_ms")
    op.drop_column("positions", "arrival")
