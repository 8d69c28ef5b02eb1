"""What a buyer has only so much of: limited in the transaction that places the order, given back when it closes."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.usages import SqlUsages
from orderpage.domain.order import PaymentState
from orderpage.domain.problem import Code, Refusal
from orderpage.domain.usage import UseUp
from orderpage.ports import Placing, Verdict

MakePlacing = Callable[..., Placing]
ONCE = UseUp(name="coupon:AUTUMN.7", limit=1)


@pytest.fixture
def counted(database: Database) -> SqlUsages:
    return SqlUsages(database)


async def test_an_order_uses_up_and_a_second_is_refused_with_what_is_left(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    assert await counted.used("b-mei", [ONCE.name]) == {ONCE.name: 0}
    assert (await book.place(replace(make_placing(), uses=(ONCE,)))).created
    assert await counted.used("b-mei", [ONCE.name, "coupon:OTHER"]) == {ONCE.name: 1, "coupon:OTHER": 0}
    with pytest.raises(Refusal) as refused:
        await book.place(replace(make_placing(2), uses=(ONCE,)))
    (problem,) = refused.value.problems
    assert (problem.code, problem.value) == (Code.PROMO_LIMIT_REACHED, "0")
    assert await book.order("o-2", "b-mei") is None
    assert (await book.place(make_placing(2))).created, "without the coupon"


async def test_the_same_request_again_gets_its_order_and_uses_nothing_more(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    for _ in range(2):
        assert (await book.place(replace(make_placing(), uses=(ONCE,)))).placed.order.order_id == "o-1"
    assert await counted.used("b-mei", [ONCE.name]) == {ONCE.name: 1}


async def test_an_order_that_closes_gives_back_what_it_used(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing, now: datetime
) -> None:
    first = await book.place(replace(make_placing(), uses=(ONCE,)))
    await book.record_payment(first.placed, Verdict(PaymentState.DECLINED, decline="PAY_FUNDS"), now)
    assert await counted.used("b-mei", [ONCE.name]) == {ONCE.name: 0}
    second = await book.place(replace(make_placing(2), uses=(ONCE,)))
    await book.record_payment(second.placed, Verdict(PaymentState.HELD), now)
    assert await counted.used("b-mei", [ONCE.name]) == {ONCE.name: 1}


async def test_units_count_since_a_moment_and_the_use_says_which_code_refuses(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing, now: datetime
) -> None:
    """As Taiwan's relief: six uses in half a year, and the seventh is another matter."""
    relief = UseUp(name="relief:TW", units=4, limit=6, since=now - timedelta(days=1), code=Code.TAX_QUOTA_EXCEEDED)
    assert (await book.place(replace(make_placing(), uses=(relief,)))).created
    assert await counted.used("b-mei", ["relief:TW"], relief.since) == {"relief:TW": 4}
    assert await counted.used("b-mei", ["relief:TW"], now + timedelta(seconds=1)) == {"relief:TW": 0}
    with pytest.raises(Refusal) as refused:
        await book.place(replace(make_placing(2), uses=(relief,)))
    assert (refused.value.problems[0].code, refused.value.problems[0].value) == (Code.TAX_QUOTA_EXCEEDED, "2")
    later = replace(relief, since=now + timedelta(seconds=1))
    assert (await book.place(replace(make_placing(2), uses=(later,)))).created, "the next half-year"


async def test_without_a_limit_uses_are_only_counted(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    free = UseUp(name="relief:TW")
    assert (await book.place(replace(make_placing(), uses=(free, replace(free, units=2))))).created
    assert await counted.used("b-mei", ["relief:TW"]) == {"relief:TW": 3}
    assert await counted.used("b-other", ["relief:TW"]) == {"relief:TW": 0}


async def test_of_orders_at_once_no_more_pass_than_the_limit(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    twice = UseUp(name="coupon:TWICE", limit=2)
    attempts = [replace(make_placing(number, units={"tea": 1}), uses=(twice,)) for number in range(8)]
    with capture_logs() as logs:
        outcomes = await asyncio.gather(*map(book.place, attempts), return_exceptions=True)
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 6
    assert await counted.used("b-mei", [twice.name]) == {twice.name: 2}
    assert logs == [], "a deadlock is repeated, and said so"
