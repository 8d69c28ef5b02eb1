"""The laws of a rendered page, for arbitrary carts and rules (design 3; the issue's "bad input")."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import Page

LAWS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
CLASSES = [GoodsClass.GENERAL, GoodsClass.GENERAL, GoodsClass.LIQUID, GoodsClass.BATTERY_BUILTIN, GoodsClass.DUTIABLE]


GOOD = st.fixed_dictionaries(
    {
        "price": st.integers(1, 300_000).map(lambda fen: f"{fen // 100}.{fen % 100:02}"),
        "shop": st.sampled_from(["s-test", "s-digital"]),
        "weight_g": st.integers(0, 25_000),
        "sides_cm": st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60)),
        "goods_class": st.sampled_from(CLASSES),
    }
)


def any_page(draw: st.DataObject, demo: Any, world: Any, lab: Any, rules: Any) -> tuple[Any, str, Page]:
    """A request, its buyer, and its page under discounts of every kind."""
    sku = st.sampled_from(["r1", "r2", "no-such-sku", *sorted(demo.data.skus)])
    lines = st.lists(st.tuples(sku, st.integers(1, 8)), min_size=1, max_size=6)
    buyers = st.sampled_from(["b-mei", "b-jun", "b-new", "b-1"])
    everything = st.tuples(st.sampled_from(["HK", "SG"]), GOOD, GOOD, lines, rules, buyers)
    site, first, second, cart, discounts, buyer = draw.draw(everything)
    world.ports.sell("r1", **first)
    world.ports.sell("r2", **second)
    lab.discounts(*discounts)
    request = demo.cart(site, *cart)
    return request, buyer, asyncio.run(world.render(request, buyer)).page


@LAWS
@given(draw=st.data())
def test_a_page_equals_its_parts_and_switching_shows_the_exact_difference(
    demo: Any, lab: Any, lab_world: Any, rules: Any, draw: st.DataObject
) -> None:
    request, buyer, page = any_page(draw, demo, lab_world, lab, rules)
    totals = page.totals
    parts = totals.goods + totals.goods_discount + totals.freight + totals.freight_discount + totals.fees + totals.tax
    assert totals.payable == parts >= 0
    chosen = [parcel.choice for parcel in page.parcels if parcel.choice]
    stuck = sum(i.amount for p in page.parcels if not p.options for i in p.parcel.items)
    assert sum(option.priced.landed for option in chosen) + stuck == totals.payable
    for adjustment in page.adjustments:
        assert sum(part for _, part in adjustment.parts) == adjustment.amount < 0
    discounts = totals.goods_discount + totals.freight_discount
    assert sum(adjustment.amount for adjustment in page.adjustments) == discounts

    assert totals.goods == sum(line.amount for line in page.lines)
    movable = [parcel for parcel in page.parcels if len(parcel.options) > 1]
    if movable:
        parcel = draw.draw(st.sampled_from(movable))
        other = draw.draw(st.sampled_from(parcel.options))
        wanted = {parcel.parcel.parcel_id: other.priced.option.method.code}
        kept = {p.parcel.parcel_id: p.selected for p in page.parcels if p.selected}
        again = asyncio.run(lab_world.render(replace(request, selections={**kept, **wanted}), buyer)).page
        moved = again.totals.payable - totals.payable
        assert parcel.choice is not None
        assert moved == other.priced.landed - parcel.choice.priced.landed
        assert again.notices == page.notices


@LAWS
@given(draw=st.data())
def test_a_blocked_line_stays_on_the_page_and_out_of_parcels_and_totals(
    demo: Any, lab: Any, lab_world: Any, rules: Any, draw: st.DataObject
) -> None:
    request, _, page = any_page(draw, demo, lab_world, lab, rules)
    blocked = {line.wanted.line_id for line in page.blocked}
    kept = {line.line_id for line in page.lines}
    assert blocked.isdisjoint(kept)
    assert blocked | kept == {line.line_id for line in request.lines}
    travelling = {item.line.line_id for parcel in page.parcels for item in parcel.parcel.items}
    assert travelling == kept
    assert set(page.net_by_line) == kept
    assert all(line.problems for line in page.blocked)
    if blocked:
        assert not page.orderable


@LAWS
@given(draw=st.data())
def test_equal_inputs_make_an_equal_page(demo: Any, lab: Any, lab_world: Any, rules: Any, draw: st.DataObject) -> None:
    request, buyer, page = any_page(draw, demo, lab_world, lab, rules)
    assert asyncio.run(lab_world.render(request, buyer)).page == page


@LAWS
@given(draw=st.data())
def test_every_method_is_an_option_or_excluded_with_reasons(
    demo: Any, lab: Any, lab_world: Any, rules: Any, draw: st.DataObject
) -> None:
    request, _, page = any_page(draw, demo, lab_world, lab, rules)
    known = {"HK": {"HK_DM_LAND", "HK_DM_FAST", "HK_CONSO_LAND"}, "SG": {"SG_DM_AIR", "SG_CONSO_AIR", "SG_CONSO_SEA"}}
    for parcel in page.parcels:
        codes = [o.priced.option.method.code for o in parcel.options] + [out.method.code for out in parcel.excluded]
        assert sorted(codes) == sorted(known[request.site])
        assert all(out.reasons for out in parcel.excluded)
        assert parcel.selected in {*codes, ""}
