"""Taxes as declarations. An extension declares a rule for the page's day; the host allocates, rounds and sums."""

from enum import StrEnum

import msgspec

from orderpage.domain.goods import GoodsClass
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.text import Text


class Collector(StrEnum):
    """Who collects the tax from the buyer."""

    MARKETPLACE = "MARKETPLACE"
    BORDER = "BORDER"


class TaxRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A low-value-goods tax: collected at checkout on what qualifies, due at the border on the rest.

    A line qualifies when its method's mode is in ``modes``, its class is not in ``excluded``, and its net amount is
    at most ``item_limit`` × quantity (page minor units; the average unit, domain rules section 12). ``rate_ppm`` is
    parts per million. ``freight_kinds`` are the methods whose freight and fees belong to the taxed supply; the border
    base takes all freight (CIF). Goods sent by ``exempt_kinds`` are nobody's to tax here: they cross no border, or
    cross it with somebody else.
    """

    code: str
    name: Text
    rate_ppm: int
    modes: frozenset[Mode]
    item_limit: int
    freight_kinds: frozenset[MethodKind]
    excluded: frozenset[GoodsClass] = frozenset()
    exempt_kinds: frozenset[MethodKind] = frozenset({MethodKind.CONSO_THIRD_PARTY, MethodKind.LOCAL})
    row: str = ""
    """Which dated row this is, for the explanation."""

    def __str__(self) -> str:
        rate = f"{self.rate_ppm // 10_000}.{self.rate_ppm % 10_000:04}".rstrip("0").rstrip(".")
        modes = ", ".join(sorted(self.modes)) or "nothing"
        row = f" ({self.row})" if self.row else ""
        return f"{self.code} {rate}% by {modes}, units up to {self.item_limit} minor units{row}"


class TaxLine(msgspec.Struct, frozen=True, gc=False):
    """Tax on one line of one parcel: ``amount`` on ``base``, page minor units; ``collector`` says who takes it."""

    code: str
    line_id: str
    base: int
    amount: int
    collector: Collector
