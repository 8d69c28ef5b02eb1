"""Generated order pages: carts of the demo catalogue as buyers fill them, nine in ten of which can be ordered."""

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from ruamel.yaml import YAML

from crossborder.checkout.v1 import common_pb2, order_page_pb2, request_pb2

DEMO = Path(__file__).parents[1] / "extensions" / "orderpage_sites" / "demo"
BUSINESSES = ("marketplace",)
"""The old page knows no other: what the layers add for the others has no counterpart there."""

CLIENTS = ("h5", "native", "mini_program")
LANGUAGES = ("zh-Hans", "zh-Hant", "en", "")
BUYERS = ("b-mei", "b-wing", "b-jun", "b-siti", "b-new", "b-blocked")
"""The demo's: members, newcomers, those with a habit, and one that may only look."""

STRANGERS = 200
"""Buyers that nobody knows: enough for both arms of a trial."""

METHODS = {
    "HK": ("HK_DM_LAND", "HK_DM_FAST", "HK_CONSO_LAND"),
    "SG": ("SG_DM_AIR", "SG_CONSO_AIR", "SG_CONSO_SEA"),
}
CLASSES = {
    "HK": ("GENERAL", "BATTERY_BUILTIN", "LIQUID", "COSMETIC"),
    "SG": ("GENERAL", "BATTERY_BUILTIN", "LIQUID"),
}
"""What some method of the site carries."""

NEAR = (
    {"subdivision": "Kowloon", "district": "Mong Kok"},
    {"subdivision": "香港島", "district": "中環"},
    {"district": "沙田"},
    {"city": "Tuen Mun"},
)
FAR = (
    {"subdivision": "New Territories", "district": "Sai  Kung"},
    {"subdivision": "新界", "district": "西貢"},
    {"city": "cheung chau"},
    {"district": "坪洲"},
    {"district": "Stanley"},  # remote from July 2026
    {"subdivision": "新界", "district": "大嶼山南"},  # as well
)
POSTCODES = ("520123", "018956", " 238801", "498765", "508000")
RECIPIENTS = {"HK": ("陳美", "+852 5123 4567"), "SG": ("Tan Jun", "+65 8123 4567")}


def generate_requests(site: str, count: int, seed: int) -> Iterator[tuple[str, order_page_pb2.RenderRequest]]:
    """Buyers and what they ask ``site`` for: the same for the same arguments, whatever ran before.

    Every request is one that the wire takes. Prior quotes, and choices for parcels that are there, need a first page:
    they are the caller's to add.
    """
    for number in range(count):
        chance = random.Random(f"{site}:{seed}:{number}")
        yield _buyer(chance), _request(site, chance)


def request_id(chance: random.Random) -> str:
    """For the submission of a generated page."""
    return str(UUID(int=chance.getrandbits(128), version=4))


@cache
def demo_skus() -> tuple[dict[str, Any], ...]:
    """The demo catalogue's SKUs, as its file has them."""
    text = (DEMO / "catalogue.yaml").read_text("utf-8")
    return tuple(YAML(typ="safe", pure=True).load(text)["skus"])


def _buyer(chance: random.Random) -> str:
    return chance.choice(BUYERS[:-1]) if chance.random() < 0.5 else f"b-{chance.randrange(STRANGERS)}"


def _request(site: str, chance: random.Random) -> order_page_pb2.RenderRequest:
    request = order_page_pb2.RenderRequest()
    page = request.page
    page.site, page.business, page.client = site, chance.choice(BUSINESSES), chance.choice(CLIENTS)
    page.client_version, page.language = "2.0.0", chance.choice(LANGUAGES)
    _fill_cart(page, chance.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12)), chance)
    _fill_address(page.address, site, chance)
    if chance.random() < 0.1:
        chance.choice(ODDITIES)(request, chance)
    return request


def _fill_cart(page: request_pb2.PageRequest, lines: int, chance: random.Random) -> None:
    good = [sku for sku in demo_skus() if _ordinary(sku, page.site)]
    shop = chance.choice(good)["shop"]
    few = [sku for sku in good if sku["shop"] == shop or chance.random() < 0.3]  # most carts are of a few shops
    chosen = chance.sample(few, min(lines, len(few)))
    for sku in chosen:
        most = min(sku["max_quantity"], sku["stock"])
        _add(page, sku, min(chance.choice((1, 1, 1, 1, 2, 2, 3, 5, most)), most))


def _ordinary(sku: dict[str, Any], site: str) -> bool:
    ours = sku["origin"] == "CN"  # what all the site's methods serve
    return ours and not sku.get("offline") and sku["stock"] > 0 and sku["goods_class"] in CLASSES[site]


def _add(page: request_pb2.PageRequest, sku: dict[str, Any], quantity: int) -> None:
    line_id = f"l{len(page.cart.lines) + 1}"
    page.cart.lines.add(line_id=line_id, sku_id=sku["sku_id"], quantity=quantity)


def _fill_address(address: common_pb2.Address, site: str, chance: random.Random) -> None:
    address.country = site
    address.recipient, address.phone = RECIPIENTS[site]
    if site == "HK":
        _set(address, chance.choice(NEAR if chance.random() < 0.7 else FAR))
        address.street.append(f"{chance.randrange(1, 99)} Demo Road")
    else:
        address.postcode = chance.choice(POSTCODES)
        address.street.extend((f"{chance.randrange(1, 99)} Demo Street", "#08-15"))
    if chance.random() < 0.25:
        address.delivery, address.pickup_point = common_pb2.DELIVERY_PICKUP_POINT, "locker-7"
    elif chance.random() < 0.5:
        address.delivery = common_pb2.DELIVERY_HOME


def _set(address: common_pb2.Address, names: dict[str, str]) -> None:
    for field, value in names.items():
        setattr(address, field, value)


# ---- oddities: what one page in ten has -------------------------------------------------------------------------

Request = order_page_pb2.RenderRequest


def _unknown_sku(request: Request, chance: random.Random) -> None:
    request.page.cart.lines.add(line_id="odd", sku_id="no-such-sku", quantity=1)


def _too_many(request: Request, chance: random.Random) -> None:
    line = chance.choice(request.page.cart.lines)
    line.quantity = chance.choice((999, line.quantity + 20))


def _sold_out(request: Request, chance: random.Random) -> None:
    _add(request.page, chance.choice([s for s in demo_skus() if not s["stock"] or s.get("offline")]), 1)


def _not_carried(request: Request, chance: random.Random) -> None:
    carried = (*CLASSES[request.page.site], "DUTIABLE")
    for _ in range(chance.choice((1, 1, 2, 3))):
        sku = chance.choice([s for s in demo_skus() if s["goods_class"] not in carried])
        _add(request.page, sku, chance.choice((1, 1, 2)))


def _not_let_in(request: Request, chance: random.Random) -> None:
    sku = chance.choice([s for s in demo_skus() if s["goods_class"] == "DUTIABLE"])
    _add(request.page, sku, chance.choice((1, 3)))


def _no_address(request: Request, chance: random.Random) -> None:
    request.page.ClearField("address")


def _abroad(request: Request, chance: random.Random) -> None:
    request.page.address.country = chance.choice(("HK", "SG", "MY", "CN"))


def _no_street(request: Request, chance: random.Random) -> None:
    del request.page.address.street[:]


def _no_place(request: Request, chance: random.Random) -> None:
    _set(request.page.address, dict.fromkeys(("subdivision", "city", "district", "postcode"), ""))


def _wrong_postcode(request: Request, chance: random.Random) -> None:
    request.page.address.postcode = chance.choice(("52012", "5201234", "52O123", "５２０１２３", "BN1 1AA"))


def _unknown_language(request: Request, chance: random.Random) -> None:
    request.page.language = chance.choice(("fr", "zh-Hant-HK", "EN"))


def _unknown_choice(request: Request, chance: random.Random) -> None:
    request.selections.add(parcel_id="p-0000000000", method=chance.choice(METHODS[request.page.site]))


def _sku_twice(request: Request, chance: random.Random) -> None:
    line = chance.choice(request.page.cart.lines)
    for number in range(chance.choice((1, 2))):
        quantity = chance.choice((1, 2, 30))
        request.page.cart.lines.add(line_id=f"odd{number}", sku_id=line.sku_id, quantity=quantity)


def _heavy(request: Request, chance: random.Random) -> None:
    """As much as may be ordered of some goods: more than one parcel of any method."""
    page = request.page
    del page.cart.lines[:]
    good = [sku for sku in demo_skus() if _ordinary(sku, page.site) and sku["weight_g"] >= 480]
    for sku in chance.sample(good, chance.choice((2, 5, 9, 12))):
        _add(page, sku, min(sku["max_quantity"], sku["stock"]))


ODDITIES = (
    *(_unknown_sku, _too_many, _sold_out, _not_carried, _not_let_in, _sku_twice, _heavy),
    *(_no_address, _abroad, _no_street, _no_place, _wrong_postcode),
    *(_unknown_language, _unknown_choice),
)
