"""The ledger of orders that are paid in stages. Each stage's entries sum to zero; the platform keeps a deposit until
the balance is paid, or the presale ends.
"""

from collections.abc import Iterable, Mapping, Sequence

from orderpage.domain.money import allocate
from orderpage.domain.order import LedgerEntry
from orderpage.pricing.ending import Ending

ESCROW = "platform:escrow"


def deposit_entries(buyer_id: str, paid: int) -> tuple[LedgerEntry, ...]:
    """The buyer pays the platform, which keeps it."""
    return _entries({_buyer(buyer_id): -paid, ESCROW: paid})


def balance_entries(whole: Iterable[LedgerEntry], buyer_id: str, paid: int) -> tuple[LedgerEntry, ...]:
    """Those of the order as if it were paid at once, with what was ``paid`` before coming from the platform."""
    book = {entry.account: entry.amount for entry in whole}
    book[_buyer(buyer_id)] = book.get(_buyer(buyer_id), 0) + paid
    book[ESCROW] = book.get(ESCROW, 0) - paid
    return _entries(book)


def ending_entries(ending: Ending, buyer_id: str, shops: Mapping[str, int]) -> tuple[LedgerEntry, ...]:
    """What the platform kept goes where the ending says. ``shops`` share deposit or penalty by their weights."""
    book = {_buyer(buyer_id): ending.refund + ending.penalty, ESCROW: -ending.refund - ending.kept}
    shares = allocate(ending.kept - ending.penalty, list(shops.values()))
    for shop_id, share in zip(shops, shares, strict=True):
        book[f"shop:{shop_id}"] = share
    return _entries(book)


def _buyer(buyer_id: str) -> str:
    return f"buyer:{buyer_id}"


def _entries(book: Mapping[str, int]) -> tuple[LedgerEntry, ...]:
    entries: Sequence[LedgerEntry] = [LedgerEntry(account, amount) for account, amount in book.items() if amount]
    if sum(entry.amount for entry in entries):
        raise AssertionError(f"the ledger of a stage does not balance: {entries}")
    return tuple(entries)
