"""What a shipment costs beside freight and last mile: fuel, oversize, fixed lines (domain rules 3.2 and 3.3)."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.dated import Dated, in_order, last_day, row_on, without_gaps
from orderpage.domain.money import ListingAmount, Percent, parts_per_million, percent
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Fee, Shipment

_WHOLE = 1_000_000

Positive = Annotated[int, Meta(gt=0)]


class FuelRow(Dated, frozen=True, kw_only=True):
    """``percent`` of the freight, as decimal text, at most 100."""

    percent: Percent

    def __post_init__(self) -> None:
        if self.percent > _WHOLE:
            raise ValueError(f"a fuel surcharge of {percent(self.percent)} is more than 100 percent")


class Fuel(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.fuel``. ``methods`` are codes. Before the first row and after the last there is no fee; a
    time without one between them is a row of 0 percent.
    """

    methods: frozenset[str]
    rows: tuple[FuelRow, ...]

    def __post_init__(self) -> None:
        without_gaps(self.rows, "rows")


@extension("logistics.fuel", settings=Fuel)
class FuelFee:
    """A percentage of the listed freight, as carriers publish it for a time."""

    def __init__(self, settings: Fuel) -> None:
        self.methods = self.speaks_of = settings.methods
        self.rows = without_gaps(settings.rows)
        self.data_until = last_day(self.rows)

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where no row holds on the page's day."""
        row, methods = row_on(self.rows, page.today), self.methods
        if row is None or not row.percent:
            return None
        ppm = row.percent

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

    def __post_init__(self) -> None:
        for band in self.bands:
            in_order((band,))


@extension("logistics.oversize", settings=Oversize)
class OversizeFee:
    """A fee on long or heavy shipments. ``data_until`` is the last day on which any band holds."""

    def __init__(self, settings: Oversize) -> None:
        self.settings = settings
        self.speaks_of = settings.methods
        self.data_until = last_day(settings.bands)

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
        self.methods = self.speaks_of = settings.methods
        self.fee = Fee(settings.code, settings.amount, settings.code, 1)

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None]:
        """The same on every page."""
        methods, fee = self.methods, self.fee
        return lambda shipment: fee if shipment.method.code in methods else None
