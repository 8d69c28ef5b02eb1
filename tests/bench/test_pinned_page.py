"""The pinned page has every kind of promotion, and each does something on it: without it another page is measured."""

import time
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from crossborder.checkout.v1 import common_pb2, page_pb2
from crossborder.checkout.v1.page_pb2 import Page
from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.bench.pinned_page import (
    BUYER,
    Memory,
    compiled,
    pinned_memory,
    pinned_plans,
    pinned_renderer,
    pinned_request,
    pinned_sources,
)
from orderpage.engine.plan import PlanSet
from orderpage.engine.scenarios import SourceText
from orderpage.promoting.check import check_promotions

SHOP_FREE = "SINGLE_SHOP_FREE_SHIP@s-apparel"
CEILING = 384
"""What the cheapest top-up may cost net of what it saves: 20 CNY in cents."""

REMOVABLE = (
    *(("load", "apparel_add_on"), ("tax", "gst"), ("present", "progress")),
    *(("discount", "shop_coupon"), ("discount", "autumn"), ("discount", "coupons"), ("discount", "free_socks")),
    *(("discount", "direct_mail_instant"), ("discount", "bundle"), ("discount", "apparel_ships_free")),
    ("discount", "freight_relief"),
)


@pytest.fixture(scope="module")
def plans() -> PlanSet:
    return pinned_plans()


async def render(
    plans: PlanSet,
    memory: Memory | None = None,
    *,
    methods: Mapping[str, str] | None = None,
    coupons: tuple[str, ...] = ("THANKS",),
) -> Page:
    request = replace(render_request(pinned_request()), coupons=coupons, selections=methods or {})
    renderer = pinned_renderer(memory or pinned_memory(), plans)
    return render_response(await renderer.render(request, BUYER.buyer_id, time.monotonic() + 30)).page


def taken(page: Page) -> dict[str, list[int]]:
    """What each bearer bears of each discount."""
    return {each.code: [part.amount for part in each.parts] for each in page.adjustments}


def by(page: Page, *methods: str) -> dict[str, str]:
    """The methods of the parcels, in their order."""
    return {parcel.parcel_id: method for parcel, method in zip(page.parcels, methods, strict=True)}


async def test_discounts_on_goods_and_on_freight_by_sellers_by_the_platform_and_by_both(plans: PlanSet) -> None:
    page = await render(plans)
    assert [(each.code, each.target, each.funder, len(each.shares)) for each in page.adjustments] == [
        ("SHOP_COUPON", page_pb2.ADJUSTMENT_TARGET_GOODS, page_pb2.FUNDER_SELLER, 0),
        ("AUTUMN", page_pb2.ADJUSTMENT_TARGET_GOODS, page_pb2.FUNDER_PLATFORM, 0),
        ("THANKS", page_pb2.ADJUSTMENT_TARGET_GOODS, page_pb2.FUNDER_PLATFORM, 0),
        ("ITEM_FREE_SHIP", page_pb2.ADJUSTMENT_TARGET_FREIGHT, page_pb2.FUNDER_SELLER, 0),
        ("BUNDLE_FREE_SHIP", page_pb2.ADJUSTMENT_TARGET_FREIGHT, page_pb2.FUNDER_PLATFORM, 2),
        ("FREIGHT_RELIEF", page_pb2.ADJUSTMENT_TARGET_FREIGHT, page_pb2.FUNDER_PLATFORM, 0),
    ]
    assert all(each.amount < 0 for each in page.adjustments)


async def test_socks_ship_free_and_the_parcel_that_they_are_in_is_paid_for(plans: PlanSet) -> None:
    page = await render(plans)
    *others, apparel = taken(page)["ITEM_FREE_SHIP"]
    assert others == [0, 0]
    assert -page.parcels[2].options[0].freight < apparel < 0


async def test_the_bundle_is_free_up_to_its_weight_which_the_second_parcel_uses_up(plans: PlanSet) -> None:
    page = await render(plans)
    freights = [next(option.freight for option in parcel.options if option.selected) for parcel in page.parcels]
    first, second, third = taken(page)["BUNDLE_FREE_SHIP"]
    assert first == -freights[0]
    assert -freights[1] < second < 0
    assert third == 0


async def test_the_bundle_and_the_direct_mail_reduction_exclude_each_other_and_each_stands_somewhere(
    plans: PlanSet,
) -> None:
    page = await render(plans)
    found = set()
    for methods in (
        ("SG_DM_AIR", "SG_DM_AIR", "SG_DM_AIR"),  # both could apply: the bundle is better
        ("SG_DM_EXPRESS", "SG_DM_EXPRESS", "SG_DM_EXPRESS"),  # only the reduction could
        ("SG_CONSO_AIR", "SG_CONSO_AIR", "SG_CONSO_AIR"),  # only the bundle could
        ("SG_DM_SEA", "SG_CONSO_AIR", "SG_CONSO_SEA"),  # too little for the bundle
    ):
        codes = set(taken(await render(plans, methods=by(page, *methods))))
        found.add("BUNDLE_FREE_SHIP" in codes)
        assert ("BUNDLE_FREE_SHIP" in codes) != ("DIRECT_MAIL_INSTANT_DISCOUNT" in codes)
    assert found == {True, False}


async def test_the_entered_coupon_is_taken_and_says_nothing(plans: PlanSet) -> None:
    assert list(pinned_request().page.coupons) == ["THANKS"]
    page, without = await render(plans), await render(plans, coupons=())
    assert page.totals.payable < without.totals.payable
    assert not page.notices


async def test_the_coupon_book_counts_its_uses(plans: PlanSet) -> None:
    used_up = replace(pinned_memory(), used_up={"coupon:THANKS": 2})
    page = await render(plans, used_up)
    assert [notice.code for notice in page.notices] == ["PROMO_LIMIT_REACHED"]
    assert "THANKS" not in taken(page)


async def test_one_promotion_applies_and_another_says_what_would_take_the_cart_there(plans: PlanSet) -> None:
    page = await render(plans)
    bundle, shop = page.progress
    assert (bundle.code, bundle.met, bundle.applied) == ("BUNDLE_FREE_SHIP", True, True)
    assert (shop.code, shop.met, shop.applied) == (SHOP_FREE, False, False)
    assert shop.gap > 0
    overshoots = [top_up.overshoot for top_up in shop.top_ups]
    assert overshoots == sorted(overshoots)
    assert {len(top_up.items) for top_up in shop.top_ups} == {1, 2}  # a good, and a pair
    blocks = [(block.kind, block.values["state"]) for block in page.blocks if block.slot == "page.progress"]
    assert blocks == [("progress_met", "met"), ("progress", "gap")]


async def test_top_ups_are_worth_it_only_for_the_freight_that_they_save(plans: PlanSet) -> None:
    (_, shop) = (await render(plans)).progress
    assert shop.top_ups[0].amount > CEILING


async def test_tax_is_taken_at_checkout_and_at_the_border(plans: PlanSet) -> None:
    page = await render(plans)
    assert page.totals.tax > 0
    assert page.totals.border_estimate > 0


async def test_presale_has_its_slot_and_nothing_is_in_presale_so_all_is_dated_and_paid_at_once(plans: PlanSet) -> None:
    (plan,) = plans.plans
    assert "schedule" in {slot.name for slot in plan.stages["pay"].slots}
    page = await render(plans)
    assert all(option.HasField("arrival") for parcel in page.parcels for option in parcel.options)
    assert [stage.stage for stage in page.payment_schedule.stages] == [common_pb2.STAGE_FULL]


@pytest.mark.parametrize(("point", "slot"), REMOVABLE)
async def test_without_any_one_of_them_it_is_another_page(plans: PlanSet, point: str, slot: str) -> None:
    scenarios, layer = pinned_sources()
    text = f"package: less\nwhen: {{site: SG}}\n{point}:\n  remove: [{slot}]\n"
    less = compiled(scenarios, layer, SourceText("less.yaml", text))
    methods = by(await render(plans), "SG_DM_EXPRESS", "SG_DM_AIR", "SG_DM_AIR")
    assert await render(less) != await render(plans) or await render(less, methods=methods) != await render(
        plans, methods=methods
    )


def test_every_discount_is_named_here(plans: PlanSet) -> None:
    (plan,) = plans.plans
    assert {("discount", slot.name) for slot in plan.stages["discount"].slots} <= set(REMOVABLE)


def test_its_promotions_are_what_a_server_would_start_with(plans: PlanSet) -> None:
    check_promotions(plans)
