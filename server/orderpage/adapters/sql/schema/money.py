"""Who is paid: the ledger, what settlement says of it, and what buyers have only so much of."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from orderpage.adapters.sql.columns import Instant
from orderpage.adapters.sql.schema.metadata import metadata

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("order_id", String),
    Column("seq", Integer),
    Column("account", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="buyers and funders negative, payees positive"),
    Column("kind", String, nullable=False, server_default=text("''"), comment="what it is for, as EntryKind names it"),
    Column("subject", String, nullable=False, server_default=text("''"), comment="the parcel of an entry on carriage"),
    Column("posted_at", Instant, comment="null: it counts from when its order was confirmed"),
    PrimaryKeyConstraint("order_id", "seq"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
    comment="who pays whom; the entries of an order sum to zero, which the pivot checks before it writes",
)

# Partial, because nearly all are null: settlement must not find those by it, and a pivot need not write it.
_posted = ledger_entries.c.posted_at.is_not(None)
Index("ix_ledger_entries_posted_at", ledger_entries.c.posted_at, sqlite_where=_posted, postgresql_where=_posted)

settlement_days = Table(
    "settlement_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("timezone", String, nullable=False, comment="IANA: where the day begins and ends"),
    Column("settled_at", Instant, nullable=False),
    comment="days that were settled, each after the one before",
)

settlement_statements = Table(
    "settlement_statements",
    metadata,
    Column("day", Date, ForeignKey("settlement_days.day")),
    Column("seller", String, comment="shop"),
    Column("site", String),
    Column("currency_code", String),
    Column("currency_exponent", Integer, nullable=False),
    Column("opening", BigInteger, nullable=False),
    Column("goods", BigInteger, nullable=False, comment="accrued, before discounts"),
    Column("goods_refunded", BigInteger, nullable=False),
    Column("subsidy_share", BigInteger, nullable=False, comment="what the seller pays of discounts on goods"),
    Column("freight_share", BigInteger, nullable=False, comment="what the seller pays of freight"),
    Column("commission", BigInteger, nullable=False, comment="accrued"),
    Column("commission_reversed", BigInteger, nullable=False),
    Column("tax_collected", BigInteger, nullable=False, comment="with the seller's goods"),
    Column("tax_withheld", BigInteger, nullable=False, comment="of that, kept for the authority"),
    Column("payable", BigInteger, nullable=False, comment="the sum of the parts"),
    Column("movement", BigInteger, nullable=False, comment="of the seller's account on that day"),
    Column("closing", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "seller", "site", "currency_code"),
    CheckConstraint("opening + movement = closing", name="closing_is_the_sum"),
    CheckConstraint("payable = movement", name="parts_are_the_movement"),
    Index(None, "seller", "site", "currency_code", "day"),
    comment="what each seller is owed, day by day; a row is never changed",
)

usages = Table(
    "usages",
    metadata,
    Column("order_id", String, ForeignKey("orders.order_id")),
    Column("name", String, comment="what was used, such as coupon:AUTUMN.7"),
    Column("buyer_id", String, nullable=False),
    Column("used_at", Instant, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("cap", String, comment="the count over all buyers that they are in, too"),
    PrimaryKeyConstraint("order_id", "name"),
    CheckConstraint("units > 0", name="units_positive"),
    Index(None, "buyer_id", "name", "used_at"),
    comment="what orders used of what their buyers have only so much of; a closed order's rows are gone",
)

usage_counts = Table(
    "usage_counts",
    metadata,
    Column("name", String, primary_key=True, comment="what there is only so much of, such as promotion:FIRST"),
    Column("units", BigInteger, nullable=False),
    CheckConstraint("units >= 0", name="units_not_negative"),
    comment="what the orders of all buyers used of it: the sum of those of usages that name it as their cap",
)
