"""Which division of the cart into parcels: the cheapest to the buyer, fewest parcels on ties."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from orderpage.domain.discount import DiscountRule
from orderpage.domain.goods import Line
from orderpage.domain.page import Totals
from orderpage.domain.problem import Code, refuse
from orderpage.domain.shipping import Charging, Option, Parcel, Split
from orderpage.domain.tax import TaxRule
from orderpage.pricing.options import PricedParcel
from orderpage.pricing.selection import Selection
from orderpage.pricing.stacking import Priced, pricer_under
from orderpage.pricing.together import Together, together

MOST_SPLITS = 96
"""Candidates that are priced; further ones are not looked at, so that a page's time is bounded."""


class Division(msgspec.Struct, frozen=True):
    """A split, priced under the ``discounts``. ``stuck`` parcels have no option; the ``pricer`` knows the others."""

    reason: str
    discounts: Together
    parcels: tuple[PricedParcel, ...]
    stuck: tuple[PricedParcel, ...]
    pricer: Priced
    cheapest: Selection

    def totals(self, selection: Selection) -> Totals:
        """The page's totals under the selection. Goods that nothing carries are listed, so they count as goods."""
        totals, stuck = self.pricer.totals(selection), _goods(self.stuck)
        return msgspec.structs.replace(totals, goods=totals.goods + stuck, payable=totals.payable + stuck)

    @property
    def cost(self) -> int:
        """Of the cheapest selection, with what is charged later."""
        return self.pricer.cost(self.cheapest)


class _Candidate(msgspec.Struct, frozen=True):
    """A split before its selections are priced: what it can be judged by at once."""

    split: Split
    discounts: Together
    parcels: tuple[PricedParcel, ...]
    stuck: tuple[PricedParcel, ...]
    pricer: Priced

    @property
    def unpriced(self) -> tuple[int, int]:
        """Goods that nothing carries, and goods that only somebody else charges for: what those cost is not known."""
        referred = [priced for priced in self.parcels if all(_elsewhere(option) for option in priced.options)]
        return _goods(self.stuck), _goods(referred)

    @property
    def size(self) -> int:
        """Parcels."""
        return len(self.parcels) + len(self.stuck)

    def priced(self) -> Division:
        """With its cheapest selection."""
        return Division(
            self.split.reason, self.discounts, self.parcels, self.stuck, self.pricer, self.pricer.cheapest()
        )


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
    """The division to show, and the one with a parcel per shop, to compare with (None where nothing offers it).

    Selections are priced only of splits that may still be cheaper than the cheapest so far.
    """
    stacked = together(discounts)
    candidates = [_candidate(split, price, stacked, taxes) for split in splits]
    if len(candidates) == 1:
        (only,) = candidates
        division = only.priced()
        return division, division if _one_parcel_per_shop(only) else None
    ordered = sorted([(*each.unpriced, each.pricer.at_least(), place) for place, each in enumerate(candidates)])
    best: tuple[int, int, int, int, int] | None = None
    divisions: dict[int, Division] = {}
    for stuck, referred, least, place in ordered:
        if best is not None and (stuck, referred, least) > best[:3]:
            break
        division = divisions[place] = candidates[place].priced()
        key = (stuck, referred, division.cost, candidates[place].size, place)
        best = key if best is None else min(best, key)
    assert best is not None  # noqa: S101  # there is a split: ``check_splits`` saw to that
    apart = next((place for place, each in enumerate(candidates) if _one_parcel_per_shop(each)), None)
    if apart is not None and apart not in divisions:
        divisions[apart] = candidates[apart].priced()
    return divisions[best[4]], None if apart is None else divisions[apart]


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


def _candidate(
    split: Split, price: Callable[[Parcel], PricedParcel], discounts: Together, taxes: Sequence[TaxRule]
) -> _Candidate:
    priced = [price(parcel) for parcel in split.parcels]
    parcels = tuple([parcel for parcel in priced if parcel.options])
    stuck = tuple([parcel for parcel in priced if not parcel.options])
    return _Candidate(split, discounts, parcels, stuck, pricer_under(parcels, discounts, taxes))


def _goods(parcels: Iterable[PricedParcel]) -> int:
    return sum(item.amount for priced in parcels for item in priced.parcel.items)


def _elsewhere(option: Option) -> bool:
    return option.method.charging is Charging.ELSEWHERE


def _one_parcel_per_shop(candidate: _Candidate) -> bool:
    shops = [priced.parcel.shops for priced in candidate.parcels]
    return all(len(names) == 1 for names in shops) and len({names[0] for names in shops}) == len(shops)
