"""The ledger of a refund: the order's entries in reverse, for what goes back; they sum to zero."""

from collections.abc import Sequence

import msgspec

from orderpage.accounting.ledger import COMMISSION, LOGISTICS, SHOP, Book, post_carriage, post_cut, post_taxes
from orderpage.accounting.units import Unit
from orderpage.domain.discount import Target
from orderpage.domain.order import EntryKind, LedgerEntry, Order
from orderpage.domain.refund import RefundCase


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Units whose ``goods`` and whose ``carriage`` go back, and amounts ``clawed`` from the buyer, or ``restored`` to
    him, for discounts on units (the cut's number in the unit).
    """

    goods: Sequence[Unit]
    carriage: Sequence[Unit]
    clawed: Sequence[tuple[Unit, int, int]]
    restored: Sequence[tuple[Unit, int, int]]


def entries_of_refund(order: Order, case: RefundCase, taken: Taken, total: int) -> tuple[LedgerEntry, ...]:
    """``total`` to the buyer, from the shops, the funders (who have their parts back), the authorities, and for
    carriage that was not used from platform and carrier. Carriage that was used is borne by the seller if it is his
    fault, else by the platform; its carrier keeps its cost and fees.
    """
    book = Book()
    book.post(f"buyer:{order.buyer_id}", EntryKind.REFUND, total)
    for unit in taken.goods:
        _post_goods(book, unit)
    for unit in taken.carriage:
        _post_carriage(book, unit, case)
    for sign, amounts in ((1, taken.clawed), (-1, taken.restored)):
        for unit, number, amount in amounts:
            post_cut(book, unit.piece, unit.cuts[number], sign * amount)
    return book.entries(f"a refund of order {order.order_id}")


def _post_goods(book: Book, unit: Unit) -> None:
    shop = f"{SHOP}{unit.piece.shop_id}"
    book.post(shop, EntryKind.GOODS_REFUNDED, -unit.goods)
    book.post(shop, EntryKind.COMMISSION_REVERSED, unit.commission)
    book.post(COMMISSION, EntryKind.COMMISSION_REVERSED, -unit.commission)
    _post_cuts(book, unit, Target.GOODS)
    post_taxes(book, unit.piece, [(tax.code, -tax.goods) for tax in unit.taxes])


def _post_carriage(book: Book, unit: Unit, case: RefundCase) -> None:
    post_taxes(book, unit.piece, [(tax.code, -tax.carriage) for tax in unit.taxes])
    if not case.shipped:
        post_carriage(book, unit.piece, -unit.freight, -unit.fees, -unit.cost)
        _post_cuts(book, unit, Target.FREIGHT)
        return
    bearer = f"{SHOP}{unit.piece.shop_id}" if case.cause.sellers else LOGISTICS
    book.post(bearer, EntryKind.CARRIAGE_BORNE, -unit.paid_freight, unit.piece.parcel.parcel_id)
    book.post(bearer, EntryKind.FEES, -unit.fees, unit.piece.parcel.parcel_id)


def _post_cuts(book: Book, unit: Unit, target: Target) -> None:
    for cut in unit.cuts:
        if cut.target is target:
            post_cut(book, unit.piece, cut, cut.amount)
