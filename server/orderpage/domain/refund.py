"""What a refund gives back (domain rules, sections 2.3, 4 and 5.3): asked for by units, answered in amounts."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from orderpage.domain.order import LedgerEntry


class Cause(StrEnum):
    """Why money goes back. Where it is not the buyer's doing, he loses no discount."""

    BUYER = "BUYER"
    SELLER = "SELLER"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    CARRIER = "CARRIER"
    PLATFORM = "PLATFORM"

    @property
    def keeps_discounts(self) -> bool:
        """Whether it forces KEEP (domain rules, P-5)."""
        return self is not Cause.BUYER

    @property
    def sellers(self) -> bool:
        """Whether the seller bears the carriage that was used (domain rules, 5.3, rule 6)."""
        return self in (Cause.SELLER, Cause.OUT_OF_STOCK)


class RefundCase(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be refunded: so many more units of each of ``lines``.

    With ``carriage`` what those units bear of freight and fees goes back too; ``parcels`` have all their carriage
    refunded, whatever becomes of the goods. ``shipped``: the carriage was used, so its carrier is paid. What becomes of
    discounts is no matter of the case but of the order (``Order.refund_policy``), and of the cause.
    """

    lines: Mapping[str, int] = {}
    carriage: bool = False
    parcels: frozenset[str] = frozenset()
    cause: Cause = Cause.BUYER
    shipped: bool = False


class RefundedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Of a line: ``units`` of goods, and what goes back for them, zero or more. ``tax`` is on goods and carriage.

    ``restored`` was clawed back by an earlier refund, for a discount on what goes back now. ``commission`` is the
    seller's to have back, and no part of the refund.
    """

    line_id: str
    units: int
    goods: int
    freight: int
    fees: int
    tax: int
    restored: int
    commission: int

    @property
    def total(self) -> int:
        """What goes back to the buyer for it."""
        return self.goods + self.freight + self.fees + self.tax + self.restored


class Clawback(msgspec.Struct, frozen=True):
    """What a discount's lost condition takes off a refund."""

    code: str
    amount: int


class Revoked(msgspec.Struct, frozen=True):
    """What a lost condition takes back of a promise: so much of the parcel's later freight is charged after all."""

    code: str
    parcel_id: str
    amount: int


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """``total`` goes back to the buyer: what the lines come to, less the clawbacks; never below zero.

    What is ``revoked`` is never more than goes back: no refund leaves a debt behind (domain rules, 5.3, rule 15).
    ``entries`` reverse the order's ledger by it, and sum to zero.
    """

    lines: tuple[RefundedLine, ...]
    clawbacks: tuple[Clawback, ...]
    revoked: tuple[Revoked, ...]
    total: int
    entries: tuple[LedgerEntry, ...]

    @property
    def commission(self) -> int:
        """What the sellers have back."""
        return sum([line.commission for line in self.lines])
