"""A tax of a country or of its provinces: the row of the buyer's day, as a rule that the host applies.

Rule: domain rules, section 2, and section 12 (the tax date is the buyer's local date). A day without a row is a fault:
the page fails rather than sell untaxed.
"""

from datetime import date

from orderpage import extends, extension, points
from orderpage.domain.dated import row_on
from orderpage.domain.page import PageView
from orderpage.domain.tax import TaxRule
from orderpage_tax.areas import AreaNames
from orderpage_tax.law import TaxLaw, last_day, rules_by_area


@extension("tax.rule", settings=TaxLaw)
class TaxByLaw:
    """One rule per dated row, made at construction. ``data_until`` is the last day that has one."""

    def __init__(self, settings: TaxLaw) -> None:
        self.code = settings.code
        self.currency = settings.currency
        self.rules = rules_by_area(settings)
        self.data_until = last_day(self.rules.values())
        self._area_of = AreaNames(settings.areas)

    def lacks_on(self, day: date) -> str:
        """What a page of that day would miss, or nothing."""
        missing = [area for area, rows in self.rules.items() if row_on(rows, day) is None]
        where = f" in {', '.join(missing)}" if any(missing) else ""
        return f"{self.code} has no row for {day}{where}; add one to its settings" if missing else ""

    @extends(points.TAX)
    def tax(self, page: PageView) -> tuple[TaxRule, ...]:
        """The day's rule. Raises ``LookupError`` without one, ``ValueError`` for a page in another currency."""
        if page.rate.quote != self.currency:
            raise ValueError(f"{self.code} is declared in {self.currency.code}, the page is in {page.rate.quote.code}")
        area = self._area_of(page.address)
        dated = None if area is None else row_on(self.rules[area], page.today)
        if dated is None:
            raise LookupError(f"{self.code} has no row for {page.today}; add one to its settings")
        return (dated.rule,)
