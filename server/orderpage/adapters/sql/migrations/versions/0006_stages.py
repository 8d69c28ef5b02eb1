"""Goods in presale, orders that are paid in stages, and more than one payment attempt an order."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATES = "'STARTED', 'ACTION_REQUIRED', 'PENDING', 'HELD', 'DECLINED'"
_STAGES = "'FULL', 'DEPOSIT', 'BALANCE'"
_STAGE = "FULL where the order is paid at once"
_STANDING = "whether it is the order's latest"
_BRINGS = "JSON: what a balance makes of its order once it is held; null otherwise, and afterwards"
_ABOUT = "holds of orders' money; a presale has one for its deposit, and one for each attempt to pay its balance"
_KEPT = (
    "attempt_id", "order_id", "key", "method", "amount", "state", "reference", "next_action", "decline", "lease_until",
    "expires_at",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns; old orders have no stages, and one attempt each, which stands."""
    comment = "JSON: when it is sold for a deposit, with the window of the balance"
    op.add_column(
        "skus", sa.Column("presale", sa.Text(), server_default=sa.text("'[]'"), nullable=False, comment=comment)
    )
    comment = "JSON: how a presale is paid and its balance made; null: it is paid at once"
    op.add_column("orders", sa.Column("staging", sa.Text(), nullable=True, comment=comment))
    comment = "when somebody looks at its balance next; null: none is awaited"
    op.add_column("orders", sa.Column("look_at", sa.BigInteger(), nullable=True, comment=comment))
    awaited = sa.text("look_at IS NOT NULL")
    op.create_index(op.f("ix_orders_look_at"), "orders", ["look_at"], sqlite_where=awaited, postgresql_where=awaited)
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        _alter()
    standing = sa.text("standing")
    op.create_index(
        op.f("uq_payment_attempts_order_id_standing"),
        "payment_attempts",
        ["order_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def _new() -> "tuple[sa.Column[str], sa.Column[bool], sa.Column[str]]":
    return (
        sa.Column("stage", sa.String(), server_default=sa.text("'FULL'"), nullable=False, comment=_STAGE),
        sa.Column("standing", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment=_STANDING),
        sa.Column("brings", sa.Text(), nullable=True, comment=_BRINGS),
    )


def _alter() -> None:
    for column in _new():
        op.add_column("payment_attempts", column)
    op.create_check_constraint(op.f("ck_payment_attempts_stage_known"), "payment_attempts", f"stage IN ({_STAGES})")
    op.drop_constraint(op.f("uq_payment_attempts_order_id"), "payment_attempts", type_="unique")
    op.create_table_comment("payment_attempts", _ABOUT)


def _rebuild() -> None:
    """SQLite drops no constraint of a table: a new one takes its rows."""
    op.drop_index(op.f("ix_payment_attempts_state_lease_until"), table_name="payment_attempts")
    op.rename_table("payment_attempts", "old_payment_attempts")
    op.create_table(
        "payment_attempts",
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.Column("decline", sa.String(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        *_new(),
        sa.CheckConstraint(f"state IN ({_STATES})", name=op.f("ck_payment_attempts_state_known")),
        sa.CheckConstraint(f"stage IN ({_STAGES})", name=op.f("ck_payment_attempts_stage_known")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payment_attempts_amount_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_payment_attempts_order_id_orders")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_payment_attempts")),
        sa.UniqueConstraint("key", name=op.f("uq_payment_attempts_key")),
    )
    kept = ", ".join(_KEPT)
    op.execute(f"INSERT INTO payment_attempts ({kept}) SELECT {kept} FROM old_payment_attempts")  # noqa: S608
    op.drop_table("old_payment_attempts")
    op.create_index(op.f("ix_payment_attempts_state_lease_until"), "payment_attempts", ["state", "lease_until"])
