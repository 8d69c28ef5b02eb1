"""What promotions promised off freight that is charged later: a refund may break the condition."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was promised before is in the parcels' estimates alone, and stands."""
    comment = "JSON: discounts promised on freight that is charged later, with their conditions"
    promises = sa.Column("promises", sa.Text(), server_default=sa.text("'[]'"), nullable=False, comment=comment)
    op.add_column("orders", promises)
