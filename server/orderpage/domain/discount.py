"""Discounts as declarations. An extension declares a rule; the host finds the base, allocates and rounds."""

from collections.abc import Iterable, Iterator
from enum import IntEnum, StrEnum

import msgspec

from orderpage.domain.money import allocate, check_whole
from orderpage.domain.text import Text
from orderpage.domain.usage import UseUp


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


class ThresholdBase(StrEnum):
    """What counts towards a freight threshold: goods before discounts across shops, or after them (section 3.6)."""

    BEFORE = "BEFORE"
    AFTER_CROSS_SHOP = "AFTER_CROSS_SHOP"


class WeightRelief(msgspec.Struct, frozen=True):
    """Freight that is free by weight: that of ``lines`` (ids; empty: all), up to ``cap_g`` payable grams (None: all).

    ``later``: it is promised for freight that is charged once the parcel was weighed, too. A cap is
    once an order, in the order of its parcels: to divide them wins nothing.
    """

    lines: frozenset[str] = frozenset()
    cap_g: int | None = None
    later: bool = False

    def __str__(self) -> str:
        what = f"line {', '.join(sorted(self.lines))}" if self.lines else "all"
        return f"{what}{'' if self.cap_g is None else f' up to {self.cap_g} g'}"


Funding = tuple[tuple[Funder, int], ...]
"""Who pays, and how much: weights of a rule, amounts of a discount as applied. The first is the one that is named."""


class Stacking(msgspec.Struct, frozen=True, gc=False):
    """Which promotions a promotion goes together with, by the codes that configuration gives them.

    Never with one it ``excludes``; where ``stacks_with`` names any, with no other. Of two that do not go together, the
    one of higher ``priority`` stands where it takes something, else the better for the buyer.
    """

    code: str
    excludes: frozenset[str] = frozenset()
    stacks_with: frozenset[str] = frozenset()
    priority: int = 0

    def allows(self, other: str) -> bool:
        """Whether it goes together with the promotion of that code."""
        return other not in self.excludes and (not self.stacks_with or other in self.stacks_with)


class DiscountRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``amount`` (page minor units) off the goods or the freight, once an order; or ``relief``, of freight by weight.

    ``shops`` and ``methods`` narrow the base, empty meaning all; ``threshold`` is met when the base reaches it.
    The discount is capped at its base. ``funding`` weighs who pays for it: ``((PLATFORM, 7), (SELLER, 3))``.
    ``lines`` (ids) narrow the goods of a discount on goods, empty meaning all: who bears it is who is named.
    ``reduces_tax_base`` is false where the tax law sees a third party's payment. Of freight alone: ``counts`` says what
    a threshold is tested on, and parcels of fewer than ``min_shops`` shops are out of the rule. ``stacking`` is that of
    the promotion it belongs to; None goes together with everything that does not exclude it. ``shows_progress``: pages
    say how far they are from the threshold. ``use`` is what an order uses up when the rule takes something,
    ``entered`` the place of the buyer's coupon that it is of. ``given``: a discount on goods that were bought before,
    by line what it takes at the most; such a rule stands whatever others say of it.
    """

    code: str
    name: Text
    lane: Lane
    target: Target
    funding: Funding
    amount: int = 0
    relief: WeightRelief | None = None
    threshold: int = 0
    counts: ThresholdBase = ThresholdBase.BEFORE
    min_shops: int = 0
    shops: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    reduces_tax_base: bool = True
    stacking: Stacking | None = None
    shows_progress: bool = False
    use: UseUp | None = None
    entered: int | None = None
    given: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        check_whole("an amount of the discount", self.code, self.amount, self.threshold)

    def goes_with(self, other: "DiscountRule") -> bool:
        """Whether neither's promotion rules the other's out."""
        if self.promotion == other.promotion:
            return True
        allowed = self.stacking is None or self.stacking.allows(other.promotion)
        return allowed and (other.stacking is None or other.stacking.allows(self.promotion))

    @property
    def promotion(self) -> str:
        """The code of the promotion it belongs to: one promotion may make several rules."""
        return self.code if self.stacking is None else self.stacking.code

    def __str__(self) -> str:
        threshold = f" from {self.threshold}" if self.threshold else ""
        named = [f"line {line_id}" for line_id in sorted(self.lines)]
        narrowed = ", ".join((*sorted(self.shops), *sorted(self.methods), *named))
        base = f"{self.target.lower()}{f' of {narrowed}' if narrowed else ''}{threshold}"
        taken = f"{self.amount} off" if self.relief is None else f"{self.relief} free of"
        unit = ", in minor units" if self.amount or self.threshold else ""
        return f"{self.code} {taken} {base}{unit}"


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A discount as applied: a negative ``amount``, the lines or parcels that bear it, and who pays for it.

    ``parts`` (by bearer) and ``shares`` (by funder, zero or negative) each sum to the amount. ``lane``, ``threshold``
    and ``min_shops`` are the rule's: what the goods of its ``shops`` that remain after a refund must still come to, as
    it ``counts`` them, and of how many shops a parcel must still have some. ``shops`` and ``lines`` name whose freight
    it is off, too (empty: all). ``methods``, in order, ``reduces_tax_base`` and ``stacking`` are the rule's, too: the
    balance of a presale asks again.
    """

    code: str
    name: Text
    target: Target
    shares: Funding
    amount: int
    parts: tuple[tuple[str, int], ...]
    lane: Lane = Lane.CROSS_SHOP
    threshold: int = 0
    use: UseUp | None = None
    shops: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    counts: ThresholdBase = ThresholdBase.BEFORE
    min_shops: int = 0
    methods: tuple[str, ...] = ()
    reduces_tax_base: bool = True
    stacking: Stacking | None = None

    def names(self, shop_id: str, line_id: str) -> bool:
        """Whether it is for that line of that shop."""
        return (not self.shops or shop_id in self.shops) and (not self.lines or line_id in self.lines)

    def by_funder(self) -> Iterator[tuple[Funder, str, int]]:
        """Funder, bearer and what that funder pays of that part: sums to ``shares`` and to ``parts`` exactly."""
        left = [part for _, part in self.parts]
        for funder, share in self.shares:
            paid = allocate(share, [-part for part in left])
            for (bearer, _), amount in zip(self.parts, paid, strict=True):
                yield funder, bearer, amount
            left = [part - amount for part, amount in zip(left, paid, strict=True)]


def uses_of(adjustments: Iterable[Adjustment]) -> tuple[UseUp, ...]:
    """What discounts use up. Rules of one promotion use the same, which is used once."""
    return tuple(dict.fromkeys([each.use for each in adjustments if each.use is not None]))
