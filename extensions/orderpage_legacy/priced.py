"""Divisions of the cart with what they cost: which one the page shows."""

from datetime import date

from orderpage.domain.problem import Code, refuse
from orderpage_legacy.cart import Item, discount_newcomer
from orderpage_legacy.divisions import Bundles, by_shop, divide, name_of
from orderpage_legacy.pinned import PinnedPrices
from orderpage_legacy.prices import Journey, Parcel, Prices, Selection, find_options
from orderpage_legacy.promotions import Adjustments, discount_goods


class Division:
    """One way to divide the cart, priced. ``stuck`` parcels have no method."""

    __slots__ = ("adjustments", "cheapest", "parcels", "prices", "reason", "stuck")

    def __init__(
        self, reason: str, parcels: list[Parcel], stuck: list[Parcel], prices: Prices, adjustments: Adjustments
    ) -> None:
        self.reason = reason
        self.parcels = parcels
        self.stuck = stuck
        self.prices = prices
        self.adjustments = adjustments
        self.cheapest: Selection = prices.cheapest()

    @property
    def stuck_goods(self) -> int:
        """What nothing carries, in cents."""
        return sum([item.amount for parcel in self.stuck for item in parcel.items])


def choose_division(items: list[Item], journey: Journey, crowd: str) -> tuple[Division, Division | None]:
    """The cheapest, and the one with a parcel per shop to compare it with."""
    divisions = [_price(reason, bundles, journey, crowd) for reason, bundles in divide(items, journey.site)]
    best = min(divisions, key=lambda d: (d.stuck_goods, d.prices.cost(d.cheapest), len(d.parcels) + len(d.stuck)))
    _note_nets(items, best)
    return best, next((division for division in divisions if _one_shop_each(division)), None)


def price_pinned(items: list[Item], journey: Journey, *, coupon: bool) -> Division:
    """The pinned page knows one division alone. Raises ``Refusal`` for goods in presale, and where nothing carries a
    parcel.
    """
    if any(item.sku.presale for item in items):
        raise refuse(Code.REQUEST_INVALID, "this page sells nothing in stages", field="cart.lines")
    bundles = by_shop(items)
    adjustments, counted = discount_goods(bundles, journey.rate, coupon=coupon)
    parcels = [Parcel(name_of(bundle), bundle) for bundle in bundles]
    for parcel in parcels:
        find_options(parcel, journey)
        if not parcel.options:
            raise refuse(Code.LOGI_NO_METHOD, "no method can take this parcel")
    prices = PinnedPrices(parcels, counted, journey.rate)
    return Division("one parcel per shop", parcels, [], prices, adjustments)


def _price(reason: str, bundles: Bundles, journey: Journey, crowd: str) -> Division:
    parcels: list[Parcel] = []
    stuck: list[Parcel] = []
    seen: dict[str, int] = {}
    for bundle in bundles:
        name = name_of(bundle)
        again = seen[name] = seen.get(name, 0) + 1
        parcel = Parcel(name if again == 1 else f"{name}-{again}", bundle)
        find_options(parcel, journey)
        (parcels if parcel.options else stuck).append(parcel)
    adjustments: Adjustments = []
    if crowd == "newcomer" and date(2026, 11, 1) <= journey.today <= date(2026, 12, 31):
        adjustments = discount_newcomer([item for parcel in parcels for item in parcel.items], journey.rate)
    relief = journey.rate.convert(500) if crowd == "member" and journey.site == "HK" else 0
    return Division(reason, parcels, stuck, Prices(parcels, relief, journey.site), adjustments)


def _one_shop_each(division: Division) -> bool:
    shops = [{item.sku.shop.shop_id for item in parcel.items} for parcel in division.parcels]
    return all(len(names) == 1 for names in shops) and len(set().union(*shops)) == len(shops)


def _note_nets(items: list[Item], best: Division) -> None:
    """What each line costs after discounts: that of its parts. Lines that nothing carries keep their price."""
    nets: dict[str, int] = {}
    for parcel in best.parcels:
        for part in parcel.items:
            nets[part.line_id] = nets.get(part.line_id, 0) + part.net
    for item in items:
        item.net = nets.get(item.line_id, item.amount)


def saving_against(apart: Division, best: Division, selection: Selection) -> int:
    """What ``best`` saves against one parcel per shop by the same method."""
    codes = {parcel.options[index].code for parcel, index in zip(best.parcels, selection, strict=True)}
    if apart.stuck or best.stuck or len(codes) != 1:
        return 0
    (code,) = codes
    same = [[option.code for option in parcel.options] for parcel in apart.parcels]
    if any(code not in known for known in same):
        return 0
    alike = tuple([known.index(code) for known in same])
    return max(0, apart.prices.cost(alike) - best.prices.cost(selection))
