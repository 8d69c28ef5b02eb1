"""The page of a balance: goods as they were bought, carriage and tax as they are now, the deposit deducted."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from orderpage.domain.discount import DiscountRule, Target
from orderpage.domain.goods import Catalogue, Line, Stock, StockLevel
from orderpage.domain.money import allocate
from orderpage.domain.order import Order
from orderpage.domain.page import BlockedLine, Page, WantedLine
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import Item, Split
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


def at_net(splits: Iterable[Split], order: Order) -> tuple[Split, ...]:
    """The divisions with goods at what they cost after their discounts, a line's by whole units: on that thresholds and
    taxes are tested again.
    """
    return tuple([_at_net(split, order) for split in splits])


def _at_net(split: Split, order: Order) -> Split:
    units = {line.line_id: iter(allocate(line.net, [1] * line.quantity)) for line in order.lines}

    def paid(item: Item) -> Item:
        return replace(item, amount=sum([next(units[item.line.line_id]) for _ in range(item.quantity)]))

    parcels = [replace(parcel, items=tuple([paid(item) for item in parcel.items])) for parcel in split.parcels]
    return replace(split, parcels=tuple(parcels))


def on_freight(rules: Iterable[DiscountRule]) -> list[DiscountRule]:
    """Discounts on goods were given when they were bought."""
    return [rule for rule in rules if rule.target is Target.FREIGHT]


def as_bought(page: Page, order: Order, now: datetime) -> Page:
    """The page with goods and their discounts as on the order, and what is left to pay."""
    if order.staging is None:
        return page
    nets = {line.line_id: line.net for line in order.lines}
    goods = sum(line.amount for line in page.lines)
    net = sum(nets[line.line_id] for line in page.lines)
    rest = page.totals.payable - page.totals.goods - page.totals.goods_discount
    on_goods = [each for each in order.adjustments if each.target is Target.GOODS]
    return replace(
        page,
        net_by_line=nets,
        adjustments=(*on_goods, *page.adjustments),
        totals=replace(page.totals, goods=goods, goods_discount=net - goods, payable=net + rest),
        problems=(*page.problems, *outside(order, now)),
        notices=(*page.notices, *_gone(page, order)),
        schedule=_left(page, net, order.staging.first.due, order.staging.balance.due),
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


def _left(page: Page, net: int, first: StageDue, balance: StageDue) -> tuple[StageDue, ...]:
    if not page.schedule:  # nothing can be delivered
        return ()
    # One stage, because goods as bought are in presale no more. Theirs is what the order says, to the cent: a unit's
    # share of an uneven line may differ between two divisions.
    whole = replace(page.schedule[0], goods=net)
    return first, rest_of(whole, first, balance.opens_at, balance.due_at)
