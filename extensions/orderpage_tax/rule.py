"""A tax of a country or of its provinces: the row of the buyer's day, as a rule that the host applies.

Rule: domain rules, section 2, and section 12 (the tax date is the buyer's local date). A day without a row is a fault:
the page fails rather than sell untaxed.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from orderpage import extends, extension, points
from orderpage.domain.dated import row_on
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.page import PageView
from orderpage.domain.scenario import Profile
from orderpage.domain.tax import TaxRule
from orderpage_tax.areas import AreaNames
from orderpage_tax.currency import TaxRateLoader, in_page_currency
from orderpage_tax.facts import RELIEFS, TAX_RATES
from orderpage_tax.law import TaxLaw, last_day, rules_by_area
from orderpage_tax.reliefs import ReliefsUsed, used


@extension("tax.rule", settings=TaxLaw)
class TaxByLaw:
    """One rule per dated row, made at construction. ``data_until`` is the last day that has one."""

    def __init__(self, settings: TaxLaw) -> None:
        self.code = settings.code
        self.currency = settings.currency
        self.reliefs = settings.reliefs
        self.rules = rules_by_area(settings)
        self.data_until = last_day(self.rules.values())
        self._area_of = AreaNames(settings.areas)

    def lacks_on(self, day: date) -> str:
        """What a page of that day would miss, or nothing."""
        missing = [area for area, rows in self.rules.items() if row_on(rows, day) is None]
        where = f" in {', '.join(missing)}" if any(missing) else ""
        return f"{self.code} has no row for {day}{where}; add one to its settings" if missing else ""

    def misfit(self, profile: Profile, others: Sequence[object]) -> str:
        """What a scenario lacks for this law, or nothing."""
        if sum([isinstance(other, TaxByLaw) and other.code == self.code for other in others]) > 1:
            return f"the law {self.code} stands twice here, so goods would be taxed twice; remove one, or rename it"
        if self.reliefs is not None and not any(_counts(other, self.code) for other in others):
            return f"{self.code} grants {self.reliefs} reliefs and nobody counts them; put tax.reliefs at load"
        if profile.currency == self.currency or any(_brings(other, self.currency) for other in others):
            return ""
        return (
            f"{self.code} is declared in {_said(self.currency)}, the site's pages are in {_said(profile.currency)}; "
            f"write the same currency, or put tax.rate for {self.currency.code} at load"
        )

    @extends(points.TAX, needs=(RELIEFS, TAX_RATES))
    def tax(
        self, page: PageView, reliefs: Mapping[str, Mapping[str, int]], rates: Mapping[str, ExchangeRate]
    ) -> tuple[TaxRule, ...]:
        """The day's rule. Raises ``LookupError`` without one, ``ValueError`` for a currency without a rate."""
        area = self._area_of(page.address)
        dated = None if area is None else row_on(self.rules[area], page.today)
        if dated is None:
            raise LookupError(f"{self.code} has no row for {page.today}; add one to its settings")
        rule = dated.rule
        if self.reliefs is not None and reliefs and used(reliefs, self.code) >= self.reliefs:
            rule = replace(rule, modes=frozenset(), row=f"{rule.row}, relief used up")
        if page.rate.quote != self.currency:
            rule = in_page_currency(rule, self.currency, page.rate, rates)
        return (rule,)


def _counts(other: object, law: str) -> bool:
    return isinstance(other, ReliefsUsed) and other.settings.law == law


def _brings(other: object, currency: Currency) -> bool:
    return isinstance(other, TaxRateLoader) and other.currency == currency


def _said(currency: Currency) -> str:
    return f"{currency.code} with {currency.exponent} decimals"
