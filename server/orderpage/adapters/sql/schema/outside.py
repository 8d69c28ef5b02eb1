"""What follows an order outside: the outbox, and parcels at their carriers."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from orderpage.adapters.sql.columns import Instant, Json
from orderpage.adapters.sql.schema.metadata import DONE, PARKED, PENDING, ROW_ID, metadata, one_of
from orderpage.domain.shipment import ShipmentState

outbox = Table(
    "outbox",
    metadata,
    Column("row_id", ROW_ID, primary_key=True, comment="order of delivery for equal keys; never used twice"),
    Column("key", String, nullable=False, comment="rows of one key are delivered one after another"),
    Column("topic", String, nullable=False),
    Column("payload", Json[dict[str, str | int]](dict[str, str | int]), nullable=False, comment="JSON"),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False, comment="claims so far"),
    Column("failures", Integer, nullable=False, server_default="0", comment="in a row, since it was parked last"),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant, comment="until then the claim is one worker's; null: nobody's"),
    Column("error", Text, nullable=False, comment="of the last attempt"),
    one_of("state", (PENDING, DONE, PARKED)),
    Index(None, "state", "due_at", "row_id"),  # what is due later, perhaps for weeks, is never looked at
    Index(None, "key", "state", "row_id"),
    comment="events of confirmed orders, to be delivered at least once",
    sqlite_autoincrement=True,
)

outbox_acts = Table(
    "outbox_acts",
    metadata,
    Column("act_id", ROW_ID, primary_key=True),
    Column("row_id", ROW_ID, ForeignKey("outbox.row_id"), nullable=False),
    Column("act", String, nullable=False, comment="retry"),
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False, comment="why the row had been given up"),
    Column("at", Instant, nullable=False),
    Index(None, "row_id"),
    comment="what people did to rows of the outbox, and why",
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
    one_of("state", ShipmentState),
    Index(None, "state", "updated_at"),
    comment="parcels of confirmed orders at their carriers; a parcel that is not here was not booked yet",
)

shipment_acts = Table(
    "shipment_acts",
    metadata,
    Column("act_id", ROW_ID, primary_key=True),
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
