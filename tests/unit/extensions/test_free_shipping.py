"""Promotions that free freight by weight, and coupons, as configuration declares them."""

from typing import Any

import pytest

from orderpage.domain.discount import Funder, Lane, Target, ThresholdBase
from orderpage.domain.money import ListingAmount
from orderpage.domain.usage import Cap, UseUp
from orderpage.testing import check_extension, example_line, example_view, render_with
from orderpage_promotions.coupons import Coupon, CouponRules, Coupons
from orderpage_promotions.free_items import FreeItems, FreeItemsRule
from orderpage_promotions.free_shipping import FreeShipping, FreeShippingRule, Group

BASE: dict[str, Any] = {"name": {"en": "Free"}, "funder": Funder.PLATFORM}
LAYER = """
package: test
when: {{site: HK}}
discount:
  add:
    - use: promotion.{use}
      as: promo
      settings: {{code: PROMO, name: {{en: Free}}, funder: PLATFORM, {settings}}}
"""


def free_items(**fields: Any) -> FreeItemsRule:
    return FreeItemsRule(FreeItems(code="ITEM", **BASE, **fields))


def free_shipping(**fields: Any) -> FreeShippingRule:
    return FreeShippingRule(FreeShipping(**{"code": "FREE", **BASE, **fields}))


@pytest.mark.parametrize(
    ("named", "lines"),
    [
        ({"skus": {"sku-1"}}, {"1"}),
        ({"categories": {"books"}}, {"2"}),
        ({"brands": {"acme"}}, {"3"}),
        ({"skus": {"sku-1"}, "brands": {"acme"}}, {"1", "3"}),
        ({"skus": {"sku-1", "sku-2"}, "shops": {"shop-2"}}, {"2"}),
    ],
)
def test_goods_that_ship_free_are_named_by_sku_category_or_brand(
    make: Any, named: dict[str, Any], lines: set[str]
) -> None:
    cart = make.line("1"), make.line("2", category="books", shop="shop-2"), make.line("3", brand="acme")
    (rule,) = free_items(**{name: frozenset(values) for name, values in named.items()}).discount(make.view(*cart), {})
    assert (rule.lane, rule.target) == (Lane.ITEM, Target.FREIGHT)
    assert rule.relief is not None
    assert rule.relief.lines == lines


def test_without_any_of_them_in_the_cart_there_is_no_rule(make: Any) -> None:
    assert free_items(skus=frozenset({"other"})).discount(make.view(), {}) == ()


def test_a_bundle_is_one_rule_and_a_shops_threshold_one_for_each_shop(make: Any) -> None:
    view: Any = make.view(make.line("1", shop="a"), make.line("2", shop="b"), make.line("3", shop="a"))
    (bundle,) = free_shipping(
        threshold=ListingAmount("299.00"), cap_g=3000, threshold_base=ThresholdBase.AFTER_CROSS_SHOP
    ).discount(view, {})
    assert (bundle.code, bundle.threshold, bundle.counts) == ("FREE", 35_282, ThresholdBase.AFTER_CROSS_SHOP)
    assert bundle.relief is not None
    assert (bundle.relief.lines, bundle.relief.cap_g) == (frozenset(), 3000)
    single: list[Any] = list(free_shipping(group=Group.SHOP).discount(view, {}))
    assert [(rule.code, rule.promotion, rule.shops, rule.relief.lines) for rule in single] == [
        ("FREE@a", "FREE", {"a"}, {"1", "3"}),
        ("FREE@b", "FREE", {"b"}, {"2"}),
    ]


def test_shops_that_do_not_take_part_have_no_rule(make: Any) -> None:
    view = make.view(make.line("1", shop="a"), make.line("2", shop="b"))
    assert [r.code for r in free_shipping(group=Group.SHOP, shops=frozenset({"b"})).discount(view, {})] == ["FREE@b"]
    assert list(free_shipping(shops=frozenset({"c"})).discount(view, {})) == []
    (some,) = free_shipping(shops=frozenset({"b", "c"})).discount(view, {})
    assert some.relief is not None
    assert some.relief.lines == {"2"}


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (free_items, "name the goods"),
        (lambda: free_shipping(cap_g=0), "above 0 grams"),
        (lambda: free_shipping(group=Group.SHOP, min_shops=2), "use `group: ALL`"),
        (lambda: Coupon(code="C", **BASE, amount=ListingAmount("0")), "above 0"),
        (lambda: Coupon(code="C", **BASE, amount=ListingAmount("9"), condition=ListingAmount("8.99")), "takes more"),
        (lambda: Coupons(coupons=(coupon(), coupon())), "two coupons have the code C"),
        (lambda: free_shipping(min_shops=-1), "`min_shops` -1 is no number of shops"),
        (lambda: free_shipping(min_shops=3, shops=frozenset("ab")), "is no number of shops, of the 2 that take part"),
        (lambda: free_shipping(code="FREE@a"), "its `code` has no '@'"),
    ],
)
def test_what_cannot_be_meant_is_refused(made: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()


def coupon(**fields: Any) -> Coupon:
    return Coupon(**{"code": "C", **BASE, "amount": ListingAmount("30.00"), **fields})


def test_a_coupon_of_shops_is_in_their_lane_and_any_other_across_shops(make: Any) -> None:
    found: list[Any] = list(
        CouponRules(
            Coupons(coupons=(coupon(code="S", shops=frozenset({"a"})), coupon(condition=ListingAmount("30.00"))))
        ).discount(make.view(), {})
    )
    shop, cross = found
    assert (shop.lane, cross.lane) == (Lane.SHOP, Lane.CROSS_SHOP)
    assert (cross.amount, cross.threshold) == (3540, 3540)


@pytest.mark.parametrize(
    ("extension", "settings"),
    [
        (FreeItemsRule, {"skus": ["s"], "categories": ["books"]}),
        (FreeShippingRule, {"group": "SHOP", "threshold": "1.00", "cap_g": 3000}),
        (FreeShippingRule, {"min_shops": 2, "charged_later": True}),
    ],
)
def test_they_keep_the_laws(extension: type, settings: dict[str, Any]) -> None:
    check_extension(extension, {"code": "X", "name": {"en": "X"}, "funder": "PLATFORM", **settings})


@pytest.mark.parametrize(("price", "free"), [("299.00", True), ("298.99", False)])
def test_a_page_from_its_threshold_on_has_no_freight_and_keeps_its_fees(price: str, free: bool) -> None:
    layer = LAYER.format(use="free_shipping", settings='threshold: "299.00"')
    page = render_with(layer, example_view("HK", example_line(price=price)), extensions=[FreeShippingRule])
    assert page.totals.freight > 0
    assert page.totals.freight_discount == (-page.totals.freight if free else 0)
    assert [adjustment.code for adjustment in page.adjustments] == (["PROMO"] if free else [])


def test_what_is_for_the_first_orders_is_named_used_and_not_offered_when_they_are_placed(make: Any) -> None:
    """Whichever slot counted: it is the most that any saw."""
    own = free_shipping(first_orders=2, group=Group.SHOP)
    assert own.capped == ("promotion:FREE",)
    view = make.view(make.line("1", shop="a"), make.line("2", shop="b"))
    rules = list(own.discount(view, {"one": {"promotion:FREE": 1}, "other": {}}))
    assert {rule.use for rule in rules} == {UseUp(name="promotion:FREE", cap=Cap("promotion:FREE", 2))}
    assert len(rules) == 2
    assert list(own.discount(view, {"one": {"promotion:FREE": 1}, "other": {"promotion:FREE": 2}})) == []
    assert list(own.discount(view, {})) == [], "an order for the last of it could be refused for ever"
    items = free_items(skus=frozenset({"sku-1"}), first_orders=1)
    assert [rule.use for rule in items.discount(make.view(), {"one": {"promotion:ITEM": 0}})] == [
        UseUp(name="promotion:ITEM", cap=Cap("promotion:ITEM", 1))
    ]
    assert items.discount(make.view(), {"one": {"promotion:ITEM": 1}}) == ()
