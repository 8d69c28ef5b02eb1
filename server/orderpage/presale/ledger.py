"""The ledger of orders that are paid in stages. Each stage's entries sum to zero; the platform keeps a deposit until
the balance is paid, or the presale ends.
"""

from collections.abc import Iterable, Mapping

from orderpage.accounting.ledger import SHOP, Book
from orderpage.domain.money import allocate
from orderpage.domain.order import EntryKind, LedgerEntry
from orderpage.pricing.ending import Ending

ESCROW = "platform:escrow"


def deposit_entries(buyer_id: str, paid: int) -> tuple[LedgerEntry, ...]:
    """The buyer pays the platform, which keeps it."""
    book = Book()
    book.post(f"buyer:{buyer_id}", EntryKind.PAYMENT, -paid)
    book.post(ESCROW, EntryKind.DEPOSIT, paid)
    return book.entries("a deposit")


def balance_entries(whole: Iterable[LedgerEntry], buyer_id: str, paid: int) -> tuple[LedgerEntry, ...]:
    """Those of the order as if it were paid at once, with what was ``paid`` before coming from the platform."""
    book = Book()
    for entry in whole:
        book.post(entry.account, entry.kind, entry.amount, entry.subject)
    book.post(f"buyer:{buyer_id}", EntryKind.PAYMENT, paid)
    book.post(ESCROW, EntryKind.DEPOSIT, -paid)
    return book.entries("a balance")


def ending_entries(ending: Ending, buyer_id: str, shops: Mapping[str, int]) -> tuple[LedgerEntry, ...]:
    """What the platform kept goes where the ending says. ``shops`` share deposit or penalty by their weights."""
    book, buyer = Book(), f"buyer:{buyer_id}"
    book.post(ESCROW, EntryKind.DEPOSIT, -ending.refund - ending.kept)
    book.post(buyer, EntryKind.REFUND, ending.refund)
    book.post(buyer, EntryKind.DEPOSIT_DOUBLED, ending.penalty)
    weights = list(shops.values())
    for kind, amount in ((EntryKind.DEPOSIT_KEPT, ending.kept), (EntryKind.DEPOSIT_DOUBLED, -ending.penalty)):
        for shop_id, share in zip(shops, allocate(amount, weights), strict=True):
            book.post(f"{SHOP}{shop_id}", kind, share)
    return book.entries("the end of a presale")
