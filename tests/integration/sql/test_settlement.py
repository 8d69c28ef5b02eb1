"""Settlement on both databases: statements follow the ledger, chain from day to day, and are never changed."""

import asyncio
import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pyarrow import parquet
from sqlalchemy import Connection, delete, insert, update
from tests.orders import order_with
from typer.testing import CliRunner

from orderpage.accounting.ledger import entries_of
from orderpage.accounting.refunds import refund_of
from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.schema import ledger_entries, orders, settlement_days, settlement_statements
from orderpage.adapters.sql.settlement import SqlSettlement
from orderpage.adapters.sql.settling import OutOfTurn
from orderpage.cli.commands import app
from orderpage.domain.discount import Adjustment, Funder, Target
from orderpage.domain.order import (
    EntryKind,
    LedgerEntry,
    Order,
    OrderLine,
    OrderParcel,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    Portion,
    TaxShare,
)
from orderpage.domain.refund import Cause, RefundCase
from orderpage.domain.settlement import Account
from orderpage.ports import Placing, RequestKey, Verdict

DAY = date(2026, 11, 20)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
TEA, BOOKS = Account("s-tea", "HK", "HKD", 2), Account("s-books", "HK", "HKD", 2)
UTC_ZONE = ZoneInfo("UTC")


def example(number: int = 1, net: int = 23350) -> Order:
    """Section 4's order: goods 233.50, freight 15.00, of it 10.00 reduced (platform 7.00, seller 3.00), cost 13.20.

    The goods are two lines of two shops; GST of 9.00 was collected on the first.
    """
    first, second = net * 2 // 3, net - net * 2 // 3
    lines = [
        OrderLine(
            line_id=line_id, sku_id=line_id, shop_id=shop, name="", quantity=1, unit_amount=amount, amount=amount,
            net=amount, version=1, commission=amount // 20,
        )
        for line_id, shop, amount in (("1", "s-tea", first), ("2", "s-books", second))
    ]  # fmt: skip
    portions = (
        Portion(line_id="1", quantity=1, net=first, freight=1000, fees=0, taxes=(TaxShare("SG_GST", 880, 20),)),
        Portion(line_id="2", quantity=1, net=second, freight=500, fees=0),
    )
    parcel = OrderParcel(
        parcel_id="p-1", method="HK_DM_LAND", contents=(("1", 1), ("2", 1)), freight=1500, discount=-1000, fees=0,
        tax=900, earliest="", latest="", carrier="OFFICIAL", cost=1320, portions=portions,
    )  # fmt: skip
    instant = Adjustment(
        code="INSTANT", name={}, target=Target.FREIGHT, amount=-1000, parts=(("p-1", -1000),),
        shares=((Funder.PLATFORM, -700), (Funder.SELLER, -300)),
    )  # fmt: skip
    order = order_with(lines, parcels=(parcel,), adjustments=(instant,), order_id=f"o-{number}")
    return replace(order, checkout_id=f"c-{number}", state=OrderState.OPEN)


async def sold(database: Database, order: Order, at: datetime, state: PaymentState = PaymentState.HELD) -> None:
    """Placed, and decided at that moment."""
    payment = Payment(
        attempt_id=f"{order.order_id}-p", order_id=order.order_id, key=order.order_id, method="CARD",
        amount=order.payable, currency=order.currency, state=PaymentState.STARTED,
    )  # fmt: skip
    placing = Placing(
        request=RequestKey("b-1", "Submit", order.order_id, "h"), placed=PlacedOrder(order, payment), stock=(),
        ledger=entries_of(order), events=(), lease_until=at, expires_at=at,
    )  # fmt: skip
    book = SqlOrders(database, clock=lambda: at)
    assert (await book.place(placing)).created
    await book.record_payment(placing.placed, Verdict(state), at)


def noon(day: date = DAY, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def settling(database: Database, zone: ZoneInfo = UTC_ZONE) -> SqlSettlement:
    return SqlSettlement(database, zone)


async def test_a_statement_says_what_the_seller_is_owed_and_why(database: Database) -> None:
    await sold(database, example(), noon())
    settled = await settling(database).settle(DAY, NOW)
    assert settled.new
    books, tea = settled.statements
    assert (books.account, tea.account) == (BOOKS, TEA)
    assert (tea.goods, tea.freight_share, tea.commission) == (15566, -200, -778)
    assert (tea.tax_collected, tea.tax_withheld) == (900, -900)
    assert (tea.opening, tea.payable, tea.movement, tea.closing) == (0, 14588, 14588, 14588)
    assert (books.goods, books.freight_share, books.commission, books.closing) == (7784, -100, -389, 7295)


async def test_what_no_settled_day_has_is_told_by_its_age_once_any_day_was_settled(database: Database) -> None:
    book = SqlOrders(database)
    await sold(database, example(1), noon())
    assert (await book.backlog(noon(hour=14))).unsettled == 0.0, "nobody settles here"
    await settling(database).settle(DAY, NOW)
    assert (await book.backlog(NOW)).unsettled == 0.0
    await sold(database, example(2), noon(date(2026, 11, 22)))
    assert (await book.backlog(noon(date(2026, 11, 24)))).unsettled == 2 * 86400
    await settling(database).settle(date(2026, 11, 22), NOW)
    assert (await book.backlog(NOW)).unsettled == 0.0


async def test_logistics_pnl_is_the_example_of_the_rules(database: Database) -> None:
    await sold(database, example(), noon())
    (method,) = await settling(database).pnl(DAY)
    pnl = method.pnl
    assert (method.site, method.method, method.currency.code) == ("HK", "HK_DM_LAND", "HKD")
    assert (pnl.list_freight, pnl.buyer, pnl.seller, pnl.platform) == (1500, 500, 300, 700)
    assert (pnl.cost, pnl.gmv, pnl.parcels) == (1320, 23350, 1)
    assert (pnl.operating, pnl.marketing, pnl.net, pnl.share_of_gmv(pnl.net)) == (180, -700, -520, -22270)


async def test_only_confirmed_orders_count_on_the_day_when_they_were_confirmed(database: Database) -> None:
    last, first = datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
    await sold(database, example(1), last)
    await sold(database, example(2), first)
    await sold(database, example(3), noon(), PaymentState.DECLINED)
    await sold(database, example(4), noon(), PaymentState.PENDING)
    today = await settling(database).settle(DAY, NOW)
    assert [statement.goods for statement in today.statements] == [7784, 15566]
    tomorrow = await settling(database).settle(DAY + timedelta(days=1), NOW)
    assert [(each.opening, each.movement, each.closing) for each in tomorrow.statements] == [
        (7295, 7295, 14590),
        (14588, 14588, 29176),
    ]


async def test_a_day_begins_in_the_time_zone_of_settlement(database: Database) -> None:
    await sold(database, example(), datetime(2026, 11, 19, 16, tzinfo=UTC))  # the 20th in Shanghai
    shanghai = settling(database, ZoneInfo("Asia/Shanghai"))
    assert len((await shanghai.settle(DAY, NOW)).statements) == 2
    with pytest.raises(OutOfTurn, match=r"settled in Asia/Shanghai, not UTC.*SETTLEMENT_TIMEZONE=Asia/Shanghai"):
        await settling(database).settle(DAY + timedelta(days=1), NOW)
    with pytest.raises(OutOfTurn, match="settled in Asia/Shanghai, not UTC"):
        await settling(database).settle(DAY, NOW)


async def test_what_is_posted_later_counts_on_its_own_day(database: Database) -> None:
    await sold(database, example(), noon())
    back = [
        LedgerEntry("buyer:b-1", EntryKind.REFUND, 7000),
        LedgerEntry("shop:s-books", EntryKind.GOODS_REFUNDED, -7784),
        LedgerEntry("shop:s-books", EntryKind.COMMISSION_REVERSED, 389),
        LedgerEntry("platform:commission", EntryKind.COMMISSION_REVERSED, -389),
        LedgerEntry("platform:discounts", EntryKind.DISCOUNT, 784),
    ]
    await database.write(lambda connection: post(connection, "o-1", back, noon(DAY + timedelta(days=3))))
    (first, _) = (await settling(database).settle(DAY, NOW)).statements
    (later,) = (await settling(database).settle(DAY + timedelta(days=3), NOW)).statements
    assert first.goods_refunded == 0
    assert (later.account, later.opening, later.goods_refunded, later.commission_reversed) == (BOOKS, 7295, -7784, 389)
    assert (later.movement, later.closing) == (-7395, -100)


def post(connection: Connection, order_id: str, entries: Sequence[LedgerEntry], at: datetime) -> None:
    rows = [
        {"order_id": order_id, "seq": 100 + number, "account": each.account, "kind": each.kind, "amount": each.amount,
         "subject": each.subject, "posted_at": at}
        for number, each in enumerate(entries)
    ]  # fmt: skip
    connection.execute(insert(ledger_entries), rows)


async def test_a_day_of_nothing_but_what_was_posted_later_is_not_left_out(database: Database) -> None:
    for days in (0, 4):
        await sold(database, example(days), noon(DAY + timedelta(days=days)))
    kept = [
        LedgerEntry("platform:escrow", EntryKind.DEPOSIT, -500),
        LedgerEntry("shop:s-tea", EntryKind.DEPOSIT_KEPT, 500),
    ]
    await database.write(lambda connection: post(connection, "o-0", kept, noon(DAY + timedelta(days=2))))
    assert (await settling(database).settle(DAY, NOW)).new
    with pytest.raises(OutOfTurn, match=r"2026-11-22 has entries and was not settled; run .*--date 2026-11-22"):
        await settling(database).settle(DAY + timedelta(days=4), NOW)
    (ended,) = (await settling(database).settle(DAY + timedelta(days=2), NOW)).statements
    (last, *_) = (await settling(database).settle(DAY + timedelta(days=4), NOW)).statements[::-1]
    assert (ended.account, ended.movement) == (TEA, 500)
    assert (last.account, last.opening) == (TEA, ended.closing)


async def test_settling_again_changes_nothing(database: Database) -> None:
    await sold(database, example(), noon())
    first = await settling(database).settle(DAY, NOW)
    again = await settling(database).settle(DAY, NOW + timedelta(days=1))
    assert not again.new
    assert (again.statements, list(again.changed)) == (first.statements, [])


async def test_two_runs_at_once_settle_a_day_once(database: Database) -> None:
    await sold(database, example(), noon())
    both = await asyncio.gather(*(settling(database).settle(DAY, NOW) for _ in range(2)))
    assert sorted(settled.new for settled in both) == [False, True]
    assert both[0].statements == both[1].statements


async def test_a_changed_result_is_told_and_what_was_stored_stands(database: Database) -> None:
    await sold(database, example(1), noon())
    first = await settling(database).settle(DAY, NOW)
    await sold(database, example(2), noon())  # somebody wrote into a day that was settled
    again = await settling(database).settle(DAY, NOW)
    assert again.statements == first.statements
    assert [(old.movement, new.movement) for old, new in again.changed if old and new] == [
        (7295, 14590),
        (14588, 29176),
    ]


async def test_days_are_settled_in_order_and_when_they_are_over(database: Database) -> None:
    for days in (0, 2):
        await sold(database, example(days), noon(DAY + timedelta(days=days)))
    third = DAY + timedelta(days=2)
    with pytest.raises(OutOfTurn, match=r"2026-11-20 has entries and was not settled; run .*--date 2026-11-20"):
        await settling(database).settle(third, NOW)
    with pytest.raises(OutOfTurn, match=r"2026-11-20 is not over in UTC; settle it from 2026-11-21T00:05\+00:00 on"):
        await settling(database).settle(DAY, noon())
    assert (await settling(database).settle(DAY, NOW)).new
    assert (await settling(database).settle(third, NOW)).new  # nothing was sold on the day between
    with pytest.raises(OutOfTurn, match="2026-11-22 was settled when 2026-11-21 had nothing to settle"):
        await settling(database).settle(DAY + timedelta(days=1), NOW)


async def test_an_entry_that_no_statement_knows_stops_settlement(database: Database) -> None:
    await sold(database, example(), noon())
    extra = [LedgerEntry("shop:s-tea", EntryKind.FREIGHT, 5), LedgerEntry("carrier:X", EntryKind.FREIGHT, -5)]
    await database.write(lambda connection: post(connection, "o-1", extra, noon()))
    with pytest.raises(ValueError, match=r"s-tea has entries of a kind that no statement knows \(FREIGHT\)"):
        await settling(database).settle(DAY, NOW)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_refund_is_on_the_statement_of_its_own_day(database: Database, whole: bool) -> None:
    """Of everything: the seller is owed nothing. Of one shop's line after it was shipped, for the seller's fault: that
    shop bears the carriage, and the other one nothing.
    """
    order = example()
    await sold(database, order, noon())
    every = RefundCase(lines={"1": 1, "2": 1}, carriage=True)
    case = every if whole else RefundCase(lines={"2": 1}, carriage=True, shipped=True, cause=Cause.SELLER)
    refund = refund_of(order, case)
    await database.write(lambda connection: post(connection, "o-1", refund.entries, noon(DAY + timedelta(days=1))))
    await settling(database).settle(DAY, NOW)
    statements = (await settling(database).settle(DAY + timedelta(days=1), NOW)).statements
    if whole:
        assert [(each.account, each.closing) for each in statements] == [(BOOKS, 0), (TEA, 0)]
        return
    (books,) = statements
    assert (books.account, books.goods_refunded, books.commission_reversed) == (BOOKS, -7784, 389)
    paid = 500 - 333  # of freight, after its part of the reduction
    assert (books.freight_share, books.closing) == (-paid, -100 - paid)


SALES = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50_000)), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sales=SALES)
async def test_closing_is_the_next_opening_and_all_of_it_is_in_the_ledger(database: Database, sales: Any) -> None:
    await database.write(emptied)
    for number, (day, net) in enumerate(sales):
        await sold(database, example(number, net), noon(DAY + timedelta(days=day)))
    closing: dict[Account, int] = {}
    for day in range(5):
        for each in (await settling(database).settle(DAY + timedelta(days=day), NOW)).statements:
            assert each.opening == closing.get(each.account, 0)
            assert each.opening + each.movement == each.closing
            closing[each.account] = each.closing
    assert sum(closing.values()) == sum(
        entry.amount
        for number, (_, net) in enumerate(sales)
        for entry in entries_of(example(number, net))
        if entry.account.startswith("shop:")
    )


def emptied(connection: Connection) -> None:
    from orderpage.adapters.sql.schema import order_lines, order_parcels, payment_attempts, write_requests

    for table in (
        settlement_statements, settlement_days, ledger_entries, order_lines, order_parcels, payment_attempts, orders,
        write_requests,
    ):  # fmt: skip
        connection.execute(delete(table))


# ---- the command --------------------------------------------------------------------------------------------------


def run(url: str, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["settle", "--database", url, *arguments])


@pytest.fixture
async def traded(url: str, database: Database) -> str:
    await sold(database, example(), noon())
    return url


def test_the_table_shows_amounts_in_units_of_the_currency(traded: str) -> None:
    shown = run(traded, "--date", "2026-11-20")
    assert shown.exit_code == 0, shown.output
    row = next(line for line in shown.output.splitlines() if line.startswith("s-tea")).split()
    assert " ".join(row) == "s-tea HK HKD – 155.66 – – -2.00 -7.78 – 9.00 -9.00 145.88 145.88"
    pnl = run(traded, "--date", "2026-11-20", "--pnl")
    total = "HK HKD all 1 233.50 15.00 5.00 3.00 7.00 13.20 1.80 -7.00 -5.20 -2.23%"
    assert " ".join(pnl.output.splitlines()[-1].split()) == total


def test_csv_and_parquet_hold_the_same_rows_as_json(traded: str, tmp_path: Path) -> None:
    for flags in ((), ("--pnl",)):
        name = "-".join(("f", *flags))
        shown = run(traded, "--date", "2026-11-20", *flags, "--json", "--export", "csv", str(tmp_path / f"{name}.csv"))
        made = run(traded, "--date", "2026-11-20", *flags, "--export", "parquet", str(tmp_path / f"{name}.parquet"))
        assert made.exit_code == 0, made.exception
        rows = json.loads(shown.stdout)
        assert rows
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)) == [{key: str(value) for key, value in row.items()} for row in rows]
        stored = parquet.read_table(tmp_path / f"{name}.parquet").to_pylist()
        assert [{**row, "day": row["day"].isoformat()} for row in stored] == rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--date", "2999-01-01"), "2999-01-01 is not over"),
        (("--date", "2026-11-20", "--export", "xlsx", "a.xlsx"), "there are csv and parquet"),
        (("--date", "2026-11-20", "--export", "csv", "/nowhere/a.csv"), "there is no folder /nowhere"),
        (("--date", "2026-11-20", "--export", "csv", "/dev/null"), "is there already; name a new file"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_settled(
    traded: str, database: Database, arguments: tuple[str, ...], message: str
) -> None:
    failed = run(traded, *arguments)
    assert failed.exit_code != 0
    assert message in str(failed.exception)
    assert run_command(traded, lambda c: c.execute(settlement_days.select()).all()) == []


def test_without_pyarrow_it_says_what_to_install(traded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    failed = run(traded, "--date", "2026-11-20", "--export", "parquet", str(tmp_path / "a.parquet"))
    assert "pip install 'orderpage[parquet]'" in str(failed.exception)


def test_a_changed_result_ends_in_failure_with_what_differs(traded: str) -> None:
    assert run(traded, "--date", "2026-11-20").exit_code == 0
    run_command(traded, raise_goods)
    told = run(traded, "--date", "2026-11-20")
    assert told.exit_code == 1
    assert "1 of the statements of 2026-11-20 would come out differently now. What was stored stands" in told.output
    assert ["s-tea", "HK", "HKD", "goods", "155.66", "155.67"] in [line.split() for line in told.output.splitlines()]


def raise_goods(connection: Connection) -> None:
    entry = ledger_entries.c
    goods = update(ledger_entries).where(entry.account == "shop:s-tea", entry.kind == "GOODS")
    connection.execute(goods.values(amount=entry.amount + 1))


def test_a_day_without_orders_says_so(url: str) -> None:
    assert "nothing was sold or refunded on 2026-11-20" in run(url, "--date", "2026-11-20").output
    assert "nothing was carried on 2026-11-20" in run(url, "--date", "2026-11-20", "--pnl").output


def test_statements_are_whole_in_the_database(traded: str) -> None:
    run(traded, "--date", "2026-11-20")
    rows = run_command(traded, lambda c: c.execute(settlement_statements.select()).mappings().all())
    assert {row["seller"] for row in rows} == {"s-tea", "s-books"}
    assert all(row["opening"] + row["movement"] == row["closing"] for row in rows)
