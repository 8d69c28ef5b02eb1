"""The progress of a page, with what tops it up: asked once its parcels are priced and its options chosen."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from orderpage.domain.discount import DiscountRule
from orderpage.domain.goods import Line, Sku
from orderpage.domain.page import PageView
from orderpage.domain.progress import AddOns, Progress
from orderpage.domain.shipping import Excluded, Item, Offer, Parcel
from orderpage.domain.tax import TaxRule
from orderpage.pricing.add_on import Saves, top_ups
from orderpage.pricing.division import Division
from orderpage.pricing.selection import Selection
from orderpage.pricing.stacking import pricer_under

Offers = Callable[[Parcel], Iterable[Offer | Excluded]]
"""Who would take a parcel: the page's bound point ``offer``."""


def progress_on(
    division: Division,
    selection: Selection,
    rules: Sequence[DiscountRule],
    taxes: Sequence[TaxRule],
    view: PageView,
    add_ons: Mapping[str, AddOns],
    offers: Offers,
) -> tuple[Progress, ...]:
    """How far the page is on its way; ``add_ons`` by slot are tried where a threshold is missed by an amount."""
    shown = division.pricer.progress(selection, rules)
    by_promotion = {each.promotion: each for each in add_ons.values()}
    by_code = {rule.code: rule for rule in rules}
    topped = []
    for progress in shown:
        wanted = by_promotion.get(progress.promotion)
        if wanted is not None and progress.gap and not progress.shops_missing:
            rule = by_code[progress.code]
            saves = _saving(rule, taxes, division, selection)
            candidates = _within(rule, wanted, view)
            fits = _fitting(rule, progress, division, view, offers)
            progress = replace(progress, top_ups=top_ups(progress, candidates, view.rate, saves, fits))  # noqa: PLW2901
        topped.append(progress)
    return tuple(topped)


def _saving(rule: DiscountRule, taxes: Sequence[TaxRule], division: Division, selection: Selection) -> Saves:
    """What meeting the threshold takes off the page: as it is selected, or at its cheapest, whichever is more."""

    def saves(amount: int) -> bool:
        met = division.discounts.instead(rule, replace(rule, threshold=0))
        pricer = pricer_under(division.parcels, met, taxes, division.pricer.costing)
        if division.pricer.cost(selection) - pricer.cost(selection) >= amount:
            return True
        return division.cost - pricer.cost(pricer.cheapest()) >= amount

    return saves


def _within(rule: DiscountRule, add_ons: AddOns, view: PageView) -> AddOns:
    """The goods that count towards the rule's threshold; where it names lines, more of what they are."""
    if not rule.shops and not rule.lines:
        return add_ons
    more = {line.sku.sku_id for line in view.lines if line.line_id in rule.lines}
    counting = [
        good
        for good in add_ons.goods
        if (not rule.shops or good.sku.shop.shop_id in rule.shops) and (not rule.lines or good.sku.sku_id in more)
    ]
    return replace(add_ons, goods=tuple(counting))


def _fitting(
    rule: DiscountRule, progress: Progress, division: Division, view: PageView, offers: Offers
) -> Callable[[tuple[Sku, ...]], bool]:
    """Whether goods can join a parcel of the group by one of the rule's methods: class, weight, size, region."""
    group = set(progress.lines)
    parcels = [each for each in division.parcels if any(item.line.line_id in group for item in each.parcel.items)]

    def fits(skus: tuple[Sku, ...]) -> bool:
        added = [_unit(f"+{place}", sku, view) for place, sku in enumerate(skus)]
        return any(
            isinstance(offer, Offer) and (not rule.methods or offer.method.code in rule.methods)
            for priced in parcels
            for offer in offers(Parcel.of([*priced.parcel.items, *added]))
        )

    return fits


def _unit(line_id: str, sku: Sku, view: PageView) -> Item:
    amount = view.rate.convert(sku.unit_price)
    return Item(Line(line_id, sku, 1, amount, amount), 1, amount)
