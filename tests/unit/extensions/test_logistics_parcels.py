"""Candidate divisions: nothing lost, nothing proposed that changes nothing."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.domain.goods import GoodsClass
from orderpage.domain.shipping import Load, Split
from orderpage_logistics.combined import Combined, Pieces
from orderpage_logistics.parcels import ByShop, Merged

G, B, L, P = GoodsClass.GENERAL, GoodsClass.BATTERY_BUILTIN, GoodsClass.LIQUID, GoodsClass.POWDER
AIR_OR_SEA = (
    Load(classes=frozenset({G, B}), max_g=20_000),
    Load(classes=frozenset({G, L}), max_g=50_000),
)
ANY_20 = (Load(classes=frozenset({G, B, L}), max_g=20_000),)


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


def combined(page: Any, loads: tuple[Load, ...] = AIR_OR_SEA, **fields: Any) -> list[Split]:
    return list(Combined(Pieces(**fields)).parcel(msgspec.structs.replace(page, loads=loads)))


def divisions(page: Any, loads: tuple[Load, ...] = AIR_OR_SEA, **fields: Any) -> list[list[list[tuple[str, int]]]]:
    return [contents(split) for split in combined(page, loads, **fields)]


def test_goods_that_the_same_methods_carry_stay_together(make: Any) -> None:
    page = make.view(make.line("1", shop="a"), make.line("2", shop="b"), make.line("3", shop="c"))
    assert divisions(page) == []
    assert divisions(make.view(make.line("1", goods_class=P), make.line("2", goods_class=P, shop="b"))) == []


def test_goods_that_no_method_carries_together_are_separated_in_every_way_that_is_carried(make: Any) -> None:
    page = make.view(make.line("1", goods_class=B), make.line("2", goods_class=L), make.line("3", goods_class=G))
    assert divisions(page) == [
        [[("1", 1), ("3", 1)], [("2", 1)]],
        [[("1", 1)], [("2", 1), ("3", 1)]],
        [[("1", 1)], [("2", 1)], [("3", 1)]],
    ]


def test_goods_that_one_method_takes_may_still_be_cheaper_apart(make: Any) -> None:
    page = make.view(make.line("1", goods_class=G), make.line("2", goods_class=L))
    assert divisions(page) == [[[("1", 1)], [("2", 1)]]]


def test_shops_and_warehouses_are_combined_freely_where_goods_differ(make: Any) -> None:
    page = make.view(
        make.line("1", shop="a"), make.line("2", shop="b"), make.line("3", shop="b", warehouse="CN-GZ", goods_class=B)
    )
    assert len(divisions(page)) == 4  # five ways to combine three, without everything together


def test_a_class_of_no_method_keeps_nothing_else_from_travelling(make: Any) -> None:
    page = make.view(make.line("1", goods_class=G), make.line("2", goods_class=P), make.line("3", goods_class=P))
    assert divisions(page) == [[[("1", 1)], [("2", 1), ("3", 1)]]]


def test_goods_of_two_origins_never_share_a_parcel(make: Any) -> None:
    page = make.view(make.line("1"), make.line("2", origin="HK"), make.line("3", goods_class=L))
    assert divisions(page) == [[[("1", 1)], [("2", 1)], [("3", 1)]]]


def test_a_line_is_divided_by_whole_units_and_its_amount_with_it(make: Any) -> None:
    page = make.view(make.line("1", 5, weight_g=8_000, unit_price=333))
    (split,) = combined(page, ANY_20)
    assert contents(split) == [[("1", 2)], [("1", 2)], [("1", 1)]]
    assert [parcel.items[0].amount for parcel in split.parcels] == [666, 666, 333]


def test_a_piece_may_weigh_exactly_the_limit(make: Any) -> None:
    assert divisions(make.view(make.line("1", 2, weight_g=10_000)), ANY_20) == []
    (split,) = combined(make.view(make.line("1", 3, weight_g=10_000)), ANY_20)
    assert [parcel.weight_g for parcel in split.parcels] == [20_000, 10_000]


def test_each_limit_is_tried_and_none_is_exceeded_by_those_who_carry_the_goods(make: Any) -> None:
    page = make.view(
        make.line("1", 3, weight_g=10_000, goods_class=B), make.line("2", 3, weight_g=20_000, goods_class=L)
    )
    assert divisions(page) == [  # 30 kg and 60 kg: nobody takes either as it is
        [[("1", 2)], [("1", 1)], [("2", 2)], [("2", 1)]],
        [[("1", 2)], [("1", 1)], [("2", 1)], [("2", 1)], [("2", 1)]],
    ]


def test_too_many_pieces_are_not_proposed(make: Any) -> None:
    page = make.view(make.line("1", 99, weight_g=20_000))
    assert divisions(page, ANY_20, max_pieces=98) == []
    assert len(divisions(page, ANY_20, max_pieces=99)[0]) == 99


def test_an_empty_cart_has_no_parcels(make: Any) -> None:
    empty = msgspec.structs.replace(make.view(), lines=())
    assert [list(Merged().parcel(empty)), list(ByShop().parcel(empty)), combined(empty)] == [[]] * 3


def test_without_methods_nothing_is_known_to_be_carried_apart(make: Any) -> None:
    assert combined(make.view(make.line("1"), make.line("2", goods_class=L)), ()) == []


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
    splits = [*Merged().parcel(page), *ByShop().parcel(page), *combined(page)]
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


@pytest.mark.parametrize("lines", [5, 60, 500])
def test_the_work_is_bounded_however_many_lines(make: Any, lines: int) -> None:
    page = make.view(
        *(
            make.line(str(n), 3, weight_g=900, shop=f"s-{n // 8}", goods_class=(G, B, L, P)[n % 4], origin="CN")
            for n in range(lines)
        )
    )
    splits = combined(page)
    assert splits
    assert sum(len(parcel.items) for split in splits for parcel in split.parcels) <= 4_000 + 50 * len(splits)
