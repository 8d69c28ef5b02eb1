"""A law in another currency than the page's: every test comes out as in the law's own (domain rules 2.3 and 12)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.money import CNY, Currency, ExchangeRate, half_up
from orderpage.domain.tax import Collector, Component, TaxRule, Threshold, Treatment, Unit
from orderpage_tax.currency import in_page_currency

SGD, USD, TWD = Currency("SGD", 2), Currency("USD", 2), Currency("TWD", 0)
TREATMENT = Treatment(
    collector=Collector.MARKETPLACE,
    components=(Component(code="GST", rate_ppm=90_000), Component(code="FLAT", flat=300)),
)


def rule(limit: int) -> TaxRule:
    threshold = Threshold(unit=Unit.ITEM, limit=limit)
    return TaxRule(code="SG_GST", name={"en": "GST"}, threshold=threshold, within=TREATMENT, beyond=None)


def rate(quote: Currency, text: str) -> ExchangeRate:
    return ExchangeRate.of(f"r-{quote.code}", CNY, quote, text)


@given(
    limit=st.integers(0, 100_000),
    page=st.decimals("0.05", "9", places=4).map(str),
    tax=st.decimals("0.05", "9", places=4).map(str),
    quote=st.sampled_from([USD, TWD]),
    beside=st.integers(-3, 3),
)
def test_what_is_within_in_the_pages_currency_is_within_in_the_laws(
    limit: int, page: str, tax: str, quote: Currency, beside: int
) -> None:
    shown, declared = rate(quote, page), rate(SGD, tax)
    made = in_page_currency(rule(limit), SGD, shown, {"sgd": declared})
    assert made.threshold is not None
    amount = max(0, made.threshold.limit + beside)
    in_law = half_up(amount * declared.numerator * shown.denominator, declared.denominator * shown.numerator)
    assert (amount <= made.threshold.limit) is (in_law <= limit)


def test_flat_amounts_are_converted_and_rates_are_not() -> None:
    """1 CNY = 0.1920 SGD = 0.1400 USD: 3.00 SGD is 2.19 USD."""
    made = in_page_currency(rule(40_000), SGD, rate(USD, "0.1400"), {"sgd": rate(SGD, "0.1920")})
    assert made.within is not None
    assert [(component.rate_ppm, component.flat) for component in made.within.components] == [(90_000, 0), (0, 219)]


def test_without_the_rate_it_says_what_to_add(make: Any) -> None:
    with pytest.raises(ValueError, match=r"declared in SGD, the page is in USD; put tax\.rate for SGD at load"):
        in_page_currency(rule(1), SGD, rate(USD, "0.1400"), {"twd": rate(TWD, "4.4")})
