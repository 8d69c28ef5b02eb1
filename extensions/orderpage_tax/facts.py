"""What taxes need to know beyond the page."""

from collections.abc import Mapping

from orderpage import Fact
from orderpage.domain.money import ExchangeRate

RELIEFS: Fact[Mapping[str, Mapping[str, int]]] = Fact(
    "tax_reliefs",
    Mapping[str, Mapping[str, int]],
    "How often the buyer used a relief in this half-year, by the code of its law, by the slot that counted.",
    default={},
    by_slot=True,
    optional=True,
)

TAX_RATES: Fact[Mapping[str, ExchangeRate]] = Fact(
    "tax_rates",
    Mapping[str, ExchangeRate],
    "From the listing currency to one that taxes are declared in, by the slot that brought it.",
    default={},
    by_slot=True,
    pinned=True,
    optional=True,
)
