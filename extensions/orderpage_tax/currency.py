"""A law in another currency than the page's: its amounts in the page's, so that every test comes out as in its own.

Rule: domain rules 2.3 (thresholds are tested in the tax currency) and section 12 (on the rounded amount).
"""

from collections.abc import Mapping

from msgspec.structs import replace

from orderpage import Settings, extends, extension, points
from orderpage.domain.money import CNY, Currency, ExchangeRate, half_up
from orderpage.domain.tax import Component, TaxRule, Treatment
from orderpage.ports import LoadView
from orderpage_tax.facts import TAX_RATES


class TaxCurrency(Settings, frozen=True, kw_only=True):
    """Settings of ``tax.rate``: the currency that taxes are declared in, where the page is in another."""

    currency: Currency


@extension("tax.rate", settings=TaxCurrency)
class TaxRateLoader:
    """The rate from the listing currency; a quote pins it."""

    def __init__(self, settings: TaxCurrency) -> None:
        self.currency = settings.currency

    @extends(points.LOAD, fills=TAX_RATES, budget_ms=2000)
    async def load(self, view: LoadView) -> ExchangeRate:
        """From CNY. Raises ``LookupError`` when none was published."""
        rate = await view.ports.rates.rate(CNY, self.currency, view.priced_at)
        if rate is None:
            raise LookupError(f"no rate of exchange from CNY to {self.currency.code} at {view.priced_at.isoformat()}")
        return rate


def in_page_currency(
    rule: TaxRule, declared: Currency, page: ExchangeRate, rates: Mapping[str, ExchangeRate]
) -> TaxRule:
    """The rule with its amounts in the page's currency. Raises ``ValueError`` where no slot brings the law's rate."""
    tax = next((rate for rate in rates.values() if rate.quote == declared), None)
    if tax is None:
        raise ValueError(
            f"{rule.code} is declared in {declared.code}, the page is in {page.quote.code}; "
            f"put tax.rate for {declared.code} at load"
        )
    # One minor unit of the page is so many of the law's.
    numerator, denominator = tax.numerator * page.denominator, tax.denominator * page.numerator
    limit = rule.threshold and replace(rule.threshold, limit=_largest(rule.threshold.limit, numerator, denominator))
    within, beyond = (_converted(each, numerator, denominator) for each in (rule.within, rule.beyond))
    return replace(rule, threshold=limit, within=within, beyond=beyond)


def _largest(limit: int, numerator: int, denominator: int) -> int:
    """The largest amount of the page that, rounded to the law's currency, is within the limit."""
    return -(-denominator * (2 * limit + 1) // (2 * numerator)) - 1


def _converted(treatment: Treatment | None, numerator: int, denominator: int) -> Treatment | None:
    if treatment is None or not any(component.flat for component in treatment.components):
        return treatment
    components = [_in_page(component, numerator, denominator) for component in treatment.components]
    return replace(treatment, components=tuple(components))


def _in_page(component: Component, numerator: int, denominator: int) -> Component:
    return replace(component, flat=half_up(component.flat * denominator, numerator))
