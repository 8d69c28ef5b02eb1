"""The page of a balance: goods as they were bought, carriage and tax as they are now, the deposit deducted."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from orderpage.domain.discount import Adjustment, DiscountRule, Target
from orderpage.domain.goods import Catalogue, Line, Stock, StockLevel
from orderpage.domain.order import Order
from orderpage.domain.page import BlockedLine, Page, WantedLine
from orderpage.domain.problem import Code, Problem
from orderpage.domain.stage import OrderStage, StageDue
from orderpage.pricing.lines import unknown_line
from orderpage.pricing.schedule import rest_of


def bought_lines(order: Order, catalogue: Catalogue) -> tuple[tuple[Line, ...], tuple[BlockedLine, ...]]:
    """The order's lines as they were bought.

    Their SKUs weigh and travel as the catalogue says now; that they were taken off sale since changes nothing.
    """
    lines, unknown = [], []
    for line in order.lines:
        sku = catalogue.get(line.sku_id)
        if sku is None:
            unknown.append(unknown_line(WantedLine(line.line_id, line.sku_id, line.quantity)))
            continue
        kept = replace(sku, offline=False, max_quantity=max(sku.max_quantity, line.quantity), presale=())
        lines.append(Line(line.line_id, kept, line.quantity, line.unit_amount, line.amount))
    return tuple(lines), tuple(unknown)


def reserved(order: Order) -> Stock:
    """The stock that the order took: its goods are there, whatever is left for others."""
    units: dict[str, int] = {}
    for line in order.lines:
        units[line.sku_id] = units.get(line.sku_id, 0) + line.quantity
    return {sku_id: StockLevel(count, 0) for sku_id, count in units.items()}


def as_given(rules: Iterable[DiscountRule], order: Order) -> list[DiscountRule]:
    """Discounts on goods as they were given with the order, and those on freight as they are now, but for those that do
    not go with what was given.

    They are applied anew, so that tax law and thresholds see of each what they saw of it then, and what hangs on a
    method goes with it.
    """
    on_goods = [_given(each) for each in order.adjustments if each.target is Target.GOODS]
    on_freight = [rule for rule in rules if rule.target is Target.FREIGHT]
    return [*on_goods, *[rule for rule in on_freight if all(rule.goes_with(each) for each in on_goods)]]


def _given(adjustment: Adjustment) -> DiscountRule:
    return DiscountRule(
        code=adjustment.code,
        name=adjustment.name,
        lane=adjustment.lane,
        target=Target.GOODS,
        funding=tuple([(funder, -share) for funder, share in adjustment.shares]),
        amount=-adjustment.amount,
        threshold=adjustment.threshold,
        counts=adjustment.counts,
        shops=adjustment.shops,
        methods=frozenset(adjustment.methods),
        reduces_tax_base=adjustment.reduces_tax_base,
        use=adjustment.use,
        stacking=adjustment.stacking,
        given=tuple([(line_id, -part) for line_id, part in adjustment.parts]),
    )


def as_bought(page: Page, order: Order, now: datetime) -> Page:
    """The page with what is left to pay of the order, and what keeps it from being paid."""
    if order.staging is None:
        return page
    if not page.parcels or not all(parcel.options for parcel in page.parcels):
        page = _at_net(page, order)
    return replace(
        page,
        problems=(*page.problems, *outside(order, now)),
        notices=(*page.notices, *_gone(page, order)),
        stages_paid=1,
        schedule=_left(page, order.staging.first.due, order.staging.balance.due),
    )


def _at_net(page: Page, order: Order) -> Page:
    """Goods that nothing carries have no discounts of the page's: they are shown at what they cost on the order."""
    nets = {line.line_id: line.net for line in order.lines}
    goods = sum(line.amount for line in page.lines)
    net = sum(nets[line.line_id] for line in page.lines)
    rest = page.totals.payable - page.totals.goods - page.totals.goods_discount
    on_goods = [each for each in order.adjustments if each.target is Target.GOODS]
    return replace(
        page,
        net_by_line=nets,
        adjustments=(*on_goods, *[each for each in page.adjustments if each.target is Target.FREIGHT]),
        totals=replace(page.totals, goods=goods, goods_discount=net - goods, payable=net + rest),
    )


def outside(order: Order, now: datetime) -> tuple[Problem, ...]:
    """What keeps the balance from being paid at ``now``, and when it can be."""
    balance = _balance(order).due
    if balance.opens_at is not None and now < balance.opens_at:
        opens_at = balance.opens_at.isoformat(timespec="seconds")
        message = f"the balance of order {order.order_id} can be paid from {opens_at}; come back then"
        return (Problem(code=Code.STAGE_NOT_OPEN, message=message, value=opens_at),)
    if balance.due_at is not None and now >= balance.due_at:
        due_at = balance.due_at.isoformat(timespec="seconds")
        message = f"the balance of order {order.order_id} could be paid until {due_at}"
        return (Problem(code=Code.STAGE_OVER, message=message, value=due_at),)
    return ()


def _gone(page: Page, order: Order) -> tuple[Problem, ...]:
    """A method of the order that no parcel of the page has any more, where the page does not say so already."""
    if not page.parcels or any(notice.code is Code.LOGI_METHOD_GONE for notice in page.notices):
        return ()
    offered = {shown.priced.option.method.code for parcel in page.parcels for shown in parcel.options}
    gone = sorted({parcel.method for parcel in order.parcels} - offered)
    message = f"{', '.join(gone)} takes these goods no longer; choose among the methods that do"
    return (Problem(code=Code.LOGI_METHOD_GONE, message=message),) if gone else ()


def _balance(order: Order) -> OrderStage:
    if order.staging is None:
        raise LookupError(f"order {order.order_id} has no balance")
    return order.staging.balance


def _left(page: Page, first: StageDue, balance: StageDue) -> tuple[StageDue, ...]:
    if not page.schedule:  # nothing can be delivered
        return ()
    # One stage, because goods as bought are in presale no more.
    whole = replace(page.schedule[0], goods=page.totals.goods + page.totals.goods_discount)
    return first, rest_of(whole, first, balance.opens_at, balance.due_at)
