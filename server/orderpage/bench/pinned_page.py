"""The page that is measured: layers, catalogue, request and clock from this package's own files, nothing else."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import msgspec
from google.protobuf.json_format import Parse

from crossborder.checkout.v1.order_page_pb2 import RenderRequest
from orderpage import facts, points
from orderpage.buckets import PARTS, bucket_chooser
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import Catalogue, GoodsClass, Shop, Sku, Stock, StockLevel
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.scenario import Profile
from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import discover_extensions, used_extensions
from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.plan import PlanSet, PlanSource
from orderpage.engine.scenarios import SourceText
from orderpage.packages import convert_setting
from orderpage.ports import Ports
from orderpage.quote import QuoteSigner
from orderpage.renderer import Renderer

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""A Monday morning, before the cut-off."""

BUYER = Buyer(
    buyer_id="b-bench",
    crowd="everyone",
    orders_by_method={"SG_DM_AIR": 3, "SG_CONSO_SEA": 1},
)
KEY = bytes(range(32))
_FOLDER = resources.files(__package__) / "pinned"


class Memory(msgspec.Struct, frozen=True):
    """Every port of Render, answered from memory, so that no database is measured.

    ``used_up`` is what every buyer's orders used of each thing that there is only so much of, by name.
    """

    known: Mapping[str, Sku]
    levels: Mapping[str, StockLevel]
    buyers: Mapping[str, Buyer]
    rates: Mapping[Currency, ExchangeRate]
    used_up: Mapping[str, int] = {}

    async def skus(self, sku_ids: Collection[str], *, fresh: bool) -> Catalogue:
        """Known ones by id."""
        known = self.known
        return {sku_id: known[sku_id] for sku_id in sku_ids if sku_id in known}

    async def stock(self, sku_ids: Collection[str]) -> Stock:
        """Levels by id."""
        levels = self.levels
        return {sku_id: levels[sku_id] for sku_id in sku_ids if sku_id in levels}

    async def buyer(self, buyer_id: str) -> Buyer:
        """A known buyer, or one without history."""
        return self.buyers.get(buyer_id) or Buyer(buyer_id=buyer_id, crowd="")

    async def rate(
        self, base: Currency, quote: Currency, at: datetime, since: datetime | None = None
    ) -> ExchangeRate | None:
        """The one there is."""
        return self.rates.get(quote)

    async def used(self, buyer_id: str, names: Collection[str], since: datetime | None = None) -> Mapping[str, int]:
        """Units by name."""
        return {name: self.used_up.get(name, 0) for name in names}

    async def used_by_all(self, names: Collection[str]) -> Mapping[str, int]:
        """Nothing on the page is for the first orders only."""
        return dict.fromkeys(names, 0)

    @property
    def ports(self) -> Ports:
        """What Render asks."""
        return Ports(self, self, self, usages=self)


class _Goods(msgspec.Struct, frozen=True):
    sku_id: str
    shop: str
    name: dict[str, str]
    unit_price: int
    weight_g: int
    sides_cm: tuple[int, int, int]
    goods_class: GoodsClass


class _Catalogue(msgspec.Struct, frozen=True):
    shops: dict[str, dict[str, str]]
    skus: list[_Goods]


def pinned_request() -> RenderRequest:
    """Three shops, ten lines, a coupon."""
    return Parse(_text("request.json"), RenderRequest())


def pinned_memory(buyers: Collection[Buyer] = (BUYER,)) -> Memory:
    """The catalogue with plenty in stock, one rate of exchange."""
    found = msgspec.json.decode(_text("catalogue.json"), type=_Catalogue)
    shops = {shop_id: Shop(shop_id, name) for shop_id, name in found.shops.items()}
    skus = {goods.sku_id: _sku(goods, shops[goods.shop]) for goods in found.skus}
    rate = ExchangeRate.of("bench-SGD", CNY, Currency("SGD", 2), "0.1920")
    return Memory(
        known=skus,
        levels=dict.fromkeys(skus, StockLevel(10_000, 1)),
        buyers={buyer.buyer_id: buyer for buyer in buyers},
        rates={rate.quote: rate},
    )


def pinned_sources() -> tuple[SourceText, SourceText]:
    """The closed values and the one layer, as they stand in this package's files."""
    scenarios, layer = (SourceText(f"bench/{name}", _text(name)) for name in ("scenarios.yaml", "layer.yaml"))
    return scenarios, layer


def pinned_plans() -> PlanSet:
    """The pinned layer, compiled; what else is installed does not matter."""
    scenarios, layer = pinned_sources()
    return compiled(scenarios, layer)


def compiled(scenarios: SourceText, *layers: SourceText) -> PlanSet:
    """These layers and nothing else, compiled."""
    package_set = read_packages(PackageFiles((scenarios,), layers), points.ALL)
    return compile_plans(
        points=points.ALL,
        dimensions=package_set.scenarios.dimensions,
        layers=package_set.layers,
        extensions=discover_extensions(used_extensions(package_set.layers)),
        profile_type=Profile,
        host_facts=(facts.BUYER,),
        host_needs=(facts.CATALOGUE, facts.RATE),
        dec_hook=convert_setting,
    )


def pinned_renderer(memory: Memory, plans: PlanSet) -> Renderer:
    """The service's own renderer on them, with a clock that stands still."""
    bucket_of = bucket_chooser("bench", {"control": PARTS})
    return Renderer(PlanSource(lambda: plans), memory.ports, bucket_of, QuoteSigner({"bench": KEY}), lambda: NOW)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _sku(goods: _Goods, shop: Shop) -> Sku:
    values: dict[str, Any] = msgspec.structs.asdict(goods)
    return Sku(**{**values, "shop": shop}, warehouse="CN-SZ", origin="CN")
