"""The division of a cart that can win: goods are parted where methods differ in what they carry, and pieces kept to
limits.

Rules: domain rules 3.3 (classes, limits) and section 12 (parcels). An atom is what never needs to be parted but by
weight: the goods of one origin, warehouse, shop and class. Within one method sending together is never dearer, so
goods that all the same methods carry stay together; where they differ, every way to combine the atoms is a candidate
while there are few.
"""

from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import Annotated

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.goods import Line
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Load, Parcel, Split
from orderpage_logistics.parcels import Bundle, bundled, pieces_of, split_of

Block = tuple[int, ...]
"""Indices of the atoms that travel together."""

_MOST_ATOMS = 5
"""Five atoms combine in 52 ways."""

_MOST_CANDIDATES = 90
"""The host looks at no more."""

_ANY_G = 1 << 60

_MOST_ITEMS = 3_000
"""Lines over all candidates: what bounds a page's time."""


class Pieces(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.combined``: a division into more than ``max_pieces`` parcels is not proposed."""

    max_pieces: Annotated[int, Meta(gt=0)] = 50


@extension("logistics.combined", settings=Pieces)
class Combined:
    """Every division that could be cheaper than everything of an origin together, and pieces where that is too
    heavy.
    """

    def __init__(self, settings: Pieces) -> None:
        self.max_pieces = settings.max_pieces

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> Iterator[Split]:
        """Nothing where all methods carry all of the cart, and no method's limit is exceeded."""
        lines, loads = page.lines, page.loads
        if not loads:
            return
        alike = bundled(lines, lambda line: (line.sku.origin, _signature(line, loads)))
        least = min([load.max_g for load in loads if load.max_g is not None], default=None)
        together = bundled(lines, lambda line: line.sku.origin)
        heavy = least is not None and any(_weight(bundle) > least for bundle in together)
        if len(alike) > len(together) or heavy:
            fine = bundled(lines, _atom)
            cart = Cart(loads, lines, fine if len(fine) <= _MOST_ATOMS else alike)
            yield from islice(self._candidates(cart, max(2, _MOST_ITEMS // len(lines))), _MOST_CANDIDATES)

    def _candidates(self, cart: "Cart", room: int) -> Iterator[Split]:
        """Whole divisions that somebody carries; then pieces, by the largest limits first."""
        divisions = list(cart.divisions(room))
        for blocks in divisions:
            if len(blocks) > cart.origins and cart.carried(blocks):
                yield Split(tuple([cart.parcel(block) for block in blocks]), "combined as it is carried cheapest")
        for blocks in divisions:
            for limit in cart.limits:
                yield from self._pieces(cart, blocks, limit)

    def _pieces(self, cart: "Cart", blocks: Sequence[Block], limit: int) -> Iterator[Split]:
        pieces: list[Bundle] = []
        for block in blocks:
            for piece in pieces_of(cart.bundle(block), cart.limit(block, limit)):
                if len(pieces) == self.max_pieces:
                    return
                pieces.append(piece)
        if len(pieces) > len(blocks):
            yield split_of(pieces, f"pieces up to {limit} g")


class Cart:
    """Atoms, and how they may be combined: never over origins, nor what no load carries together."""

    def __init__(self, loads: Sequence[Load], lines: Sequence[Line], atoms: Sequence[Bundle]) -> None:
        self._loads = loads
        self.limits = sorted({load.max_g for load in loads if load.max_g is not None}, reverse=True)
        self._atoms = atoms
        self._classes = [frozenset(item.line.sku.goods_class for item in atom) for atom in atoms]
        self._origins = [atom[0].line.sku.origin for atom in atoms]
        self._places = {line.line_id: place for place, line in enumerate(lines)}
        self._parcels: dict[Block, Parcel] = {}
        self.origins = len(set(self._origins))

    def divisions(self, most: int) -> Iterator[list[Block]]:
        """Every way to combine the atoms, the fewest parcels first, ``most`` of them."""
        if len(self._atoms) > _MOST_ATOMS:
            yield [(index,) for index in range(len(self._atoms))]
            return
        yield from sorted(self._combined(len(self._atoms)), key=len)[:most]

    def _combined(self, upto: int) -> Iterator[list[Block]]:
        """Of the atoms before ``upto``: the last one alone, or with each block that it may join."""
        if not upto:
            yield []
            return
        last = upto - 1
        for blocks in self._combined(last):
            for index, block in enumerate(blocks):
                joined = (*block, last)
                if self._together(joined):
                    yield [*blocks[:index], joined, *blocks[index + 1 :]]
            yield [*blocks, (last,)]

    def _together(self, block: Block) -> bool:
        if len({self._origins[atom] for atom in block}) > 1:
            return False
        return bool(self._carrying(block)) or len({self._classes[atom] for atom in block}) == 1

    def _carrying(self, block: Block) -> list[Load]:
        classes = frozenset().union(*(self._classes[atom] for atom in block))
        return [load for load in self._loads if classes <= load.classes]

    def bundle(self, block: Block) -> Bundle:
        """The goods of the block, in the cart's order."""
        places = self._places
        return sorted(
            [item for atom in block for item in self._atoms[atom]], key=lambda item: places[item.line.line_id]
        )

    def parcel(self, block: Block) -> Parcel:
        """The same as a parcel, made once however many divisions it stands in."""
        known = self._parcels.get(block)
        if known is None:
            known = self._parcels[block] = Parcel.of(self.bundle(block))
        return known

    def carried(self, blocks: Sequence[Block]) -> bool:
        """Whether somebody takes each of them as it is; what nobody carries at all hinders nothing."""
        return all(self.parcel(block).weight_g <= self.limit(block, _ANY_G) for block in blocks)

    def limit(self, block: Block, wanted: int) -> int:
        """The weight of its pieces: ``wanted``, or the most that those who carry it take."""
        most = [_ANY_G if load.max_g is None else load.max_g for load in self._carrying(block)]
        return min(wanted, max(most, default=wanted))


def _signature(line: Line, loads: Sequence[Load]) -> Hashable:
    """Which loads carry it; a class that none does stands by itself."""
    goods_class = line.sku.goods_class
    return tuple([load for load, each in enumerate(loads) if goods_class in each.classes]) or goods_class


def _atom(line: Line) -> Hashable:
    sku = line.sku
    return sku.origin, sku.warehouse, sku.shop.shop_id, sku.goods_class


def _weight(bundle: Bundle) -> int:
    return sum([item.line.sku.weight_g * item.quantity for item in bundle])
