"""The cart: lines in Singapore dollars, what may not be bought, and one parcel a shop. Discounts on goods."""

from collections.abc import Iterator
from hashlib import blake2b

from orderpage.domain.address import Address
from orderpage.domain.goods import Catalogue, Sku, Stock
from orderpage.domain.money import ExchangeRate, allocate
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Code, Problem

Applied = list[tuple[str, int]]
"""Line or parcel, and what it bears of a discount."""


class Item:
    """A line that can be bought. Amounts in cents; ``net`` after discounts, ``taxable`` what the tax office sees."""

    __slots__ = ("amount", "line_id", "net", "quantity", "sku", "taxable", "unit")

    def __init__(self, line_id: str, sku: Sku, quantity: int, unit: int) -> None:
        self.line_id = line_id
        self.sku = sku
        self.quantity = quantity
        self.unit = unit
        self.amount = self.net = self.taxable = unit * quantity


Blocked = tuple[WantedLine, Sku | None, list[Problem]]


def read_cart(
    wanted: tuple[WantedLine, ...], skus: Catalogue, stock: Stock, rate: ExchangeRate
) -> tuple[list[Item], list[Blocked]]:
    """The lines that can be bought, and the others with every problem."""
    items: list[Item] = []
    unknown: list[Blocked] = []
    blocked: list[Blocked] = []
    left: dict[str, int] = {}
    for line in wanted:
        sku_id, quantity, sku = line.sku_id, line.quantity, skus.get(line.sku_id)
        if sku is None:
            message = f"the catalogue has no SKU {sku_id!r}; choose the variant again"
            unknown.append((line, None, [Problem(code=Code.ITEM_SKU_INVALID, message=message, line_id=line.line_id)]))
            continue
        if sku_id not in left:
            left[sku_id] = stock[sku_id].available if sku_id in stock else 0
        available = left[sku_id]
        left[sku_id] = available - quantity
        if sku.offline or quantity > sku.max_quantity or quantity > available or sku.goods_class == "DUTIABLE":
            blocked.append((line, sku, list(_problems(line, sku, available))))
        else:
            items.append(Item(line.line_id, sku, quantity, rate.convert(sku.unit_price)))
    return items, unknown + blocked


def _problems(line: WantedLine, sku: Sku, available: int) -> Iterator[Problem]:
    line_id, sku_id, quantity = line.line_id, sku.sku_id, line.quantity
    if sku.offline:
        yield Problem(code=Code.ITEM_OFFLINE, message=f"{sku_id} is no longer on sale", line_id=line_id)
    if available <= 0:
        yield Problem(code=Code.INV_OUT_OF_STOCK, message=f"{sku_id} is out of stock", line_id=line_id)
    if sku.goods_class == "DUTIABLE":
        message = f"{sku_id} (DUTIABLE) may not be imported here"
        yield Problem(code=Code.RESTRICT_IMPORT_PROHIBITED, message=message, line_id=line_id)
    if not sku.offline and quantity > sku.max_quantity:
        limit, message = sku.max_quantity, f"at most {sku.max_quantity} of {sku_id} an order"
        yield Problem(code=Code.ITEM_QTY_LIMIT, message=message, line_id=line_id, value=str(limit))
    if 0 < available < quantity:
        message = f"{available} of {sku_id} left"
        yield Problem(code=Code.INV_INSUFFICIENT, message=message, line_id=line_id, value=str(available))


def address_problems(address: Address | None) -> list[Problem]:
    """What keeps the page from being delivered."""
    if address is None:
        return [Problem(code=Code.ADDR_MISSING, message="a delivery address is needed", field="address")]
    if address.country != "SG":
        message = f"this site delivers to SG, not to {address.country}"
        return [Problem(code=Code.ADDR_REGION_UNSUPPORTED, message=message, field="address.country")]
    found = []
    if address.home_delivery and not any(part.strip() for part in address.street):
        found.append(_address_problem("street", "the address needs a street"))
    postcode = address.postcode.strip()
    if not postcode:
        found.append(_address_problem("postcode", "the address needs a postcode"))
    elif not (len(postcode) == 6 and postcode.isascii() and postcode.isdigit()):
        found.append(_address_problem("postcode", f"{address.postcode!r} is no postcode of SG"))
    return found


def _address_problem(field: str, message: str) -> Problem:
    return Problem(code=Code.ADDR_FIELD_INVALID, message=message, field=f"address.{field}")


def divide(items: list[Item]) -> list[list[Item]]:
    """One parcel per shop and region of stock."""
    parcels: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        key = item.sku.origin, item.sku.shop.shop_id
        if key in parcels:
            parcels[key].append(item)
        else:
            parcels[key] = [item]
    return list(parcels.values())


def name_of(items: list[Item]) -> str:
    """A parcel's id: equal goods, equal id."""
    names = "\0".join([f"{item.line_id}\0{item.quantity}" for item in items])
    return f"p-{blake2b(names.encode(), digest_size=5).hexdigest()}"


def discount_goods(parcels: list[list[Item]], rate: ExchangeRate) -> tuple[Applied, Applied, list[int]]:
    """Take the shop's coupon, then the autumn reduction off the goods; both with what each line bears.

    Last, what each parcel counts towards thresholds: goods after the coupon, before the reduction.
    """
    items = [item for parcel in parcels for item in parcel]
    coupon: Applied = []
    bearers = [item for item in items if item.sku.shop.shop_id == "s-digital"]
    base = sum([item.net for item in bearers])
    if bearers and base >= rate.convert(20_000):
        for item, part in zip(bearers, allocate(min(rate.convert(2_000), base), [i.net for i in bearers]), strict=True):
            item.net -= part
            item.taxable -= part
            coupon.append((item.line_id, part))
    counted = [sum([item.net for item in parcel]) for parcel in parcels]
    autumn: Applied = []
    base = sum(counted)
    if base >= rate.convert(50_000):
        for item, part in zip(items, allocate(min(rate.convert(5_000), base), [i.net for i in items]), strict=True):
            item.net -= part  # the platform pays: the tax office sees the price before it
            autumn.append((item.line_id, part))
    return coupon, autumn, counted
