"""What pages ask the planner: what a move would come to. A mailbox, empty but for questions of the moment."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "planner_questions",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False, comment="wall time"),
        sa.Column("question", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="null = not yet"),
        sa.PrimaryKeyConstraint("tenant_id", "question_id", name=op.f("pk_planner_questions")),
    )
    op.create_index(
        op.f("ix_dispatch_actions_tenant_id_subject_id_at_ms"),
        "dispatch_actions",
        ["tenant_id", "subject_id", "at_ms"],
        unique=False,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_dispatch_actions_tenant_id_subject_id_at_ms"), table_name="dispatch_actions")
    op.drop_table("planner_questions")
