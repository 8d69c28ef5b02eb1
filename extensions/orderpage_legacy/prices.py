"""What each choice of methods costs: freight and fees, reductions of freight, GST, cost to the door."""

from collections.abc import Sequence
from datetime import date
from itertools import product
from math import prod

from orderpage.domain.money import ExchangeRate, allocate, half_up
from orderpage_legacy import methods
from orderpage_legacy.cart import Applied, Item
from orderpage_legacy.dates import window_of
from orderpage_legacy.methods import AIR, CLASSES, DIRECT, KIND, MAX_G, MODE, TRANSIT, billed_of, fee_of, last_mile_of

ITEM_LIMIT = 40_000
RATE_PPM = 90_000
MOST_TRIED = 256
Selection = tuple[int, ...]

Place = tuple[int, int, list[str]]
"""An option's index, its score, and what it is best at."""

TaxRow = tuple[str, int, int, bool]
"""Line, base, tax, and whether it is collected at checkout."""

Fees = tuple[tuple[str, int], ...]
"""Last-mile fees by code, in cents."""

NO_FEES: Fees = ()

Reasons = list[tuple[str, str, list[str]]]
"""Code, message and the lines at fault of each thing that keeps a method from a parcel."""


class Journey:
    """Where the page's parcels go, when they leave, and what the old page gets wrong about it."""

    __slots__ = ("bugs", "home", "pinned", "rate", "remote", "shipped", "site", "today")

    def __init__(
        self,
        site: str,
        pinned: bool,
        rate: ExchangeRate,
        home: bool,
        remote: bool,
        shipped: date | None,
        today: date,
        bugs: frozenset[str],
    ) -> None:
        self.site = site
        self.pinned = pinned
        self.rate = rate
        self.home = home
        self.remote = remote
        self.shipped = shipped
        self.today = today
        self.bugs = bugs


class Option:
    """A method for a parcel, in cents before reductions and tax. ``fee`` is the sum of ``fees``.

    ``billed`` is the grams that the freight is for; on the pinned page without goods that ship free, and ``free`` is
    what those take off the freight.
    """

    __slots__ = ("billed", "code", "fee", "fees", "free", "freight", "window")

    def __init__(
        self, code: str, billed: int, freight: int, fees: Fees, fee: int, window: tuple[date, date] | None
    ) -> None:
        self.code = code
        self.billed = billed
        self.free = 0
        self.freight = freight
        self.fees = fees
        self.fee = fee
        self.window = window


class Parcel:
    """Goods that travel together, and what can and cannot carry them. ``excluded`` is methods with their reasons."""

    __slots__ = ("excluded", "items", "net", "nets", "options", "parcel_id", "weight")

    def __init__(self, parcel_id: str, items: list[Item]) -> None:
        self.parcel_id = parcel_id
        self.items = items
        self.net = 0
        self.nets: list[int] = []
        self.weight = sum([item.sku.weight_g * item.quantity for item in items])
        self.options: list[Option] = []
        self.excluded: list[tuple[str, Reasons]] = []


class Choice:
    """An option under a selection: what it costs and what it moves."""

    __slots__ = ("border", "landed", "option", "relief", "rows", "tax")

    def __init__(self, option: Option, relief: int, priced: "Taxed", landed: int) -> None:
        self.option = option
        self.relief = relief
        self.tax, self.border, self.rows = priced
        self.landed = landed


Taxed = tuple[int, int, list[TaxRow]]

PageCost = tuple[int, list[int], list[int]]
"""The total, each parcel's share of it, and what is taken off each parcel's freight."""


def find_options(parcel: Parcel, journey: Journey) -> None:
    """Try every method."""
    rate, site, shipped, pinned = journey.rate, journey.site, journey.shipped, journey.pinned
    home, remote = journey.home, journey.remote
    volume = sum([item.sku.volume_cm3 * item.quantity for item in parcel.items])
    classes = {item.sku.goods_class for item in parcel.items}
    foreign = {item.sku.origin for item in parcel.items} != {"CN"}
    allowed = methods.PINNED_CLASSES
    for code in methods.PINNED if pinned else methods.HK if site == "HK" else methods.SG:
        if not pinned:
            allowed = CLASSES[code]
            if journey.today < methods.RATES_FROM:
                parcel.excluded.append((code, [("LOGI_METHOD_GONE", f"{code} has no rate on {journey.today}", [])]))
                continue
            if code == "HK_DM_FAST":
                _find_fast(parcel, journey)
                continue
        if foreign or parcel.weight > MAX_G[code] or classes - allowed:
            parcel.excluded.append((code, _reasons(code, parcel, allowed)))
            continue
        billed = billed_of(code, parcel.weight, volume)
        freight, fees, fee = rate.convert(fee_of(code, billed)), NO_FEES, 0
        if mile := last_mile_of(code, home, remote):
            fee = rate.convert(mile[1])
            fees = ((mile[0], fee),)
            if journey.bugs and mile[0] == "REMOTE_AREA":
                fees, fee = _on_top(fees, fee, code, journey)
        window = window_of(site, shipped, *TRANSIT[code]) if shipped else None
        parcel.options.append(Option(code, billed, freight, fees, fee, window))


def _find_fast(parcel: Parcel, journey: Journey) -> None:
    """In three days to Hong Kong: each shop's goods are a shipment of their own, with its own freight and fee."""
    code, rate = "HK_DM_FAST", journey.rate
    shops: dict[str, list[Item]] = {}
    for item in parcel.items:
        shops.setdefault(item.sku.shop.shop_id, []).append(item)
    weights = {shop: sum([i.sku.weight_g * i.quantity for i in items]) for shop, items in shops.items()}
    heavy = [shop for shop, weight in weights.items() if weight > MAX_G[code]]
    reasons = _reasons(code, parcel, CLASSES[code])
    reasons = [reason for reason in reasons if reason[0] != "LOGI_OVERWEIGHT"]
    if heavy:
        culprits = [item.line_id for item in parcel.items if item.sku.weight_g > MAX_G[code]]
        if not culprits:
            culprits = [item.line_id for item in parcel.items if item.sku.shop.shop_id in heavy]
        place = 1 if reasons and reasons[0][0] == "LOGI_CLASS_FORBIDDEN" else 0
        reasons.insert(place, ("LOGI_OVERWEIGHT", f"{code} takes up to {MAX_G[code]} g", culprits))
    if reasons:
        parcel.excluded.append((code, reasons))
        return
    billed = freight = fee = 0
    fees = NO_FEES
    for shop, items in shops.items():
        own = billed_of(code, weights[shop], sum([item.sku.volume_cm3 * item.quantity for item in items]))
        billed, freight = billed + own, freight + rate.convert(fee_of(code, own))
    if mile := last_mile_of(code, journey.home, journey.remote):
        fee = rate.convert(mile[1]) * len(shops)
        fees = ((mile[0], fee),)
        if mile[0] == "REMOTE_AREA":
            fees, fee = _on_top(fees, fee, code, journey, len(shops))
    window = window_of("HK", journey.shipped, *TRANSIT[code]) if journey.shipped else None
    parcel.options.append(Option(code, billed, freight, fees, fee, window))


def _on_top(fees: Fees, fee: int, code: str, journey: Journey, shipments: int = 1) -> tuple[Fees, int]:
    """The bug ``remote-on-top``: home delivery too."""
    home = last_mile_of(code, journey.home, remote=False)
    if journey.site != "HK" or "remote-on-top" not in journey.bugs or home is None:
        return fees, fee
    extra = journey.rate.convert(home[1]) * shipments
    return ((home[0], extra), *fees), fee + extra


def _reasons(code: str, parcel: Parcel, allowed: frozenset[str]) -> Reasons:
    reasons: Reasons = []
    banned = {item.sku.goods_class for item in parcel.items} - allowed
    if banned:
        message = f"{code} does not carry {', '.join(sorted(banned))}"
        culprits = [item.line_id for item in parcel.items if item.sku.goods_class in banned]
        reasons.append(("LOGI_CLASS_FORBIDDEN", message, culprits))
    if parcel.weight > MAX_G[code]:
        culprits = [item.line_id for item in parcel.items if item.sku.weight_g > MAX_G[code]]
        reasons.append(("LOGI_OVERWEIGHT", f"{code} takes up to {MAX_G[code]} g", culprits))
    far = {item.sku.origin for item in parcel.items} - {"CN"}
    if far:
        culprits = [item.line_id for item in parcel.items if item.sku.origin in far]
        message = f"{code} does not serve stock in {', '.join(sorted(far))}"
        reasons.append(("INV_REGION_UNAVAILABLE", message, culprits))
    return reasons


class Prices:
    """The page's money under any selection. ``relief`` is what the whole page's freight is reduced by, in cents: in
    Hong Kong, that of parcels that go by direct mail.
    """

    def __init__(self, parcels: list[Parcel], relief: int, site: str) -> None:
        self.parcels = parcels
        self.relief = relief
        self._hong_kong = site == "HK"
        self._taxed: dict[tuple[int, int, int], Taxed] = {}
        self._pages: dict[Selection, PageCost] = {}
        for parcel in parcels:
            parcel.nets = [item.net for item in parcel.items]
            parcel.net = sum(parcel.nets)
        if not self._hong_kong:
            self._judge()

    def _judge(self) -> None:
        """Which items are of low value. A line in several parcels is judged as one, by its average unit."""
        taxable: dict[str, int] = {}
        units: dict[str, int] = {}
        items = [item for parcel in self.parcels for item in parcel.items]
        for item in items:
            taxable[item.line_id] = taxable.get(item.line_id, 0) + item.taxable
            units[item.line_id] = units.get(item.line_id, 0) + item.quantity
        for item in items:
            item.low_value = taxable[item.line_id] <= ITEM_LIMIT * units[item.line_id]

    def page(self, selection: Selection) -> PageCost:
        """The total, each parcel's share of it, and each parcel's relief."""
        known = self._pages.get(selection)
        if known is not None:
            return known
        chosen = self._chosen(selection)
        cuts = _cut_direct_mail(chosen, self.relief) if self.relief else [0] * len(chosen)
        costs = [
            parcel.net + option.freight + option.fee - cuts[index] + self.tax(index, selection[index], cuts[index])[0]
            for index, (parcel, option) in enumerate(zip(self.parcels, chosen, strict=True))
        ]
        found = self._pages[selection] = sum(costs), costs, cuts
        return found

    def _chosen(self, selection: Selection) -> list[Option]:
        return [parcel.options[index] for parcel, index in zip(self.parcels, selection, strict=True)]

    def freight_adjustments(self, selection: Selection) -> list[tuple[str, Applied]]:
        """Who bears what of what is taken off the freight."""
        _, _, cuts = self.page(selection)
        if not sum(cuts):
            return []
        borne = [
            (parcel.parcel_id, cut)
            for parcel, option, cut in zip(self.parcels, self._chosen(selection), cuts, strict=True)
            if KIND[option.code] == DIRECT
        ]
        return [("DIRECT_MAIL_INSTANT_DISCOUNT", borne)]

    def cost(self, selection: Selection) -> int:
        """To the door: with what the border takes."""
        total, _, cuts = self.page(selection)
        if self._hong_kong:
            return total
        return total + sum([self.tax(index, option, cuts[index])[1] for index, option in enumerate(selection)])

    def tax(self, index: int, option_index: int, cut: int) -> Taxed:
        """GST of 9%: at checkout on items up to S$400 by air, at the border on the rest. Hong Kong has none."""
        known = self._taxed.get((index, option_index, cut))
        if known is not None:
            return known
        if self._hong_kong:
            return 0, 0, []
        parcel = self.parcels[index]
        option = parcel.options[option_index]
        by_air, direct = MODE[option.code] == AIR, KIND[option.code] == DIRECT
        collected = border = 0
        rows: list[TaxRow] = []
        shares = allocate(option.freight + option.fee - cut, parcel.nets)
        for item, share in zip(parcel.items, shares, strict=True):
            base = item.taxable
            at_checkout = by_air and item.low_value
            if not at_checkout or direct:
                base += share
            amount = half_up(base * RATE_PPM, 1_000_000)
            if at_checkout:
                collected += amount
            else:
                border += amount
            rows.append((item.line_id, base, amount, at_checkout))
        found = self._taxed[index, option_index, cut] = collected, border, rows
        return found

    def cheapest(self) -> Selection:
        """The choice that costs least."""
        costs = [
            [option.freight + option.fee + sum(self.tax(index, n, 0)[:2]) for n, option in enumerate(each.options)]
            for index, each in enumerate(self.parcels)
        ]
        lowest = tuple([each.index(min(each)) for each in costs])
        if not self.relief:
            return lowest
        # An option that costs more than the reduction could still win back is not looked at.
        spare = self.relief - sum(self.page(lowest)[2])
        tried = [[i for i, cost in enumerate(each) if cost - min(each) <= spare] for each in costs]
        if prod([len(each) for each in tried]) <= MOST_TRIED:
            return min(product(*tried), key=lambda selection: (self.cost(selection), selection))
        return self._improved(lowest, tried)

    def _improved(self, selection: Selection, tried: Sequence[Sequence[int]]) -> Selection:
        """Better as long as one change makes it so."""
        improved = True
        while improved:
            improved = False
            for index, options in enumerate(tried):
                head, tail = selection[:index], selection[index + 1 :]
                tries = [(*head, option, *tail) for option in options]
                best = min(tries, key=lambda candidate: (self.cost(candidate), candidate))
                if self.cost(best) < self.cost(selection):
                    selection, improved = best, True
        return selection

    def choices(self, selection: Selection, index: int) -> list[Choice]:
        """Every option of a parcel, the others as selected."""
        total, costs, _ = self.page(selection)
        head, tail = selection[:index], selection[index + 1 :]
        found = []
        for number, option in enumerate(self.parcels[index].options):
            switched, _, cuts = self.page((*head, number, *tail))
            landed = costs[index] + switched - total
            found.append(Choice(option, cuts[index], self.tax(index, number, cuts[index]), landed))
        return found


def _cut_direct_mail(chosen: list[Option], relief: int) -> list[int]:
    travelling = [index for index, option in enumerate(chosen) if KIND[option.code] == DIRECT]
    freights = [chosen[index].freight for index in travelling]
    cuts = [0] * len(chosen)
    for index, cut in zip(travelling, allocate(min(relief, sum(freights)), freights), strict=True):
        cuts[index] = cut
    return cuts
