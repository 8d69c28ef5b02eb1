"""Catalogue, buyers and rates, and what is kept of them in the process."""

from datetime import datetime, timedelta

from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.rates import SqlRates
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import GoodsClass, Shop, Sku, StockLevel
from orderpage.domain.money import CNY, Currency

HKD = Currency("HKD", 2)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_sku_is_read_whole_and_an_unknown_one_is_absent(database: Database) -> None:
    skus = await SqlCatalogue(database).skus(["tea", "ghost"], fresh=False)
    assert skus == {
        "tea": Sku(
            sku_id="tea",
            shop=Shop("s-tea", {"zh-Hans": "茶铺", "en": "Tea"}),
            name={"en": "Tea"},
            unit_price=12800,
            weight_g=320,
            sides_cm=(20, 12, 8),
            goods_class=GoodsClass.FOOD,
            warehouse="CN-HZ",
            origin="CN",
            hs6="090210",
            max_quantity=20,
        )
    }


async def test_a_cached_sku_is_used_until_its_time_is_over(database: Database, url: str, data: str) -> None:
    clock = Clock()
    catalogue = SqlCatalogue(database, ttl=30, clock=clock)
    await catalogue.skus(["tea"], fresh=False)
    load(url, [("data.yaml", data.replace("128.00", "138.00"))])
    assert (await catalogue.skus(["tea"], fresh=False))["tea"].unit_price == 12800
    clock.seconds = 30
    assert (await catalogue.skus(["tea"], fresh=False))["tea"].unit_price == 13800


async def test_fresh_reads_past_the_cache_and_renews_it(database: Database, url: str, data: str) -> None:
    catalogue = SqlCatalogue(database, clock=Clock())
    await catalogue.skus(["tea"], fresh=False)
    load(url, [("data.yaml", data.replace("128.00", "138.00"))])
    fresh = (await catalogue.skus(["tea"], fresh=True))["tea"]
    assert (fresh.unit_price, fresh.version) == (13800, 2)
    assert (await catalogue.skus(["tea"], fresh=False))["tea"] == fresh


async def test_the_cache_is_bounded(database: Database, url: str, data: str) -> None:
    catalogue = SqlCatalogue(database, capacity=1, clock=Clock())
    await catalogue.skus(["tea"], fresh=False)
    await catalogue.skus(["cup"], fresh=False)
    load(url, [("data.yaml", data.replace("128.00", "138.00"))])
    assert (await catalogue.skus(["tea"], fresh=False))["tea"].unit_price == 13800


async def test_stock_is_never_cached(database: Database, url: str, data: str) -> None:
    catalogue = SqlCatalogue(database)
    assert await catalogue.stock(["cup", "ghost"]) == {"cup": StockLevel(2, 1)}
    load(url, [("data.yaml", data.replace("stock: 2}", "stock: 3}"))], restock=True)
    assert await catalogue.stock(["cup"]) == {"cup": StockLevel(3, 2)}
    assert await catalogue.stock([]) == {}


async def test_more_skus_than_one_statement_takes_are_read(database: Database) -> None:
    ids = [f"ghost-{number}" for number in range(40_000)]
    assert list(await SqlCatalogue(database).skus([*ids, "tea"], fresh=False)) == ["tea"]


async def test_a_buyer_has_a_crowd_and_a_history(database: Database) -> None:
    buyers = SqlBuyers(database)
    assert await buyers.buyer("b-mei") == Buyer(
        buyer_id="b-mei", crowd="member", last_method="HK_AIR", orders_by_method={"HK_AIR": 7}
    )
    assert await buyers.buyer("b-new") == Buyer(buyer_id="b-new", crowd="")


async def test_the_newest_rate_published_by_then_holds(database: Database) -> None:
    rates = SqlRates(database)
    second = datetime.fromisoformat("2026-11-23T00:00:00+08:00")
    before, at = await rates.rate(CNY, HKD, second - timedelta(microseconds=1)), await rates.rate(CNY, HKD, second)
    assert before is not None
    assert at is not None
    assert (before.rate_id, before.convert(10_000), at.rate_id) == ("r1", 11_800, "r2")
    assert await rates.rate(CNY, HKD, second - timedelta(days=2)) is None
    assert await rates.rate(CNY, HKD, second + timedelta(days=1), since=second) == at
    assert await rates.rate(CNY, HKD, second + timedelta(days=1), since=second + timedelta(microseconds=1)) is None
    assert await rates.rate(CNY, Currency("SGD", 2), second) is None


async def test_a_new_rate_is_seen_after_a_while(database: Database, url: str) -> None:
    clock = Clock()
    rates = SqlRates(database, ttl=30, clock=clock)
    at = datetime.fromisoformat("2026-12-01T00:00:00+08:00")
    await rates.rate(CNY, HKD, at)
    new = '{rate_id: r3, base: CNY, quote: {code: HKD, exponent: 2}, rate: "1.2", published_at: "2026-11-30T00:00:00Z"}'
    load(url, [("rates.yaml", f"rates: [{new}]")])
    clock.seconds = 30
    found = await rates.rate(CNY, HKD, at)
    assert found is not None
    assert found.rate_id == "r3"
