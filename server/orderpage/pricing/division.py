"""Which division of the cart into parcels: the cheapest to the buyer, fewest parcels on ties."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from orderpage.domain.discount import DiscountRule
from orderpage.domain.goods import Line
from orderpage.domain.page import Totals
from orderpage.domain.problem import Code, refuse
from orderpage.domain.shipping import Charging, Parcel, Split
from orderpage.domain.tax import TaxRule
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.total import Pricer, Selection

MOST_SPLITS = 64
"""Candidates that are priced; further ones are not looked at, so that a page's time is bounded."""


class Division(msgspec.Struct, frozen=True):
    """A split, priced. ``stuck`` parcels have no option at all; the ``pricer`` knows the others."""

    reason: str
    parcels: tuple[PricedParcel, ...]
    stuck: tuple[PricedParcel, ...]
    pricer: Pricer
    cheapest: Selection

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection. Goods that nothing carries are listed, so they count as goods."""
        totals, stuck = self.pricer.totals(selection), _goods(self.stuck)
        return msgspec.structs.replace(totals, goods=totals.goods + stuck, payable=totals.payable + stuck)

    @property
    def cost(self) -> int:
        """Of the cheapest selection, with what is charged later."""
        return self.pricer.cost(self.cheapest)

    @property
    def referred(self) -> int:
        """Goods whose carriage only somebody else charges for: what that costs is not known."""
        chosen = zip(self.parcels, self.cheapest, strict=True)
        sent = [priced for priced, index in chosen if priced.options[index].method.charging is Charging.ELSEWHERE]
        return _goods(sent)


def check_splits(splits: Sequence[Split], lines: Sequence[Line]) -> tuple[Split, ...]:
    """The candidates to price. Raises ``Refusal`` when one loses or invents goods: an extension may divide, never
    more.
    """
    wanted = {line.line_id: line.quantity for line in lines}
    for split in splits:
        if fault := _fault(split, wanted):
            raise refuse(Code.ORDER_SPLIT_FAILED, f"the division {split.reason!r} {fault}")
    if not splits:
        raise refuse(
            Code.ORDER_SPLIT_FAILED, "no extension divides the cart into parcels; add one at the point 'parcel'"
        )
    return tuple(Split(_named_apart(split.parcels), split.reason) for split in splits[:MOST_SPLITS])


def _fault(split: Split, wanted: Mapping[str, int]) -> str:
    """What is wrong with a division, or nothing."""
    got: dict[str, int] = {}
    for parcel in split.parcels:
        if len({id(item) for item in parcel.items}) < len(parcel.items):
            return "holds an item twice in a parcel; make it one item of all its units"
        for item in parcel.items:
            if item.amount != item.line.unit_amount * item.quantity:
                return "does not hold exactly the cart's goods: it changes an amount"
            got[item.line.line_id] = got.get(item.line.line_id, 0) + item.quantity
    return "" if got == wanted else "does not hold exactly the cart's goods"


def _named_apart(parcels: tuple[Parcel, ...]) -> tuple[Parcel, ...]:
    """A parcel's id names its content, so equal parcels of one division (a heavy line in pieces) are numbered."""
    seen: Counter[str] = Counter()
    named = []
    for parcel in parcels:
        seen[parcel.parcel_id] += 1
        again = seen[parcel.parcel_id]
        name = parcel.parcel_id if again == 1 else f"{parcel.parcel_id}-{again}"
        named.append(parcel if again == 1 else msgspec.structs.replace(parcel, parcel_id=name))
    return tuple(named)


def choose_division(
    splits: Iterable[Split],
    price: Callable[[Parcel], PricedParcel],
    discounts: Sequence[DiscountRule],
    taxes: Sequence[TaxRule],
) -> tuple[Division, Division | None]:
    """The division to show, and the one with a parcel per shop, to compare with (None where nothing offers it)."""
    divisions = [_price_split(split, price, discounts, taxes) for split in splits]
    best = min(divisions, key=lambda d: (_goods(d.stuck), d.referred, d.cost, len(d.parcels) + len(d.stuck)))
    apart = next((division for division in divisions if _one_parcel_per_shop(division)), None)
    return best, apart


def saving_against(apart: Division | None, division: Division, selection: Selection) -> int:
    """What the division saves, under the selection, against one parcel per shop by the same method.

    Zero where that is no saving, and where parcels go by different methods: like is compared with like.
    """
    codes = {priced.options[index].method.code for priced, index in zip(division.parcels, selection, strict=True)}
    if apart is None or apart.stuck or division.stuck or len(codes) != 1:
        return 0
    wanted = codes.pop()
    alike = [
        next((i for i, option in enumerate(priced.options) if option.method.code == wanted), None)
        for priced in apart.parcels
    ]
    same = tuple(index for index in alike if index is not None)
    if len(same) < len(alike):
        return 0
    return max(0, apart.pricer.cost(same) - division.pricer.cost(selection))


def _price_split(
    split: Split, price: Callable[[Parcel], PricedParcel], discounts: Sequence[DiscountRule], taxes: Sequence[TaxRule]
) -> Division:
    priced = [price(parcel) for parcel in split.parcels]
    parcels = tuple(parcel for parcel in priced if parcel.options)
    pricer = Pricer(parcels, discounts, taxes)
    stuck = tuple(parcel for parcel in priced if not parcel.options)
    return Division(split.reason, parcels, stuck, pricer, pricer.cheapest())


def _goods(parcels: Iterable[PricedParcel]) -> int:
    return sum(item.amount for priced in parcels for item in priced.parcel.items)


def _one_parcel_per_shop(division: Division) -> bool:
    shops = [priced.parcel.shops for priced in division.parcels]
    return all(len(names) == 1 for names in shops) and len({names[0] for names in shops}) == len(shops)
