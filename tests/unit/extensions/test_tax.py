"""A low-value-goods tax as dated data."""

from datetime import date
from typing import Any

import pytest

from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import Currency
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.tax import TaxRule
from orderpage_tax.low_value_goods import LowValueGoods, LowValueGoodsTax, TaxRow, parts_per_million

SGD = Currency("SGD", 2)
ROWS = (
    TaxRow(effective_from=date(2023, 1, 1), effective_to=date(2023, 12, 31), rate="8", item_limit="400.00"),
    TaxRow(effective_from=date(2024, 1, 1), rate="9", item_limit="400.00"),
)


def gst(**fields: Any) -> LowValueGoods:
    defaults = {
        "code": "SG_GST",
        "name": {"en": "GST"},
        "currency": SGD,
        "rows": ROWS,
        "modes": frozenset({Mode.AIR}),
        "freight_kinds": frozenset({MethodKind.DIRECT_MAIL}),
        "excluded": frozenset({GoodsClass.DUTIABLE}),
    }
    return LowValueGoods(**{**defaults, **fields})


def rule_on(make: Any, day: date) -> TaxRule:
    (rule,) = LowValueGoodsTax(gst()).tax(make.view(rate=make.rate(SGD, "0.1920"), today=day))
    return rule


def test_the_rate_is_that_of_the_buyers_day(make: Any) -> None:
    assert rule_on(make, date(2023, 12, 31)).rate_ppm == 80_000
    assert rule_on(make, date(2024, 1, 1)).rate_ppm == 90_000


def test_the_rule_says_what_it_covers_and_which_row_it_is(make: Any) -> None:
    rule = rule_on(make, date(2026, 11, 23))
    assert rule.item_limit == 40_000
    assert (rule.modes, rule.excluded) == (frozenset({Mode.AIR}), frozenset({GoodsClass.DUTIABLE}))
    assert rule.freight_kinds == {MethodKind.DIRECT_MAIL}
    assert rule.row == "SG_GST 9% from 2024-01-01"


def test_a_day_without_a_row_is_a_fault(make: Any) -> None:
    with pytest.raises(LookupError, match="no row for 2022-12-31"):
        rule_on(make, date(2022, 12, 31))


def test_a_page_in_another_currency_is_a_fault(make: Any) -> None:
    with pytest.raises(ValueError, match="declared in SGD, the page is in HKD"):
        LowValueGoodsTax(gst()).tax(make.view())


@pytest.mark.parametrize(("text", "ppm"), [("9", 90_000), ("9.975", 99_750), ("0", 0), ("100", 1_000_000)])
def test_percentages_are_exact(text: str, ppm: int) -> None:
    assert parts_per_million(text) == ppm


@pytest.mark.parametrize("text", ["nine", "9.12345", "-1", "101", "NaN", ""])
def test_other_texts_are_no_percentage(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        parts_per_million(text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": ()}, "at least one dated row"),
        ({"rows": (ROWS[1], ROWS[1])}, "overlap"),
        ({"rows": (TaxRow(effective_from=date(2024, 1, 1), rate="9", item_limit="400.001"),)}, "decimals of SGD"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gst(**fields)
