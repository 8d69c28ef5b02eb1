"""The demo world: the installed packages over data in memory, at a fixed moment.

Ports are the service's boundary, so the adapters here are small and in memory; everything inside the boundary is real.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from ruamel.yaml import YAML
from tests.postgres import PostgresServer

from orderpage import facts, points
from orderpage.domain.address import Address, Delivery
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import GoodsClass, Shop, Sku, StockLevel
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.page import WantedLine
from orderpage.domain.scenario import Profile
from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import discover_extensions, offer, used_extensions
from orderpage.engine.find import find_packages
from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.plan import PlanSet, PlanSource
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages, convert_setting
from orderpage.ports import Ports
from orderpage.quote import QuoteSigner
from orderpage.renderer import Rendered, Renderer
from orderpage.request import RenderRequest

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""10:00 in Hong Kong and Singapore, on a Monday, well before the 16:00 cut-off."""

# A shared machine is slow at times, so no deadline; and a change must not fail for a cart that another one's run drew.
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

# PostgreSQL is started by a fork, in which gRPC's own handlers crash while its threads are busy.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

TESTS = Path(__file__).parent
DEMO = TESTS.parent / "extensions" / "orderpage_sites" / "demo"
SECONDS = 30.0


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class Data(msgspec.Struct, frozen=True):
    """What the demo files hold, as domain values."""

    skus: Mapping[str, Sku]
    stock: Mapping[str, StockLevel]
    rates: Mapping[str, ExchangeRate]
    buyers: Mapping[str, Buyer]


class MemoryPorts:
    """Catalogue, buyers and rates in dictionaries that a test may change between two calls."""

    def __init__(self, data: Data) -> None:
        self.known = dict(data.skus)
        self.levels = dict(data.stock)
        self.rates = dict(data.rates)
        self.buyers = dict(data.buyers)
        self.fresh: list[bool] = []

    async def skus(self, sku_ids: Collection[str], *, fresh: bool) -> Mapping[str, Sku]:
        self.fresh.append(fresh)
        return {sku_id: self.known[sku_id] for sku_id in sku_ids if sku_id in self.known}

    async def stock(self, sku_ids: Collection[str]) -> Mapping[str, StockLevel]:
        return {sku_id: self.levels[sku_id] for sku_id in sku_ids if sku_id in self.levels}

    async def buyer(self, buyer_id: str) -> Buyer:
        return self.buyers.get(buyer_id) or Buyer(buyer_id=buyer_id, crowd="everyone")

    async def rate(
        self, base: Currency, quote: Currency, at: datetime, since: datetime | None = None
    ) -> ExchangeRate | None:
        return self.rates.get(quote.code)

    def sell(self, sku_id: str, price: str = "10.00", *, shop: str = "s-test", stock: int = 1000, **fields: Any) -> Sku:
        """Put a good on sale at a price in CNY."""
        defaults = {
            "shop": Shop(shop, {"en": "A shop"}),
            "name": {"en": sku_id},
            "weight_g": 400,
            "sides_cm": (10, 10, 10),
            "goods_class": GoodsClass.GENERAL,
            "warehouse": "CN-SZ",
            "origin": "CN",
        }
        sku = Sku(**{"sku_id": sku_id, "unit_price": CNY.parse(price), **defaults, **fields})
        self.known[sku_id] = sku
        self.levels[sku_id] = StockLevel(stock, 1)
        return sku


class World:
    """A renderer over a memory, and short ways to ask it."""

    def __init__(self, plans: PlanSource, bucket_of: Callable[[str], str], data: Data) -> None:
        self.clock = Clock()
        self.ports = MemoryPorts(data)
        self.signer = QuoteSigner({"k1": b"0123456789abcdef" * 2})
        ports = Ports(self.ports, self.ports, self.ports)
        self.renderer = Renderer(plans, ports, bucket_of, self.signer, self.clock)

    def cart(self, site: str, *lines: tuple[str, int] | WantedLine, **fields: Any) -> RenderRequest:
        return make_request(site, *lines, **fields)

    async def render(self, request: RenderRequest, buyer: str = "b-1") -> Rendered:
        return await self.renderer.render(request, buyer, time.monotonic() + SECONDS)


def make_request(site: str, *lines: tuple[str, int] | WantedLine, **fields: Any) -> RenderRequest:
    """A request of the marketplace's h5 page, in English, to a home that is not remote."""
    wanted = tuple(
        line if isinstance(line, WantedLine) else WantedLine(str(index), *line) for index, line in enumerate(lines, 1)
    )
    defaults: dict[str, Any] = {
        "business": "marketplace",
        "client": "h5",
        "client_version": "2.0.0",
        "language": "en",
        "address": make_address(site),
    }
    return RenderRequest(**{"site": site, "lines": wanted, **defaults, **fields})


def make_address(site: str, **fields: Any) -> Address:
    homes = {
        "HK": {
            "country": "HK",
            "subdivision": "Kowloon",
            "district": "Mong Kok",
            "street": ("8 Demo Road",),
            "recipient": "Chan Mei",
            "phone": "+852 5123 4567",
        },
        "SG": {
            "country": "SG",
            "postcode": "520123",
            "street": ("123 Demo Street", "#08-15"),
            "recipient": "Tan Jun",
            "phone": "+65 8123 4567",
        },
        "TW": {
            "country": "TW",
            "subdivision": "台北市",
            "city": "信義區",
            "postcode": "110",
            "street": ("示範路 8 號",),
            "recipient": "林怡君",
            "phone": "+886 912 345 678",
        },
        "MY": {
            "country": "MY",
            "subdivision": "Selangor",
            "city": "Petaling Jaya",
            "postcode": "46000",
            "street": ("8 Jalan Demo",),
            "recipient": "Nur Aisyah",
            "phone": "+60 12 345 6789",
        },
        "CA": {
            "country": "CA",
            "subdivision": "ON",
            "city": "Toronto",
            "postcode": "M5V 2T6",
            "street": ("8 Demo Street",),
            "recipient": "Alex Tremblay",
            "phone": "+1 416 967 1111",
        },
    }
    return Address(**{"delivery": Delivery.HOME, **homes[site], **fields})


def compile_with(layers: str, *extensions: type, without: Collection[str] = ()) -> PlanSet:
    """The installed packages with one more layer file, and extensions given directly. ``without`` leaves files out."""
    found = find_packages()
    kept = tuple(file for file in found.layers if not file.file.endswith(tuple(without)))
    files = PackageFiles(found.scenarios, (*kept, SourceText("test/layers/more.yaml", layers)))
    packages = read_packages(files, points.ALL)
    return compile_plans(
        points=points.ALL,
        dimensions=packages.scenarios.dimensions,
        layers=packages.layers,
        extensions=discover_extensions(used_extensions(packages.layers), offer(*extensions)),
        profile_type=Profile,
        host_facts=(facts.BUYER,),
        host_needs=(facts.CATALOGUE, facts.RATE),
        dec_hook=convert_setting,
    )


@pytest.fixture(scope="session")
def cases() -> dict[str, Any]:
    """The worked cases of the domain rules."""
    found: dict[str, Any] = json.loads((TESTS / "data" / "worked_cases.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def data() -> Data:
    def read(name: str) -> Any:
        return YAML(typ="safe", pure=True).load((DEMO / name).read_text("utf-8"))

    catalogue = read("catalogue.yaml")
    shops = {shop["shop_id"]: Shop(shop["shop_id"], shop["name"]) for shop in catalogue["shops"]}
    skus, stock = {}, {}
    for entry in catalogue["skus"]:
        row = dict(entry)
        stock[row["sku_id"]] = StockLevel(row.pop("stock"), 1)
        skus[row["sku_id"]] = Sku(
            shop=shops[row.pop("shop")],
            unit_price=CNY.parse(row.pop("price")),
            sides_cm=tuple(row.pop("sides_cm")),
            goods_class=GoodsClass(row.pop("goods_class")),
            **row,
        )
    rates = {}
    for row in read("rates.yaml")["rates"]:
        rates[row["quote"]["code"]] = ExchangeRate.of(row["rate_id"], CNY, Currency(**row["quote"]), row["rate"])
    buyers = {row["buyer_id"]: Buyer(**row) for row in read("buyers.yaml")["buyers"]}
    return Data(skus, stock, rates, buyers)


@pytest.fixture(scope="session")
def packages() -> Packages:
    """What is installed, compiled once."""
    return Packages()


@pytest.fixture
def world(packages: Packages, data: Data) -> World:
    return World(packages.plans, packages.bucket_of, data)


@pytest.fixture(scope="session")
def demo(packages: Packages, data: Data) -> SimpleNamespace:
    """For tests that make many worlds, or wire their own: the parts."""
    return SimpleNamespace(
        NOW=NOW,
        Clock=Clock,
        address=make_address,
        cart=make_request,
        compile_with=compile_with,
        data=data,
        packages=packages,
        world=lambda plans=None: World(
            PlanSource(lambda: plans) if plans else packages.plans, packages.bucket_of, data
        ),
    )


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    # Not in pytest's folders: PostgreSQL does not run as root but as a user of its own, who could not read them.
    folder = Path(mkdtemp(prefix="orderpage-postgres-"))
    try:
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.close()
    finally:
        # A hundred databases are 30,000 files: on a busy disk a test's time would be over before they are gone.
        subprocess.run(["sh", "-c", 'rm -rf "$0" >/dev/null 2>&1 &', str(folder)], check=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started for the first test that asks."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server that the test may stop."""
    with run_postgres() as server:
        yield server
