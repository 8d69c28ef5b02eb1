"""The worked quotes, taxes and arrival dates of the domain rules, on whole pages of the installed packages.

Quotes are of sections 3.2 to 3.5, Malaysia's taxes of 2.4, dates of 3.4; the numbers are in
``tests/data/worked_cases.json``.
"""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from orderpage.domain.address import Address, Delivery
from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import Page, PageOption
from orderpage.testing import example_address, example_line, example_view, render_with

CASES = json.loads((Path(__file__).parents[1] / "data" / "worked_cases.json").read_text("utf-8"))
TAXES = {case["id"]: case for case in CASES["tax_cases"]}
NOTHING = "package: nothing\n"
CHINA = timezone(timedelta(hours=8))
REMOTE = {"HK": {"district": "西貢"}, "MY": {"subdivision": "Sarawak", "city": "Kuching", "postcode": "93000"}}
YUKON = {"subdivision": "YT", "city": "Whitehorse", "postcode": "Y1A 2C6"}


def option(page: Page, method: str, parcel: int = 0) -> PageOption:
    return next(o for o in page.parcels[parcel].options if o.priced.option.method.code == method)


def home_of(quote: dict[str, Any]) -> Address:
    site = quote["method"][:2]
    where = REMOTE[site] if quote["remote"] else YUKON if quote.get("far") else {}
    delivery = Delivery.HOME if quote["home"] else Delivery.PICKUP_POINT
    return example_address(site, delivery=delivery, **where)


@pytest.mark.parametrize("quote", CASES["quotes"], ids=lambda quote: quote["id"])
def test_every_worked_quote_is_what_its_page_shows(quote: dict[str, Any]) -> None:
    site = quote["method"][:2]
    line = example_line(weight_g=quote["actual_g"], sides_cm=tuple(quote["dims_cm"] or (10, 10, 10)))
    view = example_view(site, line, address=home_of(quote))
    shown = option(render_with(NOTHING, view), quote["method"]).priced.option
    (shipment,) = shown.shipments
    assert (shipment.chargeable_g, shipment.listed) == (quote["chargeable_g"], quote["freight"])
    assert shown.freight == view.rate.convert(quote["freight"])
    assert shown.fee_total == view.rate.convert(quote["surcharge"])
    assert quote["freight"] + quote["surcharge"] == quote["total"]


def test_merging_three_shops_costs_42_in_place_of_81_and_the_page_says_what_is_saved() -> None:
    weights = {"shop-1": 300, "shop-2": 400, "shop-3": 600}
    lines = [example_line(shop[-1], shop=shop, weight_g=weight) for shop, weight in weights.items()]
    view = example_view("TW", *lines, address=example_address("TW", delivery=Delivery.PICKUP_POINT, pickup_point="p"))
    (parcel,) = render_with(NOTHING, view).parcels
    page = render_with(NOTHING, view, selections={parcel.parcel.parcel_id: "TW_DM_AIR"})
    (merged,) = option(page, "TW_DM_AIR").priced.option.shipments
    assert merged.listed == 4200
    apart = [view.rate.convert(fee) for fee in (2400, 2400, 3300)]
    assert page.saving == sum(apart) - view.rate.convert(4200)


def test_the_fast_method_never_merges_each_shop_pays_its_own_freight_and_its_own_fee() -> None:
    lines = [example_line("1", shop="shop-1", weight_g=1200), example_line("2", shop="shop-2", weight_g=300)]
    shown = option(render_with(NOTHING, example_view("HK", *lines)), "HK_DM_FAST").priced.option
    assert [shipment.listed for shipment in shown.shipments] == [2300, 1800]
    assert shown.fee_total == 2 * 944  # 8.00 CNY at 1.1800


# ---- zones -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "where", "fee", "code"),
    [
        ("TW", {}, 600, "HOME_DELIVERY"),
        ("TW", {"subdivision": "金門縣", "city": "金城鎮", "postcode": "893"}, 4000, "REMOTE_AREA"),
        ("TW", {"subdivision": "Penghu County", "city": "Magong City", "postcode": "880"}, 4000, "REMOTE_AREA"),
        ("TW", {"subdivision": "台東縣", "city": "蘭嶼鄉", "postcode": "952"}, 4000, "REMOTE_AREA"),
        ("MY", {"subdivision": "", "city": "Kota Kinabalu", "postcode": "88000"}, 2500, "REMOTE_AREA"),
        ("MY", {"subdivision": "Labuan", "city": "Labuan", "postcode": "87000"}, 2500, "REMOTE_AREA"),
        ("MY", {}, 0, ""),
        ("CA", {}, 0, ""),
        ("CA", {"subdivision": "AB", "city": "Vulcan", "postcode": "t0l 2b0"}, 3500, "RURAL_AREA"),
        ("CA", YUKON, 8000, "FAR_AREA"),
        ("CA", {"subdivision": "NU", "city": "Iqaluit", "postcode": "X0A 0H0"}, 8000, "FAR_AREA"),  # rural as well
    ],
)
def test_only_the_dearest_zone_of_an_address_is_charged(site: str, where: dict[str, str], fee: int, code: str) -> None:
    view = example_view(site, address=example_address(site, **where))
    page = render_with(NOTHING, view)
    assert not page.problems
    shown = option(page, f"{site}_DM_AIR").priced.option
    assert [(charged.code, charged.amount) for charged in shown.fees] == (
        [(code, view.rate.convert(fee))] if fee else []
    )


# ---- Malaysia's sales tax ----------------------------------------------------------------------------------------

PRICES = {"480.00": "786.89", "500.00": "819.67", "500.01": "819.69", "300.00": "491.80", "99.90": "163.77"}
"""Ringgit to the CNY that convert to it at 0.6100."""


@pytest.mark.parametrize("case", ["MY-1", "MY-2a", "MY-2b"])
@pytest.mark.parametrize("method", ["MY_DM_AIR", "MY_CONSO_SEA"])
def test_malaysia_taxes_the_price_up_to_its_limit_however_it_comes(case: str, method: str) -> None:
    (amount,) = TAXES[case]["lines"]
    view = example_view("MY", example_line(price=PRICES[amount]))
    parcel = render_with(NOTHING, view).parcels[0].parcel.parcel_id
    page = render_with(NOTHING, view, selections={parcel: method})
    ringgit = view.rate.quote.parse
    assert page.totals.goods == ringgit(amount)
    assert page.totals.tax == ringgit(TAXES[case]["collect"])
    above = TAXES[case]["collect"] == "0.00"
    assert (page.totals.border > 0) is above
    assert [block.kind for block in page.blocks if block.slot == "page.tax"] == [
        f"tax_{'border' if above else 'collected'}"
    ]


def test_malaysia_taxes_each_line_after_its_share_of_a_coupon() -> None:
    coupon = """
    package: coupon
    when: {site: MY}
    discount:
      add:
        - use: promotion.reduction
          settings: {code: C, name: {en: C}, lane: 3, target: GOODS, funder: PLATFORM, amount: "54.64"}
    """
    lines = [example_line("1", 2, price=PRICES["300.00"]), example_line("2", price=PRICES["99.90"])]
    page = render_with(coupon, example_view("MY", *lines))
    assert page.totals.goods_discount == -3333
    net = {line_id: f"{amount // 100}.{amount % 100:02}" for line_id, amount in page.net_by_line.items()}
    assert list(net.values()) == TAXES["MY-3"]["lines"]
    assert page.totals.tax == page.view.rate.quote.parse(TAXES["MY-3"]["collect_line"])


# ---- arrival -----------------------------------------------------------------------------------------------------

TWO_DAYS = """
package: two-days
when: {site: HK, business: marketplace}
promise: {set: {arrival: {handling_days: 2}}}
"""


def window(site: str, method: str, paid: datetime, layers: str = NOTHING, **where: Any) -> str:
    view = example_view(site, address=example_address(site, **where), priced_at=paid)
    return str(option(render_with(layers, view), method).priced.option.window)


@pytest.mark.parametrize(
    ("paid", "layers", "expected"),
    [
        (datetime(2026, 2, 13, 17, 30, tzinfo=CHINA), TWO_DAYS, "2026-02-28 … 2026-03-02"),
        (datetime(2026, 11, 23, 15, 59, tzinfo=CHINA), NOTHING, "2026-11-27 … 2026-11-30"),
        (datetime(2026, 11, 23, 16, 0, tzinfo=CHINA), NOTHING, "2026-11-27 … 2026-11-30"),
        (datetime(2026, 11, 23, 16, 1, tzinfo=CHINA), NOTHING, "2026-11-28 … 2026-11-30"),
    ],
)
def test_the_worked_arrival_dates(paid: datetime, layers: str, expected: str) -> None:
    assert window("HK", "HK_DM_LAND", paid, layers) == expected


def test_a_birthday_of_the_sultan_of_selangor_keeps_nobody_waiting_in_johor() -> None:
    paid = datetime(2026, 11, 30, 10, tzinfo=CHINA)  # handed over on 1 December; the tenth day is the birthday
    assert window("MY", "MY_DM_AIR", paid) == "2026-12-07 … 2026-12-12"
    johor = {"subdivision": "Johor", "city": "Johor Bahru", "postcode": "80000"}
    assert window("MY", "MY_DM_AIR", paid, **johor) == "2026-12-07 … 2026-12-11"


def test_saint_john_the_baptist_is_kept_in_quebec_only() -> None:
    paid = datetime(2026, 6, 8, 10, tzinfo=CHINA)  # handed over on 9 June; the fifteenth day is the 24th
    quebec = {"subdivision": "QC", "city": "Montréal", "postcode": "H2Y 1C6"}
    assert window("CA", "CA_DM_AIR", paid, **quebec) == "2026-06-19 … 2026-06-25"
    assert window("CA", "CA_DM_AIR", paid) == "2026-06-19 … 2026-06-24"


def test_a_store_in_taiwan_hands_out_parcels_on_a_sunday_and_no_carrier_comes_to_the_door() -> None:
    paid = datetime(2026, 11, 23, 10, tzinfo=CHINA)  # handed over on the 24th; the fifth day is Sunday, the 29th
    assert window("TW", "TW_DM_AIR", paid) == "2026-11-30 … 2026-12-02"
    assert window("TW", "TW_DM_AIR", paid, delivery=Delivery.PICKUP_POINT).startswith("2026-11-29")


def test_a_window_of_fifteen_days_and_a_forwarders_are_not_promised() -> None:
    page = render_with(NOTHING, example_view("CA"))
    assert option(page, "CA_CONSO_SEA").priced.option.window is None
    assert option(page, "CA_FORWARDER").priced.option.window is None


# ---- further lines of a supermarket's page -----------------------------------------------------------------------


def supermarket(site: str, *lines: Any, paid: datetime | None = None, **where: Any) -> Page:
    cell = example_view(site).cell._replace(business="supermarket")
    fields: dict[str, Any] = {"priced_at": paid} if paid else {}
    view = example_view(site, *lines, address=example_address(site, **where), cell=cell, **fields)
    return render_with(NOTHING, view)


def food(line_id: str = "1", quantity: int = 1, **sku: Any) -> Any:
    return example_line(line_id, quantity, goods_class=GoodsClass.FOOD, **sku)


@pytest.mark.parametrize(("grams", "listed"), [(900, 3800), (1000, 3800), (1001, 5200), (4999, 9200)])
def test_a_courier_lists_a_price_by_whole_kilogram(grams: int, listed: int) -> None:
    (shipment,) = option(supermarket("TW", food(weight_g=grams)), "TW_MART_AIR").priced.option.shipments
    assert shipment.listed == listed


@pytest.mark.parametrize(("month", "percent_of_3800"), [(9, 380), (10, 475)])
def test_fuel_is_a_dated_share_of_the_freight(month: int, percent_of_3800: int) -> None:
    page = supermarket("TW", food(weight_g=900), paid=datetime(2026, month, 30 if month == 9 else 1, 12, tzinfo=CHINA))
    fees = {fee.code: fee.amount for fee in option(page, "TW_MART_AIR").priced.option.fees}
    convert = page.view.rate.convert
    assert fees == {
        "FUEL": convert(percent_of_3800), "CUSTOMS_CLEARANCE": convert(300), "HOME_DELIVERY": convert(600)
    }  # fmt: skip


@pytest.mark.parametrize(("side", "extra"), [(160, 0), (161, 2000)])
def test_a_side_over_160_cm_costs_1_a_kilogram_and_at_least_20(side: int, extra: int) -> None:
    page = supermarket("HK", example_line(weight_g=2500, sides_cm=(side, 8, 8)))
    fees = {fee.code: fee.amount for fee in option(page, "HK_MART_LAND").priced.option.fees}
    assert fees.get("OVERSIZE", 0) == page.view.rate.convert(extra)


def test_food_that_would_arrive_too_close_to_its_date_stays_and_says_so() -> None:
    today = example_view("HK").today
    last_day, next_day = today + timedelta(days=4 + 60), today + timedelta(days=4 + 61)
    assert option(supermarket("HK", food(expires_on=next_day)), "HK_MART_LAND")
    (parcel,) = supermarket("HK", food(expires_on=last_day)).parcels
    reasons = {out.method.code: [reason.code for reason in out.reasons] for out in parcel.excluded}
    assert reasons["HK_MART_LAND"] == ["ITEM_EXPIRES_EARLY"]
