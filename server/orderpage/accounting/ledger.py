"""Who pays and who is paid for an order: double entries that sum to zero (domain rules, section 4).

Accounts are ``buyer:ID``, ``shop:ID``, ``carrier:CODE``, ``tax:CODE`` and the platform's: ``platform:discounts``,
``platform:logistics`` (is paid the list freight, pays the carrier's cost) and ``platform:commission``. Settlement is
computed from these entries alone.
"""

from collections.abc import Iterable

from orderpage.accounting.pieces import Cut, Piece, pieces_of
from orderpage.domain.discount import Funder, Target
from orderpage.domain.order import EntryKind, LedgerEntry, Order

SHOP, LOGISTICS, DISCOUNTS, COMMISSION = "shop:", "platform:logistics", "platform:discounts", "platform:commission"
KIND_OF_CUT = {Target.GOODS: EntryKind.DISCOUNT, Target.FREIGHT: EntryKind.FREIGHT_DISCOUNT}


class Book:
    """Entries under way: what has the same account, kind and subject is one entry."""

    def __init__(self) -> None:
        self._amounts: dict[tuple[str, EntryKind, str], int] = {}

    def post(self, account: str, kind: EntryKind, amount: int, subject: str = "") -> None:
        """Add to an entry; negative pays."""
        if amount:
            key = (account, kind, subject)
            self._amounts[key] = self._amounts.get(key, 0) + amount

    def entries(self, what: str) -> tuple[LedgerEntry, ...]:
        """Those that came to something. Raises ``AssertionError``, naming ``what``, unless they sum to zero."""
        off = sum(self._amounts.values())
        if off:
            raise AssertionError(f"the ledger of {what} is off by {off}: {self._amounts}")
        return tuple(
            [LedgerEntry(account, kind, amount, to) for (account, kind, to), amount in self._amounts.items() if amount]
        )


def entries_of(order: Order) -> tuple[LedgerEntry, ...]:
    """All that the pivot books. Entries on carriage name their parcel; the others are one an account and kind."""
    book = Book()
    book.post(f"buyer:{order.buyer_id}", EntryKind.PAYMENT, -order.payable)
    for piece in pieces_of(order):
        shop = f"{SHOP}{piece.shop_id}"
        book.post(shop, EntryKind.GOODS, piece.goods)
        _post_cuts(book, piece, piece.cuts)
        post_taxes(book, piece, [(tax.code, tax.goods + tax.carriage) for tax in piece.taxes])
        book.post(shop, EntryKind.COMMISSION, -piece.commission)
        book.post(COMMISSION, EntryKind.COMMISSION, piece.commission)
        post_carriage(book, piece, piece.freight, piece.fees, piece.cost)
    return book.entries(f"order {order.order_id}")


def post_carriage(book: Book, piece: Piece, freight: int, fees: int, cost: int) -> None:
    """The list freight is the platform's, who pays the carrier's cost for it; fees are the carrier's as they are."""
    carrier, parcel_id = f"carrier:{piece.parcel.carrier}", piece.parcel.parcel_id
    book.post(LOGISTICS, EntryKind.FREIGHT, freight, parcel_id)
    book.post(LOGISTICS, EntryKind.CARRIER_COST, -cost, parcel_id)
    book.post(carrier, EntryKind.CARRIER_COST, cost, parcel_id)
    book.post(carrier, EntryKind.FEES, fees, parcel_id)


def post_taxes(book: Book, piece: Piece, taxes: Iterable[tuple[str, int]]) -> None:
    """Code and amount: collected with the shop's goods, and withheld from it for the authority."""
    for code, amount in taxes:
        book.post(f"{SHOP}{piece.shop_id}", EntryKind.TAX, amount)
        book.post(f"{SHOP}{piece.shop_id}", EntryKind.TAX_WITHHELD, -amount)
        book.post(f"tax:{code}", EntryKind.TAX, amount)


def post_cut(book: Book, piece: Piece, cut: Cut, amount: int) -> None:
    """``amount`` (negative: he pays) on the account of who funds a discount; a seller funds what his own goods bear,
    unless the cut says whose promotion it is.
    """
    subject = piece.parcel.parcel_id if cut.target is Target.FREIGHT else ""
    book.post(_account_of(cut, piece), KIND_OF_CUT[cut.target], amount, subject)


def _post_cuts(book: Book, piece: Piece, cuts: Iterable[Cut]) -> None:
    for cut in cuts:
        post_cut(book, piece, cut, -cut.amount)


def _account_of(cut: Cut, piece: Piece) -> str:
    match cut.funder:
        case Funder.SELLER:
            return f"{SHOP}{cut.seller or piece.shop_id}"
        case Funder.CARRIER:
            return f"carrier:{piece.parcel.carrier}"
        case Funder.PLATFORM:
            return DISCOUNTS
