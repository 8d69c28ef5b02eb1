"""A page says how far it is from free shipping, and what would take it there."""

import json
from typing import Any

import pytest

from orderpage import points
from orderpage.domain.goods import GoodsClass
from orderpage.ports import SubmitView
from orderpage_promotions.noted import Noted

LAYER = """
package: bundle
when: {site: HK}
load:
  add:
    - use: promotion.add_on
      as: top_up
      settings:
        promotion: BUNDLE
        ceiling: "30.00"
        goods: [{sku: add-1}, {sku: add-2}, {sku: add-3, affinity: 2}, {sku: add-4}, {sku: add-5}, {sku: nowhere}]
discount:
  add:
    - use: promotion.free_shipping
      as: bundle
      settings: {code: BUNDLE, name: {en: Free shipping together}, funding: {PLATFORM: 7, SELLER: 3},
                 threshold: "299.00", methods: [HK_DM_LAND]}
"""
CANDIDATES = {"add-1": "32.00", "add-2": "36.00", "add-3": "39.90", "add-4": "19.90", "add-5": "16.80"}


@pytest.fixture(scope="module")
def plans(demo: Any) -> Any:
    return demo.compile_with(LAYER)


@pytest.fixture
def world(demo: Any, plans: Any) -> Any:
    made = demo.world(plans)
    for sku, price in (("one", "129.00"), ("two", "89.00"), ("three", "45.50"), *CANDIDATES.items()):
        made.ports.sell(sku, price)
    return made


async def page_of(world: Any, *lines: str) -> Any:
    goods = [(line, 1) for line in lines or ("one", "two", "three")]
    return (await world.render(world.cart("HK", *goods))).page


def suggested(page: Any) -> list[tuple[str, ...]]:
    (progress,) = page.progress
    return [tuple(sku.sku_id for sku in top_up.skus) for top_up in progress.top_ups]


async def test_the_worked_example_on_a_page_in_hong_kong_dollars(world: Any) -> None:
    """35.50 are missing: 41.89 HKD. 36.00 first, then the pair of 36.70, then 39.90."""
    page = await page_of(world)
    (progress,) = page.progress
    assert (progress.code, progress.gap, progress.met, progress.applied) == ("BUNDLE", 4189, False, False)
    assert suggested(page) == [("add-2",), ("add-4", "add-5"), ("add-3",)]
    (block,) = [block for block in page.blocks if block.slot == "page.progress"]
    assert (block.text, block.values["top_up"]) == ("HK$41.89 to go", "add-2")


async def test_with_the_top_up_in_the_cart_shipping_is_free_and_nothing_more_is_suggested(world: Any) -> None:
    page = await page_of(world, "one", "two", "three", "add-2")
    (progress,) = page.progress
    assert (progress.gap, progress.met, progress.applied, progress.top_ups) == (0, True, True, ())
    assert page.totals.freight_discount == -page.totals.freight < 0


@pytest.mark.parametrize(
    ("wrong", "left"),
    [
        ({"goods_class": GoodsClass.BATTERY_ALONE}, [("add-4", "add-5"), ("add-3",), ("add-1", "add-5")]),
        ({"weight_g": 30_000}, [("add-4", "add-5"), ("add-3",), ("add-1", "add-5")]),
        ({"origin": "JP"}, [("add-4", "add-5"), ("add-3",), ("add-1", "add-5")]),
        ({"stock": 0}, [("add-4", "add-5"), ("add-3",), ("add-1", "add-5")]),
    ],
    ids=["class", "weight", "region", "sold out"],
)
async def test_what_the_methods_of_the_promotion_do_not_carry_is_not_suggested(
    world: Any, wrong: dict[str, Any], left: list[tuple[str, ...]]
) -> None:
    world.ports.sell("add-2", "36.00", **wrong)
    assert suggested(await page_of(world)) == left


async def test_the_ceiling_hides_what_costs_much_more_than_it_saves(world: Any) -> None:
    """A good of 200.00 would do, and save a shipping of some 12.00: more than 30.00 net."""
    world.ports.sell("add-1", "200.00")
    assert suggested(await page_of(world, "one")) == []


async def test_the_order_notes_the_group_so_that_a_refund_can_ask_again(world: Any) -> None:
    page = await page_of(world, "one", "two", "three", "add-2")
    (noted,) = Noted().enrich(SubmitView(page=page, payment_method="card"))
    said = json.loads(noted.value)
    assert noted.name == "promotion.BUNDLE"
    assert said["group"] == page.progress[0].group
    assert (said["lines"], said["threshold"], said["taken"]) == (
        ["1", "2", "3", "4"],
        35_282,
        page.totals.freight_discount,
    )
    (adjustment,) = page.adjustments
    assert sum(share for _, share in adjustment.shares) == adjustment.amount == said["taken"]


async def test_a_page_short_of_it_notes_nothing(world: Any) -> None:
    assert list(Noted().enrich(SubmitView(page=await page_of(world), payment_method="card"))) == []


def test_both_stand_where_they_are_read(plans: Any) -> None:
    plan = next(plan for plan in plans.plans if any(s.name == "top_up" for s in plan.stages["load"].slots))
    assert "promotions" in [slot.name for slot in plan.stages[points.ENRICH.name].slots]


NAMED = """
package: named
when: {site: HK}
load:
  add:
    - {use: promotion.add_on, as: top_up, settings: {promotion: NAMED, goods: [{sku: add-2}, {sku: add-5}]}}
discount:
  add:
    - use: promotion.reduction
      as: named
      settings: {code: NAMED, name: {en: On some}, funder: PLATFORM, lane: 1, target: GOODS, amount: "10.00",
                 threshold: "160.00", skus: [one, two], shows_progress: true}
"""


@pytest.mark.parametrize(("named", "top_ups"), [("", [("add-2",)]), ("skus: [one, two], ", [])], ids=["all", "some"])
async def test_goods_that_a_promotion_does_not_name_top_nothing_up(
    demo: Any, named: str, top_ups: list[tuple[str, ...]]
) -> None:
    """31.00 are missing: of goods that it names, 36.00 of another would be bought in vain."""
    world = demo.world(demo.compile_with(NAMED.replace("skus: [one, two], ", named)))
    for sku, price in (("one", "129.00"), *CANDIDATES.items()):
        world.ports.sell(sku, price)
    page = await page_of(world, "one")
    assert [progress.gap for progress in page.progress] == [3658]
    assert suggested(page) == top_ups
