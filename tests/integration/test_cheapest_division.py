"""The division that a page shows is the cheapest there is, against every way to combine its atoms.

An atom is the goods of one shop, class and warehouse (and so of one origin). The brute force stands at the point
``parcel`` in place of the extensions there and proposes every partition of up to five atoms; the host's arithmetic is
the same.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage import extends, extension, points
from orderpage.domain.goods import GoodsClass, Line
from orderpage.domain.page import Page, PageOption, PageParcel, PageView
from orderpage.domain.shipping import Charging, Item, Parcel, Split
from orderpage.testing import example_line, example_view, render_with

SITES = ("HK", "TW", "SG", "MY", "CA")
CLASSES = (GoodsClass.GENERAL, GoodsClass.BATTERY_BUILTIN, GoodsClass.LIQUID, GoodsClass.COSMETIC, GoodsClass.POWDER)


@extension("test.brute_force")
class BruteForce:
    """Every partition of the atoms in which no parcel mixes origins."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> Iterator[Split]:
        atoms: dict[tuple[str, ...], list[Line]] = {}
        for line in page.lines:
            sku = line.sku
            atoms.setdefault((sku.origin, sku.warehouse, sku.shop.shop_id, sku.goods_class), []).append(line)
        for blocks in partitions(list(atoms.values())):
            parcels = tuple(
                Parcel.of([Item(line, line.quantity, line.amount) for atom in block for line in atom])
                for block in blocks
            )
            if all(len(parcel.origins) == 1 for parcel in parcels):
                yield Split(parcels, "brute force")


def partitions(atoms: list[list[Line]]) -> Iterator[list[list[list[Line]]]]:
    if not atoms:
        yield []
        return
    first, rest = atoms[0], atoms[1:]
    for blocks in partitions(rest):
        for index, block in enumerate(blocks):
            yield [*blocks[:index], [first, *block], *blocks[index + 1 :]]
        yield [[first], *blocks]


@cache
def brute_layer(site: str) -> str:
    removed = ", ".join(("merged", "by_shop", "combined"))
    return f"""
package: brute-force
when: {{site: {site}, business: marketplace}}
parcel:
  remove: [{removed}]
  add: [{{use: test.brute_force}}]
"""


ATOMS = st.lists(
    st.tuples(
        st.sampled_from(("a", "b", "c")),
        st.sampled_from(CLASSES),
        st.sampled_from(("CN-SZ", "CN-GZ")),
        st.integers(10, 9_000),
        st.tuples(*[st.integers(1, 60)] * 3),
        st.integers(1_00, 2_500_00),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda atom: atom[:3],
)


def page_lines(atoms: list[Any]) -> tuple[Line, ...]:
    return tuple(
        example_line(
            str(number), quantity, price=f"{price // 100}.{price % 100:02}", shop=shop, goods_class=goods_class,
            warehouse=warehouse, weight_g=weight, sides_cm=sides,
        )
        for number, (shop, goods_class, warehouse, weight, sides, price, quantity) in enumerate(atoms, 1)
    )  # fmt: skip


def cost(page: Page) -> tuple[int, int, int]:
    """Goods that nothing carries, goods that only a forwarder does, and what the page costs in all."""
    stuck = sum(goods_of(parcel) for parcel in page.parcels if not parcel.options)
    referred = sum(
        goods_of(parcel)
        for parcel in page.parcels
        if parcel.choice is not None and parcel.choice.priced.option.method.charging is Charging.ELSEWHERE
    )
    return stuck, referred, page.totals.payable + page.totals.later


def goods_of(parcel: PageParcel) -> int:
    return sum(item.amount for item in parcel.parcel.items)


@pytest.mark.parametrize("site", SITES)
@settings(max_examples=60, deadline=None)
@given(atoms=ATOMS)
def test_the_cheapest_division_is_found(site: str, atoms: list[Any]) -> None:
    view = example_view(site, *page_lines(atoms))
    shown = render_with("package: nothing", view)
    tried = render_with(brute_layer(site), view, extensions=[BruteForce])
    cheapest = [{parcel.parcel.parcel_id: best_of(parcel) for parcel in page.parcels} for page in (shown, tried)]
    costs = [
        cost(render_with(layer, view, extensions=extensions, selections=chosen))
        for layer, extensions, chosen in (
            ("package: nothing", (), cheapest[0]),
            (brute_layer(site), (BruteForce,), cheapest[1]),
        )
    ]
    assert costs[0] <= costs[1], (shown.split, [[i.line.line_id for i in p.parcel.items] for p in tried.parcels])


def best_of(parcel: PageParcel) -> str:
    """The option that costs least in all, of those whose price is known."""
    priced = [option for option in parcel.options if known(option)]
    if not priced:
        return parcel.selected
    best = min(priced, key=lambda option: option.priced.landed + option.priced.option.later)
    return best.priced.option.method.code


@pytest.mark.parametrize("site", SITES)
def test_a_cart_heavier_than_every_card_is_split_and_goes(site: str) -> None:
    view = example_view(site, example_line("1", 40, price="99.00", weight_g=4_000, sides_cm=(20, 20, 20)))
    page = render_with("package: nothing", view)
    assert len(page.parcels) > 1
    assert all(parcel.selected for parcel in page.parcels)
    assert page.orderable


@extension("test.fifty_and_the_rest")
class FiftyAndTheRest:
    """55 kg of the first line as 50 kg, and the rest with everything else."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> Iterator[Split]:
        first, *others = page.lines
        heavy, rest = Item(first, 10, first.unit_amount * 10), Item(first, 1, first.unit_amount)
        more = [Item(line, line.quantity, line.amount) for line in others]
        yield Split((Parcel.of([heavy]), Parcel.of([rest, *more])), "by hand")


@pytest.mark.parametrize("site", ["SG", "MY", "CA"])
def test_pieces_up_to_the_largest_limit_are_tried_in_carts_of_many_shops(site: str) -> None:
    lines = [example_line("1", 11, price="20.00", weight_g=5_000, shop="a")]
    lines += [example_line(str(n), price="20.00", weight_g=1_000, shop=f"s{n}") for n in range(2, 6)]
    view = example_view(site, *lines)
    layer = brute_layer(site).replace("test.brute_force", "test.fifty_and_the_rest").replace("brute-force", "by-hand")
    shown, by_hand = render_with("package: nothing", view), render_with(layer, view, extensions=[FiftyAndTheRest])
    assert cheapest_cost(shown) <= cheapest_cost(by_hand)


def cheapest_cost(page: Page) -> int:
    """To the door, each parcel by its cheapest option: here no discount ties them."""
    return sum(
        min(
            option.priced.landed + option.priced.border + option.priced.option.later
            for option in parcel.options
            if known(option)
        )
        for parcel in page.parcels
    )


def known(option: PageOption) -> bool:
    return option.priced.option.method.charging is not Charging.ELSEWHERE
