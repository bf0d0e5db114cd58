"""What officers said of many alerts at once, and what they were told of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

TABLE = "alert_action_batches"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("undoes_batch", sa.Text(), nullable=True, comment="the batch that this one takes back"),
        sa.Column("asked_sha256", sa.Text(), nullable=False, comment="of what was asked: the same again is the same"),
        sa.Column("done", sa.Integer(), nullable=False, comment="how many alerts it was said of"),
        sa.Column(
            "answer",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what of it was done and what refused, as the asker was told",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "batch_id", name=op.f("pk_alert_action_batches")),
    )
    op.create_index(op.f("ix_alert_action_batches_tenant_id_at_ms"), TABLE, ["tenant_id", "at_ms"], unique=False)
    op.create_index(
        op.f("ix_alert_action_batches_tenant_id_undoes_batch"),
        TABLE,
        ["tenant_id", "undoes_batch"],
        unique=False,
        postgresql_where=sa.text("undoes_batch IS NOT NULL"),
    )
    op.execute(f"CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON {TABLE} EXECUTE FUNCTION qingyun_refuse()")
    op.execute(f"CREATE TRIGGER never_changed BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION qingyun_refuse()")


def downgrade() -> None:
    """Take back.

    Raises
    ------
    RuntimeError
        If any was kept: what was said of alerts is never deleted.
    """
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM alert_action_batches)")).scalar_one():
        raise RuntimeError(
            "rows of alert_action_batches are never deleted: the table stays; begin with another database"
        )
    op.drop_table(TABLE)
