"""Reductions declared in CNY."""

from typing import Any

import pytest

from orderpage.domain.discount import Funder, Lane, Target
from orderpage.domain.money import Currency, ListingAmount
from orderpage_promotions.reduction import Reduction, ReductionRule


def reduction(**fields: Any) -> Reduction:
    defaults = {
        "code": "OFF",
        "name": {"en": "Off"},
        "lane": Lane.METHOD,
        "target": Target.FREIGHT,
        "funder": Funder.PLATFORM,
        "amount": ListingAmount("5.00"),
    }
    return Reduction(**{**defaults, **fields})


def test_amount_and_threshold_are_converted_each_by_itself(make: Any) -> None:
    settings = reduction(threshold=ListingAmount("199.99"), methods=frozenset({"HK_DM_LAND"}))
    (rule,) = ReductionRule(settings).discount(make.view(), {})
    assert (rule.amount, rule.threshold) == (590, 23_599)
    assert (rule.lane, rule.target, rule.funding) == (Lane.METHOD, Target.FREIGHT, ((Funder.PLATFORM, 1),))
    assert rule.methods == {"HK_DM_LAND"}
    assert rule.reduces_tax_base


def test_less_than_the_smallest_coin_is_no_discount(make: Any) -> None:
    tiny = ReductionRule(reduction(amount=ListingAmount("0.01")))
    assert tiny.discount(make.view(rate=make.rate(Currency("SGD", 2), "0.1920")), {}) == ()


@pytest.mark.parametrize("fields", [{"amount": ListingAmount("0")}])
def test_a_reduction_of_nothing_or_below_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        reduction(**fields)


def test_a_reduction_may_be_paid_by_several_the_greatest_weight_first(make: Any) -> None:
    settings = reduction(funder=None, funding={Funder.SELLER: 3, Funder.PLATFORM: 7})
    (rule,) = ReductionRule(settings).discount(make.view(), {})
    assert rule.funding == ((Funder.PLATFORM, 7), (Funder.SELLER, 3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"funder": None}, "say who pays"),
        ({"funding": {Funder.SELLER: 1}}, "say who pays"),
        ({"funder": None, "funding": {Funder.SELLER: 0, Funder.PLATFORM: 1}}, "above 0"),
    ],
)
def test_who_pays_is_said_once_and_with_weights_above_0(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reduction(**fields)


def test_goods_that_are_named_are_lowered_alone_and_count_alone(make: Any) -> None:
    own = ReductionRule(reduction(target=Target.GOODS, lane=Lane.ITEM, skus=frozenset({"sku-2"})))
    view = make.view(make.line("1"), make.line("2"))
    (rule,) = own.discount(view, {})
    assert rule.lines == {line.line_id for line in view.lines if line.sku.sku_id == "sku-2"} == {"2"}
    assert own.discount(make.view(make.line("1")), {}) == ()
    with pytest.raises(ValueError, match=r"use `promotion\.free_items` for those"):
        reduction(skus=frozenset({"sku-2"}))
