"""Freight that is free by weight: what leaves an option's payable weight, and what that is worth at its tariff.

Rules: domain rules, sections 4 and 12. An item that ships free leaves the payable weight, and nothing left means no
freight; free up to a cap means the price of that much, and what is above it pays the tariff's steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

from orderpage.domain.money import ExchangeRate, half_up
from orderpage.domain.shipping import Charging, FlatTariff, Item, Option, Shipment, Tariff

Freed = tuple[frozenset[str], int | None]
"""Lines whose weight is free (empty: all), and up to how many payable grams (None: all)."""

Applied = tuple[Freed, ...]
"""What is free of an option, in lane order."""

_FEW = 3

_NOTHING = -1
"""The payable weight of no item at all: goods that weigh nothing still pay a first weight."""


class _Part(NamedTuple):
    """What a cap left of a relief: of which lines (empty: all), how many grams, and what they took off."""

    lines: frozenset[str]
    freed: int
    cut: int


class Relief(dict[Applied, tuple[int, int]]):
    """What the last of some freed weights takes off an option after the ones before it, in page minor units, zero or
    more; and the payable grams that it frees.

    Worked out when first asked for: an option is shared by all divisions and selections. ``later`` is its freight
    where that is charged once the parcel was weighed, else 0.
    """

    __slots__ = ("_line_ids", "_rate", "_shipments", "_tariff", "later")

    def __init__(self, tariff: Tariff, option: Option, rate: ExchangeRate) -> None:
        """Of an option at that tariff."""
        super().__init__()
        self._tariff = tariff
        self._shipments = option.shipments
        self._rate = rate
        self._line_ids = {item.line.line_id for shipment in option.shipments for item in shipment.items}
        weighed = option.method.charging is Charging.AFTER_WEIGHING
        self.later = sum([rate.convert(shipment.listed) for shipment in option.shipments]) if weighed else 0

    def touched_by(self, lines: frozenset[str]) -> bool:
        """Whether any of those lines (empty: all) is carried."""
        return not lines or not lines.isdisjoint(self._line_ids)

    def __missing__(self, applied: Applied) -> tuple[int, int]:
        """Reckon it."""
        cut = used = 0
        caps = [cap for _, cap in applied]
        for shipment in self._shipments:
            last, freed = self._last_cut(shipment, applied, caps)
            cut, used = cut + last, used + freed
        self[applied] = cut, used
        return cut, used

    def total(self, applied: Applied) -> int:
        """What all of them take off together."""
        return sum([self[applied[:end]][0] for end in range(1, len(applied) + 1)])

    def most(self, sure: Applied, possible: Applied) -> int:
        """What any of ``possible`` can take off together, where ``sure`` ones among them always apply."""
        unsure = [freed for freed in possible if freed not in sure]
        if len(unsure) > _FEW:  # more than their subsets are worth: the whole freight is as true a bound
            return sum([self._rate.convert(shipment.listed) for shipment in self._shipments])
        left_out = [{unsure[i] for i in range(len(unsure)) if mask >> i & 1} for mask in range(1 << len(unsure))]
        return max([self.total(tuple([each for each in possible if each not in out])) for out in left_out])

    def _last_cut(self, shipment: Shipment, applied: Applied, caps: list[int | None]) -> tuple[int, int]:
        """Of one shipment; ``caps`` are what is left of each relief's, and are used up."""
        payable: Sequence[Item] = shipment.items
        cut = freed = 0
        parts: list[_Part] = []
        for place, (lines, _) in enumerate(applied):
            outside = _outside(payable, lines)
            cut = freed = 0
            cap = caps[place]
            if len(outside) == len(payable) or cap == 0:
                continue
            whole, rest = self._chargeable(payable, shipment), self._chargeable(outside, shipment)
            within = whole - max(0, rest)
            freed = within if cap is None else min(within, cap)
            shared = [part for part in parts if not (part.lines and lines and part.lines.isdisjoint(lines))]
            before = sum([part.freed for part in shared]) if freed < within else 0
            base = max(0, rest) + before if before else rest
            cut = max(0, self._price(min(whole, max(0, base) + freed), shipment) - self._price(base, shipment))
            if shared:
                cut = max(0, min(cut, self._left_of(lines, shared, payable, shipment)))
            if cap is not None:
                caps[place] = cap - freed
            if freed == within:
                payable = outside
            else:  # what is above a cap stays payable, and so does what it is part of
                parts.append(_Part(lines, freed, cut))
        return cut, freed

    def _left_of(self, lines: frozenset[str], shared: Sequence[_Part], payable: Sequence[Item], of: Shipment) -> int:
        """What those lines can still be freed of where ``shared`` may be of the same."""
        concerned = [lines, *[part.lines for part in shared]]
        union = frozenset().union(*concerned) if all(concerned) else frozenset[str]()
        rest = self._chargeable(_outside(payable, union), of)
        whole = self._price(self._chargeable(payable, of), of)
        return whole - self._price(rest, of) - sum([part.cut for part in shared])

    def _chargeable(self, items: Sequence[Item], shipment: Shipment) -> int:
        if len(items) == len(shipment.items):
            return shipment.chargeable_g
        weight = sum([item.line.sku.weight_g * item.quantity for item in items])
        volume = sum([item.line.sku.volume_cm3 * item.quantity for item in items])
        return self._tariff.chargeable_g(weight, volume) if items else _NOTHING

    def _price(self, chargeable_g: int, shipment: Shipment) -> int:
        """Of so much of the shipment. A price quoted for it as it is goes with its weight."""
        if chargeable_g == _NOTHING:
            return 0
        if isinstance(self._tariff, FlatTariff):
            whole = shipment.chargeable_g
            part = half_up(self._tariff.amount * chargeable_g, whole) if whole else self._tariff.amount
            return self._rate.convert(part)
        return self._rate.convert(self._tariff.fee(chargeable_g))


def _outside(items: Sequence[Item], lines: frozenset[str]) -> Sequence[Item]:
    """Those of other lines (empty: of none)."""
    return tuple([item for item in items if item.line.line_id not in lines]) if lines else ()
