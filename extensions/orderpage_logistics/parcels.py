"""Candidate divisions of a cart into parcels. The host prices each and takes the cheapest.

Rules: domain rules 3.3 (classes that travel together) and section 12 (limits, merging). Goods of different regions of
stock never share a parcel, so every division starts from the origins. An extension answers nothing where its division
equals the merged one.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Annotated

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.goods import GoodsClass, Line
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Item, Parcel, Split

Groups = tuple[frozenset[GoodsClass], ...]
Bundle = list[Item]


@extension("logistics.merged")
class Merged:
    """Everything of one origin in one parcel: the hub merges across shops."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """The division that always exists."""
        return _split(_by(page.lines, _origin), "merged") if page.lines else ()


@extension("logistics.by_shop")
class ByShop:
    """One parcel per shop: what a buyer gets when nothing merges."""

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """Nothing for a single shop."""
        bundles = _by(page.lines, lambda line: (line.sku.origin, line.sku.shop.shop_id))
        return _split(bundles, "one parcel per shop") if len(bundles) > len(_by(page.lines, _origin)) else ()


class ClassGroups(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.by_class``: classes that some method carries together, the preferred group first.

    A class in no group gets a parcel of its own, so that it keeps nothing else from travelling.
    """

    groups: Groups


@extension("logistics.by_class", settings=ClassGroups)
class ByClass:
    """Goods divided by what can travel together, where no one group takes them all."""

    def __init__(self, settings: ClassGroups) -> None:
        self.groups = settings.groups

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """Nothing where every origin's goods fit one group."""
        bundles = _by_group(page.lines, self.groups)
        return _split(bundles, "separated by goods class") if len(bundles) > len(_by(page.lines, _origin)) else ()


class WeightLimit(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.by_weight``: the heaviest piece in grams, inclusive.

    With ``groups``, a cart that is both mixed and heavy is also divided by class first. A division into more than
    ``max_pieces`` parcels is not proposed.
    """

    max_g: Annotated[int, Meta(gt=0)]
    groups: Groups = ()
    max_pieces: Annotated[int, Meta(gt=0)] = 50


@extension("logistics.by_weight", settings=WeightLimit)
class ByWeight:
    """Pieces no heavier than a limit, by whole units: a line may be divided. A unit above it stands alone."""

    def __init__(self, settings: WeightLimit) -> None:
        self.max_g = settings.max_g
        self.groups = settings.groups
        self.max_pieces = settings.max_pieces

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> tuple[Split, ...]:
        """Nothing where no parcel is too heavy."""
        plain = _by(page.lines, _origin)
        divisions = [(plain, f"pieces up to {self.max_g} g")]
        if self.groups and len(grouped := _by_group(page.lines, self.groups)) > len(plain):
            divisions.append((grouped, f"separated by goods class, pieces up to {self.max_g} g"))
        return tuple(split for bundles, reason in divisions for split in self._divided(bundles, reason))

    def _divided(self, bundles: Sequence[Bundle], reason: str) -> tuple[Split, ...]:
        pieces: list[Bundle] = []
        for bundle in bundles:
            for piece in _pieces(bundle, self.max_g):
                if len(pieces) == self.max_pieces:
                    return ()
                pieces.append(piece)
        return _split(pieces, reason) if len(pieces) > len(bundles) else ()


def _pieces(bundle: Bundle, max_g: int) -> Iterator[Bundle]:
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


def _by(lines: Sequence[Line], key: Callable[[Line], Hashable]) -> list[Bundle]:
    bundles: dict[Hashable, Bundle] = {}
    for line in lines:
        bundles.setdefault(key(line), []).append(Item(line, line.quantity, line.amount))
    return list(bundles.values())


def _by_group(lines: Sequence[Line], groups: Groups) -> list[Bundle]:
    present: dict[str, set[GoodsClass]] = {}
    for line in lines:
        present.setdefault(line.sku.origin, set()).add(line.sku.goods_class)
    whole = {origin for origin, classes in present.items() if any(classes <= group for group in groups)}

    def key(line: Line) -> Hashable:
        origin, goods_class = line.sku.origin, line.sku.goods_class
        if origin in whole:
            return origin
        home = next((index for index, group in enumerate(groups) if goods_class in group), None)
        return origin, goods_class if home is None else home

    return _by(lines, key)


def _split(bundles: Sequence[Bundle], reason: str) -> tuple[Split, ...]:
    return (Split(tuple(Parcel.of(bundle) for bundle in bundles), reason),)
