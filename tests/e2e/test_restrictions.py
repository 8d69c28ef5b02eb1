"""What may not be sold where, by a layer alone: every effect, whose rule decides, and what gets the buyer past it.

Also goods and places that nobody has described well: the page still comes, says what is missing, and counts it.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import grpc
import pytest
from tests.e2e import live
from tests.e2e.conftest import Shop, open_shop
from tests.e2e.live import Client, Server, check_sums, chosen, page_of, refused, submission
from tests.e2e.test_metrics import of, scrape

from crossborder.checkout.v1 import common_pb2, page_pb2, problem_pb2

LAYER = """
package: own-restrictions
when: {site: HK, business: marketplace}

admit:
  remove: [measures, transfer]     # those of the demo
  add:
    - use: checkout.restrictions
      as: own_restrictions
      settings:
        rules:
          - {name: hidden, level: STATUTORY, effect: HIDE, what: {categories: [own-hidden]}, effective_from: 2026-01-01,
             code: RESTRICT_IMPORT_PROHIBITED, message: {en: May not be shown here, zh-Hant: 不可在此展示}}
          - {name: cart, level: BRAND, effect: BLOCK_CART, what: {brands: [Own Brand]}, effective_from: 2026-01-01,
             code: RESTRICT_REGION_SALE, message: {en: The brand does not sell here, zh-Hant: 品牌不在此地銷售},
             remedy: CHOOSE_VARIANT, alternatives: [REMOVE_LINE]}
          - {name: export, level: SELLER, effect: BLOCK_ORDER, what: {categories: [own-home]},
             effective_from: 2026-01-01, code: RESTRICT_SELLER_NO_EXPORT,
             message: The seller does not send this abroad, remedy: USE_FORWARDER, alternatives: [REMOVE_LINE]}
          - {name: kowloon, level: SELLER, effect: BLOCK_ORDER, what: {categories: [own-kowloon]},
             where: {countries: [HK], subdivisions: [Kowloon]}, effective_from: 2026-01-01,
             code: RESTRICT_REGION_SALE, message: Not sold in Kowloon,
             remedy: CHANGE_ADDRESS, alternatives: [REMOVE_LINE, USE_FORWARDER]}
          - {name: slow, level: LOGISTICS, effect: SWITCH_METHOD, what: {categories: [own-slow]},
             methods: [HK_DM_LAND, HK_DM_FAST], effective_from: 2026-01-01,
             code: LOGI_CLASS_FORBIDDEN, message: Travels with the consolidation only, alternatives: [REMOVE_LINE]}
          - {name: two, level: SELLER, effect: LIMIT_QUANTITY, what: {categories: [own-two]}, maximum: 2,
             effective_from: 2026-01-01, code: ITEM_QTY_LIMIT, message: Two for each order, alternatives: [REMOVE_LINE]}
          - {name: law over brand, level: STATUTORY, effect: BLOCK_ORDER, what: {skus: [own-contested]},
             effective_from: 2026-01-01, code: RESTRICT_IMPORT_PROHIBITED, message: The law forbids it}
          - {name: brand below law, level: BRAND, effect: HIDE, what: {skus: [own-contested]},
             effective_from: 2026-01-01, code: RESTRICT_REGION_SALE, message: The brand hides it}
    - use: checkout.age
      as: own_age
      settings: {rows: [{effective_from: 2026-01-01, minimum: 18, categories: [own-grown-up]}]}
    - use: logistics.transfer
      as: own_transfer
      settings:
        routes: [{effective_from: 2026-01-01, region: CN-XJ, warehouse: CN-SZ-2, origin: CN, days: 4}]
    - use: logistics.measures
      as: own_measures
      settings: {heaviest_g: 200000, longest_cm: 400, default: {weight_g: 2000, sides_cm: [10, 10, 10]}}
    - use: logistics.pickup_points
      as: own_pickup_points
      settings:
        points:
          - {id: own-shut, country: HK, subdivision: Kowloon, district: Mong Kok, effective_from: 2026-01-01,
             name: {en: The shut one}, closed: [{effective_from: 2026-01-01}]}
          - {id: own-far, country: HK, subdivision: Kowloon, district: Kai Tak, effective_from: 2026-01-01,
             name: {en: The far one}}
          - {id: own-open, country: HK, subdivision: Kowloon, district: Mong Kok, effective_from: 2026-01-01,
             name: {en: The open one}, max_g: 3000}
validate:
  add:
    - use: checkout.age
      as: own_age
      settings: {rows: [{effective_from: 2026-01-01, minimum: 18, categories: [own-grown-up]}]}
---
package: own-real-name
when: {site: SG, business: marketplace}
admit:
  add: [{use: checkout.real_name, as: own_real_name, settings: {countries: [SG]}}]
validate:
  add: [{use: checkout.real_name, as: own_real_name, settings: {countries: [SG]}}]
"""

GOODS: dict[str, dict[str, Any]] = {
    "own-plain": {},
    "own-hidden": {"category": "own-hidden"},
    "own-brand": {"brand": "own brand"},
    "own-home": {"category": "own-home"},
    "own-kowloon": {"category": "own-kowloon"},
    "own-slow": {"category": "own-slow"},
    "own-two": {"category": "own-two"},
    "own-contested": {},
    "own-spirit": {"category": "own-grown-up"},
    "own-west": {"origin": "CN-XJ", "warehouse": "CN-XJ-1"},
    "own-north": {"origin": "CN-NX", "warehouse": "CN-NX-1"},
    "own-unmeasured": {"weight_g": 0, "sides_cm": [0, 0, 0]},
    "own-heavy": {"weight_g": 3001},
    "own-strange": {},
}
BUYERS: dict[str, dict[str, Any]] = {
    "b-young": {"age": 17},
    "b-adult": {"age": 18},
    "b-named": {"real_name": "TAN  JUN"},
    "b-other": {"real_name": "Lim Wei"},
}


def data() -> str:
    """Goods and buyers of these tests, as a data file (JSON is YAML)."""
    made = {
        "shop": "s-own", "price": "50.00", "weight_g": 200, "sides_cm": [10, 10, 10], "goods_class": "GENERAL",
        "warehouse": "CN-SZ", "origin": "CN", "max_quantity": 50, "stock": 500,
    }  # fmt: skip
    skus = [{"sku_id": name, "name": {"en": f"Good {name}"}, **made, **fields} for name, fields in GOODS.items()]
    buyers = [{"buyer_id": name, "crowd": "everyone", **fields} for name, fields in BUYERS.items()]
    return json.dumps({"shops": [{"shop_id": "s-own", "name": {"en": "Own"}}], "skus": skus, "buyers": buyers})


def change(database: Path, statement: str, *values: object) -> None:
    """Past everything that checks: as another program, or a hand, would."""
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        connection.execute(statement, values)


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A package folder with the layer."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "layers").mkdir()
    (folder / "layers" / "own.yaml").write_text(dedent(LAYER), "utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def stocked(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with goods of its own, one of which is of a class that nobody knows."""
    from orderpage.adapters.sql.load import load

    database = live.copy_database(loaded, tmp_path_factory.mktemp("stocked"))
    load(live.url_of(database), [("own.json", data())])
    change(database, "UPDATE skus SET goods_class = 'ANTIMATTER' WHERE sku_id = 'own-strange'")
    return database


@pytest.fixture(scope="module")
def server(stocked: Path, layers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with both."""
    folder = tmp_path_factory.mktemp("restrictions")
    with Server(folder, live.copy_database(stocked, folder), packages=layers, metrics="127.0.0.1:0") as started:
        yield started
        started.stop()


@pytest.fixture
async def shop(stocked: Path, layers: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The same at a fixed moment: dates are promised only as far as calendars are published."""
    async with open_shop(stocked, tmp_path, packages=layers) as opened:
        yield opened


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(server.address, options=live.CHANNEL) as channel:
        yield Client(channel)


def said(problem: Any) -> tuple[str, str, str, tuple[str, ...]]:
    """Code, remedy with its value, and what else helps, as the wire has them."""
    names = [_action(remedy.action) for remedy in problem.alternatives]
    return problem.code, _action(problem.remedy.action), problem.remedy.value, tuple(names)


def _action(action: Any) -> str:
    return problem_pb2.Action.Name(action).removeprefix("ACTION_")


def only_block(rendered: Any) -> Any:
    """The one blocked line; the page came, adds up, and cannot be ordered as it is."""
    check_sums(rendered)
    assert not rendered.quote_token
    (blocked,) = rendered.page.blocked_lines
    return blocked


# ---- each effect ---------------------------------------------------------------------------------------------------


async def test_a_hidden_line_is_not_shown_and_says_why(client: Client) -> None:
    blocked = only_block(await client.render(page_of("HK", ("own-plain", 1), ("own-hidden", 1), language="zh-Hant")))
    assert (blocked.line_id, blocked.effect) == ("2", page_pb2.BLOCK_EFFECT_HIDE)
    assert (blocked.name, blocked.shop_id) == ("", "")
    (problem,) = blocked.problems
    assert said(problem) == ("RESTRICT_IMPORT_PROHIBITED", "REMOVE_LINE", "", ())
    assert problem.message == "不可在此展示"
    assert problem.retry == problem_pb2.RETRY_NO


async def test_a_line_may_not_come_into_the_cart(client: Client) -> None:
    blocked = only_block(await client.render(page_of("HK", ("own-brand", 1), ("own-plain", 1))))
    assert (blocked.line_id, blocked.effect, blocked.name) == ("1", page_pb2.BLOCK_EFFECT_CART, "Good own-brand")
    (problem,) = blocked.problems
    assert said(problem) == ("RESTRICT_REGION_SALE", "CHOOSE_VARIANT", "", ("REMOVE_LINE",))


async def test_a_line_may_be_in_the_cart_and_not_in_an_order_and_without_it_the_rest_is_ordered(client: Client) -> None:
    page = page_of("HK", ("own-plain", 1), ("own-home", 1))
    blocked = only_block(await client.render(page))
    assert (blocked.line_id, blocked.effect) == ("2", page_pb2.BLOCK_EFFECT_UNSPECIFIED)
    assert said(blocked.problems[0]) == ("RESTRICT_SELLER_NO_EXPORT", "USE_FORWARDER", "", ("REMOVE_LINE",))
    del page.cart.lines[1]
    rendered = await client.render(page)
    assert (await client.submit(submission(page, rendered))).order.order_id


async def test_a_regional_ban_ends_with_another_address(client: Client) -> None:
    blocked = only_block(await client.render(page_of("HK", ("own-kowloon", 1), ("own-plain", 1))))
    expected = ("RESTRICT_REGION_SALE", "CHANGE_ADDRESS", "", ("REMOVE_LINE", "USE_FORWARDER"))
    assert said(blocked.problems[0]) == expected
    elsewhere = {"subdivision": "New Territories", "district": "Sha Tin"}
    rendered = await client.render(page_of("HK", ("own-kowloon", 1), ("own-plain", 1), address=elsewhere))
    assert rendered.quote_token
    assert not rendered.page.blocked_lines


async def test_a_method_is_switched_and_the_page_is_ordered_by_another(client: Client) -> None:
    page = page_of("HK", ("own-slow", 1))
    plain, rendered = await client.render(page_of("HK", ("own-plain", 1))), await client.render(page)
    assert {"HK_DM_LAND", "HK_DM_FAST"} <= {option.method for option in plain.page.parcels[0].options}
    (parcel,) = rendered.page.parcels
    refusals = {out.method: [(why.code, list(why.line_ids)) for why in out.reasons] for out in parcel.excluded}
    for method in ("HK_DM_LAND", "HK_DM_FAST"):
        assert refusals[method] == [("LOGI_CLASS_FORBIDDEN", ["1"])]
    (notice,) = rendered.page.notices
    assert said(notice) == ("LOGI_CLASS_FORBIDDEN", "CHOOSE_METHOD", "", ("REMOVE_LINE",))
    assert (notice.line_id, notice.message) == ("1", "Travels with the consolidation only")
    assert chosen(rendered).method == "HK_CONSO_LAND"
    order = (await client.submit(submission(page, rendered))).order
    assert [each.method for each in order.parcels] == ["HK_CONSO_LAND"]


async def test_the_units_of_one_sku_are_limited_over_its_lines(client: Client) -> None:
    page = page_of("HK", ("own-two", 1), ("own-plain", 3), ("own-two", 2))
    blocked = only_block(await client.render(page))
    assert (blocked.line_id, blocked.quantity) == ("3", 2)
    assert said(blocked.problems[0]) == ("ITEM_QTY_LIMIT", "SET_QUANTITY", "1", ("REMOVE_LINE",))
    page.cart.lines[2].quantity = int(blocked.problems[0].remedy.value)
    assert (await client.render(page)).quote_token
    page.cart.lines[0].quantity = 2
    assert said(only_block(await client.render(page)).problems[0]) == ("ITEM_QTY_LIMIT", "REMOVE_LINE", "", ())


async def test_the_law_decides_over_the_brand_though_the_brand_is_stricter(client: Client) -> None:
    blocked = only_block(await client.render(page_of("HK", ("own-contested", 1), ("own-plain", 1))))
    assert (blocked.effect, blocked.name) == (page_pb2.BLOCK_EFFECT_UNSPECIFIED, "Good own-contested")
    assert [problem.message for problem in blocked.problems] == ["The law forbids it"]


# ---- submit --------------------------------------------------------------------------------------------------------


async def test_submit_refuses_an_address_where_the_good_is_not_sold(server: Server, client: Client) -> None:
    elsewhere = {"subdivision": "New Territories", "district": "Sha Tin"}
    rendered = await client.render(page_of("HK", ("own-kowloon", 1), address=elsewhere))
    before = live.written(server.database)
    refusal = await refused(client.submit(submission(page_of("HK", ("own-kowloon", 1)), rendered)))
    assert refusal.codes == ("QUOTE_CHANGED", "RESTRICT_REGION_SALE")
    assert said(refusal.problems[1])[1:] == ("CHANGE_ADDRESS", "", ("REMOVE_LINE", "USE_FORWARDER"))
    assert live.written(server.database) == before


async def test_an_unverified_age_is_told_on_the_page_and_refused_at_submit(server: Server, client: Client) -> None:
    page = page_of("HK", ("own-spirit", 1))
    rendered = await client.render(page)
    expected = ("RESTRICT_AGE", "VERIFY_IDENTITY", "18", ("REMOVE_LINE",))
    assert [said(notice) for notice in rendered.page.notices] == [expected]
    before = live.written(server.database)
    refusal = await refused(client.submit(submission(page, rendered)))
    assert (refusal.reason, [said(problem) for problem in refusal.problems]) == ("RESTRICT_AGE", [expected])
    assert live.written(server.database) == before


async def test_somebody_too_young_gets_no_quote_and_a_grown_up_an_order(client: Client) -> None:
    page = page_of("HK", ("own-spirit", 1), ("own-plain", 1))
    blocked = only_block(await client.as_buyer("b-young").render(page))
    assert said(blocked.problems[0]) == ("RESTRICT_AGE", "REMOVE_LINE", "", ())
    adult = client.as_buyer("b-adult")
    rendered = await adult.render(page)
    assert not rendered.page.notices
    assert (await adult.submit(submission(page, rendered))).order.order_id


@pytest.mark.parametrize(
    ("buyer", "code", "remedy"),
    [
        ("b-nameless", "ADDR_REALNAME_REQUIRED", "VERIFY_IDENTITY"),
        ("b-other", "ADDR_REALNAME_MISMATCH", "HIGHLIGHT_FIELD"),
    ],
)
async def test_without_the_verified_real_name_the_page_tells_and_submit_refuses(
    client: Client, buyer: str, code: str, remedy: str
) -> None:
    one, page = client.as_buyer(buyer), page_of("SG", ("own-plain", 1))
    rendered = await one.render(page)
    assert rendered.quote_token
    (notice,) = rendered.page.notices
    assert (notice.code, _action(notice.remedy.action), notice.field) == (code, remedy, "address.recipient")
    refusal = await refused(one.submit(submission(page, rendered)))
    assert (refusal.reason, refusal.action, refusal.fields) == (code, remedy, ("address.recipient",))
    assert "Lim" not in refusal.told


async def test_the_verified_person_orders_in_any_spelling_of_case_and_space(client: Client) -> None:
    named, page = client.as_buyer("b-named"), page_of("SG", ("own-plain", 1))
    rendered = await named.render(page)
    assert not rendered.page.notices
    assert (await named.submit(submission(page, rendered))).order.order_id


# ---- stock of a region ---------------------------------------------------------------------------------------------


async def test_stock_of_a_region_comes_over_its_transfer_warehouse_and_later(shop: Shop) -> None:
    client, page = shop.client, page_of("HK", ("own-west", 1))
    near, far = [await client.by(each, "HK_DM_LAND") for each in (page_of("HK", ("own-plain", 1)), page)]
    (notice,) = far.page.notices
    assert said(notice) == ("INV_TRANSFERRED", "NONE", "CN-SZ-2", ())
    assert "4 working days later" in notice.message
    assert _day(chosen(far).arrival.earliest) >= _day(chosen(near).arrival.earliest) + 4
    assert (await client.submit(submission(page, far))).order.order_id


def _day(arrival: Any) -> int:
    return date(arrival.year, arrival.month, arrival.day).toordinal()


async def test_a_region_without_one_is_refused_by_every_method_and_the_rest_still_travels(client: Client) -> None:
    rendered = await client.render(page_of("HK", ("own-north", 1), ("own-plain", 1)))
    check_sums(rendered)
    stuck, free = sorted(rendered.page.parcels, key=lambda parcel: len(parcel.options))
    assert not stuck.options
    for out in stuck.excluded:
        assert ("INV_REGION_UNAVAILABLE", ["1"]) in [(why.code, list(why.line_ids)) for why in out.reasons], out
    assert free.options
    assert [problem.code for problem in rendered.page.problems] == ["LOGI_NO_METHOD"]
    assert not rendered.quote_token


# ---- goods and places nobody described well ------------------------------------------------------------------------


async def counted(server: Server, code: str) -> float:
    """How often pages told of it, so far."""
    scraped = await asyncio.to_thread(scrape, server)
    name = "orderpage_problems_total"
    return of(scraped, name, f"code={code}", "stage=render") if name in scraped else 0


async def test_missing_measures_are_assumed_said_and_counted(server: Server, client: Client) -> None:
    page = page_of("HK", ("own-unmeasured", 1))
    await client.render(page)
    before = await counted(server, "ITEM_MEASURES_ASSUMED")
    rendered = await client.by(page, "HK_DM_LAND")
    (notice,) = rendered.page.notices
    assert said(notice) == ("ITEM_MEASURES_ASSUMED", "NONE", "", ())
    assert "weight of own-unmeasured is not known: 2000 g is assumed" in notice.message
    assert "size of own-unmeasured is not known: 10×10×10 cm is assumed" in notice.message
    assert chosen(rendered).freight == 2124  # 12.00 + 2 × 3.00 CNY for 2 kg, at 1.18
    assert await counted(server, "ITEM_MEASURES_ASSUMED") == before + 2  # two pages: to look, then to choose
    assert (await client.submit(submission(page, rendered))).order.order_id


async def test_a_class_that_nobody_knows_is_carried_by_nothing_and_named(server: Server, client: Client) -> None:
    page = page_of("HK", ("own-plain", 1), ("own-strange", 1))
    rendered = await client.render(page)
    check_sums(rendered)
    stuck, free = sorted(rendered.page.parcels, key=lambda parcel: len(parcel.options))
    assert [item.line_id for item in stuck.items] == ["2"]
    assert free.options
    assert stuck.excluded
    for out in stuck.excluded:
        (why,) = [why for why in out.reasons if why.code == "LOGI_CLASS_FORBIDDEN"]
        assert (list(why.line_ids), why.message) == (["2"], f"{out.method} does not carry UNKNOWN")
    (problem,) = rendered.page.problems
    assert (problem.code, problem.parcel_id) == ("LOGI_NO_METHOD", stuck.parcel_id)
    assert "does not carry UNKNOWN" in problem.message
    assert not rendered.quote_token
    assert await counted(server, "LOGI_NO_METHOD") >= 1
    del page.cart.lines[1]
    assert (await client.render(page)).quote_token


COLLECT = {"delivery": common_pb2.DELIVERY_PICKUP_POINT}


async def test_a_closed_pick_up_point_names_an_open_one_near_it(server: Server, client: Client) -> None:
    before = await counted(server, "ADDR_PICKUP_POINT_CLOSED")
    rendered = await client.render(page_of("HK", ("own-plain", 1), address={**COLLECT, "pickup_point": "own-shut"}))
    (problem,) = rendered.page.problems
    assert said(problem) == ("ADDR_PICKUP_POINT_CLOSED", "CHANGE_ADDRESS", "own-open", ())
    assert problem.field == "address.pickup_point"
    assert not rendered.page.parcels
    assert [line.sku_id for shop in rendered.page.shops for line in shop.lines] == ["own-plain"]
    assert await counted(server, "ADDR_PICKUP_POINT_CLOSED") == before + 1
    page = page_of("HK", ("own-plain", 1), address={**COLLECT, "pickup_point": problem.remedy.value})
    assert (await client.submit(submission(page, await client.render(page)))).order.order_id


async def test_an_unknown_pick_up_point_is_a_field_to_put_right(client: Client) -> None:
    rendered = await client.render(page_of("HK", ("own-plain", 1), address={**COLLECT, "pickup_point": "own-none"}))
    (problem,) = rendered.page.problems
    assert said(problem) == ("ADDR_FIELD_INVALID", "CHANGE_ADDRESS", "own-open", ())
    assert problem.field == "address.pickup_point"


async def test_goods_too_heavy_for_the_point_block_their_line_and_name_another(client: Client) -> None:
    page = page_of("HK", ("own-heavy", 1), ("own-plain", 1), address={**COLLECT, "pickup_point": "own-open"})
    blocked = only_block(await client.render(page))
    assert said(blocked.problems[0]) == ("LOGI_OVERWEIGHT", "CHANGE_ADDRESS", "own-far", ("REMOVE_LINE",))
    page.address.pickup_point = blocked.problems[0].remedy.value
    assert (await client.render(page)).quote_token
