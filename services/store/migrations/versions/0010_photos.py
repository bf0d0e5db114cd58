"""Photos drivers take as proof."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "photos",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("district_id", sa.Text(), nullable=True),
        sa.Column("photo_id", sa.Text(), nullable=False),
        sa.Column("truck_id", sa.Text(), nullable=False),
        sa.Column("driver_id", sa.Text(), nullable=True),
        sa.Column("taken_ms", sa.BigInteger(), nullable=False, comment="when, as the phone said, corrected"),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("clock_ahead_ms", sa.BigInteger(), nullable=True, comment="what was corrected; null = nothing"),
        sa.Column("stop_id", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("facility_id", sa.Text(), nullable=True),
        sa.Column("plan_version", sa.BigInteger(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False, comment="of the bytes, made where they came in"),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "photo_id", name=op.f("pk_photos")),
    )
    op.create_index(op.f("ix_photos_tenant_id_truck_id_taken_ms"), "photos", ["tenant_id", "truck_id", "taken_ms"])
    op.execute("CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON photos EXECUTE FUNCTION qingyun_refuse()")
    op.execute("CREATE TRIGGER never_changed BEFORE UPDATE ON photos FOR EACH ROW EXECUTE FUNCTION qingyun_refuse()")


def downgrade() -> None:
    """Take back.

    Raises
    ------
    RuntimeError
        If there is any photo: they are never deleted.
    """
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM photos)")).scalar_one():
        raise RuntimeError("photos are never deleted: the table stays; begin with another database")
    op.drop_table("photos")
