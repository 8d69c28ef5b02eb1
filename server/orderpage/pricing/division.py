"""Which division of the cart into parcels: the cheapest to the buyer, fewest parcels on ties."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from orderpage.domain.discount import DiscountRule
from orderpage.domain.goods import Line
from orderpage.domain.problem import Code, refuse
from orderpage.domain.shipping import Parcel, Split
from orderpage.domain.tax import TaxRule
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.total import Pricer, Selection

MOST_SPLITS = 8
"""Candidates that are priced; further ones are not looked at, so that a page's time is bounded."""


class Division(msgspec.Struct, frozen=True):
    """A split, priced. ``stuck`` parcels have no option at all; the ``pricer`` knows the others."""

    reason: str
    parcels: tuple[PricedParcel, ...]
    stuck: tuple[PricedParcel, ...]
    pricer: Pricer
    cheapest: Selection

    @property
    def total(self) -> int:
        """Of the cheapest selection."""
        return self.pricer.total(self.cheapest)


def check_splits(splits: Sequence[Split], lines: Sequence[Line]) -> tuple[Split, ...]:
    """The candidates to price. Raises ``Refusal`` when one loses or invents goods: an extension may divide, never
    more.
    """
    wanted = {line.line_id: line.quantity for line in lines}
    for split in splits:
        got: Counter[str] = Counter()
        for parcel in split.parcels:
            for item in parcel.items:
                got[item.line.line_id] += item.quantity
        if got != wanted:
            raise refuse(
                Code.ORDER_SPLIT_FAILED, f"the division {split.reason!r} does not hold exactly the cart's goods"
            )
    if not splits:
        raise refuse(
            Code.ORDER_SPLIT_FAILED, "no extension divides the cart into parcels; add one at the point 'parcel'"
        )
    return tuple(splits[:MOST_SPLITS])


def choose_division(
    splits: Iterable[Split],
    price: Callable[[Parcel], PricedParcel],
    discounts: Sequence[DiscountRule],
    taxes: Sequence[TaxRule],
) -> tuple[Division, int]:
    """The division to show, and what it saves against one parcel per shop (zero where that was no candidate)."""
    divisions = [_price_split(split, price, discounts, taxes) for split in splits]
    best = min(divisions, key=lambda d: (_stuck_goods(d), d.total, len(d.parcels) + len(d.stuck)))
    apart = [division.total for division in divisions if _one_parcel_per_shop(division) and not division.stuck]
    saving = apart[0] - best.total if apart and not best.stuck else 0
    return best, max(0, saving)


def _price_split(
    split: Split, price: Callable[[Parcel], PricedParcel], discounts: Sequence[DiscountRule], taxes: Sequence[TaxRule]
) -> Division:
    priced = [price(parcel) for parcel in split.parcels]
    parcels = tuple(parcel for parcel in priced if parcel.options)
    pricer = Pricer(parcels, discounts, taxes)
    stuck = tuple(parcel for parcel in priced if not parcel.options)
    return Division(split.reason, parcels, stuck, pricer, pricer.cheapest())


def _stuck_goods(division: Division) -> int:
    return sum(item.amount for priced in division.stuck for item in priced.parcel.items)


def _one_parcel_per_shop(division: Division) -> bool:
    shops = [priced.parcel.shops for priced in division.parcels]
    return all(len(names) == 1 for names in shops) and len({names[0] for names in shops}) == len(shops)
