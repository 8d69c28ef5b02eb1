"""Discounts as declarations. An extension declares a rule; the host finds the base, allocates and rounds."""

from collections.abc import Iterator
from enum import IntEnum, StrEnum

import msgspec

from orderpage.domain.money import allocate
from orderpage.domain.text import Text


class Lane(IntEnum):
    """The order in which discounts apply (domain rules, section 4); each sees what the lanes before it left."""

    ITEM = 1
    SHOP = 2
    CROSS_SHOP = 3
    METHOD = 4
    FREIGHT = 5


class Target(StrEnum):
    """What the discount lowers."""

    GOODS = "GOODS"
    FREIGHT = "FREIGHT"


class Funder(StrEnum):
    """Who pays for it."""

    SELLER = "SELLER"
    PLATFORM = "PLATFORM"
    CARRIER = "CARRIER"


Funding = tuple[tuple[Funder, int], ...]
"""Who pays, and how much: weights of a rule, amounts of a discount as applied. The first is the one that is named."""


class DiscountRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``amount`` (page minor units) off the goods or the freight, once an order.

    ``shops`` and ``methods`` narrow the base, empty meaning all; ``threshold`` is met when the base reaches it.
    The discount is capped at its base. ``funding`` weighs who pays for it: ``((PLATFORM, 7), (SELLER, 3))``.
    ``reduces_tax_base`` is false where the tax law sees a third party's payment.
    """

    code: str
    name: Text
    lane: Lane
    target: Target
    funding: Funding
    amount: int
    threshold: int = 0
    shops: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    reduces_tax_base: bool = True

    def __str__(self) -> str:
        threshold = f" from {self.threshold}" if self.threshold else ""
        narrowed = ", ".join((*sorted(self.shops), *sorted(self.methods)))
        base = f"{self.target.lower()}{f' of {narrowed}' if narrowed else ''}{threshold}"
        return f"{self.code} {self.amount} off {base}, in minor units"


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A discount as applied: a negative ``amount``, the lines or parcels that bear it, and who pays for it.

    ``parts`` (by bearer) and ``shares`` (by funder, zero or negative) each sum to the amount. ``lane`` and
    ``threshold`` are the rule's: what the goods that remain after a refund must still come to.
    """

    code: str
    name: Text
    target: Target
    shares: Funding
    amount: int
    parts: tuple[tuple[str, int], ...]
    lane: Lane = Lane.CROSS_SHOP
    threshold: int = 0

    def by_funder(self) -> Iterator[tuple[Funder, str, int]]:
        """Funder, bearer and what that funder pays of that part: sums to ``shares`` and to ``parts`` exactly."""
        left = [part for _, part in self.parts]
        for funder, share in self.shares:
            paid = allocate(share, [-part for part in left])
            for (bearer, _), amount in zip(self.parts, paid, strict=True):
                yield funder, bearer, amount
            left = [part - amount for part, amount in zip(left, paid, strict=True)]
