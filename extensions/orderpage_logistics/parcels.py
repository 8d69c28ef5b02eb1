"""Candidate divisions of a cart into parcels. The host prices each and takes the cheapest.

Rules: domain rules, section 12 (merging). Goods of different regions of stock never share a parcel, so every division
starts from the origins. An extension answers nothing where its division equals the merged one.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence

from orderpage import extends, extension, points
from orderpage.domain.goods import Line
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Item, Parcel, Split

Bundle = list[Item]


@extension("logistics.merged")
class Merged:
    """Everything of one origin in one parcel: the hub merges across shops."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """The division that always exists."""
        return (split_of(bundled(page.lines, _origin), "merged"),) if page.lines else ()


@extension("logistics.by_shop")
class ByShop:
    """One parcel per shop: what a buyer gets when nothing merges."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """Nothing for a single shop."""
        bundles = bundled(page.lines, lambda line: (line.sku.origin, line.sku.shop.shop_id))
        origins = len({line.sku.origin for line in page.lines})
        return (split_of(bundles, "one parcel per shop"),) if len(bundles) > origins else ()


def pieces_of(bundle: Bundle, max_g: int) -> Iterator[Bundle]:
    """Fill one piece after the other, in cart order: work grows with lines and pieces, not with units."""
    piece: Bundle = []
    weight = 0
    for item in bundle:
        unit, left = item.line.sku.weight_g, item.quantity
        while left:
            taken = left if not unit else min(left, (max_g - weight) // unit)
            if taken <= 0 and not piece:
                taken = 1
            if taken > 0:
                piece.append(_units(item.line, taken))
                weight += unit * taken
                left -= taken
            if left or weight > max_g:
                yield piece
                piece, weight = [], 0
    if piece:
        yield piece


def _units(line: Line, quantity: int) -> Item:
    return Item(line, quantity, line.unit_amount * quantity)


def _origin(line: Line) -> Hashable:
    return line.sku.origin


def bundled(lines: Sequence[Line], key: Callable[[Line], Hashable]) -> list[Bundle]:
    """The lines by key, in the order of the cart."""
    bundles: dict[Hashable, Bundle] = {}
    for line in lines:
        bundles.setdefault(key(line), []).append(Item(line, line.quantity, line.amount))
    return list(bundles.values())


def split_of(bundles: Sequence[Bundle], reason: str) -> Split:
    """A parcel of each."""
    return Split(tuple([Parcel.of(bundle) for bundle in bundles]), reason)
