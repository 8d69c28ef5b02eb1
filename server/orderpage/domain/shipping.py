"""How goods travel: parcels of a page, methods, tariffs, offers and priced options."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from hashlib import blake2b

import msgspec

from orderpage.domain.goods import GoodsClass, Line
from orderpage.domain.money import CNY, check_whole
from orderpage.domain.problem import Code
from orderpage.domain.text import Text


class MethodKind(StrEnum):
    """The shape of a method (domain rules, section 3.1)."""

    DIRECT_MAIL = "DIRECT_MAIL"
    CONSO_OFFICIAL = "CONSO_OFFICIAL"
    CONSO_THIRD_PARTY = "CONSO_THIRD_PARTY"
    LOCAL = "LOCAL"


class Charging(StrEnum):
    """When the buyer pays for a method: with the order; when the parcel was weighed; or to somebody else, elsewhere."""

    AT_CHECKOUT = "AT_CHECKOUT"
    AFTER_WEIGHING = "AFTER_WEIGHING"
    ELSEWHERE = "ELSEWHERE"


class Mode(StrEnum):
    """What carries the international leg. Taxes depend on it."""

    LAND = "LAND"
    AIR = "AIR"
    SEA = "SEA"


class Basis(StrEnum):
    """Which weight is billed: the greater of actual and volumetric, half way between, or the actual one."""

    FULL = "FULL"
    HALF = "HALF"
    NONE = "NONE"


class Item(msgspec.Struct, frozen=True, gc=False):
    """Units of a line that travel together: ``amount`` is their goods value before discounts, page minor units."""

    line: Line
    quantity: int
    amount: int


def parcel_name(contents: Iterable[tuple[str, int]]) -> str:
    """The id of a parcel with these line ids and units, in this order: equal goods, equal id."""
    names = "\0".join([f"{line_id}\0{quantity}" for line_id, quantity in contents])
    return f"p-{blake2b(names.encode(), digest_size=5).hexdigest()}"


class Parcel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Goods for which the buyer chooses one method. ``parcel_id`` names the content: equal goods, equal id.

    ``lead_days`` is how long the slowest good takes to its origin's warehouse; ``expires_on`` the first day on which
    one of them is past its date.
    """

    parcel_id: str
    items: tuple[Item, ...]
    weight_g: int
    volume_cm3: int
    goods_classes: frozenset[GoodsClass]
    origins: frozenset[str]
    shops: tuple[str, ...]
    lead_days: int = 0
    expires_on: date | None = None

    @classmethod
    def of(cls, items: Sequence[Item]) -> "Parcel":
        """A parcel of these items, weights and volumes summed (before any rounding)."""
        weight = volume = lead = 0
        expires: date | None = None
        skus = []
        for item in items:
            line, quantity = item.line, item.quantity
            sku = line.sku
            skus.append(sku)
            weight += sku.weight_g * quantity
            volume += sku.volume_cm3 * quantity
            lead = max(lead, line.lead_days)
            if sku.expires_on is not None and (expires is None or sku.expires_on < expires):
                expires = sku.expires_on
        return cls(
            parcel_id=parcel_name([(item.line.line_id, item.quantity) for item in items]),
            items=tuple(items),
            weight_g=weight,
            volume_cm3=volume,
            goods_classes=frozenset([sku.goods_class for sku in skus]),
            origins=frozenset([sku.origin for sku in skus]),
            shops=tuple(dict.fromkeys([sku.shop.shop_id for sku in skus])),
            lead_days=lead,
            expires_on=expires,
        )


class Split(msgspec.Struct, frozen=True, gc=False):
    """One way to divide a cart into parcels. ``reason`` says what the split is for, in a few words."""

    parcels: tuple[Parcel, ...]
    reason: str

    def __str__(self) -> str:
        return f"{self.reason}: {' + '.join(f'{parcel.weight_g} g' for parcel in self.parcels)}"


class Load(msgspec.Struct, frozen=True, gc=False):
    """What a method carries together: classes, and up to which actual weight (inclusive; None: any)."""

    classes: frozenset[GoodsClass]
    max_g: int | None


class StepTariff(msgspec.Struct, frozen=True, tag="step", gc=False):
    """First weight plus steps, on the chargeable weight. Fees in fen, weights in grams, ``divisor`` in cm³ per kg."""

    first_g: int
    first_fee: int
    step_g: int
    step_fee: int
    divisor: int
    basis: Basis
    round_g: int

    def chargeable_g(self, weight_g: int, volume_cm3: int) -> int:
        """The billed weight, rounded up to the step."""
        return billed_g(weight_g, volume_cm3, self.divisor, self.basis, self.round_g)

    def fee(self, chargeable_g: int) -> int:
        """Fen for that chargeable weight."""
        steps = max(0, -(-(chargeable_g - self.first_g) // self.step_g))
        return self.first_fee + steps * self.step_fee

    def __str__(self) -> str:
        first, step = CNY.format(self.first_fee), CNY.format(self.step_fee)
        return f"first {self.first_g} g {first}, then {self.step_g} g {step} CNY"


class KiloTariff(msgspec.Struct, frozen=True, tag="kilo", gc=False):
    """The whole price by started kilogram up to the table's end, and above it a price for every kilogram (couriers).

    ``totals[n]`` is the price of n + 1 kg, ``per_kg`` that of each kilogram of a heavier parcel. In fen; ``divisor``
    in cm³ per kg.
    """

    totals: tuple[int, ...]
    per_kg: int
    divisor: int
    basis: Basis

    def chargeable_g(self, weight_g: int, volume_cm3: int) -> int:
        """The billed weight, rounded up to whole kilograms."""
        return billed_g(weight_g, volume_cm3, self.divisor, self.basis, 1000)

    def fee(self, chargeable_g: int) -> int:
        """Fen for that chargeable weight."""
        kilograms = max(1, -(-chargeable_g // 1000))
        return self.totals[kilograms - 1] if kilograms <= len(self.totals) else self.per_kg * kilograms

    def __str__(self) -> str:
        return f"by the table up to {len(self.totals)} kg, then {CNY.format(self.per_kg)} CNY a kg"


class FlatTariff(msgspec.Struct, frozen=True, tag="flat", gc=False):
    """One price whatever the weight, as a remote carrier quotes for one parcel. In fen."""

    amount: int

    def __post_init__(self) -> None:
        check_whole("the price of a", "FlatTariff", self.amount)

    def chargeable_g(self, weight_g: int, volume_cm3: int) -> int:
        """The actual weight: nothing is rounded."""
        return weight_g

    def fee(self, chargeable_g: int) -> int:
        """The price."""
        return self.amount

    def __str__(self) -> str:
        return f"{CNY.format(self.amount)} CNY"


Tariff = StepTariff | KiloTariff | FlatTariff


def billed_g(weight_g: int, volume_cm3: int, divisor: int, basis: Basis, round_g: int) -> int:
    """The billed weight, rounded up (domain rules, section 3.2). Exact: no quotient is rounded on the way."""
    actual, volumetric = weight_g * divisor, volume_cm3 * 1000
    billed, scale = actual, divisor
    if volumetric > actual and basis is Basis.FULL:
        billed = volumetric
    elif volumetric > actual and basis is Basis.HALF:
        billed, scale = actual + volumetric, 2 * divisor
    return -(-billed // (scale * round_g)) * round_g


class Transit(msgspec.Struct, frozen=True, gc=False):
    """Calendar days from hand-over at the origin to the buyer, both inclusive."""

    minimum: int
    maximum: int


class Method(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A way to send a parcel. ``last_mile`` is zone to fee, in fen; a zone that is not there is unknown to the method.

    ``mergeable`` is false where every shop's goods must travel as a shipment of their own.
    """

    code: str
    kind: MethodKind
    mode: Mode
    name: Text
    carrier: str
    mergeable: bool
    transit: Transit | None
    last_mile: Mapping[str, int] = {}
    charging: Charging = Charging.AT_CHECKOUT


class Offer(msgspec.Struct, frozen=True, gc=False):
    """An extension's answer for a parcel: this method can take it, at this tariff. The host prices it."""

    method: Method
    tariff: Tariff

    def __str__(self) -> str:
        return f"{self.method.code} {self.tariff}"


class Reason(msgspec.Struct, frozen=True, gc=False):
    """Why a method cannot take a parcel; ``line_ids`` are the culprits, empty when it is the whole."""

    code: Code
    message: str
    line_ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code} (line {', '.join(self.line_ids)})" if self.line_ids else self.code


class Excluded(msgspec.Struct, frozen=True, gc=False):
    """An extension's answer for a parcel: this method cannot take it, with every reason."""

    method: Method
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        return f"{self.method.code} excluded: {', '.join(map(str, self.reasons))}"


class Shipment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one method physically sends at once: the parcel, or a shop's share of it. ``freight`` in page minor
    units, ``listed`` the same in fen.
    """

    method: Method
    items: tuple[Item, ...]
    weight_g: int
    volume_cm3: int
    chargeable_g: int
    listed: int
    freight: int
    home_delivery: bool


class Fee(msgspec.Struct, frozen=True, gc=False):
    """A surcharge on a shipment, in fen. Of one ``group`` only the highest ``rank`` stands; groups are summed."""

    code: str
    amount: int
    group: str
    rank: int

    def __post_init__(self) -> None:
        check_whole("the fee", self.code, self.amount)

    def __str__(self) -> str:
        return f"{self.code} {CNY.format(self.amount)} CNY"


class ChargedFee(msgspec.Struct, frozen=True, gc=False):
    """A surcharge as the buyer pays it: summed over the option's shipments, page minor units."""

    code: str
    amount: int


class ArrivalWindow(msgspec.Struct, frozen=True, gc=False):
    """First and last day on which the parcel is promised to arrive, local dates at the destination.

    ``order_by`` is until when an order must be paid for that (UTC); None where the promise names no such moment.
    """

    earliest: date
    latest: date
    order_by: datetime | None = None

    def __str__(self) -> str:
        return f"{self.earliest} … {self.latest}"


class Option(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A method that can take a parcel, with its freight and fees before discounts and tax, page minor units.

    ``charges`` are the freight and fees of each shipment: their sum is ``freight + fee_total``. What is not paid with
    the order is in none of them: ``later`` estimates freight and fees that are charged when the parcel was weighed.
    """

    method: Method
    shipments: tuple[Shipment, ...]
    charges: tuple[int, ...]
    freight: int
    fees: tuple[ChargedFee, ...]
    fee_total: int
    home_delivery: bool
    window: ArrivalWindow | None = None
    later: int = 0
