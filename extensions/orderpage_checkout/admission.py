"""Which lines may be bought: on sale, in stock, allowed into the country (domain rules 7.1 and 7.2)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from orderpage import Settings, extends, extension, facts, points
from orderpage.domain.goods import GoodsClass, Line, Stock
from orderpage.domain.page import BlockLine, LimitQuantity, PageView
from orderpage.domain.problem import Action, Code, Problem


def _block(line: Line, code: Code, message: str) -> BlockLine:
    return BlockLine(line.line_id, Problem(code=code, message=message, line_id=line.line_id))


def _limit(line: Line, code: Code, maximum: int, message: str) -> LimitQuantity:
    """No line can hold 0 units: then it has to go."""
    remedy: dict[str, Any] = {"value": str(maximum)} if maximum > 0 else {"action": Action.REMOVE_LINE}
    problem = Problem(code=code, message=message, line_id=line.line_id, **remedy)
    return LimitQuantity(line.line_id, maximum, problem)


@extension("checkout.saleable")
class Saleable:
    """Goods taken off sale block their line; the seller's limit of units caps it."""

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockLine | LimitQuantity]:
        """ITEM_OFFLINE, or ITEM_QTY_LIMIT with the number of units that lines before it leave."""
        taken: Counter[str] = Counter()
        for line in page.lines:
            sku = line.sku
            left = sku.max_quantity - taken[sku.sku_id]
            if sku.offline:
                yield _block(line, Code.ITEM_OFFLINE, f"{sku.sku_id} is no longer on sale")
            elif line.quantity > left:
                yield _limit(line, Code.ITEM_QTY_LIMIT, left, f"at most {sku.max_quantity} of {sku.sku_id} an order")
            else:
                taken[sku.sku_id] += line.quantity


@extension("checkout.stock")
class InStock:
    """Lines of one SKU share its stock, in the cart's order; one that asks too much leaves it to the next."""

    @extends(points.ADMIT, needs=(facts.STOCK,))
    def admit(self, page: PageView, stock: Stock) -> Iterator[BlockLine | LimitQuantity]:
        """INV_OUT_OF_STOCK, or INV_INSUFFICIENT with the number left."""
        left: dict[str, int] = {}
        for line in page.lines:
            sku_id = line.sku.sku_id
            if sku_id not in left:
                left[sku_id] = stock[sku_id].available if sku_id in stock else 0
            available = left[sku_id]
            if available <= 0:
                yield _block(line, Code.INV_OUT_OF_STOCK, f"{sku_id} is out of stock")
            elif line.quantity > available:
                yield _limit(line, Code.INV_INSUFFICIENT, available, f"{available} of {sku_id} left")
            else:
                left[sku_id] = available - line.quantity


class Prohibited(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.prohibited``: classes that the site may not bring into the country."""

    classes: frozenset[GoodsClass]


@extension("checkout.prohibited", settings=Prohibited)
class ImportProhibited:
    """Goods that the destination does not let in, by any method."""

    def __init__(self, settings: Prohibited) -> None:
        self.classes = settings.classes

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockLine]:
        """RESTRICT_IMPORT_PROHIBITED for each line of a banned class."""
        for line in page.lines:
            if line.sku.goods_class in self.classes:
                message = f"{line.sku.sku_id} ({line.sku.goods_class}) may not be imported here"
                yield _block(line, Code.RESTRICT_IMPORT_PROHIBITED, message)
