"""What settlement says: a seller's statement of a day, and what carriage earned or cost (domain rules, section 4)."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from orderpage.domain.money import Currency, half_up
from orderpage.domain.order import EntryKind

_PARTS: Mapping[str, tuple[EntryKind, ...]] = {
    "goods": (EntryKind.GOODS, EntryKind.DEPOSIT_KEPT),
    "goods_refunded": (EntryKind.GOODS_REFUNDED, EntryKind.DEPOSIT_DOUBLED),
    "subsidy_share": (EntryKind.DISCOUNT,),
    "freight_share": (EntryKind.FREIGHT_DISCOUNT, EntryKind.CARRIAGE_BORNE, EntryKind.FEES),
    "commission": (EntryKind.COMMISSION,),
    "commission_reversed": (EntryKind.COMMISSION_REVERSED,),
    "tax_collected": (EntryKind.TAX,),
    "tax_withheld": (EntryKind.TAX_WITHHELD,),
}
"""Which kinds of a seller's entries each part of a statement sums."""


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day begins in a time zone, and when the next one does."""
    begin, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    return begin, end


class Account(msgspec.Struct, frozen=True, order=True):
    """A seller at a site, in a currency: what a statement is of."""

    seller: str
    site: str
    currency: str
    exponent: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What a seller is owed: ``opening + movement = closing``, and the parts sum to ``payable``, which is the movement.

    Positive is the seller's. ``tax_collected`` came with its goods and is ``tax_withheld`` for the authority.
    """

    day: date
    account: Account
    opening: int
    goods: int
    goods_refunded: int
    subsidy_share: int
    freight_share: int
    commission: int
    commission_reversed: int
    tax_collected: int
    tax_withheld: int
    payable: int
    movement: int
    closing: int

    @classmethod
    def of(cls, day: date, account: Account, opening: int, sums: Mapping[EntryKind, int]) -> "Statement":
        """From the sums of the seller's entries of the day, by kind.

        Raises ``ValueError`` for a kind that no part of a statement stands for: money would be missing from it.
        """
        parts = {name: sum([sums.get(kind, 0) for kind in kinds]) for name, kinds in _PARTS.items()}
        payable, movement = sum(parts.values()), sum(sums.values())
        if payable != movement:
            known = {kind for kinds in _PARTS.values() for kind in kinds}
            raise ValueError(
                f"shop {account.seller} has entries of a kind that no statement knows "
                f"({', '.join(sorted(set(sums) - known))}), which come to {movement - payable} on {day}"
            )
        closing = opening + movement
        return cls(
            day=day, account=account, opening=opening, payable=payable, movement=movement, closing=closing, **parts
        )


AMOUNTS = tuple(name for name in Statement.__struct_fields__ if name not in ("day", "account"))


class LogisticsPnl(msgspec.Struct, frozen=True, kw_only=True):
    """What carriage earned or cost: of one order, or summed over many (never from their rates).

    The list freight is paid by ``buyer``, ``seller``, ``platform`` and (where it gives a discount) ``carrier``.
    Raises ``ValueError`` unless those four sum to ``list_freight``.
    """

    list_freight: int
    buyer: int
    seller: int
    platform: int
    cost: int
    gmv: int
    carrier: int = 0
    parcels: int = 1

    def __post_init__(self) -> None:
        paid = self.buyer + self.seller + self.platform + self.carrier
        if paid != self.list_freight:
            raise ValueError(f"who pays for carriage comes to {paid}, the list freight is {self.list_freight}")

    @property
    def operating(self) -> int:
        """The margin on carriage itself: list freight less the carrier's cost."""
        return self.list_freight - self.cost

    @property
    def marketing(self) -> int:
        """What the platform gave away of the freight (zero or negative)."""
        return -self.platform

    @property
    def net(self) -> int:
        """Buyer + seller − cost (and what the carrier gave): operating and marketing together."""
        return self.buyer + self.seller + self.carrier - self.cost

    def share_of_gmv(self, amount: int) -> int:
        """Of an amount, in millionths of the goods' value after discounts; 0 where no goods were sold."""
        return half_up(amount * 1_000_000, self.gmv) if self.gmv else 0

    def __add__(self, other: "LogisticsPnl") -> "LogisticsPnl":
        """Both together."""
        return LogisticsPnl(
            **{name: getattr(self, name) + getattr(other, name) for name in LogisticsPnl.__struct_fields__}
        )


NOTHING_CARRIED = LogisticsPnl(list_freight=0, buyer=0, seller=0, platform=0, cost=0, gmv=0, parcels=0)


class MethodPnl(msgspec.Struct, frozen=True):
    """The parcels of a method at a site, in a currency, of a day."""

    site: str
    method: str
    currency: Currency
    pnl: LogisticsPnl
