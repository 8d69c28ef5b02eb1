"""Goods of a presale at its balance: what was given with the order, applied anew (domain rules, sections 4 and 5)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.orders import order_with

from orderpage.domain.discount import DiscountRule, Funder, Lane, Stacking, Target
from orderpage.domain.order import Order
from orderpage.pricing.bought import as_given
from orderpage.pricing.discounts import Piece, discount_goods, lanes
from orderpage.pricing.together import together

LINES = (("1", 12900, "a"), ("2", 8900, "b"), ("3", 4550, "a"))


def pieces(build: Any) -> list[Piece]:
    return [Piece(0, build.item(build.line(name, amount, shop=shop))) for name, amount, shop in LINES]


def bought(build: Any, *rules: DiscountRule, methods: tuple[str, ...] = ("M",)) -> Order:
    priced = discount_goods(pieces(build), lanes(rules, Target.GOODS), methods)
    return replace(order_with([], parcels=()), adjustments=priced.adjustments)


rules = st.builds(
    DiscountRule,
    code=st.sampled_from("ABC"),
    name=st.just({}),
    lane=st.sampled_from([Lane.ITEM, Lane.SHOP, Lane.CROSS_SHOP, Lane.METHOD]),
    target=st.just(Target.GOODS),
    funding=st.sampled_from([((Funder.PLATFORM, 1),), ((Funder.PLATFORM, 7), (Funder.SELLER, 3))]),
    amount=st.integers(0, 20_000),
    threshold=st.sampled_from([0, 10_000, 17_450, 26_350]),
    shops=st.sampled_from([frozenset(), frozenset("a"), frozenset("b")]),
    methods=st.sampled_from([frozenset(), frozenset("M"), frozenset("N")]),
    reduces_tax_base=st.booleans(),
)


@given(chosen=st.lists(rules, max_size=3, unique_by=lambda rule: rule.code))
def test_goods_cost_and_count_what_they_did(build: Any, chosen: list[DiscountRule]) -> None:
    """Each net, taxable and eligible amount, and every discount as it was applied."""
    then = discount_goods(pieces(build), lanes(chosen, Target.GOODS), ["M"])
    now = lanes(as_given([], bought(build, *chosen)), Target.GOODS)
    assert discount_goods(pieces(build), now, ["M"]) == then


def test_what_does_not_reduce_the_tax_base_stays_in_it(build: Any) -> None:
    order = bought(build, build.rule(amount=3000, reduces_tax_base=False))
    priced = discount_goods(pieces(build), as_given([], order), ["M"])
    assert (priced.net, priced.taxable) == ((11431, 7887, 4032), (12900, 8900, 4550))


def test_what_hangs_on_a_method_is_lost_with_it_and_nothing_else_is(build: Any) -> None:
    order = bought(build, build.rule("A", 1000), build.rule("B", 500, methods=frozenset("M")))
    (kept,) = discount_goods(pieces(build), as_given([], order), ["N"]).adjustments
    assert (kept.code, kept.amount) == ("A", -1000)


def test_discounts_of_today_are_on_freight_and_take_none_away_that_was_given(build: Any) -> None:
    order = bought(build, build.rule("A", 1000))
    excluding = build.rule("E", 400, target=Target.FREIGHT, stacking=Stacking(code="E", excludes=frozenset("A")))
    today = as_given([build.rule("A", 2000), build.rule("F", 300, target=Target.FREIGHT), excluding], order)
    found = together(today)
    assert found.groups == ()
    assert [(rule.code, rule.amount) for rule in found.rules] == [("A", 1000), ("F", 300)]
