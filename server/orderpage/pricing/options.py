"""From an extension's offer to an option with a price: shipments, freight and fees of one parcel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat

import msgspec

from orderpage.domain.money import ExchangeRate
from orderpage.domain.page import ForbidMethod
from orderpage.domain.problem import Code
from orderpage.domain.shipping import (
    ArrivalWindow,
    ChargedFee,
    Charging,
    Excluded,
    Fee,
    Item,
    Method,
    Offer,
    Option,
    Parcel,
    Reason,
    Shipment,
)
from orderpage.engine.faults import Fault
from orderpage.pricing.relief import Relief

Forbidden = Mapping[str, Sequence[ForbidMethod]]
"""Line id to what ``admit`` forbade it."""


class PricedParcel(msgspec.Struct, frozen=True, gc=False):
    """A parcel with all that can carry it, priced, and all that cannot.

    ``reliefs`` say what each option's weight is worth: empty where no rule of the page frees any.
    """

    parcel: Parcel
    options: tuple[Option, ...]
    excluded: tuple[Excluded, ...]
    reliefs: tuple[Relief, ...] = ()

    def relieved(self) -> Iterable[tuple[Option, Relief | None]]:
        """The options, each with its relief."""
        return zip(self.options, self.reliefs or repeat(None, len(self.options)), strict=True)


class OptionBuilder(msgspec.Struct, frozen=True, kw_only=True):
    """Turns offers into options. ``fees`` and ``promise`` are the page's bound surcharge and promise points.

    ``relieves``: a discount of the page frees freight by weight.
    """

    rate: ExchangeRate
    home_delivery: bool
    forbidden: Forbidden
    fees: Callable[[Shipment], Sequence[Fee]]
    promise: Callable[[Option], ArrivalWindow | None]
    relieves: bool = False

    def build(self, parcel: Parcel, offers: Iterable[Offer | Excluded]) -> PricedParcel:
        """Every method stands once: as an option, or excluded with the reasons."""
        options: list[Option] = []
        excluded: list[Excluded] = []
        reliefs: list[Relief] = []
        for offer in offers:
            priced = self._option(parcel, offer) if isinstance(offer, Offer) else offer
            if isinstance(priced, Option):
                options.append(priced)
                if self.relieves and isinstance(offer, Offer):
                    reliefs.append(Relief(offer.tariff, priced, self.rate))
            else:
                excluded.append(priced)
        return PricedParcel(parcel, tuple(options), tuple(excluded), tuple(reliefs))

    def _option(self, parcel: Parcel, offer: Offer) -> Option | Excluded:
        reasons = self._forbidding(parcel, offer.method.code) if self.forbidden else ()
        if reasons:
            return Excluded(offer.method, reasons)
        shipments = self._shipments(parcel, offer)
        try:
            fees_of = [self._fees(shipment) for shipment in shipments]
        except Fault as fault:  # closed for this option, not for the page
            message = f"the fees of {offer.method.code} could not be worked out ({fault.slot})"
            return Excluded(offer.method, (Reason(Code(fault.code), message),))
        if _below_zero(shipments, fees_of):
            message = f"{offer.method.code} is priced below zero"
            return Excluded(offer.method, (Reason(Code.UP_TIMEOUT_LOGI, message),))
        option = self._joined(offer.method, shipments, fees_of)
        if offer.method.charging is not Charging.AT_CHECKOUT:
            option = _uncharged(option)
        window = self.promise(option)
        return option if window is None else msgspec.structs.replace(option, window=window)

    def _joined(
        self, method: Method, shipments: tuple[Shipment, ...], fees_of: Sequence[Sequence[ChargedFee]]
    ) -> Option:
        if len(shipments) == 1:
            freight, fees = shipments[0].freight, fees_of[0]
            fee_total = sum([fee.amount for fee in fees])
            charges: tuple[int, ...] = (freight + fee_total,)
        else:
            freight, fees = sum([shipment.freight for shipment in shipments]), _summed(fees_of)
            fee_total = sum([fee.amount for fee in fees])
            charges = tuple(
                [s.freight + sum([fee.amount for fee in own]) for s, own in zip(shipments, fees_of, strict=True)]
            )
        return Option(
            method=method,
            shipments=shipments,
            charges=charges,
            freight=freight,
            fees=tuple(fees),
            fee_total=fee_total,
            home_delivery=self.home_delivery,
        )

    def _forbidding(self, parcel: Parcel, method: str) -> tuple[Reason, ...]:
        return tuple(
            Reason(rule.problem.code, rule.problem.message, (item.line.line_id,))
            for item in parcel.items
            for rule in self.forbidden.get(item.line.line_id, ())
            if method in rule.methods
        )

    def _shipments(self, parcel: Parcel, offer: Offer) -> tuple[Shipment, ...]:
        """The parcel as it is, or each shop's goods by themselves where the method does not merge."""
        if offer.method.mergeable or len(parcel.shops) == 1:
            return (self._shipment(offer, parcel.items, parcel.weight_g, parcel.volume_cm3),)
        shares = []
        for items in _by_shop(parcel):
            weight = sum(item.line.sku.weight_g * item.quantity for item in items)
            volume = sum(item.line.sku.volume_cm3 * item.quantity for item in items)
            shares.append(self._shipment(offer, items, weight, volume))
        return tuple(shares)

    def _shipment(self, offer: Offer, items: tuple[Item, ...], weight: int, volume: int) -> Shipment:
        tariff = offer.tariff
        chargeable = tariff.chargeable_g(weight, volume)
        listed = tariff.fee(chargeable)
        return Shipment(
            method=offer.method,
            items=items,
            weight_g=weight,
            volume_cm3=volume,
            chargeable_g=chargeable,
            listed=listed,
            freight=self.rate.convert(listed),
            home_delivery=self.home_delivery,
        )

    def _fees(self, shipment: Shipment) -> list[ChargedFee]:
        """One fee a group, the highest rank ("remote replaces home"); each converted by itself."""
        found = self.fees(shipment)
        if len(found) < 2:
            return [ChargedFee(fee.code, self.rate.convert(fee.amount)) for fee in found]
        standing: dict[str, Fee] = {}
        for fee in found:
            other = standing.get(fee.group)
            if other is None or fee.rank > other.rank:
                standing[fee.group] = fee
        return [ChargedFee(fee.code, self.rate.convert(fee.amount)) for fee in standing.values()]


def _uncharged(option: Option) -> Option:
    """As it stands with the order, where the carriage is not paid with it: what will be charged is an estimate."""
    return msgspec.structs.replace(
        option,
        shipments=tuple([msgspec.structs.replace(shipment, freight=0) for shipment in option.shipments]),
        charges=(0,) * len(option.charges),
        freight=0,
        fees=(),
        fee_total=0,
        later=option.freight + option.fee_total,
    )


def _below_zero(shipments: Sequence[Shipment], fees_of: Sequence[Sequence[ChargedFee]]) -> bool:
    for shipment, fees in zip(shipments, fees_of, strict=True):
        if shipment.freight < 0:
            return True
        for fee in fees:
            if fee.amount < 0:
                return True
    return False


def _summed(fees_of: Iterable[Iterable[ChargedFee]]) -> list[ChargedFee]:
    """Over the shipments, by code."""
    by_code: dict[str, int] = {}
    for fees in fees_of:
        for fee in fees:
            by_code[fee.code] = by_code.get(fee.code, 0) + fee.amount
    return [ChargedFee(code, amount) for code, amount in by_code.items()]


def _by_shop(parcel: Parcel) -> list[tuple[Item, ...]]:
    by_shop: dict[str, list[Item]] = {shop: [] for shop in parcel.shops}
    for item in parcel.items:
        by_shop[item.line.sku.shop.shop_id].append(item)
    return [tuple(items) for items in by_shop.values()]
