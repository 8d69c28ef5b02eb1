"""What is sold, who buys, at which rate."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    text,
)

from orderpage.adapters.sql.columns import Instant, Json
from orderpage.adapters.sql.schema.metadata import TEXTS, metadata
from orderpage.domain.presale import Presale

shops = Table(
    "shops",
    metadata,
    Column("shop_id", String, primary_key=True),
    Column("name", TEXTS, nullable=False, comment="JSON: language tag to name"),
    comment="sellers' shops",
)

skus = Table(
    "skus",
    metadata,
    Column("sku_id", String, primary_key=True),
    Column("shop_id", String, ForeignKey("shops.shop_id"), nullable=False),
    Column("name", TEXTS, nullable=False, comment="JSON: language tag to name"),
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
