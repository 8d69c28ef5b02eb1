"""The pinned page's promotions on freight: what each takes under any choice of methods, and which of two stands.

In this order: socks ship free; the bundle is free up to a weight, or direct mail is reduced; the order's freight is
reduced; the clothing shop's parcel is free. Constants in fen and grams.
"""

from collections.abc import Sequence
from copy import copy
from itertools import product

from orderpage.domain.money import ExchangeRate, allocate
from orderpage_legacy.methods import DIRECT, KIND, billed_of, fee_of
from orderpage_legacy.prices import ITEM_LIMIT, RATE_PPM, Option, PageCost, Parcel, Prices, Selection
from orderpage_legacy.promotions import Adjustments

FREE_SKU = "app-socks"
BUNDLE = "BUNDLE_FREE_SHIP"
BUNDLE_METHODS = frozenset({"SG_DM_AIR", "SG_CONSO_AIR"})
BUNDLE_FROM, BUNDLE_CAP_G = 59_900, 3_000
INSTANT = 2_000
RELIEF, RELIEF_FROM = 1_500, 30_000
SHOP, SHOP_FROM = "s-apparel", 45_900
SHOP_FREE = f"SINGLE_SHOP_FREE_SHIP@{SHOP}"

Step = tuple[str, Sequence[int], list[int]]
"""A promotion by code, the parcels that it is for, and what it leaves of each parcel's freight, in cents."""


class PinnedPrices(Prices):
    """The page's money. ``counted`` is what each parcel's goods count towards thresholds, in cents.

    Of the bundle and the instant reduction of direct mail only one applies: the one that makes the page cheaper to the
    door under what is selected, the bundle where that is equal.
    """

    def __init__(self, parcels: list[Parcel], counted: list[int], rate: ExchangeRate) -> None:
        super().__init__(parcels, rate.convert(RELIEF) if sum(counted) >= rate.convert(RELIEF_FROM) else 0, "SG")
        self.counted = counted
        self.rate = rate
        self.bundle_from = rate.convert(BUNDLE_FROM)
        self.shop_from = rate.convert(SHOP_FROM)
        self.shop = [index for index, parcel in enumerate(parcels) if parcel.items[0].sku.shop.shop_id == SHOP]
        self._shop_free = self.shop if sum([counted[index] for index in self.shop]) >= self.shop_from else []
        self._instant = rate.convert(INSTANT)
        self._costs: dict[Selection, int] = {}
        for parcel in parcels:
            _weigh(parcel, rate)

    def _judge(self) -> None:
        for parcel in self.parcels:  # every line is in one parcel
            for item in parcel.items:
                item.low_value = item.taxable <= ITEM_LIMIT * item.quantity

    def with_shop_free(self) -> "PinnedPrices":
        """The same page, were the clothing shop's threshold met. Taxes go by what is taken off, so both know them."""
        met = copy(self)
        met._shop_free, met._pages, met._costs = self.shop, {}, {}
        return met

    def page(self, selection: Selection) -> PageCost:
        """The total, each parcel's share of it, and what is taken off each parcel's freight."""
        known = self._pages.get(selection)
        if known is None:
            self._costs[selection], known, _ = self._standing(selection)
            self._pages[selection] = known
        return known

    def cost(self, selection: Selection) -> int:
        """To the door: with what the border takes."""
        self.page(selection)
        return self._costs[selection]

    def freight_adjustments(self, selection: Selection) -> Adjustments:
        """Who bears what of each promotion that takes something off the freight."""
        before, found = [option.freight for option in self._chosen(selection)], []
        for code, bearers, left in self._standing(selection)[2]:
            if sum(left) < sum(before):
                borne = [(self.parcels[index].parcel_id, before[index] - left[index]) for index in bearers]
                found.append((code, borne))
            before = left
        return found

    def _standing(self, selection: Selection) -> tuple[int, PageCost, list[Step]]:
        """Cost to the door, page and promotions, under the one of the two that stands."""
        chosen = self._chosen(selection)
        left = [option.freight - option.free for option in chosen]
        bundled = [index for index, option in enumerate(chosen) if option.code in BUNDLE_METHODS]
        if sum([self.counted[index] for index in bundled]) < self.bundle_from:
            bundled = []
        direct = [index for index, option in enumerate(chosen) if KIND[option.code] == DIRECT]
        steps: list[Step] = [("ITEM_FREE_SHIP", range(len(chosen)), left)]
        with_bundle: Step = (BUNDLE, bundled, self._after_bundle(left, chosen, bundled))
        if not direct:
            return self._ended(selection, chosen, [*steps, with_bundle])
        reduced = self._after_instant(left, direct)
        instead = self._ended(selection, chosen, [*steps, ("DIRECT_MAIL_INSTANT_DISCOUNT", direct, reduced)])
        if not bundled:
            return instead
        bundle = self._ended(selection, chosen, [*steps, with_bundle])
        return bundle if bundle[0] <= instead[0] else instead

    def _after_bundle(self, left: list[int], chosen: list[Option], bundled: Sequence[int]) -> list[int]:
        """Parcel after parcel uses up the weight that is free; what is above it is paid."""
        left, grams = [*left], BUNDLE_CAP_G
        for index in bundled:
            option = chosen[index]
            if option.billed <= grams:
                left[index] = 0
                grams -= option.billed
            elif grams:
                left[index] -= self.rate.convert(fee_of(option.code, grams))
                grams = 0
        return left

    def _after_instant(self, left: list[int], direct: Sequence[int]) -> list[int]:
        bases = [left[index] for index in direct]
        left = [*left]
        for index, part in zip(direct, allocate(min(self._instant, sum(bases)), bases), strict=True):
            left[index] -= part
        return left

    def _ended(self, selection: Selection, chosen: list[Option], steps: list[Step]) -> tuple[int, PageCost, list[Step]]:
        """With the promotions that follow, priced."""
        left = steps[-1][2]
        if self.relief:
            parts = allocate(min(self.relief, sum(left)), left)
            left = [amount - part for amount, part in zip(left, parts, strict=True)]
            steps.append(("FREIGHT_RELIEF", range(len(left)), left))
        if self._shop_free:
            left = [0 if index in self._shop_free else amount for index, amount in enumerate(left)]
            steps.append((SHOP_FREE, self._shop_free, left))
        costs, cuts, border = [], [], 0
        for index, (parcel, option, freight) in enumerate(zip(self.parcels, chosen, left, strict=True)):
            cut = option.freight - freight
            collected, due, _ = self.tax(index, selection[index], cut)
            cuts.append(cut)
            costs.append(parcel.net + freight + option.fee + collected)
            border += due
        total = sum(costs)
        return total + border, (total, costs, cuts), steps

    def cheapest(self) -> Selection:
        """The choice that costs least to the door, the first of equal ones.

        A choice that could not be cheaper if its parcels won back all promotions is not priced.
        """
        least = [
            [self._at_least(index, n) for n in range(len(each.options))] for index, each in enumerate(self.parcels)
        ]
        shared = _with_tax(self.relief + self._instant)
        first = tuple([each.index(min(each)) for each in least])
        best = self.cost(first), first
        spare = best[0] + shared - sum([min(each) for each in least])
        tried = [[n for n, cost in enumerate(each) if cost - min(each) <= spare] for each in least]
        for selection in product(*tried):
            if sum([each[n] for each, n in zip(least, selection, strict=True)]) - shared <= best[0]:
                best = min(best, (self.cost(selection), selection))
        return best[1]

    def _at_least(self, index: int, number: int) -> int:
        """What an option costs at the least before what all parcels share: as if the bundle were all its own."""
        parcel = self.parcels[index]
        option = parcel.options[number]
        free = option.free
        if index in self._shop_free:
            free = option.freight
        elif option.code in BUNDLE_METHODS:
            free += self.rate.convert(fee_of(option.code, min(option.billed, BUNDLE_CAP_G))) if option.billed else 0
        collected, border, rows = self.tax(index, number, 0)
        return parcel.net + option.freight + option.fee + collected + border - _with_tax(free) - len(rows)


def _with_tax(freight: int) -> int:
    """What so much less freight saves at the most: each row of the tax may round by a cent more."""
    return freight + -(-freight * RATE_PPM // 1_000_000)


def _weigh(parcel: Parcel, rate: ExchangeRate) -> None:
    """Socks leave the weight that is paid for. A parcel of nothing else has no freight."""
    paid = [item for item in parcel.items if item.sku.sku_id != FREE_SKU]
    if len(paid) == len(parcel.items):
        return
    weight = sum([item.sku.weight_g * item.quantity for item in paid])
    volume = sum([item.sku.volume_cm3 * item.quantity for item in paid])
    for option in parcel.options:
        option.billed = billed_of(option.code, weight, volume) if paid else 0
        option.free = option.freight - (rate.convert(fee_of(option.code, option.billed)) if paid else 0)
