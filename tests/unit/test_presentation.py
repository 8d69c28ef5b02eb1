"""Blocks and operations at ``present``: how options are shown, never what they cost (design 3)."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orderpage.domain.display import Badge, Block, Label, Presentation, ShowFirst
from orderpage.domain.page import Page, PageParcel
from orderpage.presentation import present

CODES = ("HK_DM_LAND", "HK_CONSO_LAND", "HK_DM_FAST")


@pytest.fixture
async def page(world: Any) -> Page:
    """A rendered page with three options, undressed."""
    rendered = await world.render(world.cart("HK", ("dig-earbuds-lite", 1)))
    page: Page = rendered.page
    plain = [replace(option, badges=()) for option in page.parcels[0].options]
    return replace(page, blocks=(), parcels=(replace(page.parcels[0], options=tuple(plain)),))


def codes(parcel: PageParcel) -> list[str]:
    return [option.priced.option.method.code for option in parcel.options]


def parcel_id(page: Page) -> str:
    return page.parcels[0].parcel.parcel_id


async def test_blocks_stand_beside_the_page_in_order(page: Page) -> None:
    blocks = Block(slot="top", kind="notice", title="A"), Block(slot="top", kind="notice", title="B")
    dressed = present(page, blocks)
    assert dressed.blocks == blocks
    assert replace(dressed, blocks=()) == page


async def test_badges_gather_and_the_last_label_stands(page: Page) -> None:
    method = codes(page.parcels[0])[1]
    operations: list[Presentation] = [
        Badge(parcel_id=parcel_id(page), method=method, text="fastest"),
        Badge(parcel_id=parcel_id(page), method=method, text="cheapest"),
        Label(parcel_id=parcel_id(page), method=method, text="By lorry"),
    ]
    option = present(page, operations).parcels[0].options[1]
    assert (option.badges, option.label) == (("fastest", "cheapest"), "By lorry")


async def test_an_option_shown_first_moves_alone_and_the_selection_stays(page: Page) -> None:
    before = codes(page.parcels[0])
    dressed = present(page, [ShowFirst(parcel_id=parcel_id(page), method=before[2])]).parcels[0]
    assert codes(dressed) == [before[2], before[0], before[1]]
    assert dressed.selected == page.parcels[0].selected


@pytest.mark.parametrize("where", [{"parcel_id": "p-none"}, {"method": "NONE"}])
async def test_an_operation_on_what_is_not_there_does_nothing(page: Page, where: dict[str, str]) -> None:
    target = {"parcel_id": parcel_id(page), "method": CODES[0], **where}
    operations: list[Presentation] = [Badge(text="x", **target), Label(text="x", **target), ShowFirst(**target)]
    assert present(page, operations) == page


@settings(max_examples=30)
@given(draw=st.data())
def test_nothing_at_present_changes_a_price_or_the_selection(demo: Any, draw: st.DataObject) -> None:
    world = demo.world()
    page = asyncio.run(world.render(demo.cart("HK", ("dig-earbuds-lite", 1)))).page
    target = {"parcel_id": st.sampled_from([parcel_id(page), "p-none"]), "method": st.sampled_from([*CODES, "NONE"])}
    words = st.text(max_size=3)
    operation = st.one_of(
        st.builds(Badge, text=words, **target),
        st.builds(Label, text=words, **target),
        st.builds(ShowFirst, **target),
        st.builds(Block, slot=words, kind=words, title=words),
    )
    dressed = present(page, draw.draw(st.lists(operation, max_size=6)))
    assert dressed.totals == page.totals
    for before, after in zip(page.parcels, dressed.parcels, strict=True):
        assert after.selected == before.selected
        prices = [sorted((o.priced.option.method.code, o.priced.landed) for o in p.options) for p in (before, after)]
        assert prices[0] == prices[1]
