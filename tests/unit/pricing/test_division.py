"""Which division of a cart into parcels wins, and which are refused (design 3)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.domain.problem import Code, Refusal
from orderpage.domain.shipping import Excluded, Item, Parcel, Reason, Split
from orderpage.pricing.division import MOST_SPLITS, Division, check_splits, choose_division, saving_against


def pricing(build: Any, fee: Any) -> Any:
    """Prices a parcel with one method at ``fee(parcel)``; none where that is None."""

    def price(parcel: Any) -> Any:
        freight = fee(parcel)
        if freight is None:
            out = Excluded(build.method(), (Reason(Code.LOGI_OVERWEIGHT, "too heavy"),))
            return build.builder().build(parcel, [out])
        return build.priced(parcel, build.offer(freight=freight))

    return price


def chosen(splits: Any, price: Any) -> tuple[Division, int]:
    """The chosen division, and what it saves under its cheapest selection."""
    division, apart = choose_division(splits, price, [], [])
    return division, saving_against(apart, division, division.cheapest)


@pytest.fixture
def two(build: Any) -> Any:
    """Lines of two shops, and the cart merged and by shop."""
    lines = build.line("1", 1000, shop="a"), build.line("2", 2000, shop="b")
    return lines, build.split("merged", lines), build.split("by shop", lines[:1], lines[1:])


def test_the_cheapest_total_wins(build: Any, two: Any) -> None:
    _, merged, apart = two
    cheap_apart = pricing(build, lambda parcel: 500 if len(parcel.items) == 1 else 1200)
    division, saving = chosen([merged, apart], cheap_apart)
    assert (division.reason, division.cost, saving) == ("by shop", 4000, 0)


def test_what_merging_saves_is_counted_against_one_parcel_per_shop(build: Any, two: Any) -> None:
    """Q3: 81.00 apart is 42.00 merged, saves 39.00."""
    lines = [build.line(str(i), 1000, shop=f"s{i}", weight_g=w) for i, w in enumerate((300, 400, 600))]
    fees = {300: 2400, 400: 2400, 600: 3300, 1300: 4200}
    splits = [build.split("merged", lines), build.split("by shop", *([line] for line in lines))]
    division, saving = chosen(splits, pricing(build, lambda parcel: fees[parcel.weight_g]))
    assert (division.reason, saving) == ("merged", 3900)


@pytest.mark.parametrize("turned", [False, True])
def test_fewest_parcels_win_on_ties(build: Any, two: Any, turned: bool) -> None:
    _, merged, apart = two
    by_piece = pricing(build, lambda parcel: 500 * len(parcel.items))
    splits = [apart, merged] if turned else [merged, apart]
    division, saving = chosen(splits, by_piece)
    assert (division.reason, saving) == ("merged", 0)


def test_a_division_that_leaves_fewer_goods_stuck_wins_whatever_it_costs(build: Any, two: Any) -> None:
    _, merged, apart = two
    lone_only = pricing(build, lambda parcel: 99_999 if len(parcel.items) == 1 else None)
    division, saving = chosen([merged, apart], lone_only)
    assert (division.reason, len(division.parcels), division.stuck, saving) == ("by shop", 2, (), 0)


def test_stuck_parcels_are_kept_apart_and_cost_nothing(build: Any, two: Any) -> None:
    _, merged, apart = two
    only_a = pricing(build, lambda parcel: 300 if parcel.shops == ("a",) else None)
    division, saving = chosen([merged, apart], only_a)
    assert [priced.parcel.shops for priced in division.stuck] == [("b",)]
    assert (division.cost, saving) == (1300, 0)
    assert division.stuck[0].excluded[0].reasons[0].code is Code.LOGI_OVERWEIGHT


def test_nothing_can_travel(build: Any, two: Any) -> None:
    _, merged, apart = two
    division, saving = chosen([merged, apart], pricing(build, lambda parcel: None))
    assert (division.parcels, division.cost, saving) == ((), 0, 0)


def test_without_a_division_by_shop_nothing_is_said_of_saving(build: Any, two: Any) -> None:
    _, merged, _ = two
    assert chosen([merged], pricing(build, lambda parcel: 1))[1] == 0


def test_a_split_must_hold_exactly_the_carts_goods(build: Any, two: Any) -> None:
    lines, merged, apart = two
    assert check_splits([merged, apart], lines) == (merged, apart)


@pytest.mark.parametrize("fault", ["loses a line", "loses a unit", "invents a unit", "invents a line", "is empty"])
def test_a_split_that_loses_or_invents_goods_is_refused(build: Any, fault: str) -> None:
    one, two = build.line("1", 3000, 3), build.line("2")
    contents = {
        "loses a line": [one],
        "loses a unit": [build.item(one, 2), two],
        "invents a unit": [one, build.item(one, 1), two],
        "invents a line": [one, two, build.line("9")],
        "is empty": [],
    }[fault]
    split = Split((build.parcel(*contents),), fault) if contents else Split((), fault)
    with pytest.raises(Refusal, match=fault) as refused:
        check_splits([split], [one, two])
    assert refused.value.problems[0].code is Code.ORDER_SPLIT_FAILED


def test_a_split_that_sells_a_unit_at_another_price_is_refused(build: Any) -> None:
    """An extension may divide, never more: the goods of a split are worth what the cart is."""
    line = build.line("1", 3000, 3)
    bent = Split((Parcel.of([Item(line, 3, line.amount - 1)]),), "a cheaper cart")
    with pytest.raises(Refusal):
        check_splits([bent], [line])


def test_an_item_that_stands_twice_in_a_parcel_is_refused(build: Any) -> None:
    """Its shares of discounts and freight would be told apart by nothing."""
    line = build.line("1", 1000, 2)
    item = build.item(line, 1)
    with pytest.raises(Refusal, match="twice in a parcel"):
        check_splits([Split((build.parcel(item, item),), "twice")], [line])


def test_a_divided_line_is_still_the_carts_goods(build: Any) -> None:
    line = build.line("1", 3000, 3)
    split = Split((build.parcel(build.item(line, 1)), build.parcel(build.item(line, 2))), "pieces")
    assert check_splits([split], [line]) == (split,)


def test_no_split_at_all_is_refused_saying_what_to_do(build: Any) -> None:
    with pytest.raises(Refusal, match="add one at the point 'parcel'"):
        check_splits([], [build.line()])


def test_a_bounded_number_of_candidates_is_priced(build: Any) -> None:
    line = build.line()
    splits = [build.split(str(i), [line]) for i in range(MOST_SPLITS + 3)]
    assert check_splits(splits, [line]) == tuple(splits[:MOST_SPLITS])


@pytest.mark.parametrize(
    ("selection", "saving"),
    [pytest.param((0,), 300, id="by land"), pytest.param((1,), 0, id="by a method that not every shop has")],
)
def test_a_saving_compares_like_with_like(build: Any, two: Any, selection: tuple[int, ...], saving: int) -> None:
    """What is saved is said for the selected method, by which every shop's parcel could travel too."""
    _, merged, apart = two

    def price(parcel: Any) -> Any:
        land, fast = build.offer("LAND", 500 if len(parcel.items) == 1 else 700), build.offer("FAST", 10)
        return build.priced(parcel, land) if parcel.shops == ("b",) else build.priced(parcel, land, fast)

    division, by_shop = choose_division([merged, apart], price, [], [])
    assert division.reason == "merged"
    assert saving_against(by_shop, division, selection) == saving


def test_a_dearer_division_saves_nothing(build: Any, two: Any) -> None:
    _, merged, apart = two
    price = pricing(build, lambda parcel: 100 if len(parcel.items) == 1 else 900)
    (only,), (by_shop,) = (choose_division([split], price, [], [])[:1] for split in (merged, apart))
    assert saving_against(by_shop, only, only.cheapest) == 0


@settings(max_examples=50)
@given(draw=st.data())
def test_no_candidate_is_cheaper_than_the_chosen_one(build: Any, rules: Any, draw: st.DataObject) -> None:
    amounts = draw.draw(st.lists(st.integers(0, 40_000), min_size=3, max_size=3))
    lines = [build.line(str(i), amount, shop=f"shop-{i % 2 + 1}") for i, amount in enumerate(amounts)]
    fees = draw.draw(st.lists(st.integers(0, 5_000), min_size=4, max_size=4))
    discounts, taxes = draw.draw(rules), [build.gst()]
    splits = [
        build.split("merged", lines),
        build.split("by shop", [lines[0], lines[2]], [lines[1]]),
        build.split("all apart", *([line] for line in lines)),
    ]
    price = pricing(build, lambda parcel: fees[len(parcel.items)])
    division, by_shop = choose_division(splits, price, discounts, taxes)
    alone = [choose_division([split], price, discounts, taxes)[0] for split in splits]
    assert division.cost == min(other.cost for other in alone)
    assert saving_against(by_shop, division, division.cheapest) == alone[1].cost - division.cost
    ties = [other for other in alone if other.cost == division.cost]
    assert len(division.parcels) == min(len(other.parcels) for other in ties)


def test_equal_pieces_of_a_heavy_line_are_parcels_of_their_own(build: Any) -> None:
    """A choice names one parcel: two pieces with the same content may not share an id."""
    line = build.line("1", 1000, 4)
    half = Parcel.of([build.item(line, 2)])
    (split,) = check_splits([Split((half, half), "in halves")], [line])
    first, second = split.parcels
    assert first.parcel_id == half.parcel_id != second.parcel_id
    assert first.items == second.items
