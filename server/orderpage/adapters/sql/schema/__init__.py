"""The tables. The migrations make them; a test keeps the two equal.

Amounts are minor units of the row's, or its order's, currency. Moments are microseconds UTC. Texts that are lists or
mappings are JSON, read whole and never searched.
"""

from orderpage.adapters.sql.schema.metadata import DONE, PARKED, PENDING, metadata
from orderpage.adapters.sql.schema.money import (
    ledger_entries,
    settlement_days,
    settlement_statements,
    usage_counts,
    usages,
)
from orderpage.adapters.sql.schema.orders import (
    AWAITED,
    LIVE,
    STANDING,
    generations,
    order_lines,
    order_parcels,
    orders,
    payment_attempts,
    service_orders,
    write_requests,
)
from orderpage.adapters.sql.schema.outside import outbox, outbox_acts, shipment_acts, shipments
from orderpage.adapters.sql.schema.selling import buyers, exchange_rates, shops, skus, stock
from orderpage.adapters.sql.schema.traffic import (
    difference_groups,
    differences,
    leases,
    ramps,
    recordings,
    traffic_counts,
    trips,
)

__all__ = [
    "AWAITED",
    "DONE",
    "LIVE",
    "PARKED",
    "PENDING",
    "STANDING",
    "buyers",
    "difference_groups",
    "differences",
    "exchange_rates",
    "generations",
    "leases",
    "ledger_entries",
    "metadata",
    "order_lines",
    "order_parcels",
    "orders",
    "outbox",
    "outbox_acts",
    "payment_attempts",
    "ramps",
    "recordings",
    "service_orders",
    "settlement_days",
    "settlement_statements",
    "shipment_acts",
    "shipments",
    "shops",
    "skus",
    "stock",
    "traffic_counts",
    "trips",
    "usage_counts",
    "usages",
    "write_requests",
]
