"""What the orders of all buyers used of what there is only so much of."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the count, and to uses the count that they are in; those of before are in none."""
    comment = "the count over all buyers that they are in, too"
    op.add_column("usages", sa.Column("cap", sa.String(), nullable=True, comment=comment))
    op.create_table(
        "usage_counts",
        sa.Column(
            "name", sa.String(), nullable=False, comment="what there is only so much of, such as promotion:FIRST"
        ),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units >= 0", name=op.f("ck_usage_counts_units_not_negative")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_usage_counts")),
        comment="what the orders of all buyers used of it: the sum of those of usages that name it as their cap",
    )
