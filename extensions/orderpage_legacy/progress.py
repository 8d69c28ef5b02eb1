"""How far the pinned page's cart is from shipping free, and which goods of the clothing shop take it there."""

from collections.abc import Collection, Iterable, Iterator
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

from orderpage.domain.goods import Catalogue, Sku, Stock
from orderpage_legacy.methods import MAX_G, PINNED, PINNED_CLASSES
from orderpage_legacy.pinned import BUNDLE, BUNDLE_METHODS, SHOP, SHOP_FREE, PinnedPrices
from orderpage_legacy.prices import Parcel, Selection

ADD_ONS = {"app-laces": 1, "app-patch": 1, "app-cap": 2, "app-belt": 3, "app-spray": 0, "app-shirt": 4}
"""Goods that may top the cart up, the greater the number the better they go with it."""

CEILING = 2_000
"""Fen that the cheapest top-up may cost, net of what it saves; where it costs more none is shown."""

MOST_SHOWN = 3
HEAVIEST_G = max(MAX_G[code] for code in PINNED)

TopUp = tuple[int, int, tuple[Sku, ...]]
"""What it costs in cents, how much of that is more than was missing, and the goods."""


class Progress(NamedTuple):
    """How far the goods of ``lines`` are; ``elsewhere``: another method would have to be chosen. Amounts in cents."""

    code: str
    threshold: int
    reached: int
    lines: list[str]
    applied: bool
    elsewhere: bool = False
    top_ups: tuple[TopUp, ...] = ()

    @property
    def gap(self) -> int:
        """What is missing."""
        return max(0, self.threshold - self.reached)

    @property
    def group(self) -> str:
        """Names the goods: equal goods, equal name."""
        content = "\0".join([self.code, *sorted(self.lines)])
        return f"g-{blake2b(content.encode(), digest_size=5).hexdigest()}"


def find_progress(
    prices: PinnedPrices, selection: Selection, cheapest: Selection, taken: Collection[str], add_ons: Iterable[Sku]
) -> list[Progress]:
    """Of the bundle, and of the clothing shop where the cart has its goods. ``taken`` are codes of what applies."""
    found = [_bundle(prices, selection, BUNDLE in taken)]
    if prices.shop:
        reached = sum([prices.counted[index] for index in prices.shop])
        parcels = [prices.parcels[index] for index in prices.shop]
        top_ups: tuple[TopUp, ...] = ()
        if (gap := prices.shop_from - reached) > 0:
            top_ups = _top_ups(gap, prices, (selection, cheapest), parcels, add_ons)
        lines = _lines(parcels)
        found.append(Progress(SHOP_FREE, prices.shop_from, reached, lines, SHOP_FREE in taken, top_ups=top_ups))
    return found


def _bundle(prices: PinnedPrices, selection: Selection, applied: bool) -> Progress:
    """Goods count where some method of the bundle takes their parcel, whatever is selected."""
    parcels, reached, selected = [], 0, 0
    for parcel, index, counted in zip(prices.parcels, selection, prices.counted, strict=True):
        if any(option.code in BUNDLE_METHODS for option in parcel.options):
            parcels.append(parcel)
            reached += counted
            selected += counted if parcel.options[index].code in BUNDLE_METHODS else 0
    elsewhere = reached >= prices.bundle_from > selected
    return Progress(BUNDLE, prices.bundle_from, reached, _lines(parcels), applied, elsewhere)


def _lines(parcels: list[Parcel]) -> list[str]:
    return [item.line_id for parcel in parcels for item in parcel.items]


def on_sale(skus: Catalogue, stock: Stock, cart: Collection[str]) -> list[Sku]:
    """The goods that may top the cart up and are not in it, by id."""
    known = [skus[sku_id] for sku_id in sorted(ADD_ONS) if sku_id in skus and sku_id not in cart]
    return [sku for sku in known if not sku.offline and sku.sku_id in stock and stock[sku.sku_id].available > 0]


def _top_ups(
    gap: int,
    prices: PinnedPrices,
    selections: tuple[Selection, Selection],
    parcels: list[Parcel],
    add_ons: Iterable[Sku],
) -> tuple[TopUp, ...]:
    """The best that fit, by how little they overshoot, then by how well they go with the cart."""
    ranked = sorted(_reaching(gap, prices, [sku for sku in add_ons if sku.shop.shop_id == SHOP]), key=_rank)
    shown = [top_up for top_up in ranked if any(_fits(parcel, top_up[2]) for parcel in parcels)][:MOST_SHOWN]
    ceiling = prices.rate.convert(CEILING)
    if shown and shown[0][0] > ceiling and not _saves(shown[0][0] - ceiling, prices, *selections):
        return ()
    return tuple(shown)


def _reaching(gap: int, prices: PinnedPrices, add_ons: list[Sku]) -> Iterator[TopUp]:
    """Single goods that reach it, and pairs of goods that do not alone."""
    short = []
    for sku in add_ons:
        amount = prices.rate.convert(sku.unit_price)
        if amount >= gap:
            yield amount, amount - gap, (sku,)
        else:
            short.append((amount, sku))
    for (first, one), (second, other) in combinations(short, 2):
        if first + second >= gap:
            yield first + second, first + second - gap, (one, other)


def _rank(top_up: TopUp) -> tuple[int, int, tuple[str, ...]]:
    """A pair goes with the cart as well as its lesser half."""
    _, overshoot, skus = top_up
    return overshoot, -min([ADD_ONS[sku.sku_id] for sku in skus]), tuple([sku.sku_id for sku in skus])


def _fits(parcel: Parcel, skus: tuple[Sku, ...]) -> bool:
    """Whether some method takes the parcel with them."""
    weight = parcel.weight + sum([sku.weight_g for sku in skus])
    return weight <= HEAVIEST_G and all(sku.goods_class in PINNED_CLASSES and sku.origin == "CN" for sku in skus)


def _saves(amount: int, prices: PinnedPrices, selected: Selection, cheapest: Selection) -> bool:
    """Whether the shop's free shipping takes so much off the page: as selected, or at its cheapest."""
    met = prices.with_shop_free()
    if prices.cost(selected) - met.cost(selected) >= amount:
        return True
    return prices.cost(cheapest) - met.cost(met.cheapest()) >= amount
