"""``promotion.add_on``: goods that may top a cart up to the threshold of a promotion, with their prices of today.

Rule: domain rules, section 3.6. The host ranks them, and leaves out what no method of the promotion would carry.
"""

import msgspec

from orderpage import Settings, extends, extension, facts, points
from orderpage.domain.money import ListingAmount
from orderpage.domain.progress import AddOnGood, AddOns
from orderpage.ports import LoadView

_MOST_GOODS = 40


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A good by its SKU; of equal ones that of greater ``affinity`` comes first."""

    sku: str
    affinity: int = 0


class Suggested(Settings, frozen=True, kw_only=True):
    """``promotion`` is the code whose threshold is to be met; ``ceiling`` (CNY) what the cheapest top-up may cost net.

    ``most`` are shown at a time.
    """

    promotion: str
    goods: tuple[Candidate, ...]
    ceiling: ListingAmount | None = None
    most: int = 3

    def __post_init__(self) -> None:
        if not 0 < len(self.goods) <= _MOST_GOODS:
            raise ValueError(f"name 1 to {_MOST_GOODS} goods: every pair of them is tried on a page")
        if self.most < 1:
            raise ValueError("`most` is 1 or more: remove the slot to show none")


@extension("promotion.add_on", settings=Suggested)
class AddOnGoods:
    """The goods of the settings that are on sale now and not in the cart."""

    def __init__(self, settings: Suggested) -> None:
        self.settings = settings
        self.suggests_for = frozenset({settings.promotion})

    @extends(points.LOAD, fills=facts.ADD_ONS, budget_ms=300)
    async def load(self, view: LoadView) -> AddOns:
        """Nothing at Submit: nobody is looking."""
        settings = self.settings
        wanted = {good.sku: good.affinity for good in settings.goods if good.sku not in view.sku_ids}
        if view.fresh or not wanted:
            return AddOns(promotion=settings.promotion, goods=())
        known = await view.ports.catalogue.skus(tuple(wanted), fresh=False)
        stock = await view.ports.catalogue.stock(tuple(wanted))
        goods = [
            AddOnGood(sku, wanted[sku.sku_id])
            for sku in known.values()
            if not sku.offline and sku.sku_id in stock and stock[sku.sku_id].available > 0
        ]
        return AddOns(promotion=settings.promotion, goods=tuple(goods), ceiling=settings.ceiling, most=settings.most)
