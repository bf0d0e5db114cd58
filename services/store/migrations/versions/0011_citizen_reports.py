"""What citizens report, what became of it, and their photos; and what managers ask of drivers' reports by time."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEPT = ("citizen_reports", "citizen_report_steps")
SEALED = (*KEPT, "citizen_photos")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "citizen_reports",
        *_city(),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column(
            "number_hash",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of the number it is followed by, which nobody keeps",
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False, comment="by when somebody should have looked at it"),
        sa.PrimaryKeyConstraint("tenant_id", "report_id", name=op.f("pk_citizen_reports")),
    )
    op.create_index(
        op.f("ix_citizen_reports_tenant_id_number_hash"), "citizen_reports", ["tenant_id", "number_hash"], unique=True
    )
    op.create_index(
        op.f("ix_citizen_reports_tenant_id_at_ms_report_id"),
        "citizen_reports",
        ["tenant_id", "at_ms", "report_id"],
        unique=False,
    )
    op.create_table(
        "citizen_report_steps",
        *_city(),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1 and up: two people cannot make the same step"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "due_ms",
            sa.BigInteger(),
            nullable=True,
            comment="by when the next step should be there; null = none is to follow",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "step_id", name=op.f("pk_citizen_report_steps")),
    )
    op.create_index(
        op.f("ix_citizen_report_steps_tenant_id_report_id_number"),
        "citizen_report_steps",
        ["tenant_id", "report_id", "number"],
        unique=True,
    )
    op.create_table(
        "citizen_photos",
        *_city(),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column(
            "bytes",
            sa.LargeBinary(),
            nullable=False,
            comment="as they came; what is served is without the camera's own words",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "report_id", name=op.f("pk_citizen_photos")),
    )
    op.create_index(
        op.f("ix_driver_actions_tenant_id_event_time_ms"),
        "driver_actions",
        ["tenant_id", "event_time_ms"],
        unique=False,
    )
    for name in KEPT:
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON {name} EXECUTE FUNCTION qingyun_refuse()"
        )
    for name in SEALED:
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
        If there is any report: that is never deleted.
    """
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM citizen_reports)")).scalar_one():
        raise RuntimeError("rows of citizen_reports are never deleted: the tables stay; begin with another database")
    op.drop_index(op.f("ix_driver_actions_tenant_id_event_time_ms"), table_name="driver_actions")
    for name in ("citizen_photos", "citizen_report_steps", "citizen_reports"):
        op.drop_table(name)
