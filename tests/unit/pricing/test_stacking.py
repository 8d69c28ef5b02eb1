"""Promotions that do not go together: which of them stands, and that switching still shows the exact difference."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orderpage.domain.discount import DiscountRule, Lane, Stacking, Target
from orderpage.pricing.stacking import StackedPricer, pricer_of, standing_together
from orderpage.pricing.total import Pricer, competing, switch

CODES = ("R1", "R2", "R3", "W1", "W2", "W3")


def excluding(rule: DiscountRule, *codes: str, **fields: Any) -> DiscountRule:
    return replace(rule, stacking=Stacking(rule.code, frozenset(codes), **fields))


def codes(pricer: Any, selection: Any = (0,)) -> list[str]:
    return [adjustment.code for adjustment in pricer.adjustments(selection)]


def one_parcel(build: Any, *offers: Any, amount: int = 10_000) -> list[Any]:
    return [build.priced(build.parcel(build.line("1", amount)), *(offers or (build.offer("DM", 900),)))]


def test_without_a_word_about_others_all_stand(build: Any) -> None:
    rules = [build.rule("A", 100), build.rule("B", 200)]
    assert isinstance(pricer_of(one_parcel(build), rules, []), Pricer)


def test_of_two_that_exclude_each_other_the_better_one_for_the_buyer_stands(build: Any) -> None:
    rules = [excluding(build.rule("A", 100), "B"), build.rule("B", 200), build.rule("C", 50)]
    pricer = pricer_of(one_parcel(build), rules, [])
    assert codes(pricer) == ["B", "C"]
    assert pricer.total((0,)) == 10_000 + 900 - 250


def test_equal_ones_stand_by_code_whatever_their_order(build: Any) -> None:
    rules = [excluding(build.rule("A", 100), "B"), build.rule("B", 100)]
    assert [codes(pricer_of(one_parcel(build), order, [])) for order in (rules, rules[::-1])] == [["A"], ["A"]]


def test_one_that_takes_nothing_leaves_the_other_alone(build: Any) -> None:
    rules = [excluding(build.rule("A", 900, threshold=10_001), "B", priority=9), build.rule("B", 100)]
    assert codes(pricer_of(one_parcel(build), rules, [])) == ["B"]


def test_a_higher_priority_stands_though_the_other_were_better(build: Any) -> None:
    rules = [excluding(build.rule("A", 100), "B", priority=1), build.rule("B", 200)]
    assert codes(pricer_of(one_parcel(build), rules, [])) == ["A"]


def test_what_stacks_with_some_goes_with_no_other(build: Any) -> None:
    only = replace(build.rule("A", 100), stacking=Stacking("A", stacks_with=frozenset({"B"})))
    pricer = pricer_of(one_parcel(build), [only, build.rule("B", 40), build.rule("C", 30)], [])
    assert codes(pricer) == ["A", "B"]


def test_rules_of_one_promotion_go_together(build: Any) -> None:
    family = Stacking("FREE", frozenset({"X"}))
    rules = [replace(build.rule(f"FREE@{shop}", 100), stacking=family) for shop in "ab"]
    (together, other) = standing_together([*rules, build.rule("X", 150)])
    assert [rule.code for rule in together] == ["FREE@a", "FREE@b"]
    assert [rule.code for rule in other] == ["X"]


def test_which_one_stands_may_change_with_the_method(build: Any) -> None:
    """A reduction of one method against a smaller one of all: what each option shows is what switching to it costs."""
    parcels = one_parcel(build, build.offer("DM", 900), build.offer("CONSO", 800))
    instant = build.rule("INSTANT", 500, target=Target.FREIGHT, lane=Lane.METHOD, methods=frozenset({"DM"}))
    coupon = excluding(build.rule("COUPON", 300), "INSTANT")
    pricer = pricer_of(parcels, [instant, coupon], [])
    assert [codes(pricer, (option,)) for option in (0, 1)] == [["INSTANT"], ["COUPON"]]
    assert [pricer.total((option,)) for option in (0, 1)] == [10_400, 10_500]
    assert [option.landed for option in pricer.price_options((0,), 0)] == [10_400, 10_500]
    assert pricer.cheapest() == (0,)


@pytest.mark.parametrize("count", [3, 8])
def test_sets_are_as_large_as_can_be_each_once_and_few(build: Any, count: int) -> None:
    names = [f"R{i}" for i in range(count)]
    everybody = [excluding(build.rule(name), *(other for other in names if other != name)) for name in names]
    assert [[rule.code for rule in each] for each in standing_together(everybody)] == [[name] for name in names]
    pairs = [excluding(build.rule(f"{side}{i}"), f"{'ba'['ab'.index(side)]}{i}") for i in range(count) for side in "ab"]
    found = standing_together(pairs)
    assert len(found) == min(2**count, 16)
    assert {len(each) for each in found} == {count}


@settings(max_examples=60)
@given(draw=st.data())
def test_the_laws_of_a_page_hold_for_promotions_that_do_not_go_together(pages: Any, draw: st.DataObject) -> None:
    parcels, rules, taxes = draw.draw(pages())
    some = st.frozensets(st.sampled_from(CODES), max_size=3)
    said = {code: Stacking(code, draw.draw(some) - {code}, priority=draw.draw(st.integers(0, 2))) for code in CODES}
    pricer = pricer_of(parcels, [replace(rule, stacking=said[rule.code]) for rule in rules], taxes)
    selection = tuple(draw.draw(st.integers(0, len(priced.options) - 1)) for priced in parcels)
    totals, adjustments = pricer.totals(selection), pricer.adjustments(selection)
    assert totals.payable == pricer.total(selection) >= 0
    assert sum(each.amount for each in adjustments) == totals.goods_discount + totals.freight_discount
    taken = {adjustment.code for adjustment in adjustments}
    assert not any(said[code].excludes & taken for code in taken)
    landed = [pricer.price_options(selection, place)[index].landed for place, index in enumerate(selection)]
    if not isinstance(pricer, StackedPricer):
        assert sum(landed) == totals.payable
    for place, priced in enumerate(parcels):
        shown = pricer.price_options(selection, place)
        lines = pricer.tax_lines(selection, place, shown)
        for option in range(len(priced.options)):
            moved = pricer.total(switch(selection, place, option)) - totals.payable
            assert moved == shown[option].landed - shown[selection[place]].landed
            assert sum(line.amount for line in lines[option]) == shown[option].tax + shown[option].border
    cheapest = pricer.cheapest()
    assert pricer.at_least() <= pricer.cost(cheapest)
    for place, priced in enumerate(parcels):
        for option in competing(priced.options):
            assert pricer.cost(cheapest) <= pricer.cost(switch(cheapest, place, option))
