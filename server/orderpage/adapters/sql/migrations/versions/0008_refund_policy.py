"""What becomes of an order's discounts when some of its goods go back, as its site said when it was placed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody was told that discounts are clawed back of the orders that are there."""
    comment = "KEEP or CLAWBACK: what becomes of a discount whose condition a refund breaks"
    policy = sa.Column("refund_policy", sa.String(), server_default=sa.text("'KEEP'"), nullable=False, comment=comment)
    op.add_column("orders", policy)
