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
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
)

from orderpage.adapters.sql.columns import Instant, Json
from orderpage.domain.address import Address
from orderpage.domain.order import Event, OrderState, PaymentState, ServiceKind, ServiceOrderType

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
    Column("weight_g", BigInteger, nullable=False),
    Column("length_cm", BigInteger, nullable=False),
    Column("width_cm", BigInteger, nullable=False),
    Column("height_cm", BigInteger, nullable=False),
    Column("goods_class", String, nullable=False, comment="domain rules, section 3.3"),
    Column("warehouse", String, nullable=False),
    Column("origin", String, nullable=False, comment="country of origin, ISO 3166-1 alpha-2"),
    Column("hs6", String, nullable=False, comment="six digits of the Harmonized System, empty when unknown"),
    Column("max_quantity", BigInteger, nullable=False, comment="units one order may hold"),
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

Index("uq_orders_checkout_id_live", orders.c.checkout_id, unique=True, sqlite_where=LIVE, postgresql_where=LIVE)

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
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    _one_of("kind", ServiceKind),
    _one_of("type", ServiceOrderType),
    comment="shipping, tax and insurance services linked to a trade order",
)

payment_attempts = Table(
    "payment_attempts",
    metadata,
    Column("attempt_id", String, primary_key=True),
    Column("order_id", String, ForeignKey("orders.order_id"), nullable=False, unique=True),
    Column("key", String, nullable=False, unique=True, comment="what the provider knows the hold by"),
    Column("method", String, nullable=False, comment="payment method"),
    Column("amount", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("reference", String, nullable=False, comment="the provider's own id, empty until it answered"),
    Column("next_action", Text, nullable=False, comment="where the buyer goes when ACTION_REQUIRED"),
    Column("decline", String, nullable=False, comment="problem code when DECLINED"),
    Column("lease_until", Instant, nullable=False, comment="until then one worker pursues it; afterwards anybody may"),
    Column("expires_at", Instant, nullable=False, comment="the end of the buyer's time to pay"),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    _one_of("state", PaymentState),
    Index(None, "state", "lease_until"),
    comment="the hold of an order's money; one an order, because a decline closes the order for good",
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("order_id", String),
    Column("seq", Integer),
    Column("account", String, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="buyers and funders negative, payees positive"),
    PrimaryKeyConstraint("order_id", "seq"),
    ForeignKeyConstraint(["order_id"], ["orders.order_id"]),
    comment="who pays whom; the entries of an order sum to zero, which the pivot checks before it writes",
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
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant, comment="until then the claim is one worker's; null: nobody's"),
    Column("error", Text, nullable=False, comment="of the last attempt"),
    _one_of("state", (PENDING, DONE, PARKED)),
    Index(None, "state", "row_id"),
    Index(None, "key", "state", "row_id"),
    comment="events of confirmed orders, to be delivered at least once",
    sqlite_autoincrement=True,
)
