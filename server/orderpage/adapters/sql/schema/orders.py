"""Orders, their children and their payments."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from orderpage.adapters.sql.columns import Instant, Json
from orderpage.adapters.sql.schema.metadata import metadata, one_of
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
from orderpage.domain.stage import Stage, Staging

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
    Column(
        "refund_policy",
        String,
        nullable=False,
        server_default=text("'KEEP'"),
        comment="KEEP or CLAWBACK: what becomes of a discount whose condition a refund breaks",
    ),
    Column(
        "promises",
        Json[tuple[Adjustment, ...]](tuple[Adjustment, ...]),
        nullable=False,
        server_default=text("'[]'"),
        comment="JSON: discounts promised on freight that is charged later, with their conditions",
    ),
    CheckConstraint("payable = goods + discount + freight + fees + tax", name="payable_is_the_sum"),
    CheckConstraint("payable >= 0", name="payable_not_negative"),
    CheckConstraint("discount <= 0", name="discount_not_positive"),
    one_of("state", OrderState),
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
    one_of("kind", ServiceKind),
    one_of("type", ServiceOrderType),
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
    one_of("state", PaymentState),
    one_of("stage", Stage),
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
