"""Every way a parcel can reach the buyer, over the wire: a page of each scenario, and the order where it matters."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.e2e.conftest import Shop, open_shop
from tests.e2e.live import check_sums, chosen, page_of, submission

from crossborder.checkout.v1 import common_pb2, order_page_pb2, page_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINMEN = {"subdivision": "金門縣", "city": "金城鎮", "postcode": "893"}
SARAWAK = {"subdivision": "Sarawak", "city": "Kuching", "postcode": "93000"}
ALBERTA = {"subdivision": "AB", "city": "Vulcan", "postcode": "T0L 2B0"}
YUKON = {"subdivision": "YT", "city": "Whitehorse", "postcode": "Y1A 2C6"}
AT_A_STORE = {"delivery": common_pb2.DELIVERY_PICKUP_POINT, "pickup_point": "store-8"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One service for all tests: none of them moves its clock, and there is stock for all."""
    async with open_shop(loaded, tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def fees(rendered: order_page_pb2.RenderResponse, parcel: int = 0) -> dict[str, int]:
    return {fee.code: fee.amount for fee in chosen(rendered, parcel).fees}


def option(rendered: order_page_pb2.RenderResponse, method: str, parcel: int = 0) -> Any:
    return next(option for option in rendered.page.parcels[parcel].options if option.method == method)


def reasons(rendered: order_page_pb2.RenderResponse, parcel: int = 0) -> dict[str, list[str]]:
    """Of the methods that cannot take a parcel."""
    excluded = rendered.page.parcels[parcel].excluded
    return {out.method: [reason.code for reason in out.reasons] for out in excluded}


def block(rendered: order_page_pb2.RenderResponse, kind: str) -> Any:
    """The only block of a kind."""
    (found,) = (block for block in rendered.page.blocks if block.kind == kind)
    return found


def kinds(rendered: order_page_pb2.RenderResponse) -> set[str]:
    return {block.kind for block in rendered.page.blocks}


# ---- direct mail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "mode", "kilogram"),
    [
        ("HK_DM_LAND", common_pb2.MODE_LAND, 1416),  # 12.00 CNY
        ("SG_DM_AIR", common_pb2.MODE_AIR, 634),  # 33.00
        ("TW_DM_AIR", common_pb2.MODE_AIR, 145),  # 33.00
        ("MY_DM_AIR", common_pb2.MODE_AIR, 1586),  # 26.00
        ("CA_DM_AIR", common_pb2.MODE_AIR, 1806),  # 86.00
    ],
)
async def test_direct_mail_is_one_charge_at_checkout_with_a_date(
    shop: Shop, method: str, mode: int, kilogram: int
) -> None:
    page = page_of(method[:2], ("bok-notebook-a5", 3))  # 0.96 kg, and little volume
    rendered = await shop.client.by(page, method)
    check_sums(rendered)
    shown = chosen(rendered)
    assert (shown.kind, shown.mode, shown.freight) == (common_pb2.METHOD_KIND_DIRECT_MAIL, mode, kilogram)
    assert shown.HasField("arrival")
    assert (shown.charging, shown.later_estimate) == (page_pb2.CHARGING_UNSPECIFIED, 0)
    placed = await shop.client.submit(submission(page, rendered))
    assert placed.order.payable == rendered.page.totals.payable
    assert not placed.order.service_orders


async def test_the_fast_method_takes_three_days_and_sends_each_shops_goods_by_themselves(shop: Shop) -> None:
    page = page_of("HK", ("bok-notebook-a5", 1), ("tst-plain", 1))
    rendered = await shop.client.by(page, "HK_DM_FAST")
    check_sums(rendered)
    shown = chosen(rendered)
    assert shown.freight == 2 * 2124  # 18.00 CNY for each shop
    assert fees(rendered) == {"HOME_DELIVERY": 2 * 944}
    assert shown.arrival.earliest == shown.arrival.latest


# ---- official consolidation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "mode"),
    [
        ("HK_CONSO_LAND", common_pb2.MODE_LAND),
        ("TW_CONSO_AIR", common_pb2.MODE_AIR),
        ("TW_CONSO_SEA", common_pb2.MODE_SEA),
        ("MY_CONSO_SEA", common_pb2.MODE_SEA),
        ("CA_CONSO_SEA", common_pb2.MODE_SEA),
    ],
)
async def test_prepaid_leg_2_is_an_order_of_its_own(shop: Shop, method: str, mode: int) -> None:
    page = page_of(method[:2], ("bok-notebook-a5", 2))
    rendered = await shop.client.by(page, method)
    check_sums(rendered)
    assert (chosen(rendered).kind, chosen(rendered).mode) == (common_pb2.METHOD_KIND_CONSO_OFFICIAL, mode)
    placed = await shop.client.submit(submission(page, rendered))
    (service,) = placed.order.service_orders
    totals = rendered.page.totals
    assert (service.amount, service.estimate) == (totals.freight + totals.fees, 0)
    assert placed.order.payable == totals.payable


async def test_leg_2_after_weighing_is_estimated_and_not_paid_with_the_order(shop: Shop) -> None:
    page = page_of("TW", ("bok-notebook-a5", 2), business="saas")
    rendered = await shop.client.by(page, "TW_CONSO_SEA")
    check_sums(rendered)
    shown, totals = chosen(rendered), rendered.page.totals
    assert shown.charging == page_pb2.CHARGING_AFTER_WEIGHING
    assert (shown.freight, fees(rendered)) == (0, {})
    assert shown.later_estimate == 62 + 26  # 14.00 and 6.00 CNY at 4.4000
    assert (totals.payable, totals.later_estimate) == (totals.goods, 88)
    told = block(rendered, "later_charge")
    assert told.parcel_id == rendered.page.parcels[0].parcel_id
    assert told.values["amount"] == "NT$88"
    placed = await shop.client.submit(submission(page, rendered))
    (service,) = placed.order.service_orders
    assert (service.amount, service.estimate) == (0, 88)
    assert [parcel.later_estimate for parcel in placed.order.parcels] == [88]
    assert placed.payment.amount == totals.goods

    prepaid = await shop.client.by(page_of("TW", ("bok-notebook-a5", 2)), "TW_CONSO_SEA")
    assert prepaid.page.totals.payable == totals.payable + 88


# ---- somebody else's, and no border at all -------------------------------------------------------------------------


async def test_goods_that_no_method_of_ours_takes_are_referred_to_a_forwarder_without_tax_or_date(
    shop: Shop,
) -> None:
    page = page_of("MY", ("dig-powerbank-10k", 1))
    rendered = await shop.client.render(page)
    check_sums(rendered)
    shown = chosen(rendered)
    assert (shown.method, shown.kind) == ("MY_FORWARDER", common_pb2.METHOD_KIND_CONSO_THIRD_PARTY)
    assert shown.charging == page_pb2.CHARGING_ELSEWHERE
    assert (shown.freight, shown.tax, shown.border_estimate, shown.later_estimate) == (0, 0, 0, 0)
    assert not shown.HasField("arrival")
    assert set(reasons(rendered)) == {"MY_DM_AIR", "MY_CONSO_SEA"}
    told = block(rendered, "referral")
    assert "no tax" in told.text
    assert "no date" in told.text
    assert not kinds(rendered) & {"arrival", "tax_collected", "tax_border"}
    placed = await shop.client.submit(submission(page, rendered))
    assert placed.order.payable == rendered.page.totals.goods
    assert not placed.order.service_orders


async def test_a_forwarder_is_offered_beside_ours_and_never_chosen_for_the_buyer(shop: Shop) -> None:
    rendered = await shop.client.render(page_of("CA", ("bok-notebook-a5", 1)))
    assert chosen(rendered).method != "CA_FORWARDER"
    assert option(rendered, "CA_FORWARDER").landed_cost < chosen(rendered).landed_cost
    by_hand = await shop.client.by(page_of("CA", ("bok-notebook-a5", 1)), "CA_FORWARDER")
    assert "referral" in kinds(by_hand)


@pytest.mark.parametrize(
    ("site", "business", "offered"), [("HK", "saas", 1), ("HK", "marketplace", 0), ("SG", "saas", 1)]
)
async def test_who_refers_to_a_forwarder_is_the_layers_choice(
    shop: Shop, site: str, business: str, offered: int
) -> None:
    rendered = await shop.client.render(page_of(site, ("bok-notebook-a5", 1), business=business))
    assert sum(o.method == f"{site}_FORWARDER" for o in rendered.page.parcels[0].options) == offered


async def test_hong_kong_stock_goes_local_to_local_beside_a_parcel_from_the_mainland(shop: Shop) -> None:
    page = page_of("HK", ("har-umbrella", 1), ("bok-notebook-a5", 1), business="hk_local")
    rendered = await shop.client.render(page)
    check_sums(rendered)
    local, mainland = chosen(rendered, 0), chosen(rendered, 1)
    assert (local.method, local.kind) == ("HK_L2L", common_pb2.METHOD_KIND_LOCAL)
    assert (local.freight, local.tax) == (2360, 0)  # 20.00 CNY, and no border
    assert mainland.method != "HK_L2L"
    assert reasons(rendered, 1)["HK_L2L"] == ["INV_REGION_UNAVAILABLE"]
    placed = await shop.client.submit(submission(page, rendered))
    assert placed.order.payable == rendered.page.totals.payable


# ---- the supermarket -----------------------------------------------------------------------------------------------


async def test_the_supermarkets_food_and_a_gadget_go_in_two_parcels_by_two_methods(shop: Shop) -> None:
    page = page_of("HK", ("pan-noodles-5pk", 2), ("dig-earbuds-lite", 1), business="supermarket")
    rendered = await shop.client.render(page)
    check_sums(rendered)
    methods = {chosen(rendered, index).method for index in range(len(rendered.page.parcels))}
    assert len(rendered.page.parcels) == 2
    assert "HK_MART_LAND" in methods
    assert len(methods) == 2
    placed = await shop.client.submit(submission(page, rendered))
    assert {parcel.method for parcel in placed.order.parcels} == methods


@pytest.mark.parametrize(
    ("site", "parcels"),
    [("HK", 2), ("TW", 1), ("MY", 1)],  # the methods carry 10, 15 and 20 kg
)
async def test_much_rice_goes_in_as_many_parcels_as_it_takes(shop: Shop, site: str, parcels: int) -> None:
    rendered = await shop.client.render(page_of(site, ("pan-rice-4500", 3), business="supermarket"))  # 14.1 kg
    check_sums(rendered)
    assert not rendered.page.problems
    assert len(rendered.page.parcels) == parcels


async def test_food_close_to_its_date_is_not_sent(shop: Shop) -> None:
    rendered = await shop.client.render(page_of("HK", ("pan-mooncakes-6", 1), business="supermarket"))
    assert [problem.code for problem in rendered.page.problems] == ["LOGI_NO_METHOD"]
    assert reasons(rendered)["HK_MART_LAND"] == ["ITEM_EXPIRES_EARLY"]
    assert not rendered.quote_token


async def test_fuel_and_clearance_are_lines_of_their_own(shop: Shop) -> None:
    rendered = await shop.client.by(page_of("TW", ("pan-noodles-5pk", 1), business="supermarket"), "TW_MART_AIR")
    check_sums(rendered)
    # 38.00 CNY for the first kilogram, 12.5% of it for fuel, 3.00 for clearance, 6.00 to the door; at 4.4000
    assert chosen(rendered).freight == 167
    assert fees(rendered) == {"FUEL": 21, "CUSTOMS_CLEARANCE": 13, "HOME_DELIVERY": 26}


# ---- the last mile -------------------------------------------------------------------------------------------------


async def test_a_store_in_taiwan_is_free_and_takes_no_more_than_5_kg(shop: Shop) -> None:
    light = await shop.client.by(page_of("TW", ("bok-notebook-a5", 2), address=AT_A_STORE), "TW_DM_AIR")
    assert fees(light) == {}
    assert chosen(light).delivery == common_pb2.DELIVERY_PICKUP_POINT
    heavy = await shop.client.render(page_of("TW", ("apl-espresso-15bar", 1), address=AT_A_STORE))
    assert set(reasons(heavy)["TW_DM_AIR"]) == {"LOGI_OVERWEIGHT", "LOGI_OVERSIZE"}
    many = await shop.client.render(page_of("TW", ("bok-notebook-a5", 20), address=AT_A_STORE))  # 6.4 kg
    check_sums(many)
    assert all(parcel.weight_g <= 5000 for parcel in many.page.parcels)
    assert not many.page.problems


async def test_a_pick_up_point_has_a_fee_of_its_own_in_place_of_the_one_to_the_door(shop: Shop) -> None:
    line = ("pan-noodles-5pk", 1)
    home = await shop.client.by(page_of("HK", line, business="supermarket"), "HK_MART_LAND")
    point = await shop.client.by(page_of("HK", line, business="supermarket", address=AT_A_STORE), "HK_MART_LAND")
    assert (fees(home), fees(point)) == ({"HOME_DELIVERY": 1180}, {"PICKUP_POINT": 590})


@pytest.mark.parametrize(
    ("site", "address", "expected"),
    [
        ("TW", {}, {"HOME_DELIVERY": 26}),
        ("TW", KINMEN, {"REMOTE_AREA": 176}),
        ("TW", {**KINMEN, **AT_A_STORE}, {"REMOTE_AREA": 176}),  # collecting there costs the same
        ("MY", {}, {}),
        ("MY", SARAWAK, {"REMOTE_AREA": 1525}),
        ("CA", {}, {}),
        ("CA", ALBERTA, {"RURAL_AREA": 735}),
        ("CA", YUKON, {"FAR_AREA": 1680}),
    ],
)
async def test_remote_rural_and_far_zones_replace_the_fee_to_the_door(
    shop: Shop, site: str, address: dict[str, Any], expected: dict[str, int]
) -> None:
    page = page_of(site, ("bok-notebook-a5", 1), address=address)
    rendered = await shop.client.by(page, f"{site}_DM_AIR")
    check_sums(rendered)
    assert fees(rendered) == expected


# ---- how arrival is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "client", "language", "buyer", "text"),
    [
        ("HK", "native", "en", "b-mei", "Arrives Fri, Nov 27\N{THIN SPACE}–\N{THIN SPACE}Mon, Nov 30"),
        ("TW", "h5", "zh-Hant", "b-demo", "預計11月30日週一至12月2日週三送達"),
        ("TW", "native", "en", "b-demo", "Order within 6 hours to get it by Wed, Dec 2"),
        ("TW", "native", "zh-Hant", "b-demo", "6 小時內下單，最晚12月2日 週三送達"),
        ("TW", "h5", "en", "b-mei", "Arrives between Monday, November 30, 2026 and Wednesday, December 2, 2026"),
        ("MY", "mini_program", "zh-Hans", "b-demo", "12月5日周六前送达"),
        ("CA", "h5", "en", "b-mei", "Arrives between Friday, December 4, 2026 and Wednesday, December 9, 2026"),
    ],
)
async def test_arrival_is_told_as_the_layers_say_for_site_client_and_crowd(
    shop: Shop, site: str, client: str, language: str, buyer: str, text: str
) -> None:
    page = page_of(site, ("bok-notebook-a5", 1), client=client, language=language)
    method = "HK_DM_LAND" if site == "HK" else f"{site}_DM_AIR"
    rendered = await shop.client.as_buyer(buyer).by(page, method)
    assert block(rendered, "arrival").text == text
