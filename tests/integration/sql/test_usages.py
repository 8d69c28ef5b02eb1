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
from orderpage.domain.usage import Cap, UseUp
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


# ---- what there is only so much of for all buyers ----------------------------------------------------------------

FIRST = UseUp(name="promotion:FIRST", cap=Cap("promotion:FIRST", 3))


def of(buyer: str, placing: Placing, *uses: UseUp) -> Placing:
    """The placing as another buyer's, with what it uses."""
    order = replace(placing.placed.order, buyer_id=buyer)
    request = replace(placing.request, buyer_id=buyer)
    return replace(placing, request=request, placed=replace(placing.placed, order=order), uses=uses)


async def test_a_cap_counts_the_orders_of_all_buyers_and_the_next_is_refused_and_leaves_nothing(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    for number in range(3):
        assert (await book.place(of(f"b-{number}", make_placing(number, units={"tea": 1}), FIRST))).created
    assert await counted.used_by_all(["promotion:FIRST", "promotion:OTHER"]) == {
        "promotion:FIRST": 3,
        "promotion:OTHER": 0,
    }
    late = make_placing(3, units={"tea": 1})
    with pytest.raises(Refusal) as refused:
        await book.place(of("b-3", late, FIRST))
    (problem,) = refused.value.problems
    assert (problem.code, problem.value) == (Code.PROMO_LIMIT_REACHED, "0")
    assert "for the first 3 orders" in problem.message
    assert await book.order("o-3", "b-3") is None
    assert await counted.used("b-3", [FIRST.name]) == {FIRST.name: 0}
    assert (await book.place(of("b-3", late))).created, "without it"


async def test_of_orders_of_many_buyers_at_once_no_more_pass_than_the_cap(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    attempts = [of(f"b-{number}", make_placing(number, units={"tea": 1}), FIRST) for number in range(10)]
    with capture_logs() as logs:
        outcomes = await asyncio.gather(*map(book.place, attempts), return_exceptions=True)
    assert sum(isinstance(outcome, Refusal) for outcome in outcomes) == 7
    assert await counted.used_by_all([FIRST.name]) == {FIRST.name: 3}
    assert logs == [], "a deadlock is repeated, and said so"


async def test_two_caps_are_taken_in_one_order_whichever_the_order_names_first(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    other = UseUp(name="promotion:OTHER", cap=Cap("promotion:OTHER", 100))
    many = replace(FIRST, cap=Cap(FIRST.name, 100))
    both = [(many, other) if number % 2 else (other, many) for number in range(10)]
    attempts = [of(f"b-{number}", make_placing(number, units={"tea": 1}), *both[number]) for number in range(10)]
    with capture_logs() as logs:
        outcomes = await asyncio.gather(*map(book.place, attempts))
    assert all(outcome.created for outcome in outcomes)
    assert await counted.used_by_all([FIRST.name, other.name]) == {FIRST.name: 10, other.name: 10}
    assert logs == []


async def test_an_order_that_closes_gives_its_place_to_another(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing, now: datetime
) -> None:
    once = replace(FIRST, cap=Cap(FIRST.name, 1))
    first = await book.place(of("b-1", make_placing(), once))
    await book.record_payment(first.placed, Verdict(PaymentState.DECLINED, decline="PAY_FUNDS"), now)
    assert await counted.used_by_all([once.name]) == {once.name: 0}
    second = await book.place(of("b-2", make_placing(2), once))
    await book.record_payment(second.placed, Verdict(PaymentState.HELD), now)
    await book.record_payment(first.placed, Verdict(PaymentState.DECLINED, decline="PAY_FUNDS"), now)
    assert await counted.used_by_all([once.name]) == {once.name: 1}, "given back once"


async def test_tokens_count_one_by_one_for_their_buyer_and_together_for_all(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    cap = Cap("promotion:MINE", 2)
    tokens = [UseUp(name=f"coupon:MINE.s{number}", limit=1, cap=cap) for number in range(3)]
    assert (await book.place(of("b-1", make_placing(1, units={"tea": 1}), tokens[0]))).created
    with pytest.raises(Refusal) as refused:
        await book.place(of("b-1", make_placing(2, units={"tea": 1}), tokens[0]))
    assert "1 in all, 0 left" in refused.value.problems[0].message
    assert (await book.place(of("b-2", make_placing(3, units={"tea": 1}), tokens[1]))).created
    with pytest.raises(Refusal):
        await book.place(of("b-3", make_placing(4, units={"tea": 1}), tokens[2]))
    assert await counted.used_by_all([cap.name]) == {cap.name: 2}


async def test_what_one_order_alone_wants_above_the_cap_is_refused(
    book: SqlOrders, counted: SqlUsages, make_placing: MakePlacing
) -> None:
    with pytest.raises(Refusal) as refused:
        await book.place(of("b-1", make_placing(), replace(FIRST, units=2), replace(FIRST, units=2)))
    assert refused.value.problems[0].value == "3"
    assert (await book.place(of("b-1", make_placing(), replace(FIRST, units=2), FIRST))).created
    assert await counted.used_by_all([FIRST.name]) == {FIRST.name: 3}
