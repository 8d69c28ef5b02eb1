"""Data files: loaded once or often, the tables end alike, and mistakes are named where they stand."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.load import Counts, load
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.revision import SchemaMismatch
from orderpage.adapters.sql.schema import metadata
from orderpage.domain.order import PaymentState
from orderpage.engine.problems import PackageErrors
from orderpage.ports import Placing, Verdict


def test_loading_again_changes_nothing(url: str, data: str) -> None:
    assert load(url, [("data.yaml", data)]) == {
        "shops": Counts(0, 0, 1),
        "skus": Counts(0, 0, 3),
        "stock": Counts(0, 0, 0),
        "buyers": Counts(0, 0, 1),
        "exchange_rates": Counts(0, 0, 2),
    }


async def test_only_a_sku_that_differs_gets_a_new_version(database: Database, url: str, data: str) -> None:
    counts = load(url, [("data.yaml", data.replace("9.90", "9.80"))])
    assert counts["skus"] == Counts(0, 1, 2)
    skus = await SqlCatalogue(database).skus(["tea", "cup"], fresh=True)
    assert (skus["tea"].version, skus["cup"].version, skus["cup"].unit_price) == (1, 2, 980)


async def test_what_orders_have_taken_stays_taken_unless_the_operator_restocks(
    database: Database, url: str, data: str, make_placing: Callable[..., Placing]
) -> None:
    async def left() -> int:
        return (await SqlCatalogue(database).stock(["tea"]))["tea"].available

    await SqlOrders(database).place(make_placing(units={"tea": 4}))
    load(url, [("data.yaml", data)])
    assert await left() == 6
    load(url, [("data.yaml", data.replace(", stock: 10}", "}"))], restock=True)
    assert await left() == 6
    load(url, [("data.yaml", data)], restock=True)
    assert await left() == 10


async def test_a_history_that_a_file_leaves_out_stays_as_it_is(database: Database, url: str) -> None:
    load(url, [("buyers.yaml", "buyers: [{buyer_id: b-mei, blocked: true}, {buyer_id: b-two}]")])
    buyers = SqlBuyers(database)
    mei, two = await buyers.buyer("b-mei"), await buyers.buyer("b-two")
    assert (mei.crowd, mei.blocked, mei.orders_by_method) == ("member", True, {"HK_AIR": 7})
    assert (two.crowd, two.blocked, two.orders_by_method) == ("", False, {})


def test_json_is_read_too_and_progress_is_told(url: str) -> None:
    shops = [{"shop_id": f"s-{number}", "name": {"en": "Shop"}} for number in range(501)]
    told: list[tuple[str, int, int]] = []
    counts = load(url, [("shops.json", msgspec.json.encode({"shops": shops}).decode())], lambda *it: told.append(it))
    assert counts["shops"] == Counts(501, 0, 0)
    assert told == [("shops", 500, 501), ("shops", 501, 501)]


SKU = (
    '{sku_id: new, shop: s-tea, name: {en: New}, price: "1.00", weight_g: 1, sides_cm: [1, 1, 1], '
    "goods_class: GENERAL, warehouse: CN-HZ, origin: CN}"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1.00"', '"1.005"', r"data.yaml:2: sku_id new: price: '1.005' has more than the 2 decimals of CNY"),
        ('"1.00"', '"-1.00"', r"data.yaml:2: sku_id new: price: '-1.00' is below zero"),
        ('"1.00"', "1.00", r"data.yaml:2: sku_id new: skus\[0\].price: expected `str`, got `float`; quote"),
        ("weight_g: 1", "weight_g: -1", r"data.yaml:2: sku_id new: skus\[0\].weight_g: expected `int` >= 0"),
        ("GENERAL", "MAGIC", r"data.yaml:2: sku_id new: skus\[0\].goods_class: invalid enum value"),
        ("origin: CN", "origin: CN, colour: red", r"data.yaml:2: sku_id new: .*unknown key 'colour'"),
        ("shop: s-tea", "shop: s-none", r"data.yaml:2: sku_id new: shop: no shop 's-none'; add it to shops"),
        ("- {", "- {sku_id: x, ", r"data.yaml:2: key 'sku_id' stands on line 2 already"),
    ],
)
def test_a_mistake_names_file_line_entry_and_field(url: str, old: str, new: str, message: str) -> None:
    with pytest.raises(PackageErrors, match=message):
        load(url, [("data.yaml", f"skus:\n- {SKU}\n".replace(old, new))])


def test_a_database_that_was_not_migrated_says_what_to_run(empty_url: str, data: str) -> None:
    with pytest.raises(SchemaMismatch, match="run `orderpage migrate`"):
        load(empty_url, [("data.yaml", data)])


def test_every_mistake_is_listed(url: str) -> None:
    text = "goods: []\nshops: [{shop_id: a, name: {}}]\nbuyers: 3\n"
    with pytest.raises(PackageErrors) as caught:
        load(url, [("a.yaml", text), ("b.yaml", "- 1")])
    assert [error.line for error in caught.value.errors] == [1, 2, 3, 1]


def test_an_entry_that_stands_twice_is_refused(url: str) -> None:
    with pytest.raises(PackageErrors, match=r"b.yaml:1: sku_id new: stands at a.yaml:1 already; keep one"):
        load(url, [("a.yaml", f"skus: [{SKU}]"), ("b.yaml", f"skus: [{SKU}]")])


@pytest.mark.parametrize("wrong", ["zero", "0", "-1", "NaN"])
def test_a_rate_that_is_no_rate_is_refused(url: str, wrong: str) -> None:
    quote = "{code: HKD, exponent: 2}"
    rate = f'{{rate_id: r9, base: CNY, quote: {quote}, rate: "{wrong}", published_at: "2026-11-30T00:00:00Z"}}'
    with pytest.raises(PackageErrors, match=r"rates.yaml:1: rate_id r9: rate: "):
        load(url, [("rates.yaml", f"rates: [{rate}]")])


def test_a_published_rate_never_changes_under_its_id(url: str, data: str) -> None:
    with pytest.raises(PackageErrors, match=r"data.yaml:\d+: rate_id r1: was published with other values"):
        load(url, [("data.yaml", data.replace('"1.18"', '"1.17"'))])


def test_a_moment_needs_an_offset(url: str, data: str) -> None:
    with pytest.raises(PackageErrors, match="published_at"):
        load(url, [("data.yaml", data.replace("2026-11-22T00:00:00+08:00", "2026-11-22T00:00:00"))])


async def test_a_mistake_leaves_the_tables_alone(database: Database, url: str, data: str) -> None:
    def contents(connection: Connection) -> list[Any]:
        return [connection.execute(select(table)).all() for table in metadata.sorted_tables]

    before = await database.read(contents)
    with pytest.raises(PackageErrors):
        load(url, [("data.yaml", data.replace("9.90", "9.80").replace('"1.18"', '"1.17"'))])
    assert await database.read(contents) == before


async def test_a_load_takes_nothing_from_a_history_that_grows_meanwhile(
    database: Database, url: str, make_placing: Callable[..., Placing], now: datetime
) -> None:
    book = SqlOrders(database)

    async def buy(number: int) -> None:
        await book.place(make_placing(number, units={"tea": 1}))
        await book.record_payment(make_placing(number).placed, Verdict(PaymentState.HELD), now)

    files = [f"buyers: [{{buyer_id: b-mei, blocked: {blocked}}}]" for blocked in ("true", "false", "true", "false")]
    loads = [asyncio.to_thread(load, url, [("buyers.yaml", text)]) for text in files]
    await asyncio.gather(*(buy(number) for number in range(10)), *loads)
    assert (await SqlBuyers(database).buyer("b-mei")).orders_by_method == {"HK_AIR": 7, "HK_LAND": 10}


RATE = """
rates:
  - {{rate_id: {0}, base: CNY, quote: {{code: XTS, exponent: 2}}, rate: "{1}", published_at: "2026-11-{2}T00:00:00Z"}}
"""


@pytest.mark.parametrize(("rate", "taken"), [("2.0", True), ("0.5", True), ("2.01", False), ("0.0000000001", False)])
def test_a_rate_that_jumps_is_taken_for_a_slip_of_the_hand(url: str, rate: str, taken: bool) -> None:
    load(url, [("old.yaml", RATE.format("first", "1.0", 20))])
    new = [("new.yaml", RATE.format("second", rate, 21))]
    if taken:
        load(url, new)
    else:
        with pytest.raises(PackageErrors, match=r"new.yaml:3: rate_id second: .* of first before it; put it right"):
            load(url, new)
        load(url, new, any_rate=True)
    load(url, new)
