"""The order of a page, put together by hand: lines, parcels, service orders, who is paid, what is told."""

from datetime import datetime

from crossborder.checkout.v1.page_pb2 import Page
from orderpage.domain.address import Address
from orderpage.domain.order import (
    EntryKind,
    Event,
    LedgerEntry,
    Order,
    OrderLine,
    OrderParcel,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    ServiceKind,
    ServiceOrder,
    ServiceOrderType,
)
from orderpage.domain.text import in_language
from orderpage.ports import StockNeed
from orderpage_legacy.methods import CONSO, KIND
from orderpage_legacy.page import Made, currency_of
from orderpage_legacy.prices import Choice, Parcel
from orderpage_legacy.quotes import Promise

STACK = "legacy"


def draft(
    order_id: str,
    site: str,
    address: Address,
    page: Page,
    made: Made,
    promise: Promise,
    payment_method: str,
    now: datetime,
    bugs: frozenset[str],
) -> PlacedOrder:
    """The order and its payment, neither of them begun."""
    totals, currency = page.totals, currency_of(site)
    order = Order(
        order_id=order_id,
        checkout_id=promise.checkout_id,
        buyer_id=promise.buyer_id,
        site=site,
        stack=STACK,
        plan_digest=STACK,
        state=OrderState.OPEN,
        currency=currency,
        goods=totals.goods,
        discount=totals.goods_discount + totals.freight_discount,
        freight=totals.freight,
        fees=totals.fees,
        tax=totals.tax,
        payable=totals.payable,
        address=address,
        lines=tuple(_lines(made)),
        parcels=tuple([_parcel(*each) for each in zip(made.parcels, made.choices, strict=True)]),
        service_orders=tuple(_service_orders(order_id, made, bugs)),
        attributes=(),
        created_at=now,
    )
    payment = Payment(
        attempt_id=f"{order_id}-p1",
        order_id=order_id,
        key=f"{order_id}:hold",
        method=payment_method,
        amount=totals.payable,
        currency=currency,
        state=PaymentState.STARTED,
    )
    return PlacedOrder(order, payment)


def _lines(made: Made) -> list[OrderLine]:
    return [
        OrderLine(
            line_id=item.line_id,
            sku_id=item.sku.sku_id,
            shop_id=item.sku.shop.shop_id,
            name=in_language(item.sku.name, made.language),
            quantity=item.quantity,
            unit_amount=item.unit,
            amount=item.amount,
            net=item.net,
            version=item.sku.version,
        )
        for item in made.items
    ]


def _parcel(parcel: Parcel, choice: Choice) -> OrderParcel:
    option = choice.option
    earliest, latest = option.window or (None, None)
    return OrderParcel(
        parcel_id=parcel.parcel_id,
        method=option.code,
        contents=tuple([(item.line_id, item.quantity) for item in parcel.items]),
        freight=option.freight,
        discount=-choice.relief,
        fees=option.fee,
        tax=choice.tax,
        earliest=earliest.isoformat() if earliest else "",
        latest=latest.isoformat() if latest else "",
    )


def _service_orders(order_id: str, made: Made, bugs: frozenset[str]) -> list[ServiceOrder]:
    """One for each parcel that is consolidated: its freight can be refunded apart from the goods."""
    found: list[ServiceOrder] = []
    for parcel, choice in zip(made.parcels, made.choices, strict=True):
        if KIND[choice.option.code] == CONSO:
            service_order = ServiceOrder(
                service_order_id=f"{order_id}-{len(found) + 1}",
                kind=ServiceKind.SHIPPING,
                type=ServiceOrderType.DUAL_MAIN,
                parcel_id=parcel.parcel_id,
                amount=choice.option.freight - choice.relief + choice.option.fee,
            )
            found.append(service_order)
    if "lost-service-order" in bugs:
        return found[:-1]
    return found


def ledger(placed: PlacedOrder, made: Made) -> tuple[LedgerEntry, ...]:
    """Who pays and who is paid, summing to zero. The platform funds every discount but the pinned page's coupon.

    Commission, and what carriers charge, are on other books of the old stack.
    """
    book: dict[tuple[str, EntryKind, str], int] = {}
    _post(book, f"buyer:{placed.order.buyer_id}", EntryKind.PAYMENT, -placed.order.payable)
    for item in made.items:
        _post(book, f"shop:{item.sku.shop.shop_id}", EntryKind.GOODS, item.amount)
    for parcel, choice in zip(made.parcels, made.choices, strict=True):
        _post(book, "platform:logistics", EntryKind.FREIGHT, choice.option.freight, parcel.parcel_id)
        _post(book, "carrier:OFFICIAL", EntryKind.FEES, choice.option.fee, parcel.parcel_id)
        _post(book, "tax:SG_GST", EntryKind.TAX, choice.tax)
    parcel_ids = {parcel.parcel_id for parcel in made.parcels}
    for code, bearers in made.adjustments:
        account = "shop:s-digital" if code == "SHOP_COUPON" else "platform:discounts"
        for bearer, part in bearers:
            if bearer in parcel_ids:
                _post(book, account, EntryKind.FREIGHT_DISCOUNT, -part, bearer)
            else:
                _post(book, account, EntryKind.DISCOUNT, -part)
    entries = tuple([LedgerEntry(account, kind, sum_, to) for (account, kind, to), sum_ in book.items() if sum_])
    if sum([entry.amount for entry in entries]):
        raise AssertionError(f"the ledger does not balance: {entries}")
    return entries


def _post(
    book: dict[tuple[str, EntryKind, str], int], account: str, kind: EntryKind, amount: int, to: str = ""
) -> None:
    book[account, kind, to] = book.get((account, kind, to), 0) + amount


def stock_needs(made: Made) -> tuple[StockNeed, ...]:
    """One need a SKU, however many lines it stands on."""
    units: dict[str, int] = {}
    for item in made.items:
        units[item.sku.sku_id] = units.get(item.sku.sku_id, 0) + item.quantity
    versions = {item.sku.sku_id: item.sku.version for item in made.items}
    return tuple([StockNeed(sku_id, quantity, versions[sku_id]) for sku_id, quantity in units.items()])


def confirmed(placed: PlacedOrder) -> Event:
    """What others are told once the money is held."""
    order, payment = placed.order, placed.payment
    payload: dict[str, str | int] = {
        "order_id": order.order_id,
        "checkout_id": order.checkout_id,
        "buyer_id": order.buyer_id,
        "site": order.site,
        "currency": order.currency.code,
        "exponent": order.currency.exponent,
        "goods": order.goods,
        "discount": order.discount,
        "freight": order.freight,
        "fees": order.fees,
        "tax": order.tax,
        "payable": order.payable,
        "service_orders": len(order.service_orders),
        "attempt_id": payment.attempt_id,
        "payment_method": payment.method,
    }
    return Event("order.confirmed", order.order_id, payload)
