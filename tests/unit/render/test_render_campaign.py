"""The example campaign: all by YAML, from its first day to its last."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orderpage.domain.discount import Funder
from orderpage.domain.page import Page
from orderpage.domain.problem import Code
from orderpage.packages import Packages

CAMPAIGNS = Path(__file__).parents[3] / "deploy" / "campaigns"
TWELFTH = datetime(2026, 12, 12, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def plans() -> Any:
    return Packages([CAMPAIGNS]).plans.current


@pytest.fixture
def page_of(demo: Any, plans: Any) -> Callable[..., Any]:
    world = demo.world(plans)
    world.ports.sell("cup", "150.00", shop="s-one", weight_g=300)
    world.ports.sell("pot", "160.00", shop="s-two", weight_g=900)
    world.ports.sell("vase", "160.00", shop="s-one", weight_g=900)
    world.ports.sell("stone", "10.00", shop="s-one", weight_g=3000)

    async def render(*skus: str, at: datetime = TWELFTH, **fields: Any) -> Page:
        world.clock.now = at
        page: Page = (await world.render(world.cart("TW", *((sku, 1) for sku in skus), **fields))).page
        return page

    return render


def codes(page: Page) -> list[str]:
    return [adjustment.code for adjustment in page.adjustments]


@pytest.mark.parametrize(
    ("at", "begun"),
    [
        (datetime(2026, 11, 30, 15, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 30, 16, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), False),
    ],
)
async def test_it_begins_and_ends_by_its_dates(page_of: Any, at: datetime, begun: bool) -> None:
    page = await page_of("cup", "pot", at=at)
    assert bool(page.progress) is begun


async def test_the_bundle_is_free_up_to_its_weight_and_paid_by_platform_and_seller(page_of: Any) -> None:
    page = await page_of("cup", "pot")
    assert codes(page) == ["BUNDLE_FREE_SHIP"]
    (bundle,) = page.adjustments
    assert page.totals.freight_discount == -page.totals.freight == bundle.amount
    assert dict(bundle.shares)[Funder.PLATFORM] < dict(bundle.shares)[Funder.SELLER] < 0, "7 to 3"


async def test_dividing_a_heavy_cart_does_not_free_more_weight(page_of: Any) -> None:
    """4.2 kg of one shop, in however many parcels: 3 kg are free, and no merging of shops frees the rest."""
    heavy = await page_of("cup", "vase", "stone")
    assert codes(heavy) == ["BUNDLE_FREE_SHIP"]
    assert 0 < -heavy.totals.freight_discount < heavy.totals.freight


async def test_of_two_that_do_not_go_together_the_better_one_stands(page_of: Any) -> None:
    """Goods of two shops that weigh 4.2 kg: merged, all of it is free."""
    page = await page_of("cup", "pot", "stone")
    assert codes(page) == ["MERGE_FREE"]
    assert page.totals.freight_discount == -page.totals.freight


async def test_a_notebook_ships_free_below_the_threshold(page_of: Any) -> None:
    page = await page_of("bok-notebook-a5")
    assert codes(page) == ["ITEM_FREE_SHIP"]
    assert page.totals.freight_discount == -page.totals.freight


async def test_one_says_how_far_the_bundle_is_and_what_would_reach_it(page_of: Any) -> None:
    page = await page_of("cup")
    far = {progress.code: progress for progress in page.progress}
    assert not far["BUNDLE_FREE_SHIP"].met
    assert far["BUNDLE_FREE_SHIP"].gap == far["BUNDLE_FREE_SHIP"].threshold - page.totals.goods


@pytest.mark.parametrize(("day", "code"), [(12, None), (13, Code.PROMO_INVALID)])
async def test_the_coupon_is_good_until_the_twelfth(page_of: Any, day: int, code: Code | None) -> None:
    page = await page_of("cup", coupons=("TWELVE",), at=TWELFTH.replace(day=day))
    assert [notice.code for notice in page.notices if notice.field.startswith("coupons")] == ([code] if code else [])
    assert ("TWELVE" in codes(page)) is (code is None)
