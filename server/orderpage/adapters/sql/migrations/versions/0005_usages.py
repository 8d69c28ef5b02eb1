"""What orders use up of what a buyer has only so much of."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "usages",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="what was used, such as coupon:AUTUMN.7"),
        sa.Column("buyer_id", sa.String(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("ck_usages_units_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_usages_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "name", name=op.f("pk_usages")),
        comment="what orders used of what their buyers have only so much of; a closed order's rows are gone",
    )
    op.create_index(op.f("ix_usages_buyer_id_name_used_at"), "usages", ["buyer_id", "name", "used_at"])
