"""A migrated database, SQLite and PostgreSQL in turn, with a small catalogue, and orders to place in it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.postgres import PostgresServer

from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.domain.address import Address
from orderpage.domain.money import Currency
from orderpage.domain.order import (
    EntryKind,
    Event,
    LedgerEntry,
    Order,
    OrderLine,
    OrderParcel,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    ServiceKind,
    ServiceOrder,
    ServiceOrderType,
)
from orderpage.ports import Placing, RequestKey, StockNeed

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

DATA = """
shops:
  - {shop_id: s-tea, name: {zh-Hans: 茶铺, en: Tea}}
skus:
  - {sku_id: tea, shop: s-tea, name: {en: Tea}, price: "128.00", weight_g: 320, sides_cm: [20, 12, 8],
     goods_class: FOOD, warehouse: CN-HZ, origin: CN, hs6: "090210", max_quantity: 20, stock: 10}
  - {sku_id: cup, shop: s-tea, name: {en: Cup}, price: "9.90", weight_g: 120, sides_cm: [8, 8, 8],
     goods_class: GENERAL, warehouse: CN-HZ, origin: CN, stock: 2}
  - {sku_id: kite, shop: s-tea, name: {en: Kite}, price: "45.00", weight_g: 210, sides_cm: [60, 12, 5],
     goods_class: GENERAL, warehouse: CN-HZ, origin: CN, stock: 0}
buyers:
  - {buyer_id: b-mei, crowd: member, last_method: HK_AIR, orders_by_method: {HK_AIR: 7}, blocked: false}
rates:
  - {rate_id: r1, base: CNY, quote: {code: HKD, exponent: 2}, rate: "1.18", published_at: 2026-11-22T00:00:00+08:00}
  - {rate_id: r2, base: CNY, quote: {code: HKD, exponent: 2}, rate: "1.19", published_at: 2026-11-23T00:00:00+08:00}
"""

FILES = [("data.yaml", DATA)]

MakePlacing = Callable[..., Placing]


@pytest.fixture
def data() -> str:
    return DATA


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A migrated file that holds ``DATA``."""
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    migrate(url)
    load(url, FILES)
    return url


@pytest.fixture(scope="session")
def seeded(postgres: PostgresServer) -> str:
    """A PostgreSQL database that holds ``DATA``, to be copied."""
    return postgres.create_template(*FILES)


@pytest.fixture
def postgres_url(postgres: PostgresServer, seeded: str) -> str:
    """A migrated PostgreSQL database that holds ``DATA``."""
    return postgres.url(postgres.create(seeded))


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> str:
    """A PostgreSQL database with nothing in it."""
    return postgres.url(postgres.create())


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Every test that uses it, directly or not, runs on both databases."""
    name: str = request.param
    return name


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest) -> str:
    """A migrated database that holds ``DATA``."""
    made: str = request.getfixturevalue("sqlite_url" if backend == "sqlite" else "postgres_url")
    return made


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where nothing was migrated yet."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'none.db'}"
    made: str = request.getfixturevalue("empty_postgres_url")
    return made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = await open_database(url)
    yield database
    await database.close()


@pytest.fixture
def book(database: Database) -> SqlOrders:
    return SqlOrders(database)


@pytest.fixture
def make_placing() -> MakePlacing:
    return placing


def placing(
    number: int = 1,
    *,
    units: dict[str, int] | None = None,
    versions: dict[str, int] | None = None,
    checkout: str = "",
    **request: str,
) -> Placing:
    """Order ``number`` of b-mei: one line for each SKU of ``units``, at 10.00 HKD a unit, in one parcel."""
    units = units or {"tea": 2, "cup": 1}
    order = _order(f"o-{number}", checkout or f"c-{number}", units)
    payment = Payment(
        attempt_id=f"a-{number}",
        order_id=order.order_id,
        key=f"{order.order_id}:hold",
        method="CARD",
        amount=order.payable,
        currency=order.currency,
        state=PaymentState.STARTED,
    )
    key = {"buyer_id": "b-mei", "method": "Submit", "request_id": f"r-{number}", "body_hash": f"h-{number}"} | request
    return Placing(
        request=RequestKey(**key),
        placed=PlacedOrder(order, payment),
        stock=tuple(StockNeed(sku_id, count, (versions or {}).get(sku_id, 1)) for sku_id, count in units.items()),
        ledger=(
            LedgerEntry("buyer:b-mei", EntryKind.PAYMENT, -order.payable),
            LedgerEntry("shop:s-tea", EntryKind.GOODS, order.payable),
        ),
        events=(
            Event("order.confirmed", order.order_id, {"order_id": order.order_id, "payable": order.payable}),
            Event("parcel.announced", order.order_id, {"parcel": "p1"}),
        ),
        lease_until=NOW + timedelta(seconds=30),
        expires_at=NOW + timedelta(minutes=15),
    )


def _order(order_id: str, checkout_id: str, units: dict[str, int]) -> Order:
    goods = sum(units.values()) * 1000
    lines = tuple(
        OrderLine(
            line_id=f"l-{sku_id}",
            sku_id=sku_id,
            shop_id="s-tea",
            name=sku_id.title(),
            quantity=count,
            unit_amount=1000,
            amount=count * 1000,
            net=count * 1000,
            version=1,
        )
        for sku_id, count in units.items()
    )
    parcel = OrderParcel(
        parcel_id="p1",
        method="HK_LAND",
        contents=tuple((line.line_id, line.quantity) for line in lines),
        freight=2500,
        discount=-500,
        fees=900,
        tax=0,
        earliest="2026-11-27",
        latest="2026-12-01",
    )
    shipping = ServiceOrder(
        service_order_id=f"{order_id}-1",
        kind=ServiceKind.SHIPPING,
        type=ServiceOrderType.PARENT_CHILD,
        parcel_id="p1",
        amount=2900,
    )
    return Order(
        order_id=order_id,
        checkout_id=checkout_id,
        buyer_id="b-mei",
        site="HK",
        stack="new",
        plan_digest="d1",
        state=OrderState.OPEN,
        currency=Currency("HKD", 2),
        goods=goods,
        discount=-500,
        freight=2500,
        fees=900,
        tax=0,
        payable=goods + 2900,
        address=Address(country="HK", street=("1 Queen's Road",), recipient="Mei", phone="+85221234567"),
        lines=lines,
        parcels=(parcel,),
        service_orders=(shipping,),
        attributes=(("note", "leave at door"),),
        created_at=NOW,
    )
