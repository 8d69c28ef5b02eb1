"""Goods in presale from a file to the catalogue, and orders that were made before there were stages."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from alembic import command
from sqlalchemy import Connection, text

from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.load import Counts, load
from orderpage.adapters.sql.migrate import configuration, migrate
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.domain.address import Address
from orderpage.domain.order import PaymentState
from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.stage import Stage, StageState
from orderpage.engine.problems import PackageErrors

FILE = """shops:
  - {shop_id: s-tea, name: {en: Tea}}
skus:
  - sku_id: new-tea
    shop: s-tea
    name: {en: New tea}
    price: "100.00"
    weight_g: 100
    sides_cm: [10, 10, 10]
    goods_class: GENERAL
    warehouse: CN-HZ
    origin: CN
    stock: 9
    presale:
      - effective_from: 2026-12-01
        effective_to: 2026-12-10
        deposit: "20.00"
        balance: {first_day: 2026-12-20, last_day: 2026-12-24}
      - effective_from: 2026-11-01
        effective_to: 2026-11-30
        deposit_ppm: 100000
        balance: {opens_at: 2026-12-01T00:00:00+08:00, closes_at: 2026-12-03T12:00:00+08:00}
"""


async def test_a_good_in_presale_is_read_as_it_was_loaded_by_date(database: Database, url: str) -> None:
    load(url, [("presale.yaml", FILE)])
    assert load(url, [("presale.yaml", FILE)])["skus"] == Counts(0, 0, 1)
    sku = (await SqlCatalogue(database).skus(["new-tea"], fresh=True))["new-tea"]
    november, december = sku.presale
    assert december == Presale(
        effective_from=date(2026, 12, 1),
        effective_to=date(2026, 12, 10),
        deposit=2_000,
        balance=BalanceWindow(first_day=date(2026, 12, 20), last_day=date(2026, 12, 24)),
    )
    assert november.deposit_ppm == 100_000
    assert november.balance.closes_at == datetime(2026, 12, 3, 4, tzinfo=UTC)


async def test_a_presale_that_changes_makes_another_version(database: Database, url: str) -> None:
    load(url, [("presale.yaml", FILE)])
    load(url, [("presale.yaml", FILE.replace("100000", "90000"))])
    assert (await SqlCatalogue(database).skus(["new-tea"], fresh=True))["new-tea"].version == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('deposit: "20.00"', 'deposit: "20.01"', 17, "presale[0].deposit: 20.01 is over the legal fifth of the price"),
        ('deposit: "20.00"', 'deposit: "a lot"', 15, "presale[0]: 'a lot' is not a decimal amount"),
        ("deposit_ppm: 100000", "deposit_ppm: 200001", 19, "presale[1]: a deposit of 200001 parts per million is over"),
        ("last_day: 2026-12-24", "last_day: 2026-12-19", 18, "before it begins"),
        ("effective_to: 2026-11-30", "effective_to: 2026-12-05", 19, "when its balance can be paid no more"),
        ("effective_from: 2026-12-01", "effective_from: 2026-11-30", 14, "presale: the rows from 2026-11-01 and"),
        ("effective_to: 2026-12-10", "until: 2026-12-10", 16, "unknown key 'until'"),
    ],
)
def test_a_presale_that_cannot_be_kept_names_file_and_line(url: str, old: str, new: str, line: int, said: str) -> None:
    assert old in FILE
    with pytest.raises(PackageErrors) as refused:
        load(url, [("presale.yaml", FILE.replace(old, new))])
    (mistake,) = refused.value.errors
    assert (mistake.file, mistake.line) == ("presale.yaml", line)
    assert said in str(mistake)
    assert "new-tea" in str(mistake)


# ---- orders of before ------------------------------------------------------------------------------------------

_OLD = (
    "INSERT INTO orders (order_id, checkout_id, buyer_id, site, stack, plan_digest, state, currency_code, "
    "currency_exponent, goods, discount, freight, fees, tax, payable, address, attributes, events, reserved, "
    "created_at) VALUES ('o-1', 'c-1', 'b-1', 'HK', 'new', 'p', 'CONFIRMED', 'HKD', 2, 1000, -100, 200, 30, 4, 1134, "
    ":address, '[]', '[]', '[]', 0)",
    "INSERT INTO payment_attempts (attempt_id, order_id, key, method, amount, state, reference, next_action, decline, "
    "lease_until, expires_at) VALUES ('o-1-p1', 'o-1', 'o-1:hold', 'card', 1134, 'HELD', 'ref', '', '', 5, 6)",
)


async def test_an_order_of_before_is_one_full_stage_and_keeps_its_payment(empty_url: str) -> None:
    def before(connection: Connection) -> None:
        command.upgrade(configuration(connection), "0003")
        for statement in _OLD:
            address = msgspec.json.encode(Address(country="HK")).decode()
            connection.execute(text(statement), {"address": address} if ":address" in statement else {})

    run_command(empty_url, before, create=True)
    migrate(empty_url)
    database = await open_database(empty_url)
    placed = await SqlOrders(database).order("o-1", "b-1")
    assert placed is not None
    (stage,) = placed.order.stages
    assert (stage.due.stage, stage.state, stage.due.amount) == (Stage.FULL, StageState.PAID, 1134)
    payment = placed.payment
    assert (payment.attempt_id, payment.state, payment.amount) == ("o-1-p1", PaymentState.HELD, 1134)
    assert payment.stage is Stage.FULL
    await database.close()
