"""The whole of Submit on a real SQLite file, with the sandbox provider and a clock that a test moves."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, func, insert, select, update
from tests.postgres import PostgresServer

from orderpage.adapters.payment.sandbox import Delays, SandboxPayments
from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.rates import SqlRates
from orderpage.adapters.sql.schema import ledger_entries, orders, outbox, skus, stock, write_requests
from orderpage.domain.goods import Sku
from orderpage.domain.order import PlacedOrder
from orderpage.domain.problem import Code, Refusal
from orderpage.engine.plan import PlanSet, PlanSource
from orderpage.payments import PaymentDesk, PaymentTimes
from orderpage.ports import Ports
from orderpage.presale.awaiting import BalanceSweeper
from orderpage.quote import QuoteSigner
from orderpage.relay import Relay
from orderpage.renderer import Rendered, Renderer
from orderpage.request import RenderRequest
from orderpage.submit import SubmitRequest, Submitter
from orderpage.sweeper import Sweeper

SECONDS = 60.0
SKU = "magic"
"""A good whose price a test chooses so that the payable amount ends in the provider's magic digits."""


def prepare(url: str) -> None:
    """Migrate a database and load the demo data, and the good of the magic digits."""
    folder = Path(__file__).parents[3] / "extensions" / "orderpage_sites" / "demo"
    migrate(url)
    names = ("catalogue.yaml", "rates.yaml", "buyers.yaml")
    load(url, [(name, (folder / name).read_text("utf-8")) for name in names])

    def add(connection: Connection) -> None:
        row = {
            "sku_id": SKU,
            "shop_id": "s-digital",
            "name": {"en": "Magic"},
            "unit_price": 10_000,
            "weight_g": 300,
            "length_cm": 10,
            "width_cm": 10,
            "height_cm": 10,
            "goods_class": "GENERAL",
            "warehouse": "CN-SZ",
            "origin": "CN",
            "hs6": "",
            "max_quantity": 99,
            "offline": False,
            "version": 1,
        }
        connection.execute(insert(skus), row)
        connection.execute(insert(stock), {"sku_id": SKU, "available": 50, "version": 1})

    run_command(url, add)


@pytest.fixture(scope="session")
def sqlite_prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to be copied for each test."""
    path = tmp_path_factory.mktemp("sql") / "demo.db"
    prepare(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_prepared(postgres: PostgresServer) -> str:
    """A PostgreSQL database to be copied for each test."""
    name = postgres.create()
    prepare(postgres.url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own: every test runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_prepared'), tmp_path / 'orders.db')}"
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.url(postgres.create(request.getfixturevalue("postgres_prepared")))


class Announcing:
    """A provider that says when it is asked for the money, which is after the pivot."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.asked = asyncio.Event()
        self.look_up, self.release = inner.look_up, inner.release

    async def hold(self, *args: Any) -> Any:
        self.asked.set()
        return await self._inner.hold(*args)


class Till:
    """Renders and submits as buyer b-1 would, and looks into the tables."""

    def __init__(self, database: Database, demo: Any) -> None:
        self.clock = demo.Clock()
        self.database = database
        self.cart: Callable[..., RenderRequest] = demo.cart
        self.address = demo.address
        self.catalogue = SqlCatalogue(database)
        self.orders = SqlOrders(database, clock=self.clock)
        self.provider = SandboxPayments(delays=Delays(settle_s=60, late_s=1.0), clock=self.clock)
        self.ports = Ports(self.catalogue, SqlBuyers(database), SqlRates(database), bought=self.orders)
        self.signer = QuoteSigner({"k1": b"0123456789abcdef" * 2})
        self.bucket_of = demo.packages.bucket_of
        self.renderer = Renderer(demo.packages.plans, self.ports, self.bucket_of, self.signer, self.clock)
        self.use(self.provider)

    def use(self, provider: Any, orders: Any = None, **times: timedelta) -> None:
        """Wire the service again, with another provider or order book."""
        book = orders or self.orders
        self.desk = PaymentDesk(provider, book, PaymentTimes(**times), self.clock)
        self.submitter = Submitter(self.renderer, book, self.desk, self.clock)
        self.sweeper = Sweeper(book, self.desk, self.clock)
        self.awaiting = BalanceSweeper(book, self.submitter.balances, self.clock)

    def replica(self, plans: PlanSet) -> Renderer:
        """Another process of the service, on other packages."""
        return Renderer(PlanSource(lambda: plans), self.ports, self.bucket_of, self.signer, self.clock)

    def announce(self) -> asyncio.Event:
        """Set once the provider is asked for the money."""
        provider = Announcing(self.provider)
        self.use(provider)
        return provider.asked

    def relay(self, sink: Any) -> Relay:
        return Relay(self.orders, sink, self.clock)

    # ---- the buyer's steps

    async def render(self, request: RenderRequest, buyer: str = "b-1") -> Rendered:
        return await self.renderer.render(request, buyer, time.monotonic() + SECONDS)

    async def quote(
        self, digits: int | None = None, quantity: int = 1, site: str = "HK", **fields: Any
    ) -> SubmitRequest:
        """A submit request of a freshly rendered page whose payable ends in ``digits``."""
        request = self.cart(site, (SKU, quantity), **fields)
        rendered = await self.render(request)
        if digits is not None:
            rendered = await self._priced_for(request, rendered, digits)
        return self.ask(request, rendered)

    def ask(self, request: RenderRequest, rendered: Rendered, **fields: Any) -> SubmitRequest:
        defaults = {
            "request_id": str(uuid4()),
            "quote_token": rendered.quote_token,
            "payment_method": "card",
            "page": request,
        }
        return SubmitRequest(**{**defaults, **fields})

    async def submit(self, request: SubmitRequest, buyer: str = "b-1", seconds: float = SECONDS) -> PlacedOrder:
        placed = await self.submitter.submit(request, buyer, time.monotonic() + seconds)
        assert placed is not None
        return placed

    async def refused_within(self, request: SubmitRequest, seconds: float) -> list[Code]:
        """The refusal before the deadline. One too short for a busy machine ends the call first: then a longer."""
        try:
            with pytest.raises(Refusal) as refused:
                await self.submit(request, seconds=seconds)
        except TimeoutError:
            assert seconds < 10, "no refusal before a deadline that was long enough"
            return await self.refused_within(request, seconds * 5)
        return [problem.code for problem in refused.value.problems]

    async def later(self, **by: float) -> int:
        """Let time pass, then sweep once."""
        self.clock.advance(**by)
        return await self.sweeper.tick()

    async def _priced_for(self, request: RenderRequest, shown: Rendered, digits: int) -> Rendered:
        """Hong Kong taxes nothing, so the goods alone move the total."""
        rest, convert = shown.page.totals.payable - shown.page.totals.goods, shown.page.view.rate.convert
        quantity = request.lines[0].quantity
        price = next(fen for fen in range(10_000, 10_200) if (rest + quantity * convert(fen)) % 100 == digits)
        await self.change_sku(unit_price=price)
        rendered = await self.render(request)
        assert rendered.page.totals.payable % 100 == digits
        return rendered

    # ---- the tables

    async def change_sku(self, **values: Any) -> None:
        """As a loaded file would: another version."""
        await self.database.write(
            lambda c: c.execute(update(skus).where(skus.c.sku_id == SKU).values(version=skus.c.version + 1, **values))
        )
        await self.catalogue.skus([SKU], fresh=True)

    async def set_stock(self, available: int) -> None:
        await self.database.write(
            lambda c: c.execute(update(stock).where(stock.c.sku_id == SKU).values(available=available))
        )

    async def stock(self) -> int:
        return (await self.catalogue.stock([SKU]))[SKU].available

    async def sku(self) -> Sku:
        return (await self.catalogue.skus([SKU], fresh=True))[SKU]

    async def rows(self) -> SimpleNamespace:
        """How many rows there are of what a Submit writes."""

        def count(connection: Any) -> SimpleNamespace:
            tables = {"orders": orders, "requests": write_requests, "ledger": ledger_entries, "outbox": outbox}
            return SimpleNamespace(
                **{name: connection.execute(select(func.count()).select_from(t)).scalar() for name, t in tables.items()}
            )

        return await self.database.read(count)

    def again(self, request: SubmitRequest, **fields: Any) -> SubmitRequest:
        """The same under another request id."""
        return replace(request, **{"request_id": str(uuid4()), **fields})

    @property
    def now(self) -> datetime:
        now: datetime = self.clock.now
        return now


@pytest.fixture
async def till(url: str, demo: Any) -> AsyncIterator[Till]:
    database = await open_database(url)
    made = Till(database, demo)
    yield made
    await made.submitter.drain()
    await database.close()
