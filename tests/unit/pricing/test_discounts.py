"""Discount rules: base, threshold, cap and allocation, in lane order (domain rules 3.6, 4 and 12)."""

from collections import Counter
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.discount import Adjustment, Funder, Lane, Target
from orderpage.domain.money import allocate
from orderpage.pricing.discounts import Piece, discount_goods, lanes
from orderpage.pricing.freight import cut_freight, freight_adjustments, reaches

LINES = (("1", 12900, "a"), ("2", 8900, "b"), ("3", 4550, "a"))


def pieces(build: Any, lines: Any = LINES) -> list[Piece]:
    return [Piece(0, build.item(build.line(name, amount, shop=shop))) for name, amount, shop in lines]


class Freight(NamedTuple):
    discounts: tuple[int, ...]
    adjustments: tuple[Adjustment, ...]


def freight(build: Any, rules: Any, *parcels: tuple[str, int, int]) -> Any:
    """``parcels`` are method, freight and net goods."""
    made = [build.parcel(build.line(str(i), goods)) for i, (_, _, goods) in enumerate(parcels)]
    options = [
        build.priced(p, build.offer(code, fee)).options[0] for p, (code, fee, _) in zip(made, parcels, strict=True)
    ]
    goods = [Piece(index, item) for index, parcel in enumerate(made) for item in parcel.items]
    found = reaches(lanes(rules, Target.FREIGHT), made, goods, discount_goods(goods, [], []))
    discounts, cuts, _ = cut_freight([o.freight for o in options], [o.method.code for o in options], found)
    return made, Freight(discounts, freight_adjustments(cuts, made))


def test_p1_a_cross_shop_discount_is_allocated_by_net_amounts(build: Any) -> None:
    priced = discount_goods(pieces(build), [build.rule(amount=3000)], ["M"])
    assert priced.net == (11431, 7887, 4032)
    (adjustment,) = priced.adjustments
    assert adjustment.parts == (("1", -1469), ("2", -1013), ("3", -518))
    assert adjustment.amount == -3000


def test_a_discount_on_named_lines_is_borne_by_them_alone(build: Any) -> None:
    """And their amount is what reaches the threshold."""
    priced = discount_goods(pieces(build), [build.rule(amount=3000, lines=frozenset("13"), threshold=17_450)], ["M"])
    assert priced.net == (12_900 - 2218, 8900, 4550 - 782)
    assert priced.adjustments[0].lines == frozenset("13")
    short = build.rule(amount=3000, lines=frozenset("13"), threshold=17_451)
    assert discount_goods(pieces(build), [short], ["M"]).adjustments == ()


def test_p2_a_freight_reduction_is_borne_by_what_the_goods_became_after_p1(build: Any) -> None:
    """The parcel bears it as one; its tax shares follow the net amounts: 4.89, 3.38 and 1.73."""
    net = discount_goods(pieces(build), [build.rule(amount=3000)], ["M"]).net
    assert allocate(1000, net) == [489, 338, 173]


def test_p3_a_service_fee_over_parcels_follows_their_weights(build: Any) -> None:
    parcels = [build.parcel(build.line(str(i), weight_g=weight)) for i, weight in enumerate((500, 900, 300))]
    assert allocate(1200, [parcel.weight_g for parcel in parcels]) == [353, 635, 212]


def test_lanes_apply_in_order_whatever_the_order_of_the_rules(build: Any) -> None:
    rules = [
        build.rule("C", 1000, lane=Lane.CROSS_SHOP),
        build.rule("S", 1000, lane=Lane.SHOP),
        build.rule("I", 1000, lane=Lane.ITEM),
    ]
    for order in (rules, rules[::-1]):
        assert [rule.code for rule in lanes(order, Target.GOODS)] == ["I", "S", "C"]


def test_each_lane_sees_what_the_lanes_before_it_left(build: Any) -> None:
    rules = lanes(
        [
            build.rule("C", 1000, lane=Lane.CROSS_SHOP, threshold=8000),
            build.rule("S", 2000, lane=Lane.SHOP, threshold=10_000),
        ],
        Target.GOODS,
    )
    priced = discount_goods(pieces(build, [("1", 10_000, "a")]), rules, ["M"])
    assert [adjustment.code for adjustment in priced.adjustments] == ["S", "C"]
    assert priced.net == (7000,)


@pytest.mark.parametrize(("threshold", "met"), [(26_349, True), (26_350, True), (26_351, False)])
def test_a_threshold_is_met_when_reached(build: Any, threshold: int, met: bool) -> None:
    priced = discount_goods(pieces(build), [build.rule(threshold=threshold)], ["M"])
    assert bool(priced.adjustments) is met


def test_a_discount_is_capped_at_its_base(build: Any) -> None:
    priced = discount_goods(pieces(build), [build.rule(amount=99_999, shops=frozenset({"b"}))], ["M"])
    assert priced.net == (12900, 0, 4550)
    assert priced.adjustments[0].amount == -8900


def test_a_rule_of_some_shops_takes_their_lines_only_as_base_and_threshold(build: Any) -> None:
    rule = build.rule(amount=1000, shops=frozenset({"a"}), threshold=17_450)
    priced = discount_goods(pieces(build), [rule], ["M"])
    assert priced.net[1] == 8900
    assert sum(priced.net) == 26_350 - 1000
    assert not discount_goods(pieces(build), [build.rule(shops=frozenset({"a"}), threshold=17_451)], ["M"]).adjustments


def test_a_rule_of_some_methods_takes_the_parcels_that_travel_by_them(build: Any) -> None:
    goods = [Piece(0, build.item(build.line("1", 5000))), Piece(1, build.item(build.line("2", 5000)))]
    rule = build.rule(amount=1000, lane=Lane.METHOD, methods=frozenset({"AIR"}))
    assert discount_goods(goods, [rule], ["AIR", "SEA"]).net == (4000, 5000)
    assert discount_goods(goods, [rule], ["SEA", "SEA"]).net == (5000, 5000)


def test_a_divided_line_bears_a_discount_once_in_the_adjustment(build: Any) -> None:
    line = build.line("1", 3000, 3)
    goods = [Piece(0, build.item(line, 1)), Piece(1, build.item(line, 2))]
    priced = discount_goods(goods, [build.rule(amount=100)], ["M", "M"])
    assert priced.adjustments[0].parts == (("1", -100),)
    assert priced.net == (967, 1933)


@pytest.mark.parametrize(("reduces", "taxable"), [(True, 39_000), (False, 42_000)])
def test_a_third_partys_payment_lowers_the_price_but_not_what_tax_law_sees(
    build: Any, reduces: bool, taxable: int
) -> None:
    goods = pieces(build, [("1", 42_000, "a")])
    priced = discount_goods(goods, [build.rule(amount=3000, reduces_tax_base=reduces)], ["M"])
    assert (priced.net, priced.taxable) == ((39_000,), (taxable,))


def test_a_freight_reduction_is_once_an_order_shared_by_freight(build: Any) -> None:
    parcels, cut = freight(build, [build.rule(amount=500, target=Target.FREIGHT)], ("A", 900, 1000), ("A", 100, 1000))
    assert cut.discounts == (-450, -50)
    assert cut.adjustments[0].parts == ((parcels[0].parcel_id, -450), (parcels[1].parcel_id, -50))


def test_freight_never_falls_below_nothing(build: Any) -> None:
    rules = [build.rule("R1", 700, target=Target.FREIGHT), build.rule("R2", 700, target=Target.FREIGHT)]
    _, cut = freight(build, rules, ("A", 1000, 1000))
    assert cut.discounts == (-1000,)
    assert [adjustment.amount for adjustment in cut.adjustments] == [-700, -300]


def test_a_reduction_of_a_method_vanishes_with_the_method(build: Any) -> None:
    rule = build.rule(amount=500, target=Target.FREIGHT, lane=Lane.METHOD, methods=frozenset({"DM"}))
    assert freight(build, [rule], ("DM", 900, 1), ("CONSO", 900, 1))[1].discounts == (-500, 0)
    assert freight(build, [rule], ("CONSO", 900, 1))[1].adjustments == ()


@pytest.mark.parametrize(("threshold", "met"), [(3000, True), (3001, False)])
def test_a_freight_threshold_is_tested_on_the_goods_of_the_parcels_it_covers(
    build: Any, threshold: int, met: bool
) -> None:
    rule = build.rule(target=Target.FREIGHT, threshold=threshold, methods=frozenset({"A"}))
    _, cut = freight(build, [rule], ("A", 900, 1000), ("A", 900, 2000), ("B", 900, 9000))
    assert bool(cut.adjustments) is met


@pytest.mark.parametrize(("threshold", "met"), [(2999, True), (3000, True), (3001, False)])
def test_a_freight_threshold_of_all_methods_is_met_when_reached(build: Any, threshold: int, met: bool) -> None:
    rule = build.rule(target=Target.FREIGHT, threshold=threshold)
    _, cut = freight(build, [rule], ("A", 900, 1000), ("B", 900, 2000))
    assert bool(cut.adjustments) is met


def test_a_rule_that_takes_nothing_is_not_shown(build: Any) -> None:
    _, cut = freight(build, [build.rule(target=Target.FREIGHT)], ("A", 0, 1000))
    assert (cut.discounts, cut.adjustments) == ((0,), ())


@given(draw=st.data())
def test_parts_sum_net_is_never_negative_and_only_marked_discounts_leave_the_tax_base(
    build: Any, rules: Any, draw: st.DataObject
) -> None:
    amounts = draw.draw(st.lists(st.integers(0, 30_000), min_size=1, max_size=6))
    goods = pieces(build, [(str(i), amount, f"shop-{i % 3 + 1}") for i, amount in enumerate(amounts)])
    wanted = lanes(draw.draw(rules), Target.GOODS)
    priced = discount_goods(goods, wanted, ["A"])
    for adjustment in priced.adjustments:
        assert sum(part for _, part in adjustment.parts) == adjustment.amount < 0
    assert all(0 <= net <= piece.item.amount for net, piece in zip(priced.net, goods, strict=True))
    assert all(net <= taxable for net, taxable in zip(priced.net, priced.taxable, strict=True))
    assert sum(amounts) - sum(priced.net) == -sum(adjustment.amount for adjustment in priced.adjustments)
    for adjustment in priced.adjustments:
        by_funder, by_bearer = Counter[str](), Counter[str]()
        for funder, bearer, part in adjustment.by_funder():
            assert part <= 0
            by_funder[funder] += part
            by_bearer[bearer] += part
        assert dict(by_funder) == dict(adjustment.shares)
        assert dict(by_bearer) == dict(adjustment.parts)
        assert sum(share for _, share in adjustment.shares) == adjustment.amount


def test_a_discount_is_divided_over_its_funders_by_weight(build: Any) -> None:
    """The instant reduction of 10.00 of the worked profit and loss: platform 7.00, seller 3.00 (domain rules, 4)."""
    rule = build.rule(amount=1000, target=Target.FREIGHT, funding=((Funder.PLATFORM, 7), (Funder.SELLER, 3)))
    _, cut = freight(build, [rule], ("DM", 1500, 23_350))
    assert cut.adjustments[0].shares == ((Funder.PLATFORM, -700), (Funder.SELLER, -300))
