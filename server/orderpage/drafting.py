"""From an honoured page to the order to be: lines, parcels, service orders, ledger. Pure; nothing is written here."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from orderpage.domain.address import Address
from orderpage.domain.discount import Funder, Target
from orderpage.domain.money import allocate
from orderpage.domain.order import (
    AddServiceOrder,
    Covers,
    LedgerEntry,
    Order,
    OrderLine,
    OrderOperation,
    OrderParcel,
    OrderState,
    ServiceOrder,
    SetAttribute,
)
from orderpage.domain.page import Page, PageOption, PageParcel, PricedOption
from orderpage.domain.problem import Code, refuse
from orderpage.domain.tax import Collector
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

    Raises ``Refusal`` (SVC_ORDER_CREATE_FAILED) where an extension's operation does not fit the page.
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
        parcels=tuple(_parcel(parcel, _choice(parcel).priced) for parcel in page.parcels),
        service_orders=tuple(_service_orders(order_id, page, operations)),
        attributes=tuple((op.name, op.value) for op in operations if isinstance(op, SetAttribute)),
        created_at=created_at,
    )
    return Draft(order, _stock_needs(page), ledger_of(page, quote.buyer_id), tuple(_uses(page, operations)))


def ledger_of(page: Page, buyer_id: str) -> tuple[LedgerEntry, ...]:
    """Who pays and who is paid: entries sum to zero.

    The buyer pays; shops, carriers and tax authorities are paid in full; whoever funds a discount pays that part.
    """
    book: dict[str, int] = {f"buyer:{buyer_id}": -page.totals.payable}

    def post(account: str, amount: int) -> None:
        book[account] = book.get(account, 0) + amount

    for line in page.lines:
        post(f"shop:{line.sku.shop.shop_id}", line.amount)
    for parcel in page.parcels:
        choice = _choice(parcel)
        option = choice.priced.option
        post(f"carrier:{option.method.carrier}", option.freight + option.fee_total)
        for tax in choice.tax_lines:
            if tax.collector is Collector.MARKETPLACE:
                post(f"tax:{tax.code}", tax.amount)
    for adjustment in page.adjustments:
        for funder, bearer, part in adjustment.by_funder():
            for account, amount in _funding(page, adjustment.target, funder, bearer, part):
                post(account, amount)
    entries = tuple(LedgerEntry(account, amount) for account, amount in book.items() if amount)
    if sum(entry.amount for entry in entries):
        raise AssertionError(f"the ledger of a page does not balance: {entries}")
    return entries


def _uses(page: Page, operations: Iterable[OrderOperation]) -> Iterable[UseUp]:
    """What extensions say, and what the discounts of the page use up."""
    yield from [operation for operation in operations if isinstance(operation, UseUp)]
    yield from [adjustment.use for adjustment in page.adjustments if adjustment.use is not None]


def _choice(parcel: PageParcel) -> PageOption:
    if parcel.choice is None:
        raise AssertionError(f"parcel {parcel.parcel.parcel_id} of an orderable page has no selected option")
    return parcel.choice


def _lines(page: Page) -> Iterable[OrderLine]:
    for line in page.lines:
        yield OrderLine(
            line_id=line.line_id,
            sku_id=line.sku.sku_id,
            shop_id=line.sku.shop.shop_id,
            name=in_language(line.sku.name, page.view.language),
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            amount=line.amount,
            net=page.net_by_line[line.line_id],
            version=line.sku.version,
        )


def _parcel(parcel: PageParcel, priced: PricedOption) -> OrderParcel:
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


def _funding(page: Page, target: Target, funder: Funder, bearer: str, part: int) -> Iterable[tuple[str, int]]:
    """Whose account a part of a discount is on. A seller's part of a freight discount is shared by the parcel's
    shops.
    """
    if funder is Funder.PLATFORM:
        return [("platform:discounts", part)]
    if funder is Funder.CARRIER:
        return [("carrier:discounts", part)]
    if target is Target.GOODS:
        line = next(line for line in page.lines if line.line_id == bearer)
        return [(f"shop:{line.sku.shop.shop_id}", part)]
    parcel = next(parcel.parcel for parcel in page.parcels if parcel.parcel.parcel_id == bearer)
    weights = [sum(item.amount for item in parcel.items if item.line.sku.shop.shop_id == shop) for shop in parcel.shops]
    return [(f"shop:{shop}", amount) for shop, amount in zip(parcel.shops, allocate(part, weights), strict=True)]
