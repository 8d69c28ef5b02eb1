"""A low-value-goods tax: collected at checkout on cheap items by certain modes, due at the border on the rest.

Rule: domain rules 2.1 (Singapore: items up to S$400 by air or post, 9% since 2024-01-01) and section 12 (the
threshold is tested on the rounded amount; the tax date is the buyer's local date). A day without a row is a fault:
the page fails rather than sell untaxed.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

import msgspec

from orderpage import Settings, extends, extension, points
from orderpage.domain.dated import Dated, in_order, row_on
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import Currency
from orderpage.domain.page import PageView
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.tax import TaxRule


def parts_per_million(percent: str) -> int:
    """``"9.975"`` is 99,750. Raises ``ValueError`` outside 0–100 or for more than four decimals."""
    try:
        scaled = Decimal(percent).scaleb(4)
    except InvalidOperation as error:
        raise ValueError(f"{percent!r} is not a percentage, such as '9' or '9.975'") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 0 <= scaled <= 1_000_000:
        raise ValueError(f"{percent!r} must be a percentage from 0 to 100 with at most four decimals")
    return int(scaled)


class TaxRow(Dated, frozen=True, kw_only=True):
    """The law between two days: ``rate`` in percent, ``item_limit`` in the tax currency, both as decimal text."""

    rate: str
    item_limit: str


class LowValueGoods(Settings, frozen=True, kw_only=True):
    """Settings of ``tax.low_value_goods``. ``freight_kinds``: methods whose freight is part of the taxed supply."""

    code: str
    name: Mapping[str, str]
    currency: Currency
    rows: tuple[TaxRow, ...]
    modes: frozenset[Mode]
    freight_kinds: frozenset[MethodKind] = frozenset()
    excluded: frozenset[GoodsClass] = frozenset()

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"the tax {self.code} has no rows; give at least one dated row")
        for row in in_order(self.rows):
            parts_per_million(row.rate)
            self.currency.parse(row.item_limit)


class _Law(msgspec.Struct, frozen=True):
    effective_from: date
    effective_to: date | None
    rule: TaxRule


@extension("tax.low_value_goods", settings=LowValueGoods)
class LowValueGoodsTax:
    """One rule per dated row, made at construction."""

    def __init__(self, settings: LowValueGoods) -> None:
        self.code = settings.code
        self.currency = settings.currency
        self.laws = tuple(
            _Law(row.effective_from, row.effective_to, _rule(settings, row)) for row in in_order(settings.rows)
        )

    @extends(points.TAX)
    def tax(self, page: PageView) -> tuple[TaxRule, ...]:
        """The day's rule. Raises ``LookupError`` without one, ``ValueError`` for a page in another currency."""
        if page.rate.quote != self.currency:
            raise ValueError(f"{self.code} is declared in {self.currency.code}, the page is in {page.rate.quote.code}")
        law = row_on(self.laws, page.today)
        if law is None:
            raise LookupError(f"{self.code} has no row for {page.today}; add one to its settings")
        return (law.rule,)


def _rule(settings: LowValueGoods, row: TaxRow) -> TaxRule:
    return TaxRule(
        code=settings.code,
        name=settings.name,
        rate_ppm=parts_per_million(row.rate),
        modes=settings.modes,
        item_limit=settings.currency.parse(row.item_limit),
        freight_kinds=settings.freight_kinds,
        excluded=settings.excluded,
        row=f"{settings.code} {row.rate}% from {row.effective_from}",
    )
