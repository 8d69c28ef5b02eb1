"""What the bench of Submit orders: 64 carts of three lines from two shops, each with goods and a buyer of its own.

All carts cost the same, so that they make the same page; apart, because orders for one SKU wait for each other in any
database: what is measured is many buyers in many aisles, not one sale's last pallet.
"""

from uuid import uuid4

import msgspec

from crossborder.checkout.v1.common_pb2 import DELIVERY_HOME
from crossborder.checkout.v1.order_page_pb2 import RenderRequest, RenderResponse, SubmitRequest

CARTS = 64
"""More than are ever in flight at once."""

_STOCK = 1_000_000_000
_SHOPS = {"s-bench-tea": "Teaware", "s-bench-digital": "Digital"}
_GOODS = (
    # SKU, shop, price in CNY, grams, sides in cm, units in each cart
    ("gaiwan", "s-bench-tea", "69.00", 380, (14, 14, 12), 2),
    ("tea-cleaner", "s-bench-tea", "15.80", 120, (18, 6, 4), 1),
    ("phone-case", "s-bench-digital", "39.90", 60, (17, 9, 2), 3),
)


def buyer_of(number: int) -> str:
    """Who orders cart ``number``. Numbers from 64 on begin again."""
    return f"b-bench-{number % CARTS}"


def cart_request(number: int) -> RenderRequest:
    """Cart ``number`` on the marketplace's h5 page, to a home in Singapore."""
    request = RenderRequest()
    page = request.page
    page.site, page.business, page.client, page.client_version, page.language = "SG", "marketplace", "h5", "2.0.0", "en"
    for index, (name, _, _, _, _, units) in enumerate(_GOODS, start=1):
        page.cart.lines.add(line_id=str(index), sku_id=_sku_id(name, number % CARTS), quantity=units)
    address = page.address
    address.country, address.postcode, address.delivery = "SG", "520123", DELIVERY_HOME
    address.street.extend(("123 Example Street", "#08-15"))
    address.recipient, address.phone = "Tan Jun", "+65 8123 4567"
    return request


def submission(number: int, rendered: RenderResponse) -> SubmitRequest:
    """The order of cart ``number`` as it was rendered, by card."""
    request_id = str(uuid4())
    return SubmitRequest(
        request_id=request_id, quote_token=rendered.quote_token, page=cart_request(number).page, payment_method="card"
    )


def goods_document() -> tuple[str, str]:
    """The shops, SKUs, buyers and rate of exchange of all carts, as a data file: its name and its JSON."""
    document = {
        "shops": [{"shop_id": shop_id, "name": {"en": name}} for shop_id, name in _SHOPS.items()],
        "skus": [_sku(number, *good[:5]) for number in range(CARTS) for good in _GOODS],
        "buyers": [
            {"buyer_id": buyer_of(number), "last_method": "SG_DM_AIR", "orders_by_method": {"SG_DM_AIR": 3}}
            for number in range(CARTS)
        ],
        "rates": [
            {
                "rate_id": "bench-SGD",
                "base": "CNY",
                "quote": {"code": "SGD", "exponent": 2},
                "rate": "0.1920",
                "published_at": "2026-11-01T00:00:00+08:00",
            }
        ],
    }
    return "bench.json", msgspec.json.encode(document).decode()


def _sku_id(name: str, cart: int) -> str:
    return f"{name}-{cart}"


def _sku(
    cart: int, name: str, shop: str, price: str, weight_g: int, sides_cm: tuple[int, int, int]
) -> dict[str, object]:
    return {
        "sku_id": _sku_id(name, cart),
        "shop": shop,
        "name": {"en": name.replace("-", " ").capitalize(), "zh-Hans": name, "zh-Hant": name},
        "price": price,
        "weight_g": weight_g,
        "sides_cm": list(sides_cm),
        "goods_class": "GENERAL",
        "warehouse": "CN-SZ",
        "origin": "CN",
        "stock": _STOCK,
    }
