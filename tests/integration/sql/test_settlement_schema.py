"""Schema 0004 on a database with orders from before: they are kept, counted from when they were made, and readable."""

from typing import Any

from alembic import command
from sqlalchemy import Connection, text
from tests.orders import draft_of, page_of
from tests.unit.conftest import Build

from orderpage.accounting.ledger import entries_of
from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.migrate import configuration, migrate
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.domain.discount import Funder, Lane, Target
from orderpage.domain.order import EntryKind, OrderState, Payment, PaymentState, PlacedOrder
from orderpage.ports import Placing, RequestKey, Verdict

OLD = (
    "INSERT INTO orders (order_id, checkout_id, buyer_id, site, stack, plan_digest, state, currency_code, "
    "currency_exponent, goods, discount, freight, fees, tax, payable, address, attributes, events, reserved, "
    "created_at) VALUES ('{0}', 'c-{0}', 'b-1', 'HK', 'new', 'd', '{1}', 'HKD', 2, 1000, -100, 500, 80, 90, 1570, "
    """'{{"country": "HK"}}', '[]', '[]', '[]', 1795320000000000)""",
    "INSERT INTO order_lines (order_id, line_id, position, sku_id, shop_id, name, quantity, unit_amount, amount, net, "
    "version) VALUES ('{0}', '1', 0, 'tea', 's-tea', 'Tea', 2, 500, 1000, 900, 1)",
    "INSERT INTO order_parcels (order_id, parcel_id, position, method, contents, freight, discount, fees, tax, "
    """earliest, latest) VALUES ('{0}', 'p', 0, 'HK_LAND', '[["1", 2]]', 500, 0, 80, 90, '', '')""",
    "INSERT INTO payment_attempts (attempt_id, order_id, key, method, amount, state, reference, next_action, decline, "
    "lease_until, expires_at) VALUES ('{0}-p', '{0}', '{0}:hold', 'CARD', 1570, 'HELD', '', '', '', 0, 0)",
    "INSERT INTO ledger_entries (order_id, seq, account, amount) VALUES ('{0}', 0, 'buyer:b-1', -1570), "
    "('{0}', 1, 'shop:s-tea', 1000), ('{0}', 2, 'carrier:OFFICIAL', 580), ('{0}', 3, 'tax:SG_GST', 90), "
    "('{0}', 4, 'platform:discounts', -100)",
)


def old_orders(connection: Connection) -> None:
    command.upgrade(configuration(connection), "0003")
    for statement in OLD:
        connection.execute(text(statement.format("o-1", "CONFIRMED").replace(":hold", "-hold")))
        connection.execute(text(statement.format("o-2", "CLOSED").replace(":hold", "-hold")))


async def test_older_orders_survive_and_their_entries_say_what_they_are_for(empty_url: str) -> None:
    run_command(empty_url, old_orders, create=True)
    migrate(empty_url)
    database = await open_database(empty_url)
    try:
        rows = await database.read(_entries_and_moments)
        placed = await SqlOrders(database).order("o-1", "b-1")
    finally:
        await database.close()
    assert rows == [
        [("buyer:b-1", "PAYMENT", "", -1570), ("shop:s-tea", "GOODS", "", 1000), ("carrier:OFFICIAL", "FEES", "", 580),
         ("tax:SG_GST", "TAX", "", 90), ("platform:discounts", "DISCOUNT", "", -100)],
        [("o-1", 1795320000000000), ("o-2", None)],
    ]  # fmt: skip
    assert placed is not None
    assert (placed.order.adjustments, placed.order.parcels[0].portions, placed.order.lines[0].commission) == ((), (), 0)
    again = entries_of(placed.order)
    assert sum(entry.amount for entry in again if entry.kind is EntryKind.DISCOUNT) == -100


def _entries_and_moments(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [
        [tuple(row) for row in connection.execute(text(query))]
        for query in (
            "SELECT account, kind, subject, amount FROM ledger_entries WHERE order_id = 'o-1' ORDER BY seq",
            "SELECT order_id, confirmed_at FROM orders ORDER BY order_id",
        )
    ]


async def test_an_order_is_read_back_with_all_that_a_refund_needs(database: Database) -> None:
    build = Build()
    rules = [
        build.rule("CROSS", 700, funding=((Funder.PLATFORM, 7), (Funder.SELLER, 3)), threshold=5000),
        build.rule("SHIP", 300, target=Target.FREIGHT, lane=Lane.FREIGHT),
    ]
    parcel = build.parcel(build.line("1", 9000, 3), build.line("2", 4000, shop="shop-2"))
    made = draft_of(page_of([build.priced(parcel, build.offer("A", 900))], rules, [build.gst()]))
    order = made.order
    payment = Payment(
        attempt_id="a-1", order_id=order.order_id, key="k", method="CARD", amount=order.payable,
        currency=order.currency, state=PaymentState.STARTED,
    )  # fmt: skip
    placing = Placing(
        request=RequestKey("b-1", "Submit", "r-1", "h"), placed=PlacedOrder(order, payment), stock=(),
        ledger=made.ledger, events=(), lease_until=order.created_at, expires_at=order.created_at,
    )  # fmt: skip
    book = SqlOrders(database, clock=lambda: order.created_at)
    assert (await book.place(placing)).created
    placed = await book.order(order.order_id, "b-1")
    assert placed is not None
    assert placed.order == order
    assert [adjustment.threshold for adjustment in placed.order.adjustments] == [5000, 0]
    assert len(placed.order.parcels[0].portions) == 2
    confirmed = await book.record_payment(placed, Verdict(PaymentState.HELD), order.created_at)
    assert confirmed.order.state is OrderState.CONFIRMED
    (moment,) = await database.read(lambda c: list(c.execute(text("SELECT confirmed_at FROM orders")).scalars()))
    assert moment == round(order.created_at.timestamp() * 1_000_000)
