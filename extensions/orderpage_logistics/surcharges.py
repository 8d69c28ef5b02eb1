"""Last-mile fees: to the door, and to remote areas.

Rule: domain rules 3.3 and section 12. FAR > REMOTE > HOME, one only; a card without a remote zone keeps the home fee;
pick-up in a remote zone still pays the remote fee (a setting).
"""

from collections.abc import Callable, Iterable

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.dated import Dated, in_order, row_on
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Fee, Shipment

LAST_MILE = "last_mile"
HOME_RANK, REMOTE_RANK = 1, 2


@extension("logistics.home_delivery")
class HomeDelivery:
    """The method's fee for coming to the door."""

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where the buyer collects the parcel."""
        if page.address is None or not page.address.home_delivery:
            return None
        return _home_fee


def _home_fee(shipment: Shipment) -> Fee | None:
    amount = shipment.method.home_fee
    return Fee("HOME_DELIVERY", amount, LAST_MILE, HOME_RANK) if amount > 0 else None


class Zone(Dated, frozen=True, kw_only=True):
    """What counts as remote between two days: districts in any language, postcodes, or beginnings of postcodes."""

    districts: frozenset[str] = frozenset()
    postcodes: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "" in self.prefixes:
            raise ValueError("an empty prefix would make every postcode remote; remove it")


class RemoteZones(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.remote_area``. ``pickup_pays``: collecting in a remote zone costs the fee as well."""

    zones: tuple[Zone, ...]
    pickup_pays: bool = True

    def __post_init__(self) -> None:
        in_order(self.zones)


@extension("logistics.remote_area", settings=RemoteZones)
class RemoteArea:
    """The method's fee to a remote area; replaces the home fee, never stacks on it."""

    def __init__(self, settings: RemoteZones) -> None:
        self.pickup_pays = settings.pickup_pays
        self.zones = tuple(
            Zone(
                effective_from=zone.effective_from,
                effective_to=zone.effective_to,
                districts=frozenset(_folded(zone.districts)),
                postcodes=frozenset(_compact(code) for code in zone.postcodes),
                prefixes=tuple(_compact(code) for code in zone.prefixes),
            )
            for zone in in_order(settings.zones)
        )

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        """None where the page's address is not remote on the page's day."""
        address, zone = page.address, row_on(self.zones, page.today)
        if address is None or zone is None or not _within(zone, address):
            return None
        return _remote_fee if address.home_delivery or self.pickup_pays else None


def _remote_fee(shipment: Shipment) -> Fee | None:
    amount = shipment.method.remote_fee
    return None if amount is None else Fee("REMOTE_AREA", amount, LAST_MILE, REMOTE_RANK)


def _within(zone: Zone, address: Address) -> bool:
    if any(name in zone.districts for name in _folded((address.district, address.city))):
        return True
    code = _compact(address.postcode)
    return bool(code) and (code in zone.postcodes or code.startswith(zone.prefixes))


def _folded(names: Iterable[str]) -> Iterable[str]:
    return (folded for name in names if (folded := " ".join(name.split()).casefold()))


def _compact(postcode: str) -> str:
    return "".join(postcode.split()).upper()
