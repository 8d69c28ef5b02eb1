"""What an amount is reckoned from: the components of a page and an order, in the order in which they are reckoned."""

from collections.abc import Mapping

from orderpage.migration.comparison.found import Cause, Found

_GOODS = (Cause.GOODS,)
_NET = (Cause.GOODS, Cause.DISCOUNT)
_FREIGHT = (Cause.FREIGHT,)
_FEE = (Cause.FEE,)
_SHIPPED = (Cause.FREIGHT, Cause.DISCOUNT)
_ALL = (Cause.GOODS, Cause.DISCOUNT, Cause.FREIGHT, Cause.FEE, Cause.TAX)

RECKONED: Mapping[str, tuple[Cause, ...]] = {
    "shops": _GOODS,
    "shops.lines.net_amount": _NET,
    "adjustments": _NET,
    "parcels.items": _GOODS,
    "parcels.weight_g": _GOODS,
    "parcels.options.freight": _FREIGHT,
    "parcels.options.fees": _FEE,
    "parcels.options.discount": _SHIPPED,
    "parcels.options.tax": _ALL,
    "parcels.options.tax_lines": _ALL,
    "parcels.options.border_estimate": _ALL,
    "parcels.options.landed_cost": _ALL,
    "split_saving": _ALL,
    "totals": _ALL,
    "totals.goods": _GOODS,
    "totals.goods_discount": _NET,
    "totals.freight": _FREIGHT,
    "totals.freight_discount": _SHIPPED,
    "totals.fees": _FEE,
    "payment_schedule": _ALL,
    "blocks": _ALL,
    # an order
    "goods": _GOODS,
    "discount": (Cause.GOODS, Cause.FREIGHT, Cause.DISCOUNT),
    "freight": _FREIGHT,
    "fees": _FEE,
    "tax": _ALL,
    "payable": _ALL,
    "lines": _GOODS,
    "lines.net_amount": _NET,
    "parcels.freight": _FREIGHT,
    "parcels.discount": _SHIPPED,
    "parcels.fees": _FEE,
    "parcels.tax": _ALL,
    "service_orders.amount": _ALL,
}
"""By field: what it is reckoned from, earliest first; the last is its own. A field has the entry of the nearest above
it.
"""

_OWN = (
    "shops", "adjustments",
    "parcels.options.freight", "parcels.options.fees", "parcels.options.discount", "parcels.options.tax",
    "parcels.options.tax_lines", "parcels.options.border_estimate",
    "lines", "parcels.freight", "parcels.fees", "parcels.discount", "parcels.tax",
)  # fmt: skip
"""Fields that are components themselves, with all below them; all others are sums of these."""

_WORDS = ("name", "label")


def reckoned_from(field: str) -> tuple[Cause, ...]:
    """What the field is reckoned from; empty for what is not reckoned at all."""
    if field.rpartition(".")[2] in _WORDS:
        return ()
    while field:
        if field in RECKONED:
            return RECKONED[field]
        field = field.rpartition(".")[0]
    return ()


def component_of(one: Found) -> Cause | None:
    """Which component the difference is one of; None for a sum, or what is no amount."""
    if one.field.rpartition(".")[2] in _WORDS:
        return None
    field = one.field
    while field:
        if field in _OWN:
            return reckoned_from(one.field)[-1]
        field = field.rpartition(".")[0]
    return None
