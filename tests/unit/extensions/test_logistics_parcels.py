"""Candidate divisions: nothing lost, nothing proposed that changes nothing."""

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.domain.goods import GoodsClass
from orderpage.domain.shipping import Split
from orderpage_logistics.parcels import ByClass, ByShop, ByWeight, ClassGroups, Merged, WeightLimit

G, B, L, P = GoodsClass.GENERAL, GoodsClass.BATTERY_BUILTIN, GoodsClass.LIQUID, GoodsClass.POWDER
AIR_OR_SEA = (frozenset({G, B}), frozenset({G, L}))


def contents(split: Split) -> list[list[tuple[str, int]]]:
    return [[(item.line.line_id, item.quantity) for item in parcel.items] for parcel in split.parcels]


def test_all_goods_of_one_origin_merge_across_shops(make: Any) -> None:
    page = make.view(make.line("1", shop="a"), make.line("2", shop="b"), make.line("3", shop="a", origin="HK"))
    (split,) = Merged().parcel(page)
    assert contents(split) == [[("1", 1), ("2", 1)], [("3", 1)]]


def test_one_parcel_per_shop_only_where_shops_differ(make: Any) -> None:
    page = make.view(make.line("1", shop="a"), make.line("2", shop="b"), make.line("3", shop="a"))
    (split,) = ByShop().parcel(page)
    assert contents(split) == [[("1", 1), ("3", 1)], [("2", 1)]]
    assert ByShop().parcel(make.view(make.line("1"), make.line("2"))) == ()


def test_goods_that_no_method_carries_together_are_separated(make: Any) -> None:
    by_class = ByClass(ClassGroups(groups=AIR_OR_SEA))
    page = make.view(make.line("1", goods_class=B), make.line("2", goods_class=L), make.line("3", goods_class=G))
    (split,) = by_class.parcel(page)
    assert contents(split) == [[("1", 1), ("3", 1)], [("2", 1)]]


def test_goods_that_one_group_takes_stay_together(make: Any) -> None:
    by_class = ByClass(ClassGroups(groups=AIR_OR_SEA))
    assert by_class.parcel(make.view(make.line("1", goods_class=G), make.line("2", goods_class=L))) == ()
    assert by_class.parcel(make.view(make.line("1", goods_class=P))) == ()


def test_a_class_of_no_group_keeps_nothing_else_from_travelling(make: Any) -> None:
    page = make.view(make.line("1", goods_class=G), make.line("2", goods_class=P))
    (split,) = ByClass(ClassGroups(groups=AIR_OR_SEA)).parcel(page)
    assert contents(split) == [[("1", 1)], [("2", 1)]]


def test_a_line_is_divided_by_whole_units_and_its_amount_with_it(make: Any) -> None:
    page = make.view(make.line("1", 5, weight_g=8_000, unit_price=333))
    (split,) = ByWeight(WeightLimit(max_g=20_000)).parcel(page)
    assert contents(split) == [[("1", 2)], [("1", 2)], [("1", 1)]]
    assert [parcel.items[0].amount for parcel in split.parcels] == [666, 666, 333]


def test_a_piece_may_weigh_exactly_the_limit(make: Any) -> None:
    by_weight = ByWeight(WeightLimit(max_g=20_000))
    assert by_weight.parcel(make.view(make.line("1", 2, weight_g=10_000))) == ()
    (split,) = by_weight.parcel(make.view(make.line("1", 3, weight_g=10_000)))
    assert [parcel.weight_g for parcel in split.parcels] == [20_000, 10_000]


def test_a_heavy_and_mixed_cart_is_also_divided_by_class_first(make: Any) -> None:
    by_weight = ByWeight(WeightLimit(max_g=20_000, groups=AIR_OR_SEA))
    page = make.view(make.line("1", 3, weight_g=10_000, goods_class=B), make.line("2", weight_g=100, goods_class=L))
    plain, grouped = by_weight.parcel(page)
    assert contents(plain) == [[("1", 2)], [("1", 1), ("2", 1)]]
    assert contents(grouped) == [[("1", 2)], [("1", 1)], [("2", 1)]]


def test_too_many_pieces_are_not_proposed(make: Any) -> None:
    page = make.view(make.line("1", 99, weight_g=20_000))
    assert ByWeight(WeightLimit(max_g=20_000, max_pieces=98)).parcel(page) == ()


def test_an_empty_cart_has_no_parcels(make: Any) -> None:
    empty = msgspec.structs.replace(make.view(), lines=())
    limit, groups = WeightLimit(max_g=1_000, groups=AIR_OR_SEA), ClassGroups(groups=AIR_OR_SEA)
    assert [each.parcel(empty) for each in (Merged(), ByShop(), ByClass(groups), ByWeight(limit))] == [()] * 4


LINES = st.lists(
    st.tuples(
        st.integers(1, 40), st.integers(0, 25_000), st.sampled_from((G, B, L, P)), st.sampled_from("ab"),
        st.sampled_from(("CN", "HK")),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(rows=LINES)
def test_every_division_holds_each_unit_and_each_cent_once(make: Any, rows: list[Any]) -> None:
    lines = [
        make.line(str(n), quantity, weight_g=weight, goods_class=kind, shop=shop, origin=origin, unit_price=n * 7 + 1)
        for n, (quantity, weight, kind, shop, origin) in enumerate(rows)
    ]
    page = make.view(*lines)
    by_weight = ByWeight(WeightLimit(max_g=20_000, groups=AIR_OR_SEA))
    splits = [
        *Merged().parcel(page), *ByShop().parcel(page), *ByClass(ClassGroups(groups=AIR_OR_SEA)).parcel(page),
        *by_weight.parcel(page),
    ]  # fmt: skip
    assert 1 <= len(splits) <= 8
    for split in splits:
        units: Counter[str] = Counter()
        cents: Counter[str] = Counter()
        for parcel in split.parcels:
            assert len(parcel.origins) == 1
            for item in parcel.items:
                units[item.line.line_id] += item.quantity
                cents[item.line.line_id] += item.amount
        assert units == {line.line_id: line.quantity for line in lines}
        assert cents == {line.line_id: line.amount for line in lines}
    for split in by_weight.parcel(page):
        for parcel in split.parcels:
            single = len(parcel.items) == 1 and parcel.items[0].quantity == 1
            assert parcel.weight_g <= 20_000 or single
