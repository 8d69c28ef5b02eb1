"""What a shipment costs beside its freight: the last mile, fuel, oversize, fixed lines.

Rules: domain rules 3.2 (fuel and fixed lines), 3.3 (zones, oversize) and section 12: FAR > REMOTE > HOME, one only; a
card without the zone keeps the home fee; pick-up in a remote zone still pays the remote fee (a setting).
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.dated import Dated, in_order, row_on
from orderpage.domain.money import ListingAmount, parts_per_million
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Fee, Shipment
from orderpage_logistics.zones import Zone

LAST_MILE = "last_mile"
Positive = Annotated[int, Meta(gt=0)]


@extension("logistics.home_delivery")
class HomeDelivery:
    """The method's fee for coming to the door."""

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where the buyer collects the parcel."""
        return _fee_of(Zone.HOME) if page.address is not None and page.address.home_delivery else None


@extension("logistics.pickup_point")
class PickupPoint:
    """The method's fee for a pick-up point."""

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where the carrier comes to the door."""
        return None if page.address is None or page.address.home_delivery else _fee_of(Zone.PICKUP_POINT)


class Area(Dated, frozen=True, kw_only=True):
    """What counts as the zone between two days: districts in any language, subdivisions (ISO 3166-2 after the hyphen),
    postcodes, beginnings of postcodes, or a pattern that a compact upper-case postcode matches from its beginning.
    """

    districts: frozenset[str] = frozenset()
    subdivisions: frozenset[str] = frozenset()
    postcodes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    pattern: str = ""

    def __post_init__(self) -> None:
        if "" in self.prefixes:
            raise ValueError("an empty prefix would make every postcode part of the zone; remove it")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern {self.pattern!r} is no regular expression: {error}") from None


class Areas(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.zone``. ``pickup_pays``: collecting in the zone costs its fee as well."""

    areas: tuple[Area, ...]
    zone: Zone = Zone.REMOTE
    pickup_pays: bool = True

    def __post_init__(self) -> None:
        in_order(self.areas)


@extension("logistics.zone", settings=Areas)
class ZoneFee:
    """The method's fee to a remote, rural or far zone; replaces the home fee, never stacks on it."""

    def __init__(self, settings: Areas) -> None:
        self.zone = settings.zone
        self.pickup_pays = settings.pickup_pays
        self.areas = tuple(
            msgspec.structs.replace(
                area,
                districts=frozenset(_folded(area.districts)),
                subdivisions=frozenset(_folded(area.subdivisions)),
                postcodes=frozenset(_compact(code) for code in area.postcodes),
                prefixes=tuple(_compact(code) for code in area.prefixes),
            )
            for area in in_order(settings.areas)
        )

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where the page's address is not in the zone on the page's day."""
        address, area = page.address, row_on(self.areas, page.today)
        if address is None or area is None or not _within(area, address):
            return None
        return _fee_of(self.zone) if address.home_delivery or self.pickup_pays else None


def _fee_of(zone: Zone) -> Callable[[Shipment], Fee | None]:
    name, code, rank = zone.value, zone.fee_code, zone.rank

    def fee(shipment: Shipment) -> Fee | None:
        amount = shipment.method.last_mile.get(name)
        return Fee(code, amount, LAST_MILE, rank) if amount or (amount == 0 and rank > 1) else None

    return fee


def _within(area: Area, address: Address) -> bool:
    if any(name in area.districts for name in _folded((address.district, address.city))):
        return True
    if any(name in area.subdivisions for name in _folded((address.subdivision,))):
        return True
    code = _compact(address.postcode)
    if not code:
        return False
    matches = bool(area.pattern) and re.match(area.pattern, code, re.ASCII) is not None
    return matches or code in area.postcodes or code.startswith(area.prefixes)


def _folded(names: Iterable[str]) -> Iterable[str]:
    return (folded for name in names if (folded := " ".join(name.split()).casefold()))


def _compact(postcode: str) -> str:
    return "".join(postcode.split()).upper()


# ---- fuel, oversize, fixed lines ---------------------------------------------------------------------------------


class FuelRow(Dated, frozen=True, kw_only=True):
    """``percent`` of the freight, as decimal text."""

    percent: str

    @property
    def ppm(self) -> int:
        """Parts per million. Raises ``ValueError``."""
        try:
            share = Decimal(self.percent) * 10_000
        except InvalidOperation:
            raise ValueError(f"percent {self.percent!r} is no number; write it as '12.5'") from None
        if share != share.to_integral_value() or not 0 <= share <= 1_000_000:
            raise ValueError(f"percent {self.percent!r} must be 0 to 100, with at most four decimals")
        return int(share)

    def __post_init__(self) -> None:
        _ = self.ppm


class Fuel(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.fuel``. ``methods`` are codes."""

    methods: frozenset[str]
    rows: tuple[FuelRow, ...]

    def __post_init__(self) -> None:
        in_order(self.rows)


@extension("logistics.fuel", settings=Fuel)
class FuelFee:
    """A percentage of the listed freight, as carriers publish it for a time."""

    def __init__(self, settings: Fuel) -> None:
        self.methods = settings.methods
        self.rows = in_order(settings.rows)

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where no row holds on the page's day."""
        row, methods = row_on(self.rows, page.today), self.methods
        if row is None or not row.ppm:
            return None
        ppm = row.ppm

        def fee(shipment: Shipment) -> Fee | None:
            if shipment.method.code not in methods:
                return None
            return Fee("FUEL", parts_per_million([shipment.listed], ppm)[0], "fuel", 1)

        return fee


class OversizeRow(Dated, frozen=True, kw_only=True):
    """From when a shipment is oversize: a side longer than ``side_over_cm``, or heavier than ``weight_over_g``.

    It costs ``per_kg`` of each started kilogram of its actual weight, and at least ``minimum``.
    """

    side_over_cm: Positive | None = None
    weight_over_g: Positive | None = None
    per_kg: ListingAmount = ListingAmount("0")
    minimum: ListingAmount

    def __post_init__(self) -> None:
        if self.side_over_cm is None and self.weight_over_g is None:
            raise ValueError("an oversize row needs side_over_cm or weight_over_g")


class Oversize(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.oversize``. Of several bands that hold, the dearest counts. ``methods`` are codes."""

    methods: frozenset[str]
    bands: tuple[OversizeRow, ...]


@extension("logistics.oversize", settings=Oversize)
class OversizeFee:
    """A fee on long or heavy shipments."""

    def __init__(self, settings: Oversize) -> None:
        self.settings = settings

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where no band holds on the page's day."""
        bands = [band for band in self.settings.bands if row_on((band,), page.today) is not None]
        methods = self.settings.methods
        if not bands:
            return None

        def fee(shipment: Shipment) -> Fee | None:
            if shipment.method.code not in methods:
                return None
            amount = max([_oversize(band, shipment) for band in bands])
            return Fee("OVERSIZE", amount, "oversize", 1) if amount else None

        return fee


def _oversize(band: OversizeRow, shipment: Shipment) -> int:
    heavy = band.weight_over_g is not None and shipment.weight_g > band.weight_over_g
    side = band.side_over_cm
    if not heavy and (side is None or all(max(item.line.sku.sides_cm) <= side for item in shipment.items)):
        return 0
    return max(int(band.minimum), int(band.per_kg) * -(-shipment.weight_g // 1000))


class FixedLine(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.fixed_fee``: ``amount`` CNY on each shipment by those methods."""

    code: str
    methods: frozenset[str]
    amount: ListingAmount


@extension("logistics.fixed_fee", settings=FixedLine)
class FixedFee:
    """A line of its own, such as customs clearance."""

    def __init__(self, settings: FixedLine) -> None:
        self.methods = settings.methods
        self.fee = Fee(settings.code, settings.amount, settings.code, 1)

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None]:
        """The same on every page."""
        methods, fee = self.methods, self.fee
        return lambda shipment: fee if shipment.method.code in methods else None
