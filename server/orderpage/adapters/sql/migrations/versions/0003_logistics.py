"""What logistics asks of goods, buyers and service orders."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "skus",
        sa.Column(
            "brand", sa.String(), server_default="", nullable=False, comment="what rules about goods name, or empty"
        ),
    )
    op.add_column(
        "skus",
        sa.Column(
            "category", sa.String(), server_default="", nullable=False, comment="what rules about goods name, or empty"
        ),
    )
    op.add_column(
        "skus",
        sa.Column(
            "expires_on", sa.Date(), nullable=True, comment="first day on which it is past its date; null: it keeps"
        ),
    )
    op.add_column(
        "buyers", sa.Column("age", sa.Integer(), nullable=True, comment="years, as verified; null: nobody has")
    )
    op.add_column(
        "buyers",
        sa.Column(
            "real_name", sa.String(), server_default="", nullable=False, comment="as an authority verified it, or empty"
        ),
    )
    op.add_column(
        "service_orders",
        sa.Column(
            "estimate",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="what is charged later, as far as is known; not part of the order's payable",
        ),
    )
