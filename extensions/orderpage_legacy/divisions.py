"""How a cart may be divided into parcels. The page takes the cheapest; of equal ones the first with fewest parcels."""

from collections.abc import Callable, Hashable, Iterable
from hashlib import blake2b

from orderpage_legacy.cart import Item

Bundles = list[list[Item]]

HK_LOADS = (
    (frozenset({"GENERAL", "BATTERY_BUILTIN"}), 20_000),
    (frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID"}), 30_000),
    (frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID", "COSMETIC"}), 30_000),
)
SG_LOADS = ((frozenset({"GENERAL", "BATTERY_BUILTIN"}), 20_000), (frozenset({"GENERAL", "LIQUID"}), 50_000))
MOST_PIECES = 50
MOST_ITEMS = 3_000
MOST_CANDIDATES = 90
MOST_GROUPS = 5

Load = tuple[frozenset[str], int]


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
    loads = HK_LOADS if site == "HK" else SG_LOADS
    limits = sorted({most for _, most in loads}, reverse=True)
    alike = _by(items, lambda item: (item.sku.origin, _carried_by(item, loads)))
    heavy = any(sum([item.sku.weight_g * item.quantity for item in bundle]) > limits[-1] for bundle in merged)
    if len(alike) == len(merged) and not heavy:
        return found
    fine = _by(items, lambda item: (item.sku.origin, item.sku.warehouse, item.sku.shop.shop_id, item.sku.goods_class))
    groups = fine if len(fine) <= MOST_GROUPS else alike
    room = max(2, MOST_ITEMS // len(items))
    if len(groups) <= MOST_GROUPS:
        ways = sorted(_combined(groups, len(groups), loads), key=len)[:room]
    else:
        ways = [[(index,) for index in range(len(groups))]]
    place = {item.line_id: index for index, item in enumerate(items)}
    divisions = [[sorted(_all(way, groups), key=lambda i: place[i.line_id]) for way in each] for each in ways]
    more: list[tuple[str, Bundles]] = []
    apart = [bundles for bundles in divisions if len(bundles) > len(merged)]
    whole = [bundles for bundles in apart if all(_carried(bundle, loads) for bundle in bundles)]
    more += [("combined as it is carried cheapest", _copied(bundles)) for bundles in whole]
    for bundles in divisions:
        for limit in limits:
            _add_pieces(more, bundles, limit, loads)
    return found + more[:MOST_CANDIDATES]


def _carried_by(item: Item, loads: tuple[Load, ...]) -> Hashable:
    """Which loads take it; a class that none does stands by itself."""
    return tuple(index for index, (classes, _) in enumerate(loads) if item.sku.goods_class in classes) or (
        item.sku.goods_class
    )


def _carried(bundle: list[Item], loads: tuple[Load, ...]) -> bool:
    """Whether somebody takes it as it is; what nobody carries at all hinders nothing."""
    classes = {item.sku.goods_class for item in bundle}
    most = [limit for known, limit in loads if classes <= known]
    return not most or sum([item.sku.weight_g * item.quantity for item in bundle]) <= max(most)


def _combined(groups: Bundles, upto: int, loads: tuple[Load, ...]) -> Iterable[list[tuple[int, ...]]]:
    """Every way to put the first ``upto`` groups together that somebody carries."""
    if upto == 0:
        yield []
        return
    last = upto - 1
    for ways in _combined(groups, last, loads):
        for index, way in enumerate(ways):
            goods = _all((*way, last), groups)
            classes = {item.sku.goods_class for item in goods}
            carried = len(classes) == 1 or any(classes <= known for known, _ in loads)
            if carried and len({item.sku.origin for item in goods}) == 1:
                yield [*ways[:index], (*way, last), *ways[index + 1 :]]
        yield [*ways, (last,)]


def _all(way: tuple[int, ...], groups: Bundles) -> list[Item]:
    return [item for group in way for item in groups[group]]


def _copied(bundles: Bundles) -> Bundles:
    return [[_part(item, item.quantity, 0) for item in bundle] for bundle in bundles]


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


def _add_pieces(found: list[tuple[str, Bundles]], bundles: Bundles, limit: int, loads: tuple[Load, ...]) -> None:
    pieces: Bundles = []
    for bundle in bundles:
        classes = {item.sku.goods_class for item in bundle}
        pieces += _pieces(bundle, min(limit, max([most for known, most in loads if classes <= known], default=limit)))
        if len(pieces) > MOST_PIECES:
            return
    if len(pieces) > len(bundles):
        found.append((f"pieces up to {limit} g", pieces))


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
