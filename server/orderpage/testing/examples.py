"""Example values with sensible defaults. Prices are texts in CNY (``"59.00"``); any field can be given instead.

Every moment is Monday, 23 November 2026, 10:00 in Hong Kong, so that dates in a test stay what they are.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from orderpage.domain.address import Address, Delivery
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import GoodsClass, Line, Shop, Sku
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.page import PageView
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.shipping import Item, Method, MethodKind, Mode, Option, Parcel, Shipment, Transit

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""When every example page is priced."""


class _Place(msgspec.Struct, frozen=True):
    currency: Currency
    rate: str
    timezone: str
    address: Address


_PLACES = {
    "HK": _Place(
        Currency("HKD", 2),
        "1.1800",
        "Asia/Hong_Kong",
        Address(
            country="HK",
            subdivision="Kowloon",
            district="Mong Kok",
            street=("8 Example Road",),
            recipient="Chan Mei",
            phone="+852 5123 4567",
        ),
    ),
    "SG": _Place(
        Currency("SGD", 2),
        "0.1920",
        "Asia/Singapore",
        Address(
            country="SG",
            postcode="520123",
            street=("123 Example Street", "#08-15"),
            recipient="Tan Jun",
            phone="+65 8123 4567",
        ),
    ),
    "TW": _Place(
        Currency("TWD", 0),
        "4.4000",
        "Asia/Taipei",
        Address(
            country="TW",
            subdivision="Taipei City",
            city="Xinyi District",
            postcode="110",
            street=("8 Example Road",),
            recipient="Lin Yi-Chun",
            phone="+886 912 345 678",
        ),
    ),
    "MY": _Place(
        Currency("MYR", 2),
        "0.6100",
        "Asia/Kuala_Lumpur",
        Address(
            country="MY",
            subdivision="Selangor",
            city="Petaling Jaya",
            postcode="46000",
            street=("8 Jalan Example",),
            recipient="Nur Aisyah",
            phone="+60 12 345 6789",
        ),
    ),
    "CA": _Place(
        Currency("CAD", 2),
        "0.2100",
        "America/Toronto",
        Address(
            country="CA",
            subdivision="ON",
            city="Toronto",
            postcode="M5V 2T6",
            street=("8 Example Street",),
            recipient="Alex Tremblay",
            phone="+1 416 967 1111",
        ),
    ),
}


def example_line(
    line_id: str = "1", quantity: int = 1, *, price: str = "10.00", shop: str = "shop-1", **sku: Any
) -> Line:
    """A line of an SKU of its own, priced in CNY until an ``example_view`` prices it. ``sku`` are fields of ``Sku``."""
    fields = {
        "sku_id": f"sku-{line_id}",
        "shop": Shop(shop, {"en": f"Shop {shop}"}),
        "name": {"en": f"Good {line_id}"},
        "unit_price": CNY.parse(price),
        "weight_g": 400,
        "sides_cm": (10, 10, 10),
        "goods_class": GoodsClass.GENERAL,
        "warehouse": "CN-SZ",
        "origin": "CN",
    }
    made = Sku(**{**fields, **sku})
    return Line(line_id, made, quantity, made.unit_price, made.unit_price * quantity)


def example_address(site: str = "HK", **fields: Any) -> Address:
    """A home in the site's country that is not remote."""
    return msgspec.structs.replace(_place(site).address, **fields)


def example_view(site: str = "HK", *lines: Line, **fields: Any) -> PageView:
    """What extensions see of a page: the marketplace's, in English, for one general good unless ``lines`` are given.

    The lines are priced at the view's rate. ``fields`` are those of ``PageView``.
    """
    place = _place(site)
    profile = Profile(currency=place.currency, countries=(site,), timezone=place.timezone, languages=("en",))
    defaults = {
        "cell": Cell(site, "marketplace", "h5", "everyone", "control"),
        "profile": profile,
        "language": "en",
        "priced_at": NOW,
        "buyer": Buyer(buyer_id="b-example", crowd="everyone"),
        "address": place.address,
        "rate": ExchangeRate.of("example", CNY, place.currency, place.rate),
    }
    given = {**defaults, **fields}
    rate, zone = given["rate"], ZoneInfo(given["profile"].timezone)
    given.setdefault("today", given["priced_at"].astimezone(zone).date())
    given.setdefault("lines", tuple(_priced(line, rate) for line in lines or (example_line(),)))
    return PageView(**given)


def example_views(site: str) -> tuple[PageView, ...]:
    """Pages of a site that differ in what matters to extensions: mixed, heavy, collected, without address, empty."""
    place = _place(site)
    collected = example_address(site, delivery=Delivery.PICKUP_POINT, pickup_point="PU-1")
    mixed = (
        example_line("1", price="59.00"),
        example_line(
            "2", 2, price="129.90", shop="shop-2", goods_class=GoodsClass.BATTERY_BUILTIN, sides_cm=(40, 30, 20)
        ),
        example_line("3", 3, price="0.01", shop="shop-3", goods_class=GoodsClass.LIQUID, weight_g=1),
    )
    heavy = example_line("1", 40, price="2999.00", weight_g=1250, sides_cm=(60, 40, 30))
    return (
        example_view(site, *mixed),
        example_view(site, heavy, buyer=Buyer(buyer_id="b-known", crowd="member", last_method="EXAMPLE_AIR")),
        example_view(site, example_line(), address=collected),
        example_view(site, *mixed, address=None),
        example_view(site, address=place.address, lines=()),
    )


def example_parcel(*lines: Line) -> Parcel:
    """A parcel of whole lines."""
    return Parcel.of([Item(line, line.quantity, line.amount) for line in lines or (example_line(),)])


def example_method(code: str = "EXAMPLE_LAND", **fields: Any) -> Method:
    """Direct mail by land, 8.00 CNY to the door and 20.00 CNY to a remote one."""
    defaults = {
        "kind": MethodKind.DIRECT_MAIL,
        "mode": Mode.LAND,
        "name": {"en": code},
        "carrier": "EXAMPLE",
        "mergeable": True,
        "transit": Transit(3, 5),
        "last_mile": {"HOME": 800, "REMOTE": 2000},
    }
    return Method(code=code, **{**defaults, **fields})


def example_shipment(method: Method | None = None, parcel: Parcel | None = None, **fields: Any) -> Shipment:
    """All of a parcel sent at once, to the door."""
    sent = parcel or example_parcel()
    defaults = {
        "items": sent.items,
        "weight_g": sent.weight_g,
        "volume_cm3": sent.volume_cm3,
        "chargeable_g": sent.weight_g,
        "listed": 1200,
        "freight": 1200,
        "home_delivery": True,
    }
    return Shipment(method=method or example_method(), **{**defaults, **fields})


def example_option(method: Method | None = None, parcel: Parcel | None = None, **fields: Any) -> Option:
    """One shipment of a parcel, without fees or a date."""
    shipment = example_shipment(method, parcel)
    defaults = {
        "method": shipment.method,
        "shipments": (shipment,),
        "charges": (shipment.freight,),
        "freight": shipment.freight,
        "fees": (),
        "fee_total": 0,
        "home_delivery": shipment.home_delivery,
    }
    return Option(**{**defaults, **fields})


def _priced(line: Line, rate: ExchangeRate) -> Line:
    unit = rate.convert(line.sku.unit_price)
    return msgspec.structs.replace(line, unit_amount=unit, amount=unit * line.quantity)


def _place(site: str) -> _Place:
    if site not in _PLACES:
        known = ", ".join(_PLACES)
        raise ValueError(f"there is no example of site {site!r}, only of {known}; start from one and give its fields")
    return _PLACES[site]
