"""Freight that is free by weight (domain rules 3.6, 4 and 12): items, bundles, caps, and how they add up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.discount import DiscountRule, Lane, Target, ThresholdBase, WeightRelief
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.shipping import Basis, Charging, Fee, FlatTariff, KiloTariff, MethodKind, StepTariff
from orderpage.pricing.total import Pricer

LAND = StepTariff(first_g=1000, first_fee=1200, step_g=500, step_fee=300, divisor=6000, basis=Basis.FULL, round_g=500)
"""HK_DM_LAND of the demo rate card: 1 kg 12.00, then 3.00 for each half kilogram (domain rules 3.5)."""
HOME = [Fee("HOME_DELIVERY", 800, "last_mile", 1)]
HKD = ExchangeRate.of("r", CNY, Currency("HKD", 2), "1.1800")


def item_free(build: Any, *lines: str, **fields: Any) -> DiscountRule:
    relief = WeightRelief(frozenset(lines))
    return build.rule("ITEM", 0, target=Target.FREIGHT, lane=Lane.ITEM, relief=relief, **fields)  # type: ignore[no-any-return]


def bundle(build: Any, cap_g: int | None = None, later: bool = False, **fields: Any) -> DiscountRule:
    relief = WeightRelief(frozenset(fields.pop("lines", ())), cap_g, later)
    wanted = {"code": "BUNDLE", "amount": 0, "target": Target.FREIGHT, "lane": Lane.FREIGHT, "relief": relief}
    return build.rule(**{**wanted, **fields})  # type: ignore[no-any-return]


def instant(build: Any, amount: int) -> DiscountRule:
    return build.rule("INSTANT", amount, target=Target.FREIGHT, lane=Lane.METHOD)  # type: ignore[no-any-return]


def goods(build: Any, *weights: int, amount: int = 10_000) -> Any:
    return [build.line(str(i), amount, weight_g=weight, sides_cm=(1, 1, 1)) for i, weight in enumerate(weights, 1)]


def off(build: Any, lines: Any, rules: Any, tariff: Any = LAND, **fields: Any) -> tuple[int, int]:
    """The freight of one parcel by one method, and what promotions take off it."""
    method = {name: fields.pop(name) for name in ("mergeable", "charging", "kind") if name in fields}
    parcel = build.priced(build.parcel(*lines), build.offer("DM", tariff=tariff, **method), **fields)
    totals = Pricer([parcel], rules, []).totals((0,))
    return totals.freight, totals.freight_discount


def test_an_item_that_ships_free_leaves_the_payable_weight(build: Any) -> None:
    """2.2 kg are 12 + 3 × 3 = 21.00; without the 1.2 kg of line 2 they are 1.0 kg and 12.00."""
    assert off(build, goods(build, 1000, 1200), [item_free(build, "2")]) == (2100, -900)


def test_its_volume_leaves_too(build: Any) -> None:
    """A light good of 30×20×20 cm, 2 kg by volume at 6000: alone with 0.4 kg it is 2.0 → 2.5 kg; without it 0.5 kg."""
    lines = [build.line("1", weight_g=400, sides_cm=(10, 10, 4)), build.line("2", weight_g=100, sides_cm=(30, 20, 20))]
    assert off(build, lines, [item_free(build, "2")]) == (2100, -900)


def test_nothing_left_to_pay_for_is_no_freight_and_fees_stay(build: Any) -> None:
    parcel = build.priced(build.parcel(*goods(build, 700)), build.offer("DM", tariff=LAND), fees=lambda _: HOME)
    totals = Pricer([parcel], [item_free(build, "1")], []).totals((0,))
    assert (totals.freight, totals.freight_discount, totals.fees, totals.payable) == (1200, -1200, 800, 10_800)


@pytest.mark.parametrize(
    ("weight", "freight", "free"),
    [(2500, 2100, -2100), (3000, 2400, -2400), (3001, 2700, -2400), (5000, 3600, -2400)],
    ids=["below the cap", "at the cap", "one step above", "two kilograms above"],
)
def test_free_up_to_a_cap_and_what_is_above_pays_the_step_fee(build: Any, weight: int, freight: int, free: int) -> None:
    """Free up to 3 kg (domain rules 3.6): 5 kg pay four steps of 3.00."""
    assert off(build, goods(build, weight), [bundle(build, 3000)]) == (freight, free)


@pytest.mark.parametrize(("reduction", "paid"), [(500, 700), (1200, 0), (5000, 0)])
def test_free_up_to_a_cap_and_an_instant_reduction_add_up(build: Any, reduction: int, paid: int) -> None:
    """``max(0, excess − instant)`` (domain rules 12); 5 kg exceed 3 kg by 12.00."""
    freight, discount = off(build, goods(build, 5000), [bundle(build, 3000), instant(build, reduction)])
    assert freight + discount == paid


def test_the_cap_acts_on_the_weight_that_free_items_left(build: Any) -> None:
    """5 kg of which 2 kg ship free: 3 kg are within the cap."""
    rules = [bundle(build, 3000), item_free(build, "2")]
    assert off(build, goods(build, 3000, 2000), rules) == (3600, -3600)


@pytest.mark.parametrize(
    ("first", "then", "free"),
    [
        (["1"], ["1"], -1200),  # line 1 as a whole
        ([], ["1"], -2400),  # the first kilogram, and line 1 of what is left
        (["1"], [], -3600),  # all of it
    ],
    ids=["the same goods", "some of them", "these and others"],
)
def test_grams_that_are_free_up_to_a_cap_are_not_free_again(
    build: Any, first: list[str], then: list[str], free: int
) -> None:
    """Of 2 kg and 3 kg (36.00) the first promotion frees 1 kg, the second has no cap; 3 kg cost 24.00, 2 kg 18.00."""
    rules = [bundle(build, 1000, code="A", lines=first), bundle(build, code="B", lines=then)]
    assert off(build, goods(build, 2000, 3000), rules) == (3600, free)


def test_two_caps_are_worth_what_one_of_both_together_is(build: Any) -> None:
    """The first weight is paid, or free, once: 3 kg free up to 1 kg twice pay the steps above 2 kg, 6.00."""
    once = off(build, goods(build, 3000), [bundle(build, 2000)])
    twice = off(build, goods(build, 3000), [bundle(build, 1000, code=code) for code in "AB"])
    assert once == twice == (2400, -1800)


def test_reliefs_apply_item_first_then_the_reduction_then_the_threshold(build: Any) -> None:
    parcel = build.priced(build.parcel(*goods(build, 3000, 2000)), build.offer("DM", tariff=LAND))
    pricer = Pricer([parcel], [bundle(build, 1000), instant(build, 500), item_free(build, "2")], [])
    found = [(each.code, each.amount) for each in pricer.adjustments((0,))]
    assert found == [("ITEM", -1200), ("INSTANT", -500), ("BUNDLE", -1200)]
    assert pricer.totals((0,)).freight_discount == -2900


@pytest.mark.parametrize(("price", "free"), [(29_900, True), (29_899, False)])
def test_the_threshold_is_met_when_reached(build: Any, price: int, free: bool) -> None:
    freight, discount = off(build, goods(build, 800, amount=price), [bundle(build, threshold=29_900)])
    assert (freight, discount) == (1200, -1200 if free else 0)


@pytest.mark.parametrize(("counts", "free"), [(ThresholdBase.BEFORE, True), (ThresholdBase.AFTER_CROSS_SHOP, False)])
def test_the_threshold_counts_goods_before_or_after_discounts_across_shops(
    build: Any, counts: ThresholdBase, free: bool
) -> None:
    """299.50 and a cross-shop coupon of 30.00: met before it, 269.50 after (domain rules 3.6)."""
    rules = [bundle(build, threshold=29_900, counts=counts), build.rule("COUPON", 3000, lane=Lane.CROSS_SHOP)]
    assert off(build, goods(build, 800, amount=29_950), rules)[1] == (-1200 if free else 0)


def test_a_shops_threshold_frees_that_shops_weight_in_a_mixed_parcel(build: Any) -> None:
    """Of 2.2 kg the met shop's 1.2 kg are free; when both shops have met theirs, nothing is paid."""
    lines = [
        build.line("1", 10_000, weight_g=1000, sides_cm=(1, 1, 1), shop="a"),
        build.line("2", 20_000, weight_g=1200, sides_cm=(1, 1, 1), shop="b"),
    ]
    free = [
        bundle(build, code=f"SHOP@{shop}", lines=[line], shops=frozenset({shop}), threshold=threshold)
        for shop, line, threshold in (("a", "1", 10_001), ("b", "2", 20_000), ("a", "1", 10_000))
    ]
    assert off(build, lines, free[:2]) == (2100, -900)
    assert off(build, lines, free) == (2100, -2100)


def test_a_cap_is_once_an_order_whatever_it_is_divided_into(build: Any) -> None:
    """3.5 kg and 0.7 kg as two shipments: the first uses the 3 kg up, and the second pays. As two parcels alike."""
    lines = [
        build.line("1", weight_g=3500, sides_cm=(1, 1, 1), shop="a"),
        build.line("2", weight_g=700, sides_cm=(1, 1, 1), shop="b"),
    ]
    assert off(build, lines, [bundle(build, 3000)], mergeable=False) == (2700 + 1200, -2400)
    parcels = [build.priced(build.parcel(line), build.offer("DM", tariff=LAND)) for line in lines]
    assert Pricer(parcels, [bundle(build, 3000)], []).totals((0, 0)).freight_discount == -2400
    light = Pricer(parcels[::-1], [bundle(build, 3000)], []).totals((0, 0))
    assert light.freight_discount == -1200 - 1800, "1.0 kg of the cap, then 2.0 kg of 3.5"


def test_each_shipment_of_a_method_that_does_not_merge_has_its_own_payable_weight(build: Any) -> None:
    lines = [build.line("1", weight_g=3500, shop="a"), build.line("2", weight_g=700, shop="b")]
    freight, discount = off(build, lines, [bundle(build)], mergeable=False)
    assert (freight, discount) == (2700 + 1200, -2700 - 1200)


def test_what_is_free_is_converted_as_the_freight_was(build: Any) -> None:
    """At 1.18: 21.00 are 24.78 and 12.00 are 14.16. The whole is free to the cent."""
    lines = goods(build, 1000, 1200)
    assert off(build, lines, [item_free(build, "2")], rate=HKD) == (2478, -1062)
    assert off(build, lines, [bundle(build)], rate=HKD) == (2478, -2478)


def test_a_table_by_kilogram_is_free_up_to_the_cap_as_well(build: Any) -> None:
    table = KiloTariff((5000, 8000, 10_000), 3000, 5000, Basis.FULL)
    assert off(build, goods(build, 2500), [bundle(build, 2000)], table) == (10_000, -8000)


def test_a_carriers_price_for_one_parcel_goes_with_its_weight(build: Any) -> None:
    flat = FlatTariff(1000)
    assert off(build, goods(build, 3000, 1000), [item_free(build, "2")], flat) == (1000, -250)
    assert off(build, goods(build, 4000), [bundle(build, 1000)], flat) == (1000, -250)
    assert off(build, goods(build, 4000), [bundle(build)], flat) == (1000, -1000)


def conso(build: Any, lines: Any, rules: Any) -> Any:
    offer = build.offer("CONSO", tariff=LAND, charging=Charging.AFTER_WEIGHING, kind=MethodKind.CONSO_OFFICIAL)
    return Pricer([build.priced(build.parcel(*lines), offer, fees=lambda _: HOME)], rules, [])


@pytest.mark.parametrize(("later", "estimate"), [(True, 800), (False, 2000)])
def test_a_promise_lowers_what_is_charged_later_and_never_its_fees(build: Any, later: bool, estimate: int) -> None:
    pricer = conso(build, goods(build, 900), [bundle(build, later=later, methods=frozenset({"CONSO"}))])
    totals = pricer.totals((0,))
    assert (totals.later, totals.freight, totals.freight_discount, totals.payable) == (estimate, 0, 0, 10_000)
    assert pricer.price_options((0,), 0)[0].option.later == estimate
    assert pricer.cost((0,)) == 10_000 + estimate
    assert pricer.adjustments((0,)) == (), "it is a promise, not a discount on this page"


@pytest.mark.parametrize(("shops", "free"), [(("a", "b"), True), (("a", "a"), False)])
def test_merging_orders_of_several_shops_is_what_frees_leg_2(build: Any, shops: tuple[str, str], free: bool) -> None:
    lines = [build.line(str(i), 10_000, weight_g=400, shop=shop) for i, shop in enumerate(shops)]
    totals = conso(build, lines, [bundle(build, later=True, min_shops=2)]).totals((0,))
    assert totals.later == (800 if free else 2000)


def test_where_nothing_is_carried_nothing_is_free(build: Any) -> None:
    pricer = Pricer([], [bundle(build), item_free(build, "1")], [])
    assert (pricer.cheapest(), pricer.total(()), pricer.adjustments(())) == ((), 0, ())


def test_the_cheapest_selection_sees_which_method_is_free(build: Any) -> None:
    """The dearer method is free from the threshold on, so it is the cheapest; what it saves is shown exactly."""
    parcel = build.priced(build.parcel(*goods(build, 900)), build.offer("A", 900), build.offer("B", tariff=LAND))
    pricer = Pricer([parcel], [bundle(build, methods=frozenset({"B"}), threshold=10_000)], [])
    assert pricer.cheapest() == (1,)
    assert [option.landed for option in pricer.price_options((1,), 0)] == [10_900, 10_000]
    assert pricer.at_least() == 10_000


@given(weights=st.lists(st.integers(1, 4000), min_size=1, max_size=5), added=st.integers(1, 4000))
def test_adding_an_item_never_raises_the_shipping_of_a_free_shipping_bundle(
    build: Any, weights: list[int], added: int
) -> None:
    for chosen in (weights, [*weights, added]):
        freight, discount = off(build, goods(build, *chosen), [bundle(build, threshold=10_000)])
        assert freight + discount == 0


@given(weights=st.lists(st.integers(0, 4000), min_size=1, max_size=5), cap=st.one_of(st.none(), st.integers(1, 6000)))
def test_a_relief_is_never_more_than_the_freight_nor_less_than_nothing(
    build: Any, weights: list[int], cap: int | None
) -> None:
    rules = [bundle(build, cap), item_free(build, "1"), bundle(build, 700, code="OTHER", lines=["2"])]
    freight, discount = off(build, goods(build, *weights), rules)
    assert -freight <= discount <= 0
