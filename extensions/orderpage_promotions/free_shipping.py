"""``promotion.free_shipping``: freight is free from a threshold, up to a weight, for a group of goods.

Rules: domain rules, section 1 (BUNDLE_FREE_SHIP across shops, SINGLE_SHOP_FREE_SHIP by shop, CONSO_LEG2_MERGE_FREE for
parcels of several shops), section 3.6 (eligible sum, cap) and section 12.
"""

from collections.abc import Iterable
from enum import StrEnum

from orderpage import extends, extension, facts, points
from orderpage.domain.discount import DiscountRule, Lane, Target, ThresholdBase, WeightRelief
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import PageView
from orderpage_promotions.promotion import Counted, Promotion


class Group(StrEnum):
    """Which goods reach the threshold together."""

    ALL = "ALL"
    SHOP = "SHOP"


class FreeShipping(Promotion, frozen=True, kw_only=True):
    """``threshold`` in CNY (0: always), ``cap_g`` the payable weight up to which an order is free (absent: any); by
    shop, both are each shop's.

    ``shops`` take part, and ``methods`` are free; empty means all. ``min_shops`` is how many shops' goods a parcel must
    join. ``charged_later``: it is promised for freight that is charged once the parcel was weighed, too.
    """

    group: Group = Group.ALL
    threshold: ListingAmount = ListingAmount("0")
    threshold_base: ThresholdBase = ThresholdBase.BEFORE
    cap_g: int | None = None
    shops: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    min_shops: int = 0
    charged_later: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cap_g is not None and self.cap_g <= 0:
            raise ValueError(f"promotion {self.code}: `cap_g` is above 0 grams; leave it out where any weight is free")
        if self.min_shops < 0 or (self.shops and self.min_shops > len(self.shops)):
            most = f", of the {len(self.shops)} that take part" if self.shops else ""
            raise ValueError(f"promotion {self.code}: `min_shops` {self.min_shops} is no number of shops{most}")
        if self.min_shops > 1 and self.group is Group.SHOP:
            raise ValueError(
                f"promotion {self.code}: goods of one shop never join {self.min_shops} shops; use `group: ALL`"
            )


@extension("promotion.free_shipping", settings=FreeShipping)
class FreeShippingRule:
    """One rule for all shops that take part, or one for each."""

    def __init__(self, settings: FreeShipping) -> None:
        self.settings = settings
        self.speaks_of = settings.methods
        self.promotes = (settings.stacking,)
        self.capped = settings.capped

    @extends(points.DISCOUNT, needs=(facts.CAPS,))
    def discount(self, page: PageView, caps: Counted) -> Iterable[DiscountRule]:
        """The rules; a shop's is named after it, ``CODE@shop``. None where it is used up."""
        settings = self.settings
        if settings.gone(caps):
            return []
        shops = dict.fromkeys([line.sku.shop.shop_id for line in page.lines])
        present = [shop for shop in shops if not settings.shops or shop in settings.shops]
        if settings.group is Group.SHOP:
            return [self._rule(page, frozenset({shop}), f"{settings.code}@{shop}") for shop in present]
        return [self._rule(page, settings.shops, settings.code)] if present else []

    def _rule(self, page: PageView, shops: frozenset[str], code: str) -> DiscountRule:
        settings = self.settings
        lines = frozenset([line.line_id for line in page.lines if line.sku.shop.shop_id in shops])
        return DiscountRule(
            code=code,
            name=settings.name,
            lane=Lane.FREIGHT,
            target=Target.FREIGHT,
            funding=settings.funded_by,
            relief=WeightRelief(lines, settings.cap_g, settings.charged_later),
            threshold=page.rate.convert(settings.threshold),
            counts=settings.threshold_base,
            min_shops=settings.min_shops,
            shops=shops,
            methods=settings.methods,
            shows_progress=True,
            stacking=settings.stacking if settings.group is Group.SHOP else settings.terms,
            use=settings.use,
        )
