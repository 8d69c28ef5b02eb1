"""Every amount of a page, from its lines to what is to be paid."""

from collections.abc import Callable, Iterator

from orderpage.domain.discount import Target
from orderpage.domain.page import Page, PageOption
from orderpage.domain.why import Why
from orderpage.engine.run import Run
from orderpage.why.goods import explain_adjustments, explain_lines
from orderpage.why.options import explain_options, option_path
from orderpage.why.progress import explain_progress
from orderpage.why.sources import Slots, Sources
from orderpage.why.stages import explain_stages


def explain_amounts(page: Page, run: Run, slots: Slots) -> tuple[Why, ...]:
    """Why each amount is what it is. ``slots``, by point, are the scenario's own, so that origins are its lines."""
    if page.view.address is None:
        return (*explain_lines(page), *_totals(page))
    sources = Sources(page, run, slots)
    return (
        *explain_lines(page),
        *explain_adjustments(page, sources),
        *explain_progress(page, sources),
        *explain_options(page, sources),
        *_totals(page),
        *explain_stages(page),
    )


def _totals(page: Page) -> Iterator[Why]:
    totals = page.totals
    off = {target: _discounts(page, target) for target in Target}
    lines = tuple(f"lines[{line.line_id}].amount" for line in page.lines)
    yield _sum("goods", totals.goods, lines)
    yield _sum("goods_discount", totals.goods_discount, off[Target.GOODS])
    yield _sum("freight", totals.freight, _selected(page, lambda _: ("freight",)))
    yield _sum("freight_discount", totals.freight_discount, off[Target.FREIGHT])
    yield _sum("fees", totals.fees, _selected(page, _fees))
    yield _sum("tax", totals.tax, _selected(page, lambda _: ("tax",)))
    yield _sum("border_estimate", totals.border, _selected(page, lambda _: ("border_estimate",)))
    parts = ("goods", "goods_discount", "freight", "freight_discount", "fees", "tax")
    yield _sum("payable", totals.payable, tuple(f"totals.{part}" for part in parts))
    later = _selected(page, lambda option: ("later_estimate",) if option.priced.option.later else ())
    yield _sum("later_estimate", totals.later, later)
    if page.saving:
        rule = "cost to the door of one parcel for each shop, less that of this division"
        yield Why(path="split_saving", amount=page.saving, rule=rule, inputs=(("division", page.split),))


def _sum(name: str, amount: int, parts: tuple[str, ...]) -> Why:
    return Why(path=f"totals.{name}", amount=amount, rule="sum", parts=parts)


def _discounts(page: Page, target: Target) -> tuple[str, ...]:
    return tuple(f"adjustments[{each.code}].amount" for each in page.adjustments if each.target is target)


def _fees(option: PageOption) -> tuple[str, ...]:
    return tuple(f"fees[{fee.code}].amount" for fee in option.priced.option.fees)


def _selected(page: Page, names: Callable[[PageOption], tuple[str, ...]]) -> tuple[str, ...]:
    """Paths of the selected options."""
    return tuple(
        f"{option_path(parcel, parcel.choice)}.{name}"
        for parcel in page.parcels
        if parcel.choice is not None
        for name in names(parcel.choice)
    )
