"""Taxes as declarations. An extension declares the rules of the page's day; the host tests, allocates, rounds and sums.

Everything here is data (domain rules, section 2): which goods a rule concerns, what its threshold is defined on, and
how goods within and beyond it are treated.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import check_whole, percent
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.text import Text


class Collector(StrEnum):
    """Who collects the tax from the buyer."""

    MARKETPLACE = "MARKETPLACE"
    BORDER = "BORDER"


class Unit(StrEnum):
    """What a threshold is defined on: each item, or all goods that enter together."""

    ITEM = "ITEM"
    CONSIGNMENT = "CONSIGNMENT"


class Valuation(StrEnum):
    """Which amount is held against a threshold: the goods, or goods with their freight and fees (CIF)."""

    GOODS = "GOODS"
    CIF = "CIF"


class Combine(StrEnum):
    """Whether parcels of one order are one consignment. Where they are, dividing an order evades nothing."""

    PARCEL = "PARCEL"
    ADDRESSEE_DAY = "ADDRESSEE_DAY"


class Rounding(StrEnum):
    """By line: each component of each line. By invoice: a component's sum over the shipment, once."""

    LINE = "LINE"
    INVOICE = "INVOICE"


class FlatPer(StrEnum):
    """What a flat amount is due for: each distinct tariff heading of a shipment; or a shipment that owes anything."""

    HS6 = "HS6"
    DUE = "DUE"


class Component(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One amount of a tax. ``rate_ppm`` is parts per million of the base and of the earlier components in ``on``.

    ``by_hs`` gives other rates by tariff code: the longest beginning that fits counts. A ``flat`` amount (page minor
    units) stands instead of a rate.
    """

    code: str
    rate_ppm: int = 0
    by_hs: Mapping[str, int] = {}
    on: tuple[str, ...] = ()
    flat: int = 0
    flat_per: FlatPer = FlatPer.HS6

    def __post_init__(self) -> None:
        check_whole("an amount of the tax", self.code, self.rate_ppm, self.flat, *self.by_hs.values())

    def ppm_of(self, hs6: str) -> int:
        """The rate for goods of that tariff code."""
        fitting = [beginning for beginning in self.by_hs if hs6.startswith(beginning)]
        return self.by_hs[max(fitting, key=len)] if fitting else self.rate_ppm

    def __str__(self) -> str:
        if self.flat:
            return f"{self.code} {self.flat} minor units {'a heading' if self.flat_per is FlatPer.HS6 else 'when due'}"
        other = f" ({', '.join(f'{hs}: {percent(ppm)}' for hs, ppm in self.by_hs.items())})" if self.by_hs else ""
        return f"{self.code} {percent(self.rate_ppm)}{other}"


class Treatment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who collects which components of goods. ``freight_kinds``: methods whose carriage is in the base."""

    collector: Collector
    components: tuple[Component, ...]
    freight_kinds: frozenset[MethodKind] = frozenset()


class Threshold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Goods of at most ``limit`` (page minor units, inclusive) are within. Per item it is the average unit's amount."""

    unit: Unit
    limit: int
    tested: Valuation = Valuation.GOODS
    combine: Combine = Combine.PARCEL


class TaxRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a country taxes what is sent to it, or what is sold in it.

    It concerns goods from ``origins`` (empty: anywhere but ``except_origins``) that travel by methods of ``kinds``.
    They are within when their mode is in ``modes``, their class is not ``excluded``, their tariff code begins with none
    of ``excluded_hs`` and the ``threshold`` is not exceeded. A treatment that is None leaves them free.
    """

    code: str
    name: Text
    within: Treatment | None
    beyond: Treatment | None
    threshold: Threshold | None = None
    modes: frozenset[Mode] = frozenset(Mode)
    kinds: frozenset[MethodKind] = frozenset({MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL})
    origins: frozenset[str] = frozenset()
    except_origins: frozenset[str] = frozenset()
    excluded: frozenset[GoodsClass] = frozenset()
    excluded_hs: tuple[str, ...] = ()
    rounding: Rounding = Rounding.LINE
    row: str = ""
    """Which dated row this is, for the explanation."""

    @property
    def components(self) -> Iterator[Component]:
        """Of both treatments."""
        for treatment in (self.within, self.beyond):
            if treatment is not None:
                yield from treatment.components

    @property
    def combines(self) -> bool:
        """Whether what the rule makes of a parcel depends on the page's other parcels."""
        return self.threshold is not None and self.threshold.combine is Combine.ADDRESSEE_DAY

    def __str__(self) -> str:
        modes = ", ".join(sorted(self.modes)) or "nothing"
        limit = ""
        if self.threshold is not None:
            limit = f", {self.threshold.unit.lower()}s up to {self.threshold.limit} minor units"
        row = f" ({self.row})" if self.row else ""
        return f"{self.code} by {modes}{limit}: {_said(self.within)}; else {_said(self.beyond)}{row}"


class TaxLine(msgspec.Struct, frozen=True, gc=False):
    """A component on one line of one parcel: ``amount`` on ``base``, page minor units; ``collector`` takes it.

    ``rule`` is the code of the rule that it is a component of. ``carriage`` is the part of ``base`` that is freight and
    fees themselves, and not an earlier component on them; none where the amount is flat.
    """

    code: str
    line_id: str
    base: int
    amount: int
    collector: Collector
    rule: str = ""
    carriage: int = 0


def _said(treatment: Treatment | None) -> str:
    if treatment is None:
        return "free"
    return f"{' + '.join(map(str, treatment.components))} to the {treatment.collector.lower()}"
