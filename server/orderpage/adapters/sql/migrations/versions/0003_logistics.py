"""What logistics asks of goods, buyers, parcels and service orders; and what became of parcels at their carriers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATES = "'REQUESTED', 'CREATED', 'LABELLED', 'HANDED_OVER', 'DELIVERED', 'CANCELLED', 'FAILED'"


def upgrade() -> None:
    """Add the columns and the tables."""
    _goods_and_buyers()
    _parcels()
    _shipments()
    comment = "in a row, since it was parked last"
    failures = sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment=comment)
    op.add_column("outbox", failures)
    op.drop_index(op.f("ix_outbox_state_row_id"), table_name="outbox")
    op.create_index(op.f("ix_outbox_state_due_at_row_id"), "outbox", ["state", "due_at", "row_id"])


def _goods_and_buyers() -> None:
    for name in ("brand", "category"):
        op.add_column("skus", _text(name, "what rules about goods name, or empty"))
    comment = "first day on which it is past its date; null: it keeps"
    op.add_column("skus", sa.Column("expires_on", sa.Date(), nullable=True, comment=comment))
    op.add_column(
        "buyers", sa.Column("age", sa.Integer(), nullable=True, comment="years, as verified; null: nobody has")
    )
    op.add_column("buyers", _text("real_name", "as an authority verified it, or empty"))
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("skus", "weight_g", comment="0: not known; so are the sides")
        op.alter_column("skus", "origin", comment="region of its stock: ISO 3166-1 alpha-2, or 3166-2 of a part")


def _parcels() -> None:
    op.add_column("order_parcels", _number("weight_g", "of its goods; 0: not known"))
    comment = "estimate of what is charged once it was weighed; not part of the order's payable"
    op.add_column("order_parcels", _number("later", comment))
    comment = "what is charged later, as far as is known; not part of the order's payable"
    op.add_column("service_orders", _number("estimate", comment))


def _text(name: str, comment: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), server_default=sa.text("''"), nullable=False, comment=comment)


def _number(name: str, comment: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False, comment=comment)


def _shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("parcel_id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False, comment="the carrier's own name for the method"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column(
            "booking",
            sa.Text(),
            nullable=False,
            comment="JSON: what the next steps need, as its deliverer wrote it; no personal data",
        ),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "reference", sa.String(), nullable=False, comment="the carrier's id of the booking, empty until it answered"
        ),
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("label_url", sa.Text(), nullable=False),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="the carrier's last word, or what went wrong, for people"
        ),
        sa.Column("unclear", sa.Boolean(), nullable=False, comment="an attempt to book it may have done so unheard"),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_shipments_state_known")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_shipments_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "parcel_id", name=op.f("pk_shipments")),
        comment="parcels of confirmed orders at their carriers; a parcel that is not here was not booked yet",
    )
    op.create_index(op.f("ix_shipments_state_updated_at"), "shipments", ["state", "updated_at"])
    op.create_table(
        "shipment_acts",
        sa.Column("act_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("parcel_id", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False, comment="cancel or retry"),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id", "parcel_id"],
            ["shipments.order_id", "shipments.parcel_id"],
            name=op.f("fk_shipment_acts_order_id_parcel_id_shipments"),
        ),
        sa.PrimaryKeyConstraint("act_id", name=op.f("pk_shipment_acts")),
        comment="what people did to shipments, and why",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_shipment_acts_order_id_parcel_id"), "shipment_acts", ["order_id", "parcel_id"])
