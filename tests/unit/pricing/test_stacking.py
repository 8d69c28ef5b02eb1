"""Promotions that do not go together: which of them stands, and that switching still shows the exact difference."""

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orderpage.domain.discount import DiscountRule, Lane, Stacking, Target, WeightRelief
from orderpage.domain.shipping import Charging
from orderpage.pricing.selection import competing, switch
from orderpage.pricing.stacking import StackedPricer, pricer_of
from orderpage.pricing.together import MOST_SETS, together
from orderpage.pricing.total import Pricer

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


def test_a_higher_priority_stands_also_where_all_that_it_takes_is_a_promise(build: Any) -> None:
    later = build.rule(
        "LATER", 0, target=Target.FREIGHT, lane=Lane.FREIGHT, relief=WeightRelief(later=True),
        stacking=Stacking("LATER", priority=5),
    )  # fmt: skip
    now = excluding(build.rule("NOW", 6000), "LATER")
    parcels = one_parcel(build, build.offer("CONSO", 900, charging=Charging.AFTER_WEIGHING))
    pricer = pricer_of(parcels, [later, now], [])
    assert isinstance(pricer, StackedPricer)
    assert pricer.standing((0,)).taken((0,)) == {"LATER": -900}


@pytest.mark.parametrize("others", [(), (("D", 1, 0),), (("D", 1, 9),)], ids=["alone", "a lower one", "a higher one"])
def test_among_equal_priorities_the_better_stands_whatever_else_there_is(build: Any, others: Any) -> None:
    """Not the set that has more of them."""
    rules = [excluding(build.rule("A", 5000), "B", "C", priority=5)]
    rules += [excluding(build.rule(code, 1000), priority=5) for code in "BC"]
    rules += [excluding(build.rule(code, amount), priority=priority) for code, amount, priority in others]
    assert codes(pricer_of(one_parcel(build), rules, [])) == ["A", *[code for code, _, _ in others]]


def test_the_rules_of_one_promotion_count_as_one(build: Any) -> None:
    """It is off the freight of two shops, and takes 9.00 where the other takes 20.00."""
    lines = [build.line("1", 25_000, shop="a"), build.line("2", 25_000, shop="b")]
    said = Stacking("SHOPS", frozenset({"BIG"}), priority=1)
    shops = [
        build.rule(f"SHOPS@{shop}", 450, target=Target.FREIGHT, lane=Lane.FREIGHT, stacking=said) for shop in ("a", "b")
    ]
    rules = [*shops, excluding(build.rule("BIG", 2000), priority=1), excluding(build.rule("Z", 1))]
    pricer = pricer_of([build.priced(build.parcel(*lines), build.offer("DM", 900))], rules, [])
    assert codes(pricer) == ["BIG", "Z"]


def test_two_lower_ones_do_not_outvote_a_higher_one(build: Any) -> None:
    rules = [excluding(build.rule("A", 10), "B", "C", priority=2)]
    rules += [excluding(build.rule(code, 1000), priority=1) for code in "BC"]
    assert codes(pricer_of(one_parcel(build), rules, [])) == ["A"]


def test_with_priorities_too_the_page_is_the_cheapest_of_few(build: Any) -> None:
    """Each parcel by itself is cheaper by direct mail; both by sea leave the coupon to stand."""
    instant = excluding(
        build.rule("INSTANT", 100, target=Target.FREIGHT, lane=Lane.METHOD, methods=frozenset({"DM"})), "COUPON",
        priority=1,
    )  # fmt: skip
    parcels = [
        build.priced(build.parcel(build.line(line, 20_000)), build.offer("DM", 900), build.offer("SEA", 1000))
        for line in ("1", "2")
    ]
    pricer = pricer_of(parcels, [instant, build.rule("COUPON", 5000)], [])
    assert pricer.cheapest() == (1, 1)


def test_what_stacks_with_some_goes_with_no_other(build: Any) -> None:
    only = replace(build.rule("A", 100), stacking=Stacking("A", stacks_with=frozenset({"B"})))
    pricer = pricer_of(one_parcel(build), [only, build.rule("B", 40), build.rule("C", 30)], [])
    assert codes(pricer) == ["A", "B"]


def test_rules_of_one_promotion_go_together(build: Any) -> None:
    family = Stacking("FREE", frozenset({"X"}))
    rules = [replace(build.rule(f"FREE@{shop}", 100), stacking=family) for shop in "ab"]
    found = together([*rules, build.rule("X", 150)])
    (group,) = found.groups
    assert [[rule.code for rule in found.standing([kept])] for kept in group.sets] == [["FREE@a", "FREE@b"], ["X"]]


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


@pytest.mark.parametrize("count", [3, 16])
def test_a_groups_sets_are_as_large_as_can_be_each_once(build: Any, count: int) -> None:
    names = [f"R{i:02}" for i in range(count)]
    everybody = [excluding(build.rule(name), *(other for other in names if other != name)) for name in names]
    (group,) = together(everybody).groups
    assert [sorted(kept) for kept in group.sets] == [[name] for name in names]


@settings(max_examples=60, deadline=None)
@given(edges=st.frozensets(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF"))))
def test_the_sets_are_all_the_largest_ones(build: Any, edges: frozenset[tuple[str, str]]) -> None:
    apart = {frozenset(edge) for edge in edges if edge[0] != edge[1]}
    said = {code: [other for other in "ABCDEF" if (code, other) in edges and other != code] for code in "ABCDEF"}
    found = together([excluding(build.rule(code), *others) for code, others in said.items()])
    for group in found.groups:
        codes = sorted(group.at_odds)
        subsets = [frozenset(some) for size in range(len(codes)) for some in combinations(codes, size)]
        fit = [each for each in subsets if not any(pair <= each for pair in apart)]
        largest = [each for each in fit if not any(each < other for other in fit)]
        assert len(largest) <= MOST_SETS
        assert set(group.sets) == set(largest)


def test_what_nobody_is_at_odds_with_is_not_searched(build: Any) -> None:
    """A hundred coupons, two of them at odds: two sets, which a walk over all subsets would never come to."""
    rules = [build.rule(f"C{i:02}", 1) for i in range(98)] + [excluding(build.rule("A", 5), "B"), build.rule("B", 6)]
    (group,) = together(rules).groups
    assert [sorted(kept) for kept in group.sets] == [["A"], ["B"]]
    assert pricer_of(one_parcel(build), rules, []).total((0,)) == 10_000 + 900 - 98 - 6


def test_of_many_sets_the_best_for_the_buyer_stands_wherever_it_is(build: Any) -> None:
    """Five pairs make 32 sets, of which the one with B0 is none of the first sixteen."""
    rules = []
    for pair in range(5):
        rules += [excluding(build.rule(f"A{pair}", 10), f"B{pair}"), build.rule(f"B{pair}", 10)]
    rules[1] = build.rule("B0", 600)
    pricer = pricer_of(one_parcel(build, build.offer("DM", 900), build.offer("SEA", 800)), rules, [])
    assert codes(pricer) == ["A1", "A2", "A3", "A4", "B0"]
    assert pricer.cheapest() == (1,)
    assert pricer.at_least() <= pricer.cost((1,)) == 10_000 + 800 - 640


def test_of_many_that_all_exclude_each_other_the_best_one_stands(build: Any) -> None:
    names = [f"R{i:02}" for i in range(40)]
    rules = [excluding(build.rule(name, 10 + (name == "R33")), *{*names} - {name}) for name in names]
    assert codes(pricer_of(one_parcel(build), rules, [])) == ["R33"]


@settings(max_examples=60)
@given(draw=st.data())
def test_the_laws_of_a_page_hold_for_promotions_that_do_not_go_together(
    pages: Any, build: Any, draw: st.DataObject
) -> None:
    """With few sets, and with the thirty-two that five pairs more make."""
    parcels, rules, taxes = draw.draw(pages())
    some = st.frozensets(st.sampled_from(CODES), max_size=3)
    said = {code: Stacking(code, draw.draw(some) - {code}, priority=draw.draw(st.integers(0, 2))) for code in CODES}
    rules = [replace(rule, stacking=said[rule.code]) for rule in rules]
    for pair in range(draw.draw(st.sampled_from([0, 5]))):
        more = [draw.draw(st.integers(1, 3000)) for _ in "PQ"]
        rules += [excluding(build.rule(f"P{pair}", more[0]), f"Q{pair}"), build.rule(f"Q{pair}", more[1])]
    said |= {rule.code: rule.stacking or Stacking(rule.code) for rule in rules}
    pricer = pricer_of(parcels, rules, taxes)
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
        lines = pricer.tax_lines(selection, place)
        for option in range(len(priced.options)):
            moved = pricer.total(switch(selection, place, option)) - totals.payable
            assert moved == shown[option].landed - shown[selection[place]].landed
            assert sum(line.amount for line in lines[option]) == shown[option].tax + shown[option].border
    cheapest = pricer.cheapest()
    assert pricer.at_least() <= pricer.cost(cheapest)
    for place, priced in enumerate(parcels):
        for option in competing(priced.options):
            assert pricer.cost(cheapest) <= pricer.cost(switch(cheapest, place, option))
    able = [competing(priced.options) for priced in parcels]
    if isinstance(pricer, Pricer) or pricer.lists_all:
        assert pricer.cost(cheapest) == min(map(pricer.cost, product(*able)))
