"""The demo data is whole: it parses, refers to what exists, and shows what the demo promises."""

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from ruamel.yaml import YAML

from orderpage.domain.goods import GoodsClass, Shop
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.text import Text

DEMO = Path(__file__).parents[3] / "extensions" / "orderpage_sites" / "demo"
LANGUAGES = {"zh-Hans", "zh-Hant", "en"}
CROWDS = {"everyone", "newcomer", "member"}
METHODS = {"HK_DM_LAND", "HK_CONSO_LAND", "SG_DM_AIR", "SG_CONSO_SEA"}
LVG_LIMIT = 40_000


class SkuRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku_id: str
    shop: str
    name: Text
    price: str
    weight_g: int
    sides_cm: tuple[int, int, int]
    goods_class: GoodsClass
    warehouse: str
    origin: str
    hs6: str
    max_quantity: int
    stock: int
    offline: bool = False
    expires_on: date | None = None


class BuyerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    buyer_id: str
    crowd: str
    last_method: str
    orders_by_method: dict[str, int]
    blocked: bool
    real_name: str = ""


class RateRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate_id: str
    base: str
    quote: Currency
    rate: str
    published_at: str


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shops: list[Shop]
    skus: list[SkuRow]


class Buyers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    buyers: list[BuyerRow]


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rates: list[RateRow]


File = TypeVar("File")


def read(name: str, of: type[File]) -> File:
    text = (DEMO / name).read_text("utf-8")
    assert text.startswith("# ILLUSTRATIVE demo data")
    return msgspec.convert(YAML(typ="safe", pure=True).load(text), of)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read("catalogue.yaml", Catalogue)


@pytest.fixture(scope="module")
def buyers() -> list[BuyerRow]:
    return read("buyers.yaml", Buyers).buyers


@pytest.fixture(scope="module")
def rates() -> dict[str, ExchangeRate]:
    rows = read("rates.yaml", Rates).rates
    assert len({row.rate_id for row in rows}) == len(rows)
    assert all(row.base == CNY.code for row in rows)
    assert {datetime.fromisoformat(row.published_at) for row in rows} == {
        datetime.fromisoformat("2026-11-22T00:00:00+08:00")
    }
    return {row.quote.code: ExchangeRate.of(row.rate_id, CNY, row.quote, row.rate) for row in rows}


def test_there_are_ten_shops_with_several_skus_each(catalogue: Catalogue) -> None:
    assert len(catalogue.shops) == 10
    assert len(catalogue.skus) == 71
    assert set(Counter(sku.shop for sku in catalogue.skus).values()) <= {4, 5, 7, 8}


def test_food_has_a_date_and_some_of_it_is_too_close(catalogue: Catalogue) -> None:
    dates = {sku.sku_id: sku.expires_on for sku in catalogue.skus if sku.expires_on is not None}
    assert {sku_id.partition("-")[0] for sku_id in dates} == {"pan"}
    assert [sku_id for sku_id, day in dates.items() if day < date(2027, 3, 1)] == ["pan-mooncakes-6"]


def test_one_shop_has_its_stock_in_hong_kong(catalogue: Catalogue) -> None:
    local = {sku.shop for sku in catalogue.skus if sku.origin == "HK"}
    assert local == {"s-harbour"}
    assert {sku.origin for sku in catalogue.skus if sku.shop == "s-harbour"} == {"HK"}


def test_ids_are_unique_and_shops_exist(catalogue: Catalogue) -> None:
    shops = {shop.shop_id for shop in catalogue.shops}
    assert len(shops) == len(catalogue.shops)
    assert len({sku.sku_id for sku in catalogue.skus}) == len(catalogue.skus)
    assert {sku.shop for sku in catalogue.skus} == shops


def test_every_name_is_in_three_languages(catalogue: Catalogue) -> None:
    names: list[Text] = [*(shop.name for shop in catalogue.shops), *(sku.name for sku in catalogue.skus)]
    assert all(set(name) == LANGUAGES and all(name.values()) for name in names)
    assert all(
        name["en"].isprintable() and not any("\u4e00" <= char <= "\u9fff" for char in name["en"]) for name in names
    )
    assert len({sku.name["en"] for sku in catalogue.skus}) == len(catalogue.skus)


def test_prices_are_exact_and_cross_the_singapore_limit(catalogue: Catalogue, rates: dict[str, ExchangeRate]) -> None:
    fen = [CNY.parse(sku.price) for sku in catalogue.skus]
    assert all(CNY.format(price) == sku.price for price, sku in zip(fen, catalogue.skus, strict=True))
    assert (min(fen), max(fen)) == (690, 240_000)
    above = [price for price in fen if rates["SGD"].convert(price) > LVG_LIMIT]
    assert len(above) == 3


def test_goods_have_believable_sizes_and_codes(catalogue: Catalogue) -> None:
    for sku in catalogue.skus:
        assert 10 <= sku.weight_g <= 20_000, sku.sku_id
        assert all(1 <= side <= 100 for side in sku.sides_cm), sku.sku_id
        assert len(sku.hs6) == 6, sku.sku_id
        assert sku.hs6.isdigit(), sku.sku_id
        assert 1 <= sku.max_quantity <= 99, sku.sku_id
        assert sku.warehouse.startswith(f"{sku.origin}-"), sku.sku_id


def test_the_classes_that_methods_refuse_are_there(catalogue: Catalogue) -> None:
    assert {sku.goods_class for sku in catalogue.skus} == {
        GoodsClass.GENERAL, GoodsClass.BATTERY_BUILTIN, GoodsClass.BATTERY_ALONE, GoodsClass.LIQUID, GoodsClass.POWDER,
        GoodsClass.COSMETIC, GoodsClass.BLADE, GoodsClass.MAGNET, GoodsClass.FOOD, GoodsClass.DUTIABLE,
    }  # fmt: skip


def test_some_goods_are_scarce_sold_out_or_offline(catalogue: Catalogue) -> None:
    assert sorted(sku.stock for sku in catalogue.skus if sku.stock <= 3) == [0, 0, 1, 2, 3]
    assert sum(sku.offline for sku in catalogue.skus) == 2


def test_buyers_have_known_crowds_and_methods(buyers: list[BuyerRow]) -> None:
    assert len({buyer.buyer_id for buyer in buyers}) == len(buyers)
    assert {buyer.crowd for buyer in buyers} == CROWDS
    assert {method for buyer in buyers for method in buyer.orders_by_method} == METHODS
    assert all(not buyer.last_method or buyer.last_method in buyer.orders_by_method for buyer in buyers)
    assert [buyer.buyer_id for buyer in buyers if buyer.blocked] == ["b-blocked"]


def test_rates_convert_100_yuan_exactly(rates: dict[str, ExchangeRate]) -> None:
    converted = {code: rate.convert(10_000) for code, rate in rates.items()}
    assert converted == {"HKD": 11_800, "SGD": 1_920, "MYR": 6_100, "CAD": 2_100, "TWD": 440}
