"""What each choice of methods costs: freight and fees, freight relief, GST, cost to the door."""

from datetime import date

from orderpage.domain.money import ExchangeRate, allocate, half_up
from orderpage_legacy.cart import Item
from orderpage_legacy.dates import window_of
from orderpage_legacy.methods import AIR, CLASSES, CODES, DIRECT, KIND, MAX_G, MODE, TRANSIT, freight_of, last_mile_of

ITEM_LIMIT = 40_000
RATE_PPM = 90_000
Selection = tuple[int, ...]

Place = tuple[int, int, list[str]]
"""An option's index, its score, and what it is best at."""

TaxRow = tuple[str, int, int, bool]
"""Line, base, tax, and whether it is collected at checkout."""


class Option:
    """A method for a parcel, in cents before relief and tax."""

    __slots__ = ("code", "fee", "fee_code", "freight", "window")

    def __init__(self, code: str, freight: int, fee_code: str, fee: int, window: tuple[date, date] | None) -> None:
        self.code = code
        self.freight = freight
        self.fee_code = fee_code
        self.fee = fee
        self.window = window


class Parcel:
    """A shop's goods, and what can and cannot carry them. ``excluded`` is a method with code, reason and culprits."""

    __slots__ = ("excluded", "items", "net", "nets", "options", "parcel_id", "weight")

    def __init__(self, parcel_id: str, items: list[Item]) -> None:
        self.parcel_id = parcel_id
        self.items = items
        self.nets = [item.net for item in items]
        self.net = sum(self.nets)
        self.weight = sum([item.sku.weight_g * item.quantity for item in items])
        self.options: list[Option] = []
        self.excluded: list[tuple[str, list[tuple[str, str, list[str]]]]] = []


class Choice:
    """An option under a selection: what it costs and what it moves."""

    __slots__ = ("border", "landed", "option", "relief", "rows", "tax")

    def __init__(self, option: Option, relief: int, priced: "Taxed", landed: int) -> None:
        self.option = option
        self.relief = relief
        self.tax, self.border, self.rows = priced
        self.landed = landed


Taxed = tuple[int, int, list[TaxRow]]


def find_options(parcel: Parcel, rate: ExchangeRate, home: bool, remote: bool, shipped: date | None) -> None:
    """Try every method."""
    volume = sum([item.sku.volume_cm3 * item.quantity for item in parcel.items])
    classes = {item.sku.goods_class for item in parcel.items}
    for code in CODES:
        if classes - CLASSES or parcel.weight > MAX_G[code] or any(i.sku.origin != "CN" for i in parcel.items):
            parcel.excluded.append((code, _reasons(code, parcel)))
            continue
        fee = last_mile_of(code, home, remote)
        parcel.options.append(
            Option(
                code,
                rate.convert(freight_of(code, parcel.weight, volume)),
                fee[0] if fee else "",
                rate.convert(fee[1]) if fee else 0,
                window_of(shipped, *TRANSIT[code]) if shipped else None,
            )
        )


def _reasons(code: str, parcel: Parcel) -> list[tuple[str, str, list[str]]]:
    reasons = []
    banned = {item.sku.goods_class for item in parcel.items} - CLASSES
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
    """The page's money under any selection. ``relief`` is the freight relief of the whole page, in cents."""

    def __init__(self, parcels: list[Parcel], relief: int) -> None:
        self.parcels = parcels
        self.relief = relief
        self._taxed: dict[tuple[int, int, int], Taxed] = {}
        self._pages: dict[Selection, tuple[int, list[int], list[int]]] = {}

    def page(self, selection: Selection) -> tuple[int, list[int], list[int]]:
        """The total, each parcel's share of it, and each parcel's relief."""
        known = self._pages.get(selection)
        if known is not None:
            return known
        chosen = [parcel.options[index] for parcel, index in zip(self.parcels, selection, strict=True)]
        freights = [option.freight for option in chosen]
        cuts = allocate(min(self.relief, sum(freights)), freights) if self.relief else [0] * len(freights)
        costs = [
            parcel.net + option.freight + option.fee - cuts[index] + self.tax(index, selection[index], cuts[index])[0]
            for index, (parcel, option) in enumerate(zip(self.parcels, chosen, strict=True))
        ]
        found = self._pages[selection] = sum(costs), costs, cuts
        return found

    def tax(self, index: int, option_index: int, cut: int) -> Taxed:
        """GST of 9%: at checkout on items up to S$400 by air, at the border on the rest."""
        known = self._taxed.get((index, option_index, cut))
        if known is not None:
            return known
        parcel = self.parcels[index]
        option = parcel.options[option_index]
        by_air, direct = MODE[option.code] == AIR, KIND[option.code] == DIRECT
        collected = border = 0
        rows: list[TaxRow] = []
        shares = allocate(option.freight + option.fee - cut, parcel.nets)
        for item, share in zip(parcel.items, shares, strict=True):
            base = item.taxable
            at_checkout = by_air and base <= ITEM_LIMIT * item.quantity
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
        """Each parcel's lowest freight and fee, then better as long as one change makes it so."""
        selection = tuple([_lowest(parcel) for parcel in self.parcels])
        improved = True
        while improved:
            improved = False
            for index, parcel in enumerate(self.parcels):
                head, tail = selection[:index], selection[index + 1 :]
                tries = [(*head, option, *tail) for option in range(len(parcel.options))]
                best = min(tries, key=lambda candidate: (self.page(candidate)[0], candidate))
                if self.page(best)[0] < self.page(selection)[0]:
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


def _lowest(parcel: Parcel) -> int:
    costs = [option.freight + option.fee for option in parcel.options]
    return costs.index(min(costs))
