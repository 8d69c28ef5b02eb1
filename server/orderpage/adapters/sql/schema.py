"""The tables. The migrations make them; a test keeps the two equal.

Amounts are minor units of the row's, or its order's, currency. Moments are microseconds UTC. Texts that are lists or
mappings are JSON, read whole and never searched.
"""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from orderpage.adapters.sql.columns import Instant, Json
from orderpage.domain.address import Address
from orderpage.domain.discount import Adjustment
from orderpage.domain.order import (
    BalancePaid,
    Event,
    OrderState,
    PaymentState,
    Portion,
    ServiceKind,
    ServiceOrderType,
)
from orderpage.domain.presale import Presale
from orderpage.domain.shipment import ShipmentState
from orderpage.domain.stage import Stage, Staging

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PENDING, DONE, PARKED = "PENDING", "DONE", "PARKED"
"""States of an outbox row."""

_TEXTS = Json[dict[str, str]](dict[str, str])
_ROW_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows only in a column of type INTEGER


def _one_of(column: str, values: Iterable[str | int]) -> CheckConstraint:
    allowed = ", ".join(f"'{value}'" if isinstance(value, str) else str(int(value)) for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")


# ---- what is sold, who buys, at which rate -------------------------------------------------------------------------

shops = Table(
    "shops",
    metadata,
    Column("shop_id", String, primary_key=True),
    Column("name", _TEXTS, nullable=False, comment="JSON: language tag to name"),
    comment="sellers' shops",
)

skus = Table(
    "skus",
    metadata,
    Column("sku_id", String, primary_key=True),
    Column("shop_id", String, ForeignKey("shops.shop_id"), nullable=False),
    Column("name", _TEXTS, nullable=False, comment="JSON: language tag to name"),
    Column("unit_price", BigInteger, nullable=False, comment="fen (CNY)"),
    Column("weight_g", BigInteger, nullable=False, comment="0: not known; so are the sides"),
    Column("length_cm", BigInteger, nullable=False),
    Column("width_cm", BigInteger, nullable=False),
    Column("height_cm", BigInteger, nullable=False),
    Column("goods_class", String, nullable=False, comment="domain rules, section 3.3"),
    Column("warehouse", String, nullable=False),
    Column("origin", String, nullable=False, comment="region of its stock: ISO 3166-1 alpha-2, or 3166-2 of a part"),
    Column("hs6", String, nullable=False, comment="six digits of the Harmonized System, empty when unknown"),
    Column("brand", String, nullable=False, server_default=text("''"), comment="what rules about goods name, or empty"),
    Column(
        "category", String, nullable=False, server_default=text("''"), comment="what rules about goods name, or empty"
    ),
    Column("expires_on", Date, comment="first day on which it is past its date; null: it keeps"),
    Column("max_quantity", BigInteger, nullable=False, comment="units one order may hold"),
    Column(
        "presale",
        Json[tuple[Presale, ...]](tuple[Presale, ...]),
        nullable=False,
        server_default=text("'[]'"),
        comment="JSON: when it is sold for a deposit, with the window of the balance",
    ),
    Column("offline", Boolean, nullable=False, comment="shown, but not sold"),
    Column("version", BigInteger, nullable=False, comment="grows with every change; the pivot checks the priced one"),
    CheckConstraint("unit_price >= 0", name="unit_price_not_negative"),
    comment="saleable variants",
)

stock = Table(
    "stock",
    metadata,
    Column("sku_id", String, ForeignKey("skus.sku_id"), primary_key=True),
    Column("available", BigInteger, nullable=False, comment="units that can be sold now"),
    Column("version", BigInteger, nullable=False, comment="grows with every change"),
    CheckConstraint("available >= 0", name="never_oversold"),
    comment="what is left to sell; apart from skus because it changes with every order",
)

buyers = Table(
    "buyers",
    metadata,
    Column("buyer_id", String, primary_key=True),
    Column("crowd", String, comment="null: nobody put the buyer in a crowd, so the default one holds"),
    Column("last_method", String, nullable=False, comment="delivery method of the last confirmed order, or empty"),
    Column(
        "orders_by_method",
        Json[dict[str, int]](dict[str, int]),
        nullable=False,
        comment="JSON: delivery method to confirmed orders that used it",
    ),
    Column("blocked", Boolean, nullable=False, comment="may look, may not order"),
    Column("age", Integer, comment="years, as verified; null: nobody has"),
    Column(
        "real_name", String, nullable=False, server_default=text("''"), comment="as an authority verified it, or empty"
    ),
    comment="buyers with a history or a crowd; others need no row",
)

exchange_rates = Table(
    "exchange_rates",
    metadata,
    Column("rate_id", String, primary_key=True, comment="quotes pin it, so a published row never changes"),
    Column("base_code", String, nullable=False),
    Column("base_exponent", Integer, nullable=False),
    Column("quote_code", String, nullable=False),
    Column("quote_exponent", Integer, nullable=False),
    Column("rate", Text, nullable=False, comment="decimal text: units of quote for one unit of base"),
    Column("published_at", Instant, nullable=False, comment="holds from this moment until a newer one"),
    comment="published rates of exchange",
)

# ---- orders --------------------------------------------------------------------------------------------------------

generations = Table(
    "generations",
    metadata,
    Column("name", String, primary_key=True, comment="what changes together"),
    Column("generation", BigInteger, nullable=False),
    comment="how often slowly changing tables were written: what tells caches that they are old",
)

write_requests = Table(
    "write_requests",
    metadata,
    Column("buyer_id", String),
    Column("method", String, comment="RPC"),
    Column("request_id", String, comment="the client's UUID (AIP-155)"),
    Column("body_hash", String, nullable=False, comment="over canonical fields, not over serialized bytes"),
    # No foreign key: the request is written before its order, and its key outlives the order's archiving.
    Column("order_id", String, nullable=False, comment="the answer"),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("buyer_id", "method", "request_id"),
    comment="writes that were accepted; rows stay for ever, so that a request id can never act twice",
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("checkout_id", String, nullable=False, comment="becomes one order at most that is not closed"),
    Column("buyer_id", String, nullable=False),
    Column("site", String, nullable=False),
    Column("stack", String, nullable=False, comment="legacy or new: who made it, and who serves it to its end"),
    Column("plan_digest", String, nullable=False, comment="the plan that priced it"),
    Column("state", String, nullable=False),
    Column("currency_code", String, nullable=False),
    Column("currency_exponent", Integer, nullable=False),
    Column("goods", BigInteger, nullable=False, comment="before discounts"),
    Column("discount", BigInteger, nullable=False, comment="zero or negative: on goods and freight together"),
    Column("freight", BigInteger, nullable=False, comment="before discounts"),
    Column("fees", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False, comment="collected at checkout"),
    Column("payable", BigInteger, nullable=False),
    Column("address", Json[Address](Address), nullable=False, comment="JSON"),
    Column(
        "attributes",
        Json[tuple[tuple[str, str], ...]](tuple[tuple[str, str], ...]),
        nullable=False,
        comment="JSON: pairs that extensions noted",
    ),
    Column(
        "events",
        Json[tuple[Event, ...]](tuple[Event, ...]),
        nullable=False,
        comment="JSON: published when the order is confirmed, and never before",
    ),
    Column(
        "reserved",
        Json[tuple[tuple[str, int], ...]](tuple[tuple[str, int], ...]),
        nullable=False,
        comment="JSON: SKU and units taken from stock, given back when the order closes",
    ),
    Column("created_at", Instant, nullable=False),
    Column(
        "adjustments",
        Json[tuple[Adjustment, ...]](tuple[Adjustment, ...]),
        nullable=False,
        server_default=text("'[]'"),
        comment="JSON: discounts as applied, with their conditions",
    ),
    Column("confirmed_at", Instant, comment="when its ledger began to count; null: it does not"),
    Column(
        "staging",
        Json[Staging](Staging),
        comment="JSON: how a presale is paid and its balance made; null: it is paid at once",
    ),
    Column("look_at", Instant, comment="when somebody looks at its balance next; null: none is awaited"),
    CheckConstraint("payable = goods + discount + freight + fees + tax", name="payable_is_the_sum"),
    CheckConstraint("payable >= 0", name="payable_not_negative"),
    CheckConstraint("discount <= 0", name="discount_not_positive"),
    _one_of("state", OrderState),
    Index(None, "buyer_id", "created_at"),
    comment="trade orders",
)

LIVE = orders.c.state != literal_column(f"'{OrderState.CLOSED.value}'")
"""A closed order does not hold its checkout: after a declined payment the buyer may try another card.

Written out and not as a parameter: PostgreSQL must see that ON CONFLICT names the partial index, and in the plan that
it keeps after five executions it no longer looks at parameters.
"""

AWAITED = orders.c.look_at.is_not(None)

_confirmed = orders.c.confirmed_at.is_not(None)
Index("ix_orders_confirmed_at", orders.c.confirmed_at, sqlite_where=_confirmed, postgresql_where=_confirmed)
Index("uq_orders_checkout_id_live", orders.c.checkout_id, unique=True, sqlite_where=LIVE, postgresql_where=LIVE)

Index("ix_orders_look_at", orders.c.look_at, sqlite_where=AWAITED, postgresql_where=AWAITED)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", String, ForeignKey("orders.order_id")),
    Column("line_id", String),
    Column("position", Integer, nullable=False, comment="order on the page"),
    # No foreign key to skus: an order outlives what it sold.
    Column("sku_id", String, nullable=False),
    Column("shop_id", String, nullable=False),
    Column("name", Text, nullable=False, comment="as the buyer read it"),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_amount", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="before discounts"),
    Column("net", BigInteger, nullable=False, comment="after discounts on goods"),
    Column("version", BigInteger, nullable=False, comment="of the SKU that was priced"),
    Column("commission", BigInteger, nullable=False, server_default="0", comment="what the platform keeps of it"),
    PrimaryKeyConstraint("order_id", "line_id"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
    CheckConstraint("net >= 0 AND net <= amount", name="net_within_amount"),
    comment="what was bought",
)

order_parcels = Table(
    "order_parcels",
    metadata,
    Column("order_id", String, ForeignKey("orders.order_id")),
    Column("parcel_id", String),
    Column("position", Integer, nullable=False, comment="order on the page"),
    Column("method", String, nullable=False, comment="delivery method"),
    Column(
        "contents",
        Json[tuple[tuple[str, int], ...]](tuple[tuple[str, int], ...]),
        nullable=False,
        comment="JSON: line id and units",
    ),
    Column("freight", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("fees", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("earliest", String, nullable=False, comment="promised arrival, ISO date or empty"),
    Column("latest", String, nullable=False, comment="promised arrival, ISO date or empty"),
    Column("weight_g", BigInteger, nullable=False, server_default="0", comment="of its goods; 0: not known"),
    Column(
        "later",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="estimate of what is charged once it was weighed; not part of the order's payable",
    ),
    Column("carrier", String, nullable=False, server_default=text("''"), comment="empty: not kept"),
    Column("cost", BigInteger, nullable=False, server_default="0", comment="what the carrier charges for the freight"),
    Column("net", BigInteger, nullable=False, server_default="0", comment="its goods, after discounts"),
    Column(
        "portions",
        Json[tuple[Portion, ...]](tuple[Portion, ...]),
        nullable=False,
        server_default=text("'[]'"),
        comment="JSON: what each line bears of it",
    ),
    PrimaryKeyConstraint("order_id", "parcel_id"),
    CheckConstraint("freight >= 0 AND fees >= 0 AND tax >= 0", name="charges_not_negative"),
    comment="how it travels",
)

service_orders = Table(
    "service_orders",
    metadata,
    Column("service_order_id", String, primary_key=True),
    Column("order_id", String, ForeignKey("orders.order_id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column(
        "type", Integer, nullable=False, comment="1 parent and child, 2 dual main, 3 standalone (domain rules, trap 6)"
    ),
    Column("parcel_id", String, nullable=False, comment="empty: the whole order"),
    Column("amount", BigInteger, nullable=False, comment="of the order's payable"),
    Column(
        "estimate",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="what is charged later, as far as is known; not part of the order's payable",
    ),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    _one_of("kind", ServiceKind),
    _one_of("type", ServiceOrderType),
    comment="shipping, tax and insurance services linked to a trade order",
)

payment_attempts = Table(
    "payment_attempts",
    metadata,
    Column("attempt_id", String, primary_key=True),
    Column("order_id", String, ForeignKey("orders.order_id"), nullable=False),
    Column("key", String, nullable=False, unique=True, comment="what the provider knows the hold by"),
    Column("method", String, nullable=False, comment="payment method"),
    Column("amount", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("reference", String, nullable=False, comment="the provider's own id, empty until it answered"),
    Column("next_action", Text, nullable=False, comment="where the buyer goes when ACTION_REQUIRED"),
    Column("decline", String, nullable=False, comment="problem code when DECLINED"),
    Column("lease_until", Instant, nullable=False, comment="until then one worker pursues it; afterwards anybody may"),
    Column("expires_at", Instant, nullable=False, comment="the end of the buyer's time to pay"),
    Column(
        "stage", String, nullable=False, server_default=text("'FULL'"), comment="FULL where the order is paid at once"
    ),
    Column(
        "standing", Boolean, nullable=False, server_default=text("true"), comment="whether it is the order's latest"
    ),
    Column(
        "brings",
        Json[BalancePaid](BalancePaid),
        comment="JSON: what a balance makes of its order once it is held; null otherwise, and afterwards",
    ),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    _one_of("state", PaymentState),
    _one_of("stage", Stage),
    Index(None, "state", "lease_until"),
    comment="holds of orders' money; a presale has one for its deposit, and one for each attempt to pay its balance",
)

STANDING: ColumnElement[bool] = literal_column("payment_attempts.standing")
"""Of an order's attempts the one that stands. Written out as in the index, or SQLite would not see that it serves."""

Index(
    "uq_payment_attempts_order_id_standing",
    payment_attempts.c.order_id,
    unique=True,
    sqlite_where=text("standing"),
    postgresql_where=text("standing"),
)

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
    PrimaryKeyConstraint("order_id", "name"),
    CheckConstraint("units > 0", name="units_positive"),
    Index(None, "buyer_id", "name", "used_at"),
    comment="what orders used of what their buyers have only so much of; a closed order's rows are gone",
)

outbox = Table(
    "outbox",
    metadata,
    Column("row_id", _ROW_ID, primary_key=True, comment="order of delivery for equal keys; never used twice"),
    Column("key", String, nullable=False, comment="rows of one key are delivered one after another"),
    Column("topic", String, nullable=False),
    Column("payload", Json[dict[str, str | int]](dict[str, str | int]), nullable=False, comment="JSON"),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False, comment="claims so far"),
    Column("failures", Integer, nullable=False, server_default="0", comment="in a row, since it was parked last"),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant, comment="until then the claim is one worker's; null: nobody's"),
    Column("error", Text, nullable=False, comment="of the last attempt"),
    _one_of("state", (PENDING, DONE, PARKED)),
    Index(None, "state", "due_at", "row_id"),  # what is due later, perhaps for weeks, is never looked at
    Index(None, "key", "state", "row_id"),
    comment="events of confirmed orders, to be delivered at least once",
    sqlite_autoincrement=True,
)

shipments = Table(
    "shipments",
    metadata,
    Column("order_id", String, ForeignKey("orders.order_id")),
    Column("parcel_id", String),
    Column("carrier", String, nullable=False),
    Column("service", String, nullable=False, comment="the carrier's own name for the method"),
    Column("state", String, nullable=False),
    Column(
        "booking",
        Json[dict[str, str | int]](dict[str, str | int]),
        nullable=False,
        comment="JSON: what the next steps need, as its deliverer wrote it; no personal data",
    ),
    Column("requested_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("reference", String, nullable=False, comment="the carrier's id of the booking, empty until it answered"),
    Column("tracking_number", String, nullable=False),
    Column("label_url", Text, nullable=False),
    Column("status", Text, nullable=False, comment="the carrier's last word, or what went wrong, for people"),
    Column("unclear", Boolean, nullable=False, comment="an attempt to book it may have done so unheard"),
    PrimaryKeyConstraint("order_id", "parcel_id"),
    _one_of("state", ShipmentState),
    Index(None, "state", "updated_at"),
    comment="parcels of confirmed orders at their carriers; a parcel that is not here was not booked yet",
)

shipment_acts = Table(
    "shipment_acts",
    metadata,
    Column("act_id", _ROW_ID, primary_key=True),
    Column("order_id", String, nullable=False),
    Column("parcel_id", String, nullable=False),
    Column("act", String, nullable=False, comment="cancel or retry"),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    ForeignKeyConstraint(["order_id", "parcel_id"], ["shipments.order_id", "shipments.parcel_id"]),
    Index(None, "order_id", "parcel_id"),
    comment="what people did to shipments, and why",
    sqlite_autoincrement=True,
)

# ---- moving traffic from a legacy order page -------------------------------------------------------------------------


def _scope(*, key: bool = False) -> tuple[Column[str], ...]:
    """The dimensions that traffic is moved by."""
    return tuple(
        Column(name, String, nullable=False, primary_key=key) for name in ("site", "business", "client", "crowd")
    )


traffic_counts = Table(
    "traffic_counts",
    metadata,
    Column("slot", Instant, primary_key=True, comment="start of the ten seconds that were counted"),
    *_scope(key=True),
    Column("name", String, primary_key=True, comment="what was counted, as migration/counts.py names it"),
    Column("count", BigInteger, nullable=False),
    CheckConstraint("count > 0", name="count_positive"),
    comment="what both stacks did, added up over all workers: what the gate decides by",
)

ramps = Table(
    "ramps",
    metadata,
    Column("name", String, primary_key=True, comment="as in the ramp file"),
    *_scope(),
    Column("share", Integer, nullable=False, comment="of 10,000 buckets: those below it go to the new stack"),
    Column("step", Integer, nullable=False, comment="which of the ramp's steps, from 0"),
    Column("since", Instant, nullable=False, comment="when the step began"),
    Column("note", Text, nullable=False, comment="why it waits, for people"),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("share BETWEEN 0 AND 10000", name="share_within_buckets"),
    comment="how far each ramp is; a scope is * where it takes every value",
)

trips = Table(
    "trips",
    metadata,
    Column("trip_id", _ROW_ID, primary_key=True),
    *_scope(),
    Column("reason", String, nullable=False, comment="MONEY, UNKNOWN_CODE, ERRORS, MISMATCHES, LATENCY or OPERATOR"),
    Column("evidence", Text, nullable=False, comment="the figures, for people"),
    Column("tripped_at", Instant, nullable=False),
    Column("cleared_at", Instant, comment="null: it holds"),
    Column("cleared_by", String, nullable=False, comment="empty until it is cleared"),
    Column("clear_reason", Text, nullable=False),
    Index(None, "cleared_at"),
    comment="scopes sent back to the legacy stack, above every flag, until a person clears them",
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Instant, nullable=False, comment="afterwards anybody may take it"),
    comment="work that one process does at a time",
)

recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", String, nullable=False, comment="SAMPLE or DIFFERENCE"),
    *_scope(),
    Column("plan_digest", String, nullable=False, comment="of the plan that made our page"),
    Column("body", LargeBinary, nullable=False, comment="request, facts and pages, as recording.py packs them"),
    Index(None, "at"),
    comment="pages that can be made again: without personal data",
)

difference_groups = Table(
    "difference_groups",
    metadata,
    Column("group_id", String, primary_key=True, comment="names subject, field, cause and cell"),
    Column("subject", String, nullable=False, comment="PAGE or ORDER"),
    Column("field", String, nullable=False, comment="path without indexes, such as parcels.options.freight"),
    Column("cause", String, nullable=False, comment="a guess"),
    *_scope(),
    Column("money", Boolean, nullable=False, comment="whether the field is an amount that a buyer pays"),
    Column("count", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("verdict", String, nullable=False, comment="LEGACY or NEW: which is right; empty until somebody said"),
    Column("verdict_reason", Text, nullable=False),
    Column("verdict_by", String, nullable=False),
    Column("verdict_at", Instant),
    comment="how the two stacks differ",
)

differences = Table(
    "differences",
    metadata,
    Column("difference_id", _ROW_ID, primary_key=True),
    Column("group_id", String, ForeignKey("difference_groups.group_id"), nullable=False, index=True),
    Column("recording_id", String, ForeignKey("recordings.recording_id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("place", String, nullable=False, comment="path with keys, such as parcels[1:1].options[SG_DM_AIR].freight"),
    Column("legacy", Text, nullable=False),
    Column("new", Text, nullable=False),
    comment="the latest examples of each group",
    sqlite_autoincrement=True,
)
