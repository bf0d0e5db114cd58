"""What alerts were judged from: sealed documents, the bytes they name, what is still to be made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

KEPT = ("evidence", "evidence_frames")


def upgrade() -> None:
    """Apply. Alerts that are there get no evidence by this; `evidence` reads their topic from its beginning."""
    op.create_table(
        "evidence",
        *_city(),
        sa.Column("evidence_id", sa.Text(), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="1 and up; the next is added when something came later"
        ),
        sa.Column(
            "number", sa.BigInteger(), nullable=False, comment="place in the tenant's chain: 1 and up, without a hole"
        ),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("alert_revision", sa.Integer(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column(
            "previous_sha256",
            sa.Text(),
            nullable=False,
            comment="of the entry before in the chain; empty for the first",
        ),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the document's bytes"),
        sa.Column("document", sa.LargeBinary(), nullable=False, comment="canonical JSON with its seal: services.seal"),
        sa.PrimaryKeyConstraint("tenant_id", "evidence_id", "version", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_tenant_id_number"), "evidence", ["tenant_id", "number"], unique=True)
    op.create_index(op.f("ix_evidence_tenant_id_alert_id"), "evidence", ["tenant_id", "alert_id"], unique=False)
    op.create_table(
        "evidence_frames",
        *_city(),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name=op.f("pk_evidence_frames")),
    )
    op.create_table(
        "evidence_wanted",
        *_city(),
        sa.Column("evidence_id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("alert_revision", sa.Integer(), nullable=False),
        sa.Column(
            "due_ms",
            sa.BigInteger(),
            nullable=True,
            comment="when to look (again); null = no more, unless another revision comes",
        ),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "evidence_id", name=op.f("pk_evidence_wanted")),
    )
    op.create_index(
        op.f("ix_evidence_wanted_due_ms"),
        "evidence_wanted",
        ["due_ms"],
        unique=False,
        postgresql_where=sa.text("due_ms IS NOT NULL"),
    )
    op.create_table(
        "evidence_offsets",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column(
            "next",
            sa.BigInteger(),
            nullable=False,
            comment="offset of the first record not yet in evidence_wanted",
        ),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_evidence_offsets")),
    )
    for name in KEPT:
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON {name} EXECUTE FUNCTION qingyun_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER never_changed BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION qingyun_refuse()"
        )


def _city() -> tuple[sa.Column[str], sa.Column[str]]:
    return sa.Column("tenant_id", sa.Text(), nullable=False), sa.Column("district_id", sa.Text(), nullable=True)


def downgrade() -> None:
    """Take back.

    Raises
    ------
    RuntimeError
        If there is any evidence: that is never deleted.
    """
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM evidence)")).scalar_one():
        raise RuntimeError("rows of evidence are never deleted: the tables stay; begin with another database")
    for name in ("evidence_offsets", "evidence_wanted", "evidence_frames", "evidence"):
        op.drop_table(name)
