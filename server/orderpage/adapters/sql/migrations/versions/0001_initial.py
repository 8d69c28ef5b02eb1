"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "buyers",
        sa.Column("buyer_id", sa.String(), nullable=False),
        sa.Column(
            "crowd",
            sa.String(),
            nullable=True,
            comment="null: nobody put the buyer in a crowd, so the default one holds",
        ),
        sa.Column(
            "last_method", sa.String(), nullable=False, comment="delivery method of the last confirmed order, or empty"
        ),
        sa.Column(
            "orders_by_method",
            sa.Text(),
            nullable=False,
            comment="JSON: delivery method to confirmed orders that used it",
        ),
        sa.Column("blocked", sa.Boolean(), nullable=False, comment="may look, may not order"),
        sa.PrimaryKeyConstraint("buyer_id", name=op.f("pk_buyers")),
        comment="buyers with a history or a crowd; others need no row",
    )
    op.create_table(
        "exchange_rates",
        sa.Column("rate_id", sa.String(), nullable=False, comment="quotes pin it, so a published row never changes"),
        sa.Column("base_code", sa.String(), nullable=False),
        sa.Column("base_exponent", sa.Integer(), nullable=False),
        sa.Column("quote_code", sa.String(), nullable=False),
        sa.Column("quote_exponent", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Text(), nullable=False, comment="decimal text: units of quote for one unit of base"),
        sa.Column("published_at", sa.BigInteger(), nullable=False, comment="holds from this moment until a newer one"),
        sa.PrimaryKeyConstraint("rate_id", name=op.f("pk_exchange_rates")),
        comment="published rates of exchange",
    )
    op.create_table(
        "generations",
        sa.Column("name", sa.String(), nullable=False, comment="what changes together"),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_generations")),
        comment="how often slowly changing tables were written: what tells caches that they are old",
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("checkout_id", sa.String(), nullable=False, comment="becomes one order at most that is not closed"),
        sa.Column("buyer_id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column(
            "stack", sa.String(), nullable=False, comment="legacy or new: who made it, and who serves it to its end"
        ),
        sa.Column("plan_digest", sa.String(), nullable=False, comment="the plan that priced it"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("currency_exponent", sa.Integer(), nullable=False),
        sa.Column("goods", sa.BigInteger(), nullable=False, comment="before discounts"),
        sa.Column(
            "discount", sa.BigInteger(), nullable=False, comment="zero or negative: on goods and freight together"
        ),
        sa.Column("freight", sa.BigInteger(), nullable=False, comment="before discounts"),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False, comment="collected at checkout"),
        sa.Column("payable", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("attributes", sa.Text(), nullable=False, comment="JSON: pairs that extensions noted"),
        sa.Column(
            "events", sa.Text(), nullable=False, comment="JSON: published when the order is confirmed, and never before"
        ),
        sa.Column(
            "reserved",
            sa.Text(),
            nullable=False,
            comment="JSON: SKU and units taken from stock, given back when the order closes",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('OPEN', 'CONFIRMED', 'CLOSED')", name=op.f("ck_orders_state_known")),
        sa.CheckConstraint("discount <= 0", name=op.f("ck_orders_discount_not_positive")),
        sa.CheckConstraint(
            "payable = goods + discount + freight + fees + tax", name=op.f("ck_orders_payable_is_the_sum")
        ),
        sa.CheckConstraint("payable >= 0", name=op.f("ck_orders_payable_not_negative")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        comment="trade orders",
    )
    op.create_index(op.f("ix_orders_buyer_id_created_at"), "orders", ["buyer_id", "created_at"], unique=False)
    op.create_index(
        "uq_orders_checkout_id_live",
        "orders",
        ["checkout_id"],
        unique=True,
        sqlite_where=sa.text("state != 'CLOSED'"),
        postgresql_where=sa.text("state != 'CLOSED'"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "row_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="order of delivery for equal keys; never used twice",
        ),
        sa.Column("key", sa.String(), nullable=False, comment="rows of one key are delivered one after another"),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="claims so far"),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "lease_until",
            sa.BigInteger(),
            nullable=True,
            comment="until then the claim is one worker's; null: nobody's",
        ),
        sa.Column("error", sa.Text(), nullable=False, comment="of the last attempt"),
        sa.CheckConstraint("state IN ('PENDING', 'DONE', 'PARKED')", name=op.f("ck_outbox_state_known")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_outbox")),
        comment="events of confirmed orders, to be delivered at least once",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_key_state_row_id"), "outbox", ["key", "state", "row_id"], unique=False)
    op.create_index(op.f("ix_outbox_state_row_id"), "outbox", ["state", "row_id"], unique=False)
    op.create_table(
        "shops",
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="JSON: language tag to name"),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shops")),
        comment="sellers' shops",
    )
    op.create_table(
        "write_requests",
        sa.Column("buyer_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False, comment="RPC"),
        sa.Column("request_id", sa.String(), nullable=False, comment="the client's UUID (AIP-155)"),
        sa.Column("body_hash", sa.String(), nullable=False, comment="over canonical fields, not over serialized bytes"),
        sa.Column("order_id", sa.String(), nullable=False, comment="the answer"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("buyer_id", "method", "request_id", name=op.f("pk_write_requests")),
        comment="writes that were accepted; rows stay for ever, so that a request id can never act twice",
    )
    op.create_table(
        "ledger_entries",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="buyers and funders negative, payees positive"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_ledger_entries_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "seq", name=op.f("pk_ledger_entries")),
        comment="who pays whom; the entries of an order sum to zero, which the pivot checks before it writes",
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="order on the page"),
        sa.Column("sku_id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as the buyer read it"),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_amount", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="before discounts"),
        sa.Column("net", sa.BigInteger(), nullable=False, comment="after discounts on goods"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="of the SKU that was priced"),
        sa.CheckConstraint("net >= 0 AND net <= amount", name=op.f("ck_order_lines_net_within_amount")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_lines_quantity_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_order_lines_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "line_id", name=op.f("pk_order_lines")),
        comment="what was bought",
    )
    op.create_table(
        "order_parcels",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("parcel_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="order on the page"),
        sa.Column("method", sa.String(), nullable=False, comment="delivery method"),
        sa.Column("contents", sa.Text(), nullable=False, comment="JSON: line id and units"),
        sa.Column("freight", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("earliest", sa.String(), nullable=False, comment="promised arrival, ISO date or empty"),
        sa.Column("latest", sa.String(), nullable=False, comment="promised arrival, ISO date or empty"),
        sa.CheckConstraint(
            "freight >= 0 AND fees >= 0 AND tax >= 0", name=op.f("ck_order_parcels_charges_not_negative")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_order_parcels_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "parcel_id", name=op.f("pk_order_parcels")),
        comment="how it travels",
    )
    op.create_table(
        "payment_attempts",
        sa.Column("attempt_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False, comment="what the provider knows the hold by"),
        sa.Column("method", sa.String(), nullable=False, comment="payment method"),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False, comment="the provider's own id, empty until it answered"),
        sa.Column("next_action", sa.Text(), nullable=False, comment="where the buyer goes when ACTION_REQUIRED"),
        sa.Column("decline", sa.String(), nullable=False, comment="problem code when DECLINED"),
        sa.Column(
            "lease_until",
            sa.BigInteger(),
            nullable=False,
            comment="until then one worker pursues it; afterwards anybody may",
        ),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="the end of the buyer's time to pay"),
        sa.CheckConstraint(
            "state IN ('STARTED', 'ACTION_REQUIRED', 'PENDING', 'HELD', 'DECLINED')",
            name=op.f("ck_payment_attempts_state_known"),
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payment_attempts_amount_not_negative")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_payment_attempts_order_id_orders")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_payment_attempts")),
        sa.UniqueConstraint("key", name=op.f("uq_payment_attempts_key")),
        sa.UniqueConstraint("order_id", name=op.f("uq_payment_attempts_order_id")),
        comment="the hold of an order's money; one an order, because a decline closes the order for good",
    )
    op.create_index(
        op.f("ix_payment_attempts_state_lease_until"), "payment_attempts", ["state", "lease_until"], unique=False
    )
    op.create_table(
        "service_orders",
        sa.Column("service_order_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "type",
            sa.Integer(),
            nullable=False,
            comment="1 parent and child, 2 dual main, 3 standalone (domain rules, trap 6)",
        ),
        sa.Column("parcel_id", sa.String(), nullable=False, comment="empty: the whole order"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="of the order's payable"),
        sa.CheckConstraint("kind IN ('SHIPPING', 'TAX', 'INSURANCE')", name=op.f("ck_service_orders_kind_known")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_service_orders_amount_not_negative")),
        sa.CheckConstraint("type IN (1, 2, 3)", name=op.f("ck_service_orders_type_known")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_service_orders_order_id_orders")),
        sa.PrimaryKeyConstraint("service_order_id", name=op.f("pk_service_orders")),
        comment="shipping, tax and insurance services linked to a trade order",
    )
    op.create_index(op.f("ix_service_orders_order_id"), "service_orders", ["order_id"], unique=False)
    op.create_table(
        "skus",
        sa.Column("sku_id", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="JSON: language tag to name"),
        sa.Column("unit_price", sa.BigInteger(), nullable=False, comment="fen (CNY)"),
        sa.Column("weight_g", sa.BigInteger(), nullable=False),
        sa.Column("length_cm", sa.BigInteger(), nullable=False),
        sa.Column("width_cm", sa.BigInteger(), nullable=False),
        sa.Column("height_cm", sa.BigInteger(), nullable=False),
        sa.Column("goods_class", sa.String(), nullable=False, comment="domain rules, section 3.3"),
        sa.Column("warehouse", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False, comment="country of origin, ISO 3166-1 alpha-2"),
        sa.Column(
            "hs6", sa.String(), nullable=False, comment="six digits of the Harmonized System, empty when unknown"
        ),
        sa.Column("max_quantity", sa.BigInteger(), nullable=False, comment="units one order may hold"),
        sa.Column("offline", sa.Boolean(), nullable=False, comment="shown, but not sold"),
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            comment="grows with every change; the pivot checks the priced one",
        ),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_skus_unit_price_not_negative")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_skus_shop_id_shops")),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_skus")),
        comment="saleable variants",
    )
    op.create_table(
        "stock",
        sa.Column("sku_id", sa.String(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False, comment="units that can be sold now"),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="grows with every change"),
        sa.CheckConstraint("available >= 0", name=op.f("ck_stock_never_oversold")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.sku_id"], name=op.f("fk_stock_sku_id_skus")),
        sa.PrimaryKeyConstraint("sku_id", name=op.f("pk_stock")),
        comment="what is left to sell; apart from skus because it changes with every order",
    )
