"""How a cart may be divided into parcels. The page takes the cheapest; of equal ones the first with fewest parcels."""

from collections.abc import Callable, Hashable, Iterable
from hashlib import blake2b

from orderpage_legacy.cart import Item

Bundles = list[list[Item]]

HK_TOGETHER = (frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID", "COSMETIC"}),)
SG_TOGETHER = (frozenset({"GENERAL", "BATTERY_BUILTIN"}), frozenset({"GENERAL", "LIQUID"}))
MOST_PIECES = 50


def by_shop(items: Iterable[Item]) -> Bundles:
    """One parcel per shop and region of stock, of the very same items."""
    parcels: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        key = item.sku.origin, item.sku.shop.shop_id
        if key in parcels:
            parcels[key].append(item)
        else:
            parcels[key] = [item]
    return list(parcels.values())


def divide(items: list[Item], site: str) -> list[tuple[str, Bundles]]:
    """Every division with its reason; each has items of its own, so that each can be discounted by itself."""
    merged = _by(items, lambda item: item.sku.origin)
    found = [("merged", merged)]
    shops = by_shop(items)
    if len(shops) > len(merged):
        found.append(("one parcel per shop", [[_part(item, item.quantity, 0) for item in shop] for shop in shops]))
    together = HK_TOGETHER if site == "HK" else SG_TOGETHER
    grouped = _by_class(items, together)
    if len(grouped) > len(merged):
        found.append(("separated by goods class", grouped))
    for limit in (30_000,) if site == "HK" else (20_000, 50_000):
        _add_pieces(found, f"pieces up to {limit} g", merged, limit)
        if len(grouped) > len(merged):
            _add_pieces(found, f"separated by goods class, pieces up to {limit} g", grouped, limit)
    return found


def name_of(items: list[Item]) -> str:
    """A parcel's id: equal goods, equal id."""
    names = "\0".join([f"{item.line_id}\0{item.quantity}" for item in items])
    return f"p-{blake2b(names.encode(), digest_size=5).hexdigest()}"


def _part(item: Item, quantity: int, before: int) -> Item:
    """Units of a line, ``before`` of which are elsewhere: parts always sum to the line."""
    upto = item.amount * (before + quantity) // item.quantity
    return Item(item.line_id, item.sku, quantity, item.unit, upto - item.amount * before // item.quantity)


def _by(items: list[Item], key: Callable[[Item], Hashable]) -> Bundles:
    bundles: dict[Hashable, list[Item]] = {}
    for item in items:
        bundles.setdefault(key(item), []).append(_part(item, item.quantity, 0))
    return list(bundles.values())


def _by_class(items: list[Item], together: tuple[frozenset[str], ...]) -> Bundles:
    """What some method carries together; a class that none does stands alone. An origin that fits is left whole."""
    classes: dict[str, set[str]] = {}
    for item in items:
        classes.setdefault(item.sku.origin, set()).add(item.sku.goods_class)
    whole = [origin for origin, found in classes.items() if any(found <= group for group in together)]

    def key(item: Item) -> Hashable:
        origin, goods_class = item.sku.origin, item.sku.goods_class
        if origin in whole:
            return origin
        for index, group in enumerate(together):
            if goods_class in group:
                return origin, index
        return origin, goods_class

    return _by(items, key)


def _add_pieces(found: list[tuple[str, Bundles]], reason: str, bundles: Bundles, limit: int) -> None:
    pieces: Bundles = []
    for bundle in bundles:
        pieces += _pieces(bundle, limit)
        if len(pieces) > MOST_PIECES:
            return
    if len(pieces) > len(bundles):
        found.append((reason, pieces))


def _pieces(bundle: list[Item], limit: int) -> Bundles:
    """Fill one piece after the other, in the cart's order; a unit that is too heavy stands alone."""
    pieces: Bundles = []
    piece: list[Item] = []
    weight = 0
    for item in bundle:
        unit, taken_before = item.sku.weight_g, 0
        while taken_before < item.quantity:
            left = item.quantity - taken_before
            taken = left if not unit else min(left, (limit - weight) // unit)
            if taken <= 0 and not piece:
                taken = 1
            if taken > 0:
                piece.append(_part(item, taken, taken_before))
                weight += unit * taken
                taken_before += taken
            if taken_before < item.quantity or weight > limit:
                pieces.append(piece)
                piece, weight = [], 0
                if len(pieces) > MOST_PIECES:
                    return pieces
    if piece:
        pieces.append(piece)
    return pieces
