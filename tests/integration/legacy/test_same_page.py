"""The old page and ours are the same page, to the byte, on generated carts at moments that matter.

ORDERPAGE_CARTS raises the number of carts a site (200), ORDERPAGE_SEED draws others.
"""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from tests.integration.legacy.conftest import Pages, carts, choose

from orderpage.bench.render.handwritten import differences

CARTS = int(os.environ.get("ORDERPAGE_CARTS", "200"))
SEED = int(os.environ.get("ORDERPAGE_SEED", "1"))

CHINA = timezone(timedelta(hours=8))


def at(month: int, day: int, hour: int = 10, minute: int = 0, micro: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, 0, micro, tzinfo=CHINA)


MOMENTS: Sequence[datetime] = (
    *(at(11, 23), at(11, 23, 15, 59), at(11, 23, 16), at(11, 23, 16, micro=1)),  # the cut-off is in time
    *(at(6, 30, 23, 59), at(7, 1)),  # more districts are remote from July
    *(at(10, 31, 23, 59), at(11, 1), at(12, 31, 23, 59), at(1, 1, year=2027)),  # the newcomers' campaign
    *(at(2, 13), at(9, 30), at(5, 1)),  # long holidays: windows too wide to show
    *(at(12, 18), at(12, 22, 17), at(12, 29), at(12, 31, 16)),  # calendars end with the year
    at(12, 31, 23, 59, year=2025),  # no rate card holds yet
)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("site", ["HK", "SG"])
async def test_the_same_page_before_and_after_the_buyer_chooses(pages: Pages, site: str) -> None:
    for buyer, request, chance in carts(site, CARTS, SEED):
        pages.at(chance.choice(MOMENTS))
        first = await pages.ours(request, buyer)
        assert differences(first, await pages.old(request, buyer)) == [], (buyer, request)
        wanted = choose(request, first, chance)
        chosen = await pages.ours(wanted, buyer)
        assert differences(chosen, await pages.old(wanted, buyer)) == [], (buyer, wanted)


async def test_the_carts_reach_every_rule_that_the_sites_have(pages: Pages) -> None:
    seen: set[str] = set()
    for site in ("HK", "SG"):
        for buyer, request, _ in carts(site, 900, 3):
            page = (await pages.ours(request, buyer)).page
            options = [option for parcel in page.parcels for option in parcel.options]
            seen |= {page.split_reason, page.currency.code} | {adjustment.code for adjustment in page.adjustments}
            seen |= {option.method for option in options} | {fee.code for option in options for fee in option.fees}
            seen |= {problem.code for line in page.blocked_lines for problem in line.problems}
            seen |= {problem.code for problem in page.problems} | {block.kind for block in page.blocks}
            seen |= {reason.code for parcel in page.parcels for out in parcel.excluded for reason in out.reasons}
    assert seen >= {
        *("merged", "one parcel per shop", "combined as it is carried cheapest", "pieces up to 30000 g"),
        *("pieces up to 20000 g", "DIRECT_MAIL_INSTANT_DISCOUNT", "NEWCOMER_WELCOME"),
        *("HK_DM_LAND", "HK_DM_FAST", "HK_CONSO_LAND", "SG_DM_AIR", "SG_CONSO_AIR", "SG_CONSO_SEA"),
        *("HOME_DELIVERY", "REMOTE_AREA", "arrival", "landed_cost", "tax_collected", "tax_border", "saving"),
        *("ITEM_SKU_INVALID", "ITEM_OFFLINE", "ITEM_QTY_LIMIT", "INV_OUT_OF_STOCK", "INV_INSUFFICIENT"),
        *("RESTRICT_IMPORT_PROHIBITED", "LOGI_NO_METHOD", "LOGI_CLASS_FORBIDDEN", "LOGI_OVERWEIGHT"),
        *("ADDR_MISSING", "ADDR_REGION_UNSUPPORTED", "ADDR_FIELD_INVALID"),
    }


@pytest.mark.parametrize("site", ["HK", "SG"])
async def test_and_on_goods_with_a_name_in_one_language_from_elsewhere_or_heavier_than_any_method(
    pages: Pages, site: str
) -> None:
    ports, cart = pages.world.ports, pages.world.cart
    ports.sell("plain", "12.34", stock=99)
    ports.sell("foreign", origin="VN", shop="s-vn")
    ports.sell("anvil", "900.00", weight_g=51_000, sides_cm=(40, 30, 30), max_quantity=20)
    ports.sell("bulky", "3.33", weight_g=900, sides_cm=(60, 60, 60), max_quantity=60)
    ports.sell("feather", "0.01", weight_g=1, max_quantity=99)
    ports.sell("dear", "2085.00", weight_g=9_000, max_quantity=9)  # around the limit of low-value goods, in pieces
    for lines in (
        [("plain", 3), ("foreign", 2)],
        [("anvil", 2), ("plain", 1)],
        [("bulky", 55)],
        [("bulky", 40), ("feather", 99), ("dear", 4)],
        [("dear", 5), ("tea-gaiwan-white", 2)],
        [("plain", 60), ("plain", 30), ("plain", 9), ("plain", 1)],
    ):
        request = cart(site, *lines, language="zh-Hant")
        assert differences(await pages.ours(request), await pages.old(request)) == []


async def test_and_for_a_member_of_hong_kong_with_goods_of_twelve_shops(pages: Pages) -> None:
    ports, lines = pages.world.ports, []
    for number in range(12):
        sku = ports.sell(f"light-{number}", "20.00", shop=f"s-{number}", weight_g=90 * (number + 1))
        lines.append((sku.sku_id, 1 + number % 3))
    request = pages.world.cart("HK", *lines)
    assert differences(await pages.ours(request, "b-mei"), await pages.old(request, "b-mei")) == []
