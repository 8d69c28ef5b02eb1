"""Who had a given-up row of the outbox tried again, when and why."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "outbox_acts",
        sa.Column("act_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("act", sa.String(), nullable=False, comment="retry"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False, comment="why the row had been given up"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["row_id"], ["outbox.row_id"], name=op.f("fk_outbox_acts_row_id_outbox")),
        sa.PrimaryKeyConstraint("act_id", name=op.f("pk_outbox_acts")),
        comment="what people did to rows of the outbox, and why",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_acts_row_id"), "outbox_acts", ["row_id"])
