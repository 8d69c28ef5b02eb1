"""The cart: lines in the site's currency, what may not be bought, where it may not go, and discounts on goods."""

from collections.abc import Iterator

from orderpage.domain.address import Address
from orderpage.domain.goods import Catalogue, Sku, Stock
from orderpage.domain.money import ExchangeRate, allocate
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Action, Code, Problem

Applied = list[tuple[str, int]]
"""Line or parcel, and what it bears of a discount."""


class Item:
    """A line that can be bought, or a part of it. Amounts in cents; ``net`` after discounts, ``taxable`` for the tax.

    ``low_value``: cheap enough for the tax to be collected at checkout.
    """

    __slots__ = ("amount", "line_id", "low_value", "net", "quantity", "sku", "taxable", "unit")

    def __init__(self, line_id: str, sku: Sku, quantity: int, unit: int, amount: int) -> None:
        self.line_id = line_id
        self.sku = sku
        self.quantity = quantity
        self.unit = unit
        self.amount = self.net = self.taxable = amount
        self.low_value = True


Blocked = tuple[WantedLine, Sku | None, list[Problem]]


def read_cart(
    wanted: tuple[WantedLine, ...], skus: Catalogue, stock: Stock, rate: ExchangeRate, *, round_line: bool
) -> tuple[list[Item], list[Blocked]]:
    """The lines that can be bought, and the others with every problem. Lines of one SKU share stock and limit."""
    items: list[Item] = []
    unknown: list[Blocked] = []
    blocked: list[Blocked] = []
    left: dict[str, tuple[int, int]] = {}
    for line in wanted:
        sku_id, quantity, sku = line.sku_id, line.quantity, skus.get(line.sku_id)
        if sku is None:
            message = f"the catalogue has no SKU {sku_id!r}; choose the variant again"
            unknown.append((line, None, [Problem(code=Code.ITEM_SKU_INVALID, message=message, line_id=line.line_id)]))
            continue
        if sku_id in left:
            available, room = left[sku_id]
        else:
            available, room = stock[sku_id].available if sku_id in stock else 0, sku.max_quantity
        if sku.offline or quantity > room or quantity > available or sku.goods_class == "DUTIABLE":
            blocked.append((line, sku, list(_problems(line, sku, available, room))))
            room = room if sku.offline or quantity > room else room - quantity
            left[sku_id] = available if quantity > available else available - quantity, room
        else:
            left[sku_id] = available - quantity, room - quantity
            unit = rate.convert(sku.unit_price)
            amount = rate.convert(sku.unit_price * quantity) if round_line else unit * quantity
            items.append(Item(line.line_id, sku, quantity, unit, amount))
    return items, unknown + blocked


def _problems(line: WantedLine, sku: Sku, available: int, room: int) -> Iterator[Problem]:
    line_id, sku_id, quantity = line.line_id, sku.sku_id, line.quantity
    if sku.offline:
        yield Problem(code=Code.ITEM_OFFLINE, message=f"{sku_id} is no longer on sale", line_id=line_id)
    if available <= 0:
        yield Problem(code=Code.INV_OUT_OF_STOCK, message=f"{sku_id} is out of stock", line_id=line_id)
    if sku.goods_class == "DUTIABLE":
        message = f"{sku_id} (DUTIABLE) may not be imported here"
        yield Problem(code=Code.RESTRICT_IMPORT_PROHIBITED, message=message, line_id=line_id)
    if not sku.offline and quantity > room:
        message = f"at most {sku.max_quantity} of {sku_id} an order"
        if room > 0:
            yield Problem(code=Code.ITEM_QTY_LIMIT, message=message, line_id=line_id, value=str(room))
        else:
            yield Problem(code=Code.ITEM_QTY_LIMIT, message=message, line_id=line_id, action=Action.REMOVE_LINE)
    if 0 < available < quantity:
        message = f"{available} of {sku_id} left"
        yield Problem(code=Code.INV_INSUFFICIENT, message=message, line_id=line_id, value=str(available))


def address_problems(address: Address | None, site: str) -> list[Problem]:
    """What keeps the page from being delivered."""
    if address is None:
        return [Problem(code=Code.ADDR_MISSING, message="a delivery address is needed", field="address")]
    if address.country != site:
        message = f"this site delivers to {site}, not to {address.country}"
        return [Problem(code=Code.ADDR_REGION_UNSUPPORTED, message=message, field="address.country")]
    found = []
    if address.home_delivery and not any(part.strip() for part in address.street):
        found.append(_address_problem("street", "the address needs a street"))
    if site == "HK":
        if not (address.subdivision.strip() or address.city.strip() or address.district.strip()):
            found.append(_address_problem("district", "the address needs a district"))
        return found
    postcode = address.postcode.strip()
    if not postcode:
        found.append(_address_problem("postcode", "the address needs a postcode"))
    elif not (len(postcode) == 6 and postcode.isascii() and postcode.isdigit()):
        found.append(_address_problem("postcode", f"{address.postcode!r} is no postcode of SG"))
    return found


def _address_problem(field: str, message: str) -> Problem:
    return Problem(code=Code.ADDR_FIELD_INVALID, message=message, field=f"address.{field}")


def discount_newcomer(items: list[Item], rate: ExchangeRate) -> list[tuple[str, Applied]]:
    """Welcome to newcomers: 10 CNY off goods of 199 and more, once an order."""
    base, amount = sum([item.net for item in items]), rate.convert(1_000)
    if not items or not amount or base < rate.convert(19_900):
        return []
    borne: dict[str, int] = {}
    for item, part in zip(items, allocate(min(amount, base), [item.net for item in items]), strict=True):
        item.net -= part
        item.taxable -= part
        borne[item.line_id] = borne.get(item.line_id, 0) + part
    return [("NEWCOMER_WELCOME", list(borne.items()))]
