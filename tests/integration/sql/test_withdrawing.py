"""A checkout that another page stands in for never becomes an order here, whatever comes at once or later."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.schema import metadata
from orderpage.domain.order import PaymentState
from orderpage.domain.problem import Code, Refusal
from orderpage.ports import Placing, Verdict

MakePlacing = Callable[..., Placing]
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture
def fenced(database: Database) -> SqlOrders:
    return SqlOrders(database, fenced=True)


async def counted(database: Database) -> dict[str, int]:
    """Rows of each table that an order writes, and units of stock."""
    tables = [
        table for table in metadata.sorted_tables if table.name.startswith(("order", "service", "payment", "led"))
    ]
    counts = {
        table.name: await database.read(lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar_one())  # type: ignore[misc]
        for table in tables
    }
    stock = metadata.tables["stock"]
    counts["units"] = await database.read(lambda c: c.execute(select(func.sum(stock.c.available))).scalar_one())
    return counts


async def test_what_was_withdrawn_is_refused_and_leaves_nothing(
    fenced: SqlOrders, database: Database, make_placing: MakePlacing
) -> None:
    placing, before = make_placing(), await counted(database)
    assert await fenced.withdraw(placing.request, "c-1", NOW) is None
    for again in (placing, make_placing(2, checkout="c-1")):
        with pytest.raises(Refusal) as refused:
            await fenced.place(again)
        assert refused.value.problems[0].code is Code.QUOTE_EXPIRED
    assert await counted(database) == before
    assert await fenced.withdraw(placing.request, "c-1", NOW) is None, "as often as one likes"
    assert (await fenced.place(make_placing(3))).created, "another checkout is not concerned"


async def test_what_was_ordered_cannot_be_withdrawn_any_more(fenced: SqlOrders, make_placing: MakePlacing) -> None:
    placing = make_placing()
    await fenced.place(placing)
    assert await fenced.withdraw(placing.request, "c-1", NOW) == placing.placed
    other = make_placing(2, checkout="c-1").request
    assert await fenced.withdraw(other, "c-1", NOW) == placing.placed
    assert await fenced.find_request(other) is None
    assert (await fenced.place(placing)).placed == placing.placed


async def test_a_closed_order_does_not_keep_its_checkout(fenced: SqlOrders, make_placing: MakePlacing) -> None:
    placing = make_placing()
    await fenced.place(placing)
    await fenced.record_payment(placing.placed, Verdict(PaymentState.DECLINED, decline="PAY_DECLINED"), NOW)
    assert await fenced.withdraw(make_placing(2, checkout="c-1").request, "c-1", NOW) is None
    with pytest.raises(Refusal):
        await fenced.place(make_placing(3, checkout="c-1"))


@pytest.mark.parametrize("first", ["place", "withdraw"])
async def test_of_an_order_and_a_withdrawal_at_once_exactly_one_comes_about(
    fenced: SqlOrders, make_placing: MakePlacing, first: str
) -> None:
    for number in range(1, 25):
        placing = make_placing(number)
        calls = [fenced.place(placing), fenced.withdraw(placing.request, placing.placed.order.checkout_id, NOW)]
        if first == "withdraw":
            withdrawn, placed = await asyncio.gather(*reversed(calls), return_exceptions=True)
        else:
            placed, withdrawn = await asyncio.gather(*calls, return_exceptions=True)
        if isinstance(placed, Refusal) and placed.problems[0].code is Code.QUOTE_EXPIRED:
            assert withdrawn is None
        elif isinstance(placed, Refusal):  # the goods are sold out by now
            assert withdrawn is None
            assert await fenced.find_checkout(placing.placed.order.checkout_id) is None
        else:
            assert withdrawn == placing.placed
