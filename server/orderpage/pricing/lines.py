"""Cart lines in the page's currency."""

from collections.abc import Iterable

from orderpage.domain.goods import Catalogue, Line
from orderpage.domain.money import ExchangeRate
from orderpage.domain.page import BlockedLine, WantedLine
from orderpage.domain.problem import Code, Problem


def price_lines(
    wanted: Iterable[WantedLine], catalogue: Catalogue, rate: ExchangeRate
) -> tuple[tuple[Line, ...], tuple[BlockedLine, ...]]:
    """The lines with a known SKU, priced, and the unknown ones, blocked.

    A unit price is converted HALF_UP, then multiplied (domain rules, section 12).
    """
    lines, unknown = [], []
    for line in wanted:
        sku = catalogue.get(line.sku_id)
        if sku is None:
            unknown.append(unknown_line(line))
            continue
        unit = rate.convert(sku.unit_price)
        lines.append(Line(line.line_id, sku, line.quantity, unit, unit * line.quantity))
    return tuple(lines), tuple(unknown)


def unknown_line(line: WantedLine) -> BlockedLine:
    """The line, blocked: the catalogue does not know it."""
    problem = Problem(
        code=Code.ITEM_SKU_INVALID,
        message=f"the catalogue has no SKU {line.sku_id!r}; choose the variant again",
        line_id=line.line_id,
    )
    return BlockedLine(wanted=line, sku=None, problems=(problem,))
