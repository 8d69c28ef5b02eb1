"""Fees of the last mile: to the door, to a pick-up point, to remote, rural and far zones.

Rules: domain rules 3.3 (zones) and section 12: FAR > REMOTE > HOME, one only; a
card without the zone keeps the home fee; pick-up in a remote zone still pays the remote fee (a setting).
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.dated import Dated, last_day, row_on, without_gaps
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
    """Settings of ``logistics.zone``. ``pickup_pays``: collecting in the zone costs its fee as well.

    Before the first area and after the last nothing is in the zone; a time between them without it is an area that
    names no place.
    """

    areas: tuple[Area, ...]
    zone: Zone = Zone.REMOTE
    pickup_pays: bool = True

    def __post_init__(self) -> None:
        without_gaps(self.areas, "areas")


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
            for area in without_gaps(settings.areas)
        )
        self.data_until = last_day(self.areas)

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
