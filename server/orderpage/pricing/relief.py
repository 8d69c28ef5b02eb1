"""Freight that is free by weight: what leaves an option's payable weight, and what that is worth at its tariff.

Rules: domain rules, sections 4 and 12. An item that ships free leaves the payable weight, and nothing left means no
freight; free up to a cap means the price of that much, and what is above it pays the tariff's steps.
"""

from collections.abc import Sequence

from orderpage.domain.discount import WeightRelief
from orderpage.domain.money import ExchangeRate, half_up
from orderpage.domain.shipping import Charging, FlatTariff, Item, Option, Shipment, Tariff

Applied = tuple[WeightRelief, ...]
"""The reliefs that apply to an option, in lane order."""

_FEW = 3

_NOTHING = -1
"""The payable weight of no item at all: goods that weigh nothing still pay a first weight."""


class Relief(dict[Applied, int]):
    """What the last of some reliefs takes off an option after the ones before it, in page minor units, zero or more.

    Worked out when first asked for: an option is shared by all divisions and selections. ``later`` is its freight
    where that is charged once the parcel was weighed, else 0.
    """

    __slots__ = ("_rate", "_shipments", "_tariff", "later")

    def __init__(self, tariff: Tariff, option: Option, rate: ExchangeRate) -> None:
        """Of an option at that tariff."""
        super().__init__()
        self._tariff = tariff
        self._shipments = option.shipments
        self._rate = rate
        weighed = option.method.charging is Charging.AFTER_WEIGHING
        self.later = sum([rate.convert(shipment.listed) for shipment in option.shipments]) if weighed else 0

    def __missing__(self, applied: Applied) -> int:
        """Reckon it."""
        cut = self[applied] = sum([self._last_cut(shipment, applied) for shipment in self._shipments])
        return cut

    def total(self, applied: Applied) -> int:
        """What all of them take off together."""
        return sum([self[applied[:end]] for end in range(1, len(applied) + 1)])

    def most(self, sure: Applied, possible: Applied) -> int:
        """What any of ``possible`` can take off together, where ``sure`` ones among them always apply."""
        unsure = [relief for relief in possible if relief not in sure]
        if len(unsure) > _FEW:  # more than their subsets are worth: the whole freight is as true a bound
            return sum([self._rate.convert(shipment.listed) for shipment in self._shipments])
        left_out = [{unsure[i] for i in range(len(unsure)) if mask >> i & 1} for mask in range(1 << len(unsure))]
        return max([self.total(tuple([each for each in possible if each not in out])) for out in left_out])

    def _last_cut(self, shipment: Shipment, applied: Applied) -> int:
        payable, cut = shipment.items, 0
        for relief in applied:
            outside = tuple([item for item in payable if not _frees(relief, item)])
            cut = 0
            if len(outside) == len(payable):
                continue
            whole, rest = self._chargeable(payable, shipment), self._chargeable(outside, shipment)
            over = 0 if relief.cap_g is None else max(0, whole - max(0, rest) - relief.cap_g)
            cut = max(0, self._price(whole - over, shipment) - self._price(rest, shipment))
            if not over:  # what is above a cap stays payable, and so does what it is part of
                payable = outside
        return cut

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


def _frees(relief: WeightRelief, item: Item) -> bool:
    return not relief.lines or item.line.line_id in relief.lines
