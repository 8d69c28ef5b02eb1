"""What settlement and refunds need: kinds of entries, the moment of confirmation, what each line bears, statements."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KINDS = (("buyer:", "PAYMENT"), ("shop:", "GOODS"), ("carrier:", "FEES"), ("tax:", "TAX"), ("platform:", "DISCOUNT"))
"""What the entries of older orders were for, as far as their accounts say: a shop's is of goods less its discounts."""


def upgrade() -> None:
    """Add the columns and the tables, and say of older rows what is known."""
    _orders()
    _ledger()
    _statements()


def _orders() -> None:
    op.add_column("orders", _json("adjustments", "JSON: discounts as applied, with their conditions"))
    comment = "when its ledger began to count; null: it does not"
    op.add_column("orders", sa.Column("confirmed_at", sa.BigInteger(), nullable=True, comment=comment))
    _create_index("orders", "confirmed_at")
    # Nobody noted when older orders were confirmed; most were within seconds.
    op.execute("UPDATE orders SET confirmed_at = created_at WHERE state = 'CONFIRMED'")
    op.add_column("order_lines", _number("commission", "what the platform keeps of it"))
    op.add_column("order_parcels", _text("carrier", "empty: not kept"))
    op.add_column("order_parcels", _number("cost", "what the carrier charges for the freight"))
    op.add_column("order_parcels", _number("net", "its goods, after discounts"))
    op.add_column("order_parcels", _json("portions", "JSON: what each line bears of it"))


def _ledger() -> None:
    op.add_column("ledger_entries", _text("kind", "what it is for, as EntryKind names it"))
    op.add_column("ledger_entries", _text("subject", "the parcel of an entry on carriage"))
    comment = "null: it counts from when its order was confirmed"
    op.add_column("ledger_entries", sa.Column("posted_at", sa.BigInteger(), nullable=True, comment=comment))
    _create_index("ledger_entries", "posted_at")
    entries = sa.table("ledger_entries", sa.column("account", sa.String()), sa.column("kind", sa.String()))
    known = sa.case(*((entries.c.account.startswith(start), kind) for start, kind in _KINDS), else_="")
    op.execute(entries.update().values(kind=known))


def _statements() -> None:
    op.create_table(
        "settlement_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False, comment="IANA: where the day begins and ends"),
        sa.Column("settled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_settlement_days")),
        comment="days that were settled, each after the one before",
    )
    op.create_table(
        "settlement_statements",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False, comment="shop"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("currency_exponent", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False, comment=comment) for name, comment in _AMOUNTS),
        sa.CheckConstraint("opening + movement = closing", name=op.f("ck_settlement_statements_closing_is_the_sum")),
        sa.CheckConstraint("payable = movement", name=op.f("ck_settlement_statements_parts_are_the_movement")),
        sa.ForeignKeyConstraint(
            ["day"], ["settlement_days.day"], name=op.f("fk_settlement_statements_day_settlement_days")
        ),
        sa.PrimaryKeyConstraint("day", "seller", "site", "currency_code", name=op.f("pk_settlement_statements")),
        comment="what each seller is owed, day by day; a row is never changed",
    )
    op.create_index(
        op.f("ix_settlement_statements_seller_site_currency_code_day"),
        "settlement_statements",
        ["seller", "site", "currency_code", "day"],
    )


_AMOUNTS = (
    ("opening", None),
    ("goods", "accrued, before discounts"),
    ("goods_refunded", None),
    ("subsidy_share", "what the seller pays of discounts on goods"),
    ("freight_share", "what the seller pays of freight"),
    ("commission", "accrued"),
    ("commission_reversed", None),
    ("tax_collected", "with the seller's goods"),
    ("tax_withheld", "of that, kept for the authority"),
    ("payable", "the sum of the parts"),
    ("movement", "of the seller's account on that day"),
    ("closing", None),
)


def _create_index(table: str, column: str) -> None:
    """Of rows that have the column."""
    there = sa.text(f"{column} IS NOT NULL")
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column], sqlite_where=there, postgresql_where=there)


def _text(name: str, comment: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), server_default=sa.text("''"), nullable=False, comment=comment)


def _number(name: str, comment: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False, comment=comment)


def _json(name: str, comment: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text(), server_default=sa.text("'[]'"), nullable=False, comment=comment)
