"""``promotion.free_items``: goods that ship free by themselves, wherever they travel.

Rule: domain rules, section 1 (ITEM_FREE_SHIP) and section 12: such an item leaves the payable weight, and nothing left
means no freight, while fees stay.
"""

from orderpage import extends, extension, facts, points
from orderpage.domain.discount import DiscountRule, Lane, Target, WeightRelief
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import PageView
from orderpage_promotions.promotion import Counted, GoodsPromotion


class FreeItems(GoodsPromotion, frozen=True, kw_only=True):
    """The goods that are named ship free. Empty ``methods`` mean all.

    ``threshold`` in CNY is tested on all goods of the shops, not on the free ones alone. ``charged_later``: they leave
    the weight that is paid for once the parcel was weighed, too.
    """

    methods: frozenset[str] = frozenset()
    threshold: ListingAmount = ListingAmount("0")
    charged_later: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.names_goods:
            raise ValueError(
                f"promotion {self.code}: name the goods that ship free in `skus`, `categories` or `brands`"
            )


@extension("promotion.free_items", settings=FreeItems)
class FreeItemsRule:
    """One rule, for those of the goods that are in the cart."""

    def __init__(self, settings: FreeItems) -> None:
        self.settings = settings
        self.speaks_of = settings.methods
        self.promotes = (settings.stacking,)
        self.capped = settings.capped

    @extends(points.DISCOUNT, needs=(facts.CAPS,))
    def discount(self, page: PageView, caps: Counted) -> tuple[DiscountRule, ...]:
        """The rule, or nothing where none of the goods is in the cart, or it is used up."""
        settings = self.settings
        lines = settings.lines_of(page)
        if not lines or settings.gone(caps):
            return ()
        return (
            DiscountRule(
                code=settings.code,
                name=settings.name,
                lane=Lane.ITEM,
                target=Target.FREIGHT,
                funding=settings.funded_by,
                relief=WeightRelief(lines, later=settings.charged_later),
                threshold=page.rate.convert(settings.threshold),
                shops=settings.shops,
                methods=settings.methods,
                stacking=settings.terms,
                use=settings.use,
            ),
        )
