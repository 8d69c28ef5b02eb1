"""How far a page is on the way to its promotions (domain rules, section 3.6)."""

from typing import Any

from msgspec.structs import replace

from orderpage.domain.discount import DiscountRule, Lane, Stacking, Target, WeightRelief
from orderpage.domain.shipping import Charging
from orderpage.pricing.stacking import pricer_of

LINES = ((12_900, "a"), (8900, "b"), (4550, "a"))


def rule(build: Any, **fields: Any) -> DiscountRule:
    wanted = {
        "code": "FREE", "amount": 0, "target": Target.FREIGHT, "lane": Lane.FREIGHT, "relief": WeightRelief(),
        "threshold": 29_900, "shows_progress": True,
    }  # fmt: skip
    made: DiscountRule = build.rule(**{**wanted, **fields})
    return made


def cart(build: Any, *offers: Any) -> Any:
    lines = [build.line(str(i), amount, shop=shop) for i, (amount, shop) in enumerate(LINES, 1)]
    return [build.priced(build.parcel(*lines), *(offers or (build.offer("DM", 1200),)))]


def test_the_gap_of_the_worked_example(build: Any) -> None:
    wanted = rule(build)
    (far,) = pricer_of(cart(build), [wanted], []).progress((0,), [wanted])
    assert (far.threshold, far.reached, far.gap, far.met, far.applied) == (29_900, 26_350, 3550, False, False)
    assert far.lines == ("1", "2", "3")


def test_equal_is_met_and_then_it_applies(build: Any) -> None:
    wanted = rule(build, threshold=26_350)
    (far,) = pricer_of(cart(build), [wanted], []).progress((0,), [wanted])
    assert (far.gap, far.met, far.applied) == (0, True, True)


def test_shop_coupons_come_off_first_and_coupons_across_shops_do_not(build: Any) -> None:
    wanted = rule(build)
    rules = [wanted, build.rule("SHOP", 350, lane=Lane.SHOP), build.rule("CROSS", 3000, lane=Lane.CROSS_SHOP)]
    (far,) = pricer_of(cart(build), rules, []).progress((0,), rules)
    assert far.reached == 26_000


def test_of_a_shop_only_its_goods_count_and_form_the_group(build: Any) -> None:
    wanted = rule(build, shops=frozenset({"a"}), relief=WeightRelief(frozenset({"1", "3"})))
    (far,) = pricer_of(cart(build), [wanted], []).progress((0,), [wanted])
    assert (far.reached, far.lines) == (17_450, ("1", "3"))


def test_goods_count_that_can_travel_by_a_method_of_the_rule_also_while_another_is_selected(build: Any) -> None:
    parcels = cart(build, build.offer("DM", 1200), build.offer("SEA", 800))
    wanted = rule(build, threshold=20_000, methods=frozenset({"DM"}))
    pricer = pricer_of(parcels, [wanted], [])
    for option, applied in ((0, True), (1, False)):
        (far,) = pricer.progress((option,), [wanted])
        assert (far.met, far.applied, far.by_other_method) == (True, applied, not applied)
    (none,) = pricer.progress((0,), [rule(build, methods=frozenset({"AIR"}))])
    assert (none.reached, none.lines) == (0, ())


def test_goods_of_one_shop_lack_a_shop_before_any_amount(build: Any) -> None:
    alone = [build.priced(build.parcel(build.line("1", 30_000, shop="a")), build.offer("DM", 1200))]
    for threshold in (0, 29_900):
        wanted = rule(build, threshold=threshold, min_shops=2)
        (far,) = pricer_of(alone, [wanted], []).progress((0,), [wanted])
        assert (far.shops_missing, far.met, far.applied) == (1, False, False)
    (far,) = pricer_of(cart(build), [wanted], []).progress((0,), [wanted])
    assert (far.shops_missing, far.gap) == (0, 3550)
    three = rule(build, min_shops=3, shops=frozenset({"b"}))
    assert pricer_of(cart(build), [three], []).progress((0,), [three])[0].shops_missing == 2


def test_two_parcels_of_which_one_travels_otherwise_are_met_by_another_method(build: Any) -> None:
    offers = (build.offer("DM", 1200), build.offer("SEA", 800))
    parcels = [build.priced(build.parcel(build.line(line, 15_000)), *offers) for line in "12"]
    wanted = rule(build, threshold=30_000, methods=frozenset({"DM"}))
    said = [pricer_of(parcels, [wanted], []).progress(each, [wanted])[0] for each in ((0, 0), (0, 1), (1, 1))]
    assert [far.by_other_method for far in said] == [False, True, True]


def test_a_promise_for_later_is_told_apart(build: Any) -> None:
    parcels = cart(build, build.offer("CONSO", 1200, charging=Charging.AFTER_WEIGHING))
    wanted = rule(build, threshold=0, relief=WeightRelief(later=True))
    (far,) = pricer_of(parcels, [wanted], []).progress((0,), [wanted])
    assert (far.applied, far.promised) == (True, -1200)


def test_the_group_is_named_by_its_goods_whatever_is_selected_or_reached(build: Any) -> None:
    parcels = cart(build, build.offer("DM", 1200), build.offer("SEA", 800))
    one, other = rule(build), rule(build, threshold=1)
    names = {
        pricer_of(parcels, [each], []).progress((option,), [each])[0].group
        for each in (one, other)
        for option in (0, 1)
    }
    assert len(names) == 1
    (shop,) = pricer_of(parcels, [one], []).progress((0,), [rule(build, shops=frozenset({"a"}))])
    assert {shop.group}.isdisjoint(names)


def test_one_that_does_not_stand_is_shown_all_the_same(build: Any) -> None:
    wanted = rule(build, threshold=20_000, stacking=Stacking("FREE", frozenset({"BETTER"})))
    better = build.rule("BETTER", 5000)
    (far,) = pricer_of(cart(build), [wanted, better], []).progress((0,), [wanted, better])
    assert (far.met, far.applied) == (True, False)


def test_a_rule_that_does_not_show_it_has_none(build: Any) -> None:
    quiet = replace(rule(build), shows_progress=False)
    assert pricer_of(cart(build), [quiet], []).progress((0,), [quiet]) == ()
