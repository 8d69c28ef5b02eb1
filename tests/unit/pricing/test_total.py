"""``total(selection)`` is the only authority: the laws of a page's money (design 3)."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.domain.discount import Lane, Target
from orderpage.domain.shipping import Charging, MethodKind, Mode, Option
from orderpage.pricing.selection import Selection, switch
from orderpage.pricing.total import Pricer

MORE = settings(max_examples=80)


def any_selection(draw: st.DataObject, parcels: Any) -> Selection:
    return tuple(draw.draw(st.integers(0, len(priced.options) - 1)) for priced in parcels)


@MORE
@given(draw=st.data())
def test_payable_equals_its_parts(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    pricer = Pricer(parcels, discounts, taxes)
    selection = any_selection(draw, parcels)
    totals = pricer.totals(selection)
    parts = totals.goods + totals.goods_discount + totals.freight + totals.freight_discount + totals.fees + totals.tax
    assert totals.payable == parts == pricer.total(selection) >= 0
    assert totals.goods_discount <= 0
    assert -totals.freight <= totals.freight_discount <= 0


@MORE
@given(draw=st.data())
def test_the_landed_costs_of_what_is_selected_sum_to_the_total(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    pricer = Pricer(parcels, discounts, taxes)
    selection = any_selection(draw, parcels)
    landed = [pricer.price_options(selection, index)[option].landed for index, option in enumerate(selection)]
    assert sum(landed) == pricer.total(selection)


@MORE
@given(draw=st.data())
def test_switching_one_option_moves_the_total_by_exactly_the_difference_shown(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    pricer = Pricer(parcels, discounts, taxes)
    selection = any_selection(draw, parcels)
    for index, priced in enumerate(parcels):
        shown = pricer.price_options(selection, index)
        for option in range(len(priced.options)):
            difference = shown[option].landed - shown[selection[index]].landed
            assert pricer.total(switch(selection, index, option)) - pricer.total(selection) == difference


@MORE
@given(draw=st.data())
def test_adjustments_sum_to_the_discounts_and_their_parts_to_them(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    pricer = Pricer(parcels, discounts, taxes)
    selection = any_selection(draw, parcels)
    totals, adjustments = pricer.totals(selection), pricer.adjustments(selection)
    for adjustment in adjustments:
        assert sum(part for _, part in adjustment.parts) == adjustment.amount < 0
    for target, discount in ((Target.GOODS, totals.goods_discount), (Target.FREIGHT, totals.freight_discount)):
        assert sum(a.amount for a in adjustments if a.target is target) == discount
    net = pricer.net_by_line(selection)
    assert sum(net.values()) == totals.goods + totals.goods_discount
    assert all(amount >= 0 for amount in net.values())


@MORE
@given(draw=st.data())
def test_no_change_of_one_option_is_cheaper_than_the_cheapest_selection(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    pricer = Pricer(parcels, discounts, taxes)
    cheapest = pricer.cheapest()
    assert pricer.at_least() <= pricer.cost(cheapest)
    for index, priced in enumerate(parcels):
        chosen = priced.options[cheapest[index]]
        for option, other in enumerate(priced.options):
            if elsewhere(other):
                continue  # what it costs is not known
            assert not elsewhere(chosen)
            assert pricer.cost(cheapest) <= pricer.cost(switch(cheapest, index, option))


def elsewhere(option: Option) -> bool:
    return option.method.charging is Charging.ELSEWHERE


@given(draw=st.data())
def test_what_is_not_charged_with_the_order_is_no_part_of_what_is_paid(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    pricer, selection = Pricer(parcels, discounts, taxes), any_selection(draw, parcels)
    totals = pricer.totals(selection)
    chosen = [priced.options[index] for priced, index in zip(parcels, selection, strict=True)]
    shown = [pricer.price_options(selection, place)[index].option for place, index in enumerate(selection)]
    assert totals.later == sum(option.later for option in shown)
    assert pricer.cost(selection) == totals.payable + totals.later + totals.border
    for priced, listed in zip(shown, chosen, strict=True):
        assert 0 <= priced.later <= listed.later
    for option in chosen:
        if option.method.charging is not Charging.AT_CHECKOUT:
            assert (option.freight, option.fee_total, sum(option.charges)) == (0, 0, 0)


@given(draw=st.data())
def test_prices_do_not_depend_on_what_was_asked_before(pages: Any, draw: st.DataObject) -> None:
    parcels, discounts, taxes = draw.draw(pages())
    warm, selection = Pricer(parcels, discounts, taxes), any_selection(draw, parcels)
    warm.cheapest()
    for index in range(len(parcels)):
        warm.price_options(selection, index)
    cold = Pricer(parcels, discounts, taxes)
    assert warm.evaluate(selection) == cold.evaluate(selection)
    assert warm.totals(selection) == cold.totals(selection)


def test_without_parcels_nothing_costs_anything() -> None:
    pricer = Pricer([], [], [])
    assert (pricer.cheapest(), pricer.total(())) == ((), 0)


def test_changing_the_method_moves_the_tax(build: Any) -> None:
    """SG-2 and SG-5 side by side: 43.02 by air at checkout, by sea at the border. To the door it is the same."""
    parcel = build.parcel(build.line("1", 25_000), build.line("2", 22_000))
    air = build.offer("AIR", 800)
    sea = build.offer("SEA", 800, mode=Mode.SEA, kind=MethodKind.CONSO_OFFICIAL)
    pricer = Pricer([build.priced(parcel, air, sea)], [], [build.gst()])
    assert [pricer.total((option,)) for option in (0, 1)] == [52_102, 47_800]
    assert [pricer.cost((option,)) for option in (0, 1)] == [52_102, 52_102]
    assert pricer.cheapest() == (0,)
    shown = pricer.price_options((0,), 0)
    assert [(option.tax, option.border, option.landed) for option in shown] == [(4302, 0, 52_102), (0, 4302, 47_800)]


def test_an_options_landed_cost_is_its_marginal_in_the_current_selection(build: Any) -> None:
    """A reduction once an order goes to another parcel when one switches away from its method."""
    goods = [build.parcel(build.line(str(i), 1000)) for i in (1, 2)]
    offers = build.offer("DM", 900), build.offer("CONSO", 800)
    instant = build.rule(amount=500, target=Target.FREIGHT, lane=Lane.METHOD, methods=frozenset({"DM"}))
    pricer = Pricer([build.priced(parcel, *offers) for parcel in goods], [instant], [])
    assert [pricer.total(s) for s in ((0, 0), (0, 1), (1, 1))] == [3300, 3200, 3600]
    shown = [option.landed for option in pricer.price_options((0, 0), 0)]
    assert shown[1] - shown[0] == -100  # the other parcel keeps the whole reduction
    assert sum(pricer.price_options((0, 0), parcel)[0].landed for parcel in (0, 1)) == 3300


def test_a_goods_discount_of_a_method_is_priced_under_each_selection(build: Any) -> None:
    rule = build.rule(amount=500, lane=Lane.METHOD, methods=frozenset({"DM"}))
    parcel = build.priced(build.parcel(build.line("1", 1000)), build.offer("DM", 300), build.offer("CONSO", 0))
    pricer = Pricer([parcel], [rule], [])
    assert [pricer.total((option,)) for option in (0, 1)] == [800, 1000]
    assert pricer.cheapest() == (0,)
    assert [pricer.net_by_line((option,)) for option in (0, 1)] == [{"1": 500}, {"1": 1000}]


def test_a_freight_threshold_is_tested_after_item_and_shop_promotions_and_before_cross_shop_ones(build: Any) -> None:
    """Domain rules 3.6 and 12: 299.50 meets 299.00, though a cross-shop coupon of 30.00 is used as well."""
    parcel = build.priced(build.parcel(build.line("1", 29_950)), build.offer("DM", 900))
    free = build.rule("FREE", 900, target=Target.FREIGHT, lane=Lane.FREIGHT, threshold=29_900)
    coupon = build.rule("COUPON", 3000, lane=Lane.CROSS_SHOP)
    shop = build.rule("SHOP", 100, lane=Lane.SHOP)
    assert Pricer([parcel], [free, coupon], []).totals((0,)).freight_discount == -900
    assert Pricer([parcel], [free, shop], []).totals((0,)).freight_discount == 0


def test_a_divided_line_is_judged_against_the_item_limit_as_one_line(build: Any) -> None:
    """Domain rules 12: per item is the line's net over its quantity, in however many parcels its units travel."""
    line = build.line("1", 120_003, 3)  # 1,200.03 less 0.02 is above 3 × 400.00, though one unit alone rounds to it
    parcels = [
        build.priced(build.parcel(build.item(line, units)), build.offer(kind=MethodKind.CONSO_OFFICIAL))
        for units in (2, 1)
    ]
    totals = Pricer(parcels, [build.rule(amount=2)], [build.gst()]).totals((0, 0))
    assert (totals.goods_discount, totals.tax, totals.border > 0) == (-2, 0, True)


def test_units_that_nothing_carries_do_not_make_the_others_look_cheaper(build: Any) -> None:
    """One unit of three travels, at 500.00: above the item limit of 400.00, whatever became of the other two."""
    line = build.line("1", 150_000, 3)
    parcel = build.priced(build.parcel(build.item(line, 1)), build.offer())
    totals = Pricer([parcel], [], [build.gst()]).totals((0,))
    assert (totals.tax, totals.border) == (0, 4500)
