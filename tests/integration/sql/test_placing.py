"""The pivot: an order whole or not at all, once, and never more than there is."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, func, select, text
from structlog.testing import capture_logs

from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.placing import place
from orderpage.adapters.sql.ready import Driving
from orderpage.adapters.sql.schema import metadata
from orderpage.domain.order import EntryKind, LedgerEntry, PaymentState
from orderpage.domain.problem import Code, Refusal
from orderpage.ports import Placing, Verdict

MakePlacing = Callable[..., Placing]

STATEMENTS = {"sqlite": 10, "postgresql": 4}
"""Of a pivot: request, order, versions, two of stock, lines, parcels, services, attempt, ledger; on PostgreSQL request,
order, all of versions and stock, all of the rest.
"""


def run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def rows(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


async def stock_of(database: Database, *sku_ids: str) -> list[int]:
    levels = await SqlCatalogue(database).stock(sku_ids)
    return [levels[sku_id].available for sku_id in sku_ids]


async def test_an_order_is_kept_whole(book: SqlOrders, database: Database, make_placing: MakePlacing) -> None:
    placing = make_placing()
    outcome = await book.place(placing)
    assert outcome.created
    assert outcome.placed == placing.placed
    assert await book.order("o-1", "b-mei") == placing.placed
    assert await book.find_request(placing.request) == placing.placed
    assert await book.find_checkout("c-1") == placing.placed
    assert await stock_of(database, "tea", "cup") == [8, 1]


async def test_nobody_else_sees_the_order(book: SqlOrders, make_placing: MakePlacing) -> None:
    await book.place(make_placing())
    assert await book.order("o-1", "b-other") is None
    assert await book.order("o-2", "b-mei") is None
    assert await book.find_checkout("c-2") is None
    assert await book.find_request(make_placing(2).request) is None


async def test_the_same_request_gets_the_same_order(
    book: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    await book.place(make_placing())
    again = await book.place(make_placing(2, request_id="r-1", body_hash="h-1"))
    assert (again.created, again.same_request, again.placed.order.order_id) == (False, True, "o-1")
    assert await stock_of(database, "tea", "cup") == [8, 1]


async def test_a_duplicate_is_answered_before_any_refusal(book: SqlOrders, make_placing: MakePlacing) -> None:
    await book.place(make_placing())
    again = make_placing(2, units={"kite": 9}, versions={"kite": 7}, request_id="r-1", body_hash="h-1")
    assert (await book.place(again)).placed.order.order_id == "o-1"


async def test_a_request_id_with_another_body_is_refused(book: SqlOrders, make_placing: MakePlacing) -> None:
    await book.place(make_placing())
    other = make_placing(2, request_id="r-1", body_hash="other")
    for call in (book.place(other), book.find_request(other.request)):
        with pytest.raises(Refusal) as caught:
            await call
        assert caught.value.problems[0].code is Code.REQUEST_ID_REUSED


async def test_a_request_id_is_the_buyers_own(book: SqlOrders, make_placing: MakePlacing) -> None:
    await book.place(make_placing())
    assert (await book.place(make_placing(2, request_id="r-1", buyer_id="b-wing"))).created


async def test_a_checkout_becomes_one_order(book: SqlOrders, database: Database, make_placing: MakePlacing) -> None:
    await book.place(make_placing())
    before = await database.read(rows)
    second = make_placing(2)
    order = replace(second.placed.order, checkout_id="c-1")
    outcome = await book.place(replace(second, placed=replace(second.placed, order=order)))
    assert (outcome.created, outcome.same_request, outcome.placed.order.order_id) == (False, False, "o-1")
    assert await database.read(rows) == before


async def test_a_closed_order_frees_its_checkout_and_an_open_one_does_not(
    book: SqlOrders, make_placing: MakePlacing, now: datetime
) -> None:
    first = await book.place(make_placing())
    await book.record_payment(first.placed, Verdict(PaymentState.DECLINED, decline="PAY_FUNDS"), now)
    second = make_placing(2)
    second = replace(second, placed=replace(second.placed, order=replace(second.placed.order, checkout_id="c-1")))
    assert (await book.place(second)).created
    found = await book.find_checkout("c-1")
    assert found is not None
    assert found.order.order_id == second.placed.order.order_id
    third = make_placing(3)
    third = replace(third, placed=replace(third.placed, order=replace(third.placed.order, checkout_id="c-1")))
    assert not (await book.place(third)).created


async def test_a_changed_sku_is_refused_with_its_line(book: SqlOrders, make_placing: MakePlacing) -> None:
    with pytest.raises(Refusal) as caught:
        await book.place(make_placing(versions={"cup": 2}))
    problem = caught.value.problems[0]
    assert (problem.code, problem.line_id) == (Code.PRICE_CHANGED, "l-cup")


async def test_a_sku_that_is_gone_counts_as_changed(book: SqlOrders, make_placing: MakePlacing) -> None:
    with pytest.raises(Refusal, match="PRICE_CHANGED"):
        await book.place(make_placing(units={"ghost": 1}))


async def test_missing_stock_is_refused_with_every_line(
    book: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    with pytest.raises(Refusal) as caught:
        await book.place(make_placing(units={"tea": 1, "cup": 3, "kite": 1}))
    found = [(problem.code, problem.line_id, problem.value) for problem in caught.value.problems]
    assert found == [(Code.INV_INSUFFICIENT, "l-cup", "2"), (Code.INV_OUT_OF_STOCK, "l-kite", "")]
    assert await stock_of(database, "tea", "cup", "kite") == [10, 2, 0]
    assert (await database.read(rows))["write_requests"] == 0


async def test_amounts_that_disagree_are_never_written(
    book: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    placing = make_placing()
    order = placing.placed.order
    greedy = replace(order, service_orders=(replace(order.service_orders[0], amount=order.payable + 1),))
    with pytest.raises(ValueError, match="ledger of order o-1 is off by 1"):
        await book.place(replace(placing, ledger=(*placing.ledger, LedgerEntry("x", EntryKind.GOODS, 1))))
    with pytest.raises(ValueError, match="needs a SKU's stock twice"):
        await book.place(replace(placing, stock=(*placing.stock, placing.stock[0])))
    with pytest.raises(ValueError, match="service orders of o-1"):
        await book.place(replace(placing, placed=replace(placing.placed, order=greedy)))
    assert (await database.read(rows))["orders"] == 0


async def test_a_failure_before_any_statement_leaves_nothing(
    backend: str, database: Database, make_placing: MakePlacing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contents(connection: Connection) -> tuple[dict[str, int], int]:
        return rows(connection), connection.execute(text("SELECT sum(available) FROM stock")).scalar_one()

    def place_with_fuse(connection: Connection, statements: int) -> None:
        fuse, enter = iter(range(statements)), Driving.__enter__

        def burn(driving: Driving) -> Any:
            if next(fuse, None) is None:
                raise RuntimeError("power cut")
            return enter(driving)

        with monkeypatch.context() as patch:
            patch.setattr(Driving, "__enter__", burn)
            place(connection, make_placing())

    before = await database.read(contents)
    for statements in range(STATEMENTS[backend]):
        with pytest.raises(RuntimeError, match="power cut"):
            await database.write(partial(place_with_fuse, statements=statements))
        assert await database.read(contents) == before, f"after {statements} statements"
    await database.write(partial(place_with_fuse, statements=STATEMENTS[backend]))


async def test_concurrent_duplicates_make_one_order(
    book: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    attempts = [make_placing(number, request_id="r", body_hash="h") for number in range(24)]
    outcomes = await asyncio.gather(*map(book.place, attempts))
    assert sum(outcome.created for outcome in outcomes) == 1
    assert len({outcome.placed.order.order_id for outcome in outcomes}) == 1
    assert (await database.read(rows))["orders"] == 1


async def test_orders_that_name_their_skus_in_any_order_cannot_deadlock(
    book: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    await database.write(partial(run, statement="UPDATE stock SET available = 60"))
    turns = list(permutations(("tea", "cup", "kite")))
    attempts = [make_placing(n, units=dict.fromkeys(turns[n % len(turns)], 1)) for n in range(60)]
    with capture_logs() as logs:
        outcomes = await asyncio.gather(*map(book.place, attempts))
    assert all(outcome.created for outcome in outcomes)
    assert await stock_of(database, "tea", "cup", "kite") == [0, 0, 0]
    assert logs == [], "a deadlock is repeated, and said so"


async def test_concurrent_orders_never_oversell(book: SqlOrders, database: Database, make_placing: MakePlacing) -> None:
    attempts = [make_placing(number, units={"tea": 3}) for number in range(40)]
    outcomes = await asyncio.gather(*map(book.place, attempts), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(refused) == 37
    assert await stock_of(database, "tea") == [1]
    assert {(refusal.problems[0].code, refusal.problems[0].value) for refusal in refused} == {
        (Code.INV_INSUFFICIENT, "1")
    }


async def test_the_tables_guard_the_money_too(book: SqlOrders, database: Database, make_placing: MakePlacing) -> None:
    await book.place(make_placing())
    for statement in (
        "UPDATE stock SET available = -1",
        "UPDATE orders SET payable = payable + 1",
        "UPDATE orders SET state = 'MAYBE'",
        "UPDATE service_orders SET amount = -1",
        "UPDATE order_lines SET net = amount + 1",
        "UPDATE payment_attempts SET amount = -1",
    ):
        with pytest.raises(Exception, match=r"(?i)check constraint"):
            await database.write(partial(run, statement=statement))
