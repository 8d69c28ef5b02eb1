"""From an honoured page to the order to be: lines, parcels, service orders, ledger. Pure; nothing is written here."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from orderpage.accounting.ledger import entries_of
from orderpage.accounting.portions import portions_of
from orderpage.domain.address import Address
from orderpage.domain.discount import uses_of
from orderpage.domain.order import (
    AddServiceOrder,
    Covers,
    LedgerEntry,
    Order,
    OrderLine,
    OrderOperation,
    OrderParcel,
    OrderState,
    Portion,
    ServiceOrder,
    SetAttribute,
)
from orderpage.domain.page import Page, PageOption, PageParcel, PricedOption
from orderpage.domain.problem import Code, refuse
from orderpage.domain.text import in_language
from orderpage.domain.usage import UseUp
from orderpage.ports import StockNeed
from orderpage.quote import Quote


class Draft(msgspec.Struct, frozen=True):
    """All that the pivot needs of the order itself."""

    order: Order
    stock: tuple[StockNeed, ...]
    ledger: tuple[LedgerEntry, ...]
    uses: tuple[UseUp, ...] = ()


def draft_order(
    order_id: str,
    page: Page,
    quote: Quote,
    address: Address,
    operations: Iterable[OrderOperation],
    created_at: datetime,
) -> Draft:
    """The order of a page whose every parcel has a selected option.

    Raises ``Refusal`` (SVC_ORDER_CREATE_FAILED) where an extension's operation does not fit the page, or the site has
    not said what is booked on that day.
    """
    operations = tuple(operations)
    totals = page.totals
    order = Order(
        order_id=order_id,
        checkout_id=quote.checkout_id,
        buyer_id=quote.buyer_id,
        site=quote.cell.site,
        stack=quote.stack,
        plan_digest=page.plan_digest,
        state=OrderState.OPEN,
        currency=page.currency,
        goods=totals.goods,
        discount=totals.goods_discount + totals.freight_discount,
        freight=totals.freight,
        fees=totals.fees,
        tax=totals.tax,
        payable=totals.payable,
        address=address,
        lines=tuple(_lines(page)),
        parcels=tuple(_parcel(page, *each) for each in zip(page.parcels, portions_of(page), strict=True)),
        service_orders=tuple(_service_orders(order_id, page, operations)),
        attributes=tuple((op.name, op.value) for op in operations if isinstance(op, SetAttribute)),
        created_at=created_at,
        adjustments=page.adjustments,
        promises=page.promises,
        refund_policy=page.view.profile.refund_policy,
    )
    return Draft(order, _stock_needs(page), entries_of(order), tuple(_uses(page, operations)))


def refuse_unbookable(page: Page) -> None:
    """Raises ``Refusal`` (SVC_ORDER_CREATE_FAILED) where no order can be made of the page, and that is our doing."""
    view, terms = page.view, page.view.profile.settlement
    terms.commissions((), view.today)
    for parcel in page.parcels:
        if parcel.choice is not None:
            terms.carrier_cost(parcel.choice.priced.option, view.rate, view.today)


def _uses(page: Page, operations: Iterable[OrderOperation]) -> Iterable[UseUp]:
    """What extensions say, and what the discounts of the page use up: a promotion once, however many rules it has."""
    yield from [operation for operation in operations if isinstance(operation, UseUp)]
    yield from uses_of(page.given)


def _choice(parcel: PageParcel) -> PageOption:
    if parcel.choice is None:
        raise AssertionError(f"parcel {parcel.parcel.parcel_id} of an orderable page has no selected option")
    return parcel.choice


def _lines(page: Page) -> Iterable[OrderLine]:
    nets = [page.net_by_line[line.line_id] for line in page.lines]
    commissions = page.view.profile.settlement.commissions(nets, page.view.today)
    for line, net, commission in zip(page.lines, nets, commissions, strict=True):
        yield OrderLine(
            line_id=line.line_id,
            sku_id=line.sku.sku_id,
            shop_id=line.sku.shop.shop_id,
            name=in_language(line.sku.name, page.view.language),
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            amount=line.amount,
            net=net,
            version=line.sku.version,
            commission=commission,
        )


def _parcel(page: Page, parcel: PageParcel, portions: tuple[Portion, ...]) -> OrderParcel:
    view, priced = page.view, _choice(parcel).priced
    window = priced.option.window
    return OrderParcel(
        parcel_id=parcel.parcel.parcel_id,
        method=parcel.selected,
        contents=tuple((item.line.line_id, item.quantity) for item in parcel.parcel.items),
        freight=priced.option.freight,
        discount=priced.discount,
        fees=priced.option.fee_total,
        tax=priced.tax,
        earliest=window.earliest.isoformat() if window else "",
        latest=window.latest.isoformat() if window else "",
        weight_g=parcel.parcel.weight_g,
        later=priced.option.later,
        carrier=priced.option.method.carrier,
        cost=view.profile.settlement.carrier_cost(priced.option, view.rate, view.today),
        portions=portions,
    )


def _service_orders(order_id: str, page: Page, operations: Iterable[OrderOperation]) -> Iterable[ServiceOrder]:
    parcels = {parcel.parcel.parcel_id: _choice(parcel).priced for parcel in page.parcels}
    covered: set[tuple[str, Covers]] = set()
    asked = [operation for operation in operations if isinstance(operation, AddServiceOrder)]
    for number, wanted in enumerate(asked, start=1):
        key = wanted.parcel_id, wanted.covers
        if wanted.parcel_id not in parcels or (wanted.covers is not Covers.NOTHING and key in covered):
            message = f"a service order for {wanted.covers} of parcel {wanted.parcel_id} is unknown or asked for twice"
            raise refuse(Code.SVC_ORDER_CREATE_FAILED, message)
        covered.add(key)
        yield ServiceOrder(
            service_order_id=f"{order_id}-{number}",
            kind=wanted.kind,
            type=wanted.type,
            parcel_id=wanted.parcel_id,
            amount=_covered_amount(parcels[wanted.parcel_id], wanted.covers),
            estimate=parcels[wanted.parcel_id].option.later if wanted.covers is Covers.FREIGHT_AND_FEES else 0,
        )


def _covered_amount(priced: PricedOption, covers: Covers) -> int:
    match covers:
        case Covers.FREIGHT_AND_FEES:
            return priced.option.freight + priced.discount + priced.option.fee_total
        case Covers.TAX:
            return priced.tax
        case Covers.NOTHING:
            return 0


def _stock_needs(page: Page) -> tuple[StockNeed, ...]:
    """One need a SKU, however many lines it stands on."""
    needs: dict[str, StockNeed] = {}
    for line in page.lines:
        before = needs[line.sku.sku_id].quantity if line.sku.sku_id in needs else 0
        needs[line.sku.sku_id] = StockNeed(line.sku.sku_id, before + line.quantity, line.sku.version)
    return tuple(needs.values())
