"""A presale from its deposit to its end: the balance of its day, paid once, in its window, or not at all."""

import asyncio
import time
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select
from structlog.testing import capture_logs

from orderpage.adapters.sql.schema import exchange_rates, ledger_entries, outbox, payment_attempts
from orderpage.adapters.sql.settling import statements_of
from orderpage.adapters.sql.usages import SqlUsages
from orderpage.changed import QuoteChanged
from orderpage.domain.order import OrderState, PaymentState, PlacedOrder
from orderpage.domain.page import Degraded
from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.problem import Code, Refusal
from orderpage.domain.stage import Presold, Stage, StageState
from orderpage.ports import Unavailable
from orderpage.presale.balances import StagePayment
from orderpage.pricing.ending import Default
from orderpage.renderer import Rendered

SECONDS = 20.0
WINDOW = BalanceWindow(first_day=date(2026, 12, 1), last_day=date(2026, 12, 3))
SOLD = Presale(effective_from=date(2026, 11, 20), effective_to=date(2026, 11, 30), deposit_ppm=100_000, balance=WINDOW)
OPENS, CLOSES = datetime.fromisoformat("2026-12-01T00:00+08:00"), datetime.fromisoformat("2026-12-04T00:00+08:00")
CARRIER = "package: t\nwhen: {site: HK, client: h5}\noffer: {remove: [HK_DM_LAND, HK_DM_FAST, HK_CONSO_LAND]}\n"

REDUCED = (
    "package: t\nwhen: {site: HK, client: h5}\ndiscount:\n  add:\n    - use: promotion.reduction\n      as: ten\n"
    "      settings: {code: TEN_OFF, name: {en: Ten off}, lane: 3, target: GOODS, funder: PLATFORM, amount: '10.00'}\n"
)

RELIEVED = (
    "package: t\nwhen: {site: HK, client: h5}\n"
    "load: {add: [{use: tax.reliefs, as: reliefs, settings: {law: ANY, limit: 1, timezone: Asia/Hong_Kong}}]}\n"
    "enrich: {add: [{use: tax.reliefs, as: reliefs, settings: {law: ANY, limit: 1, timezone: Asia/Hong_Kong}}]}\n"
)


class Buyer:
    """Goes the way of a presale at a till."""

    def __init__(self, till: Any) -> None:
        self.till = till

    async def deposit(self, digits: int | None = None, **sold: Any) -> PlacedOrder:
        """Order the good, in presale, and pay its deposit."""
        await self.till.change_sku(presale=(replace(SOLD, **sold),))
        placed: PlacedOrder = await self.till.submit(await self.quoted(digits))
        return placed

    async def quoted(self, digits: int | None = None) -> Any:
        for fen in range(10_000, 11_000):
            await self.till.change_sku(unit_price=fen)
            request = await self.till.quote(site="HK")
            quote = self.till.signer.open(request.quote_token, "b-1")
            if digits is None or quote.schedule[0].amount % 100 == digits:
                return request
        raise AssertionError(f"no deposit ends in {digits}")

    async def balance(self, placed: PlacedOrder, **fields: Any) -> Rendered:
        request = self.till.cart("HK", order_id=placed.order.order_id, address=None, **fields)
        rendered: Rendered = await self.till.render(request)
        return rendered

    async def pay(self, rendered: Rendered, **fields: Any) -> PlacedOrder:
        return await self.send(self.payment(rendered, **fields))

    def payment(self, rendered: Rendered, **fields: Any) -> StagePayment:
        defaults = {"request_id": str(uuid4()), "quote_token": rendered.quote_token, "payment_method": "card"}
        return StagePayment(**{**defaults, **fields})

    async def send(self, payment: StagePayment) -> PlacedOrder:
        placed: PlacedOrder = await self.till.submitter.pay_stage(payment, "b-1", time.monotonic() + SECONDS)
        return placed

    async def order(self, placed: PlacedOrder) -> PlacedOrder:
        found: PlacedOrder = await self.till.submitter.order(placed.order.order_id, "b-1")
        return found

    def at(self, moment: datetime) -> None:
        self.till.clock.now = moment

    async def ledger(self, placed: PlacedOrder) -> dict[str, int]:
        mine = select(ledger_entries).where(ledger_entries.c.order_id == placed.order.order_id)
        book: dict[str, int] = {}
        for row in await self.till.database.read(lambda c: c.execute(mine).all()):
            book[row.account] = book.get(row.account, 0) + row.amount
        return {account: amount for account, amount in book.items() if amount}

    async def publish_rate(self, rate: str) -> None:
        """One that is in force when the balance can be paid."""

        def publish(connection: Any) -> None:
            hkd = select(exchange_rates).where(exchange_rates.c.quote_code == "HKD")
            row = dict(connection.execute(hkd).mappings().first())
            newer = {"rate_id": "newer", "rate": rate, "published_at": OPENS - timedelta(hours=1)}
            connection.execute(insert(exchange_rates).values(row | newer))

        await self.till.database.write(publish)

    async def topics(self) -> list[str]:
        query = select(outbox.c.topic).order_by(outbox.c.row_id)
        return list(await self.till.database.read(lambda c: c.execute(query).scalars().all()))

    async def told(self, topic: str) -> dict[str, Any]:
        query = select(outbox.c.payload).where(outbox.c.topic == topic)
        payload: dict[str, Any] = await self.till.database.read(lambda c: c.execute(query).scalar_one())
        return payload

    async def statement(self, moment: datetime) -> int:
        """What the seller has of goods and deposits on a day in Hong Kong, before commission and tax."""
        zone = ZoneInfo("Asia/Hong_Kong")
        day = moment.astimezone(zone).date()
        found = await self.till.database.read(lambda c: statements_of(c, day, zone))
        return sum(each.goods for each in found if each.account.seller == "s-digital")

    async def attempts(self) -> list[tuple[str, str]]:
        query = select(payment_attempts.c.stage, payment_attempts.c.state).order_by(payment_attempts.c.lease_until)
        return [tuple(row) for row in await self.till.database.read(lambda c: c.execute(query).all())]


@pytest.fixture
def buyer(till: Any) -> Buyer:
    return Buyer(till)


async def code_of(call: Any) -> Code:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.problems[0].code


# ---- the deposit -----------------------------------------------------------------------------------------------


async def test_a_deposit_confirms_the_order_keeps_its_stock_and_hands_nothing_over(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    order, payment = placed.order, placed.payment
    deposit, balance = order.stages
    assert (order.state, payment.state, payment.stage) == (OrderState.CONFIRMED, PaymentState.HELD, Stage.DEPOSIT)
    assert payment.amount == deposit.due.amount == order.lines[0].net // 10
    assert deposit.due.amount + balance.due.amount == order.payable
    assert (balance.due.opens_at, balance.due.due_at) == (OPENS, CLOSES)
    assert (deposit.state, balance.state) == (StageState.PAID, StageState.DUE)
    assert await till.stock() == 49
    assert await buyer.topics() == ["presale.deposit_paid"]
    assert await buyer.ledger(placed) == {"buyer:b-1": -payment.amount, "platform:escrow": payment.amount}
    assert await buyer.order(placed) == placed


async def test_a_declined_deposit_closes_the_order_and_its_stages(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit(digits=1)
    assert placed.order.state is OrderState.CLOSED
    assert [stage.state for stage in placed.order.stages] == [StageState.CLOSED, StageState.CLOSED]
    assert await till.stock() == 50
    assert await buyer.topics() == []
    assert await buyer.order(placed) == placed


async def test_a_deposit_that_changed_since_the_page_is_not_taken(till: Any, buyer: Buyer) -> None:
    await till.change_sku(presale=(SOLD,))
    request = await till.quote()
    await till.change_sku(presale=(replace(SOLD, deposit_ppm=150_000),))
    with pytest.raises(QuoteChanged):
        await till.submit(request)


async def test_a_deposit_whose_answer_was_lost_is_found_by_the_sweeper(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit(digits=5)
    assert (placed.order.state, placed.payment.state) == (OrderState.OPEN, PaymentState.PENDING)
    assert await till.later(seconds=10) == 1
    found = await buyer.order(placed)
    assert found.order.staging is not None
    assert found.order.staging.presold is Presold.BALANCE_DUE
    assert await buyer.topics() == ["presale.deposit_paid"]


# ---- the balance -----------------------------------------------------------------------------------------------


async def test_a_balance_is_goods_as_bought_and_the_rest_as_it_is_now(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    await till.change_sku(unit_price=99_900, weight_g=1_300, offline=True)
    await till.set_stock(0)
    buyer.at(OPENS)
    page = (await buyer.balance(placed)).page
    assert page.totals.goods == placed.order.goods
    assert page.totals.freight > placed.order.freight
    deposit, balance = page.schedule
    assert deposit == placed.order.stages[0].due
    assert deposit.amount + balance.amount == page.totals.payable
    assert page.due == balance.amount
    assert balance.goods == placed.order.lines[0].net - deposit.goods


async def test_a_discount_on_goods_stays_as_it_was_given(till: Any, buyer: Buyer, demo: Any) -> None:
    usual = till.renderer
    till.renderer = till.replica(demo.compile_with(REDUCED))
    till.use(till.provider)
    placed = await buyer.deposit()
    assert placed.order.discount == -1180
    till.renderer = usual
    till.use(till.provider)
    buyer.at(OPENS)
    rendered = await buyer.balance(placed)
    assert rendered.page.totals.goods_discount == -1180
    assert [each.code for each in rendered.page.adjustments] == ["TEN_OFF"]
    paid = await buyer.pay(rendered)
    assert (await buyer.ledger(placed))["platform:discounts"] == -1180
    assert paid.order.lines == placed.order.lines


async def test_a_discount_on_goods_that_hangs_on_a_method_goes_with_it(till: Any, buyer: Buyer, demo: Any) -> None:
    bound = REDUCED.replace("'10.00'", "'60.00', methods: [HK_DM_FAST]")
    till.renderer = till.replica(demo.compile_with(bound))
    till.use(till.provider)
    placed = await buyer.deposit()
    assert (placed.order.parcels[0].method, placed.order.discount) == ("HK_DM_FAST", -7080)
    buyer.at(OPENS)
    kept = await buyer.balance(placed)
    assert kept.page.totals.goods_discount == -7080
    (parcel,) = kept.page.parcels
    shown = {each.priced.option.method.code: each.priced.landed for each in parcel.options}
    lost = await buyer.balance(
        placed, selections={parcel.parcel.parcel_id: "HK_DM_LAND"}, prior_quote_token=kept.quote_token
    )
    assert (lost.page.totals.goods_discount, lost.page.adjustments) == (0, ())
    assert lost.page.totals.payable - kept.page.totals.payable == shown["HK_DM_LAND"] - shown["HK_DM_FAST"]
    paid = await buyer.pay(lost)
    (line,) = paid.order.lines
    assert (line.net, line.commission) == (line.amount, placed.order.lines[0].commission * line.amount // 4720)
    assert paid.order.discount == 0
    assert await buyer.order(placed) == paid
    book = await buyer.ledger(placed)
    assert (book["buyer:b-1"], "platform:discounts" in book) == (-paid.order.payable, False)


async def test_a_threshold_counts_at_the_balance_what_it_counted_at_the_deposit(
    till: Any, buyer: Buyer, demo: Any
) -> None:
    free = "    - {use: promotion.free_shipping, as: free, settings: {code: FREE, name: {en: Free}, funder: PLATFORM, "
    till.renderer = till.replica(demo.compile_with(REDUCED + free + "threshold: '100.00'}}\n"))
    till.use(till.provider)
    placed = await buyer.deposit()
    assert placed.order.discount == -1180 - placed.order.freight, "100.00 are reached before 10.00 are taken off"
    buyer.at(OPENS)
    page = (await buyer.balance(placed)).page
    assert page.totals.freight_discount == -page.totals.freight


async def test_a_balance_has_no_promotion_that_does_not_go_with_what_was_given(
    till: Any, buyer: Buyer, demo: Any
) -> None:
    only = REDUCED.replace("'10.00'", "'60.00', excludes: [FREE]")
    free = (
        "    - {use: promotion.free_shipping, as: free, settings: {code: FREE, name: {en: Free}, funder: PLATFORM}}\n"
    )
    till.renderer = till.replica(demo.compile_with(only + free))
    till.use(till.provider)
    placed = await buyer.deposit()
    (given,) = placed.order.adjustments
    buyer.at(OPENS)
    page = (await buyer.balance(placed)).page
    assert [each.code for each in page.adjustments] == [given.code]


async def test_no_date_is_promised_before_the_balance(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    assert [(parcel.earliest, parcel.latest) for parcel in placed.order.parcels] == [("", "")]
    buyer.at(OPENS)
    paid = await buyer.pay(await buyer.balance(placed))
    assert all("2026-12-04" < parcel.earliest <= parcel.latest for parcel in paid.order.parcels)


async def test_a_rate_of_exchange_that_moved_is_that_of_the_balance_and_not_of_the_goods(
    till: Any, buyer: Buyer
) -> None:
    await buyer.publish_rate("2.3600")
    placed = await buyer.deposit()
    buyer.at(OPENS)
    page = (await buyer.balance(placed)).page
    assert page.totals.goods == placed.order.goods
    assert page.totals.freight == 2 * placed.order.freight
    assert page.totals.fees == 2 * placed.order.fees


async def test_a_paid_balance_settles_the_order_and_only_then_tells_of_it(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    rendered = await buyer.balance(placed)
    paid = await buyer.pay(rendered)
    assert (paid.payment.state, paid.payment.stage) == (PaymentState.HELD, Stage.BALANCE)
    assert paid.payment.amount == rendered.page.schedule[1].amount
    assert paid.order.payable == rendered.page.totals.payable
    assert [stage.state for stage in paid.order.stages] == [StageState.PAID, StageState.PAID]
    assert await buyer.order(placed) == paid
    assert await buyer.topics() == ["presale.deposit_paid", "order.confirmed"]
    book = await buyer.ledger(placed)
    assert book["buyer:b-1"] == -paid.order.payable
    assert "platform:escrow" not in book
    assert sum(book.values()) == 0
    assert await buyer.attempts() == [("DEPOSIT", "HELD"), ("BALANCE", "HELD")]
    assert await till.stock() == 49


async def test_another_method_may_be_chosen_for_the_balance(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    first = await buyer.balance(placed)
    (parcel,) = first.page.parcels
    other = next(each.priced.option.method.code for each in parcel.options if each != parcel.choice)
    chosen = await buyer.balance(
        placed, selections={parcel.parcel.parcel_id: other}, prior_quote_token=first.quote_token
    )
    paid = await buyer.pay(chosen)
    assert [each.method for each in paid.order.parcels] == [other]


async def test_payments_of_one_balance_at_once_take_its_money_once(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    payment = buyer.payment(await buyer.balance(placed))
    answers = await asyncio.gather(*(buyer.send(payment) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].payment.state is PaymentState.HELD
    assert await buyer.attempts() == [("DEPOSIT", "HELD"), ("BALANCE", "HELD")]


async def test_of_several_requests_for_one_balance_one_pays(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    rendered = await buyer.balance(placed)
    calls = [buyer.pay(rendered) for _ in range(6)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    paid = [answer for answer in answers if isinstance(answer, PlacedOrder)]
    refused = [answer.problems[0].code for answer in answers if isinstance(answer, Refusal)]
    assert (len(paid), len(refused)) == (1, 5)
    assert set(refused) <= {Code.STAGE_PAID, Code.PAY_PENDING_CONFIRM}
    assert await buyer.attempts() == [("DEPOSIT", "HELD"), ("BALANCE", "HELD")]
    assert await code_of(buyer.pay(rendered)) is Code.STAGE_PAID


async def test_a_request_id_pays_one_thing(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    payment = buyer.payment(await buyer.balance(placed))
    paid = await buyer.send(payment)
    assert await buyer.send(payment) == paid
    assert await code_of(buyer.send(replace(payment, payment_method="alipay"))) is Code.REQUEST_ID_REUSED


async def test_what_moved_since_the_page_is_shown_before_it_is_paid(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    payment = buyer.payment(await buyer.balance(placed))
    await till.change_sku(weight_g=4_000)
    with pytest.raises(QuoteChanged) as changed:
        await buyer.send(payment)
    paid = await buyer.pay(changed.value.rendered)
    assert paid.order.freight > placed.order.freight


async def test_a_declined_balance_stays_due_and_is_paid_by_another_request(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    till.use(Declining(till.provider))
    payment = buyer.payment(await buyer.balance(placed))
    declined = await buyer.send(payment)
    assert (declined.payment.state, declined.order.state) == (PaymentState.DECLINED, OrderState.CONFIRMED)
    assert declined.order.staging is not None
    assert declined.order.staging.presold is Presold.BALANCE_DUE
    till.use(till.provider)
    paid = await buyer.pay(await buyer.balance(placed))
    assert paid.payment.state is PaymentState.HELD
    assert (await buyer.send(payment)).payment == declined.payment
    assert await buyer.topics() == ["presale.deposit_paid", "order.confirmed"]


async def test_a_relief_of_tax_is_used_with_the_balance_and_not_by_one_that_is_declined(
    till: Any, buyer: Buyer, demo: Any
) -> None:
    relief, usages = "relief:ANY", SqlUsages(till.database)
    till.renderer = till.replica(demo.compile_with(RELIEVED))
    till.use(till.provider)
    placed = await buyer.deposit()
    assert await usages.used("b-1", [relief]) == {relief: 0}
    buyer.at(OPENS)
    till.use(Declining(till.provider))
    await buyer.pay(await buyer.balance(placed))
    assert await usages.used("b-1", [relief]) == {relief: 0}
    till.use(till.provider)
    await buyer.pay(await buyer.balance(placed))
    assert await usages.used("b-1", [relief], OPENS) == {relief: 1}


class Declining:
    """A provider that turns every hold down."""

    def __init__(self, inner: Any) -> None:
        self.look_up, self.release = inner.look_up, inner.release

    async def hold(self, *_: Any) -> Any:
        from orderpage.ports import Verdict

        return Verdict(PaymentState.DECLINED, decline=Code.PAY_FUNDS)


class Deaf:
    """A provider whose answer to a hold is lost, though it holds."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.look_up, self.release = inner.look_up, inner.release

    async def hold(self, *args: Any) -> Any:
        await self._inner.hold(*args)
        raise Unavailable("lost")


async def test_a_server_that_dies_while_a_balance_is_held_leaves_it_to_the_sweeper(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    till.use(Deaf(till.provider))
    pending = await buyer.pay(await buyer.balance(placed))
    assert pending.payment.state is PaymentState.PENDING
    assert await code_of(buyer.pay(await buyer.balance(placed))) is Code.PAY_PENDING_CONFIRM
    assert await till.later(seconds=20) == 1
    found = await buyer.order(placed)
    assert found.order.staging is not None
    assert found.order.staging.presold is Presold.PAID
    assert await buyer.topics() == ["presale.deposit_paid", "order.confirmed"]


# ---- the window ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (OPENS - timedelta(microseconds=1), Code.STAGE_NOT_OPEN),
        (OPENS, None),
        (CLOSES - timedelta(microseconds=1), None),
        (CLOSES, Code.STAGE_OVER),
    ],
)
async def test_a_balance_is_paid_within_its_window_to_the_moment(
    till: Any, buyer: Buyer, moment: datetime, code: Code | None
) -> None:
    placed = await buyer.deposit()
    buyer.at(CLOSES - timedelta(minutes=1) if moment > OPENS + timedelta(days=1) else OPENS)
    payment = buyer.payment(await buyer.balance(placed))
    buyer.at(moment)
    if code is None:
        assert (await buyer.send(payment)).payment.state is PaymentState.HELD
        return
    with pytest.raises(Refusal) as refused:
        await buyer.send(payment)
    (problem,) = refused.value.problems
    assert problem.code is code
    assert datetime.fromisoformat(problem.value) == (OPENS if code is Code.STAGE_NOT_OPEN else CLOSES)
    page = await buyer.balance(placed)
    assert [each.code for each in page.page.problems] == [code]
    assert not page.quote_token


async def test_a_balance_nobody_pays_is_forfeited(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(CLOSES - timedelta(seconds=1))
    assert await till.awaiting.tick() == 0
    assert (await buyer.order(placed)).order.state is OrderState.CONFIRMED
    buyer.at(CLOSES)
    assert await till.awaiting.tick() == 1
    ended = await buyer.order(placed)
    assert ended.order.state is OrderState.CLOSED
    assert [stage.state for stage in ended.order.stages] == [StageState.FORFEITED, StageState.CLOSED]
    assert await till.stock() == 50
    kept = placed.payment.amount
    assert await buyer.ledger(placed) == {"buyer:b-1": -kept, "shop:s-digital": kept}
    assert await buyer.topics() == ["presale.deposit_paid", "presale.ended", "service_order.closed"]
    said = await buyer.told("presale.ended")
    assert (said["deposit_state"], said["default"], said["kept"], said["refund"]) == ("FORFEITED", "BUYER", kept, 0)
    assert await code_of(buyer.balance(placed)) is Code.STAGE_OVER
    assert await till.awaiting.tick() == 0


ENDED = (
    "package: t\nwhen: {site: HK, client: h5}\n"
    "profile: {settlement: {commission: [{effective_from: 2026-01-01, effective_to: 2026-11-30, percent: '5'}]}}\n"
)


async def test_a_balance_that_we_could_not_book_is_not_forfeited(till: Any, buyer: Buyer, demo: Any) -> None:
    """The commission's rows have ended: nobody could have paid it, and somebody of ours has to add one."""
    placed = await buyer.deposit()
    till.renderer = till.replica(demo.compile_with(ENDED))
    till.use(till.provider)
    buyer.at(OPENS)
    assert await code_of(buyer.pay(await buyer.balance(placed))) is Code.SVC_ORDER_CREATE_FAILED
    buyer.at(CLOSES)
    assert await till.awaiting.tick() == 0
    assert (await buyer.order(placed)).order.state is OrderState.CONFIRMED
    assert till.awaiting.unresolved == 1


async def test_a_forfeited_deposit_is_that_shop_s_whose_goods_were_in_presale(till: Any, buyer: Buyer) -> None:
    await till.change_sku(presale=(SOLD,))
    request = till.cart("HK", ("magic", 1), ("bok-notebook-a5", 5))
    placed = await till.submit(till.ask(request, await till.render(request)))
    buyer.at(CLOSES)
    assert await till.awaiting.tick() == 1
    kept = placed.payment.amount
    assert await buyer.ledger(placed) == {"buyer:b-1": -kept, "shop:s-digital": kept}


async def test_the_seller_s_statement_has_a_balance_on_its_day_and_a_deposit_that_is_kept(
    till: Any, buyer: Buyer
) -> None:
    paid, unpaid = await buyer.deposit(), await buyer.deposit()
    assert await buyer.statement(till.clock.now) == 0
    buyer.at(OPENS)
    await buyer.pay(await buyer.balance(paid))
    assert await buyer.statement(OPENS) == paid.order.goods
    buyer.at(CLOSES)
    assert await till.awaiting.tick() == 1
    assert await buyer.statement(CLOSES) == unpaid.payment.amount


async def test_every_amount_of_a_balance_says_why(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    assert (await buyer.balance(placed, explain_amounts=True)).amounts


async def test_an_end_and_a_payment_at_once_are_one_or_the_other(till: Any, buyer: Buyer) -> None:
    for _ in range(5):  # a race: once is luck
        buyer.at(till.clock.now.replace(month=11, day=24))
        placed = await buyer.deposit()
        buyer.at(OPENS)
        payment = buyer.payment(await buyer.balance(placed))
        end = till.submitter.balances.end(placed.order, Default.BUYER)
        answers: Any = await asyncio.gather(buyer.send(payment), end, return_exceptions=True)
        paid, ended = answers
        found = (await buyer.order(placed)).order
        if ended is None:
            assert [stage.state for stage in found.stages] == [StageState.PAID, StageState.PAID]
            assert paid.payment.state is PaymentState.HELD
        else:
            assert [stage.state for stage in found.stages] == [StageState.FORFEITED, StageState.CLOSED]
            assert isinstance(paid, Refusal)
        assert "platform:escrow" not in await buyer.ledger(placed)


async def test_a_payment_begun_in_time_may_end_after_the_window(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(CLOSES - timedelta(seconds=1))
    till.use(Deaf(till.provider))
    await buyer.pay(await buyer.balance(placed))
    buyer.at(CLOSES + timedelta(minutes=1))
    assert await till.awaiting.tick() == 0
    assert await till.sweeper.tick() == 1
    found = await buyer.order(placed)
    assert found.order.staging is not None
    assert found.order.staging.presold is Presold.PAID


async def test_money_held_for_a_balance_of_an_order_that_ended_goes_back(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)

    class Late(Deaf):
        async def look_up(self, key: str) -> Any:
            raise Unavailable("away")

    till.use(Late(till.provider))
    pending = await buyer.pay(await buyer.balance(placed))
    till.use(till.provider)
    buyer.at(CLOSES + timedelta(hours=1))
    assert await till.sweeper.tick() == 1  # its time to pay is over: released, so declined
    assert await till.awaiting.tick() == 1
    late = await till.provider.look_up(pending.payment.key)
    assert late.state is PaymentState.DECLINED
    recorded = await till.desk._record(pending, replace(late, state=PaymentState.HELD))
    assert recorded.order.state is OrderState.CLOSED
    assert recorded.payment.state is PaymentState.DECLINED


# ---- nobody can deliver ----------------------------------------------------------------------------------------


async def test_where_the_method_is_gone_another_is_offered_with_a_notice(till: Any, buyer: Buyer, demo: Any) -> None:
    placed = await buyer.deposit()
    gone = placed.order.parcels[0].method
    layer = f"package: t\nwhen: {{site: HK, client: h5}}\noffer: {{remove: [{gone}]}}\n"
    till.renderer = till.replica(demo.compile_with(layer))
    till.use(till.provider)
    buyer.at(OPENS)
    rendered = await buyer.balance(placed)
    assert [notice.code for notice in rendered.page.notices] == [Code.LOGI_METHOD_GONE]
    paid = await buyer.pay(rendered)
    assert paid.order.parcels[0].method != gone


async def test_where_no_method_is_left_the_deposit_goes_back_in_full(till: Any, buyer: Buyer, demo: Any) -> None:
    placed = await buyer.deposit()
    till.renderer = till.replica(demo.compile_with(CARRIER))
    till.use(till.provider)
    buyer.at(OPENS)
    assert await till.awaiting.tick() == 1
    ended = await buyer.order(placed)
    assert [stage.state for stage in ended.order.stages] == [StageState.RETURNED, StageState.CLOSED]
    assert await buyer.ledger(placed) == {}
    assert await till.stock() == 50
    assert await buyer.topics() == ["presale.deposit_paid", "presale.ended", "service_order.closed", "refund.due"]
    due = await buyer.told("refund.due")
    assert (due["amount"], due["attempt_id"]) == (placed.payment.amount, placed.payment.attempt_id)


async def test_a_method_that_goes_while_the_buyer_reads_ends_the_presale_at_the_payment(
    till: Any, buyer: Buyer, demo: Any
) -> None:
    placed = await buyer.deposit()
    buyer.at(OPENS)
    payment = buyer.payment(await buyer.balance(placed))
    await till.change_sku(goods_class="AEROSOL")
    assert await code_of(buyer.send(payment)) is Code.LOGI_NO_METHOD
    assert [stage.state for stage in (await buyer.order(placed)).order.stages] == [
        StageState.RETURNED,
        StageState.CLOSED,
    ]


async def test_past_the_end_a_page_that_lacks_an_answer_ends_nothing_and_is_counted(
    till: Any, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = await buyer.deposit()
    buyer.at(CLOSES)
    balances = till.awaiting._balances
    whole = balances.page

    async def degraded(*given: Any) -> Any:
        return replace(await whole(*given), degraded=(Degraded("ask", "swift", "away"),))

    monkeypatch.setattr(balances, "page", degraded)
    with capture_logs() as logs:
        assert await till.awaiting.tick() == 0
    assert [line["event"] for line in logs] == ["presale.unresolved"]
    assert till.awaiting.unresolved == 1
    assert (await buyer.order(placed)).order.state is OrderState.CONFIRMED


async def test_while_it_cannot_be_told_whether_the_balance_could_be_paid_nothing_ends(till: Any, buyer: Buyer) -> None:
    placed = await buyer.deposit()
    buyer.at(CLOSES)

    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("the catalogue is away")

    till.catalogue.skus = away
    with capture_logs():
        assert await till.awaiting.tick() == 0
    assert till.awaiting.unresolved == 1
    assert (await buyer.order(placed)).order.state is OrderState.CONFIRMED
    del till.catalogue.skus
    buyer.at(CLOSES + timedelta(minutes=5))
    assert await till.awaiting.tick() == 1
