"""What `bench growth` measures on: larger carts of the pinned goods, more slots in the pinned layer, more scenarios."""

from collections.abc import Mapping
from itertools import product

from msgspec.structs import replace

from orderpage.bench.pinned_page import Memory, pinned_memory, pinned_sources
from orderpage.domain.goods import Sku, StockLevel
from orderpage.domain.page import WantedLine
from orderpage.engine.scenarios import SourceText
from orderpage.request import RenderRequest

LINES_A_SHOP = 8
"""Lines that a cart has of each shop: the page's parcels grow with its lines, as a buyer's do."""

_HEAD = "package: growth-{name}\nwhen: {{site: SG}}\n"
_SLOTS: Mapping[str, str] = {
    # A batch extension that has nothing to say on this page.
    "batch": "present:\n  after:\n    saving:\n{rows}",
    # A bound extension with nothing to say on this page: asked once.
    "asleep": "surcharge:\n  add:\n{rows}",
    # A bound extension that answers for every shipment: the same fee as the one that is there, so it changes nothing.
    "asked": "surcharge:\n  add:\n{rows}",
}
_ROWS: Mapping[str, str] = {
    "batch": "      - {{use: blocks.saving, as: growth_{i}}}\n",
    "asleep": (
        "    - {{use: logistics.zone, as: growth_{i}, "
        'settings: {{areas: [{{effective_from: 2026-01-01, prefixes: ["9{i:03}"]}}]}}}}\n'
    ),
    "asked": "    - {{use: logistics.home_delivery, as: growth_{i}}}\n",
}
KINDS = tuple(_SLOTS)
"""Kinds of active extensions that are added, none of which changes the page."""

_EDITS: Mapping[str, str] = {
    "site": "profile: {{quote_minutes: {i}5}}\nsurcharge:\n  add:\n" + _ROWS["asleep"],
    "business": "admit:\n  add:\n    - {{use: checkout.stock, as: business_{i}}}\n",
    "client": "present:\n  after:\n    saving:\n" + _ROWS["batch"],
    "crowd": "rank:\n  add:\n    - {{use: ranking.cost, as: crowd_{i}, weight: 1{i}}}\n",
    "bucket": "parcel:\n  add:\n    - {{use: logistics.by_shop, as: bucket_{i}}}\n",
}
"""What a value's layer edits: each dimension has its own business, as in real packages."""

_DIMENSIONS = {"site": 5, "business": 5, "client": 4, "crowd": 10, "bucket": 10}
CELLS = 10_000


def grown_cart(request: RenderRequest, lines: int) -> tuple[RenderRequest, Memory]:
    """A cart of so many lines of different SKUs, eight a shop, and the memory that knows them."""
    memory = pinned_memory()
    pinned = list(memory.known.values())
    skus = [_grown_sku(pinned[index % len(pinned)], index) for index in range(lines)]
    wanted = tuple(WantedLine(str(index), sku.sku_id, 1) for index, sku in enumerate(skus, 1))
    known = {sku.sku_id: sku for sku in skus}
    return replace(request, lines=wanted), replace(memory, known=known, levels=dict.fromkeys(known, StockLevel(99, 1)))


_FREIGHT_PROMOTIONS = "free_socks, direct_mail_instant, bundle, apparel_ships_free, freight_relief"


def layer_without_freight_promotions() -> SourceText:
    """A layer over the pinned one: no discount ties the parcels, so each is priced by itself."""
    edits = f"load:\n  remove: [apparel_add_on]\ndiscount:\n  remove: [{_FREIGHT_PROMOTIONS}]\n"
    return SourceText("growth/apart.yaml", _HEAD.format(name="apart") + edits)


def layer_with(kind: str, slots: int) -> SourceText:
    """A layer over the pinned one with so many more slots of one of ``KINDS``."""
    rows = "".join(_ROWS[kind].format(i=index) for index in range(slots))
    return SourceText(f"growth/{kind}.yaml", _HEAD.format(name=kind) + _SLOTS[kind].format(rows=rows))


def many_scenarios() -> tuple[SourceText, list[SourceText]]:
    """Closed values for ``CELLS`` scenarios, and layers: the pinned one, one a value, one a pair of site and business.

    Every scenario gets a plan of its own, because each value puts a slot of its own at some point.
    """
    names = {name: [f"{name}-{index}" for index in range(count)] for name, count in _DIMENSIONS.items()}
    names["site"][0] = "SG"  # the pinned layer's own
    listed = "".join(f"  {name}: [{', '.join(values)}]\n" for name, values in names.items())
    scenarios = SourceText("growth/scenarios.yaml", f"timezone: Asia/Shanghai\ndimensions:\n{listed}")
    _, layer = pinned_sources()
    single = [
        _layer(value, f"{name}: {value}", _EDITS[name], number)
        for name, values in names.items()
        for number, value in enumerate(values)
    ]
    pairs = [
        _layer(f"{site}-{business}", f"site: {site}, business: {business}", _EDITS["site"], 100 + number)
        for number, (site, business) in enumerate(product(names["site"], names["business"]))
    ]
    return scenarios, [layer, *single, *pairs]


def _layer(name: str, when: str, edits: str, number: int) -> SourceText:
    return SourceText(f"growth/{name}.yaml", f"package: growth-{name}\nwhen: {{{when}}}\n{edits.format(i=number)}")


def _grown_sku(sku: Sku, index: int) -> Sku:
    shop = replace(sku.shop, shop_id=f"s-{index // LINES_A_SHOP}")
    return replace(sku, sku_id=f"{sku.sku_id}-{index}", shop=shop)
