"""An amount off the goods or the freight of an order.

Rule: domain rules, section 4 (lanes) and section 12: a threshold is met when reached, a reduction is once an order
and capped at its base. Amounts are declared in CNY and converted each by itself, at the page's rate.
"""

from orderpage import extends, extension, facts, points
from orderpage.domain.discount import DiscountRule, Lane, Target
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import PageView
from orderpage_promotions.promotion import Counted, GoodsPromotion


class Reduction(GoodsPromotion, frozen=True, kw_only=True):
    """Settings of ``promotion.reduction``. ``amount``, ``threshold`` in CNY; empty ``methods`` mean all. Where goods
    are named, they alone are lowered, and count towards the threshold.

    ``lane`` is written by number: 1 item, 2 shop, 3 cross-shop, 4 method, 5 freight. Goods are lowered in lanes 1 to 4,
    freight in 4 and 5.
    """

    lane: Lane
    target: Target
    amount: ListingAmount
    threshold: ListingAmount = ListingAmount("0")
    methods: frozenset[str] = frozenset()
    reduces_tax_base: bool = True
    shows_progress: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.amount <= 0 or self.threshold < 0:
            raise ValueError(f"the reduction {self.code} needs an amount above 0 and a threshold of 0 or more")
        if self.target is Target.GOODS and 0 < self.threshold < self.amount:
            raise ValueError(f"the reduction {self.code} takes more than the goods that it needs: lower its amount")
        if self.names_goods and self.target is Target.FREIGHT:
            raise ValueError(f"the reduction {self.code} of freight names goods: use `promotion.free_items` for those")
        able = _LANES[self.target]
        if self.lane not in able:
            lanes = " or ".join([f"{lane:d}" for lane in able])
            raise ValueError(
                f"the reduction {self.code} of {self.target.lower()} cannot be in lane {self.lane:d}: "
                f"write `lane` {lanes}, or another `target`"
            )


_LANES = {
    Target.GOODS: (Lane.ITEM, Lane.SHOP, Lane.CROSS_SHOP, Lane.METHOD),
    Target.FREIGHT: (Lane.METHOD, Lane.FREIGHT),
}


@extension("promotion.reduction", settings=Reduction)
class ReductionRule:
    """One rule, in the page's currency."""

    def __init__(self, settings: Reduction) -> None:
        self.settings = settings
        self.speaks_of = settings.methods
        self.promotes = (settings.stacking,)
        self.capped = settings.capped

    @extends(points.DISCOUNT, needs=(facts.CAPS,))
    def discount(self, page: PageView, caps: Counted) -> tuple[DiscountRule, ...]:
        """The rule, or nothing where it is worth less than the smallest coin, or used up."""
        settings = self.settings
        amount = page.rate.convert(settings.amount)
        lines = settings.lines_of(page) if settings.names_goods else frozenset[str]()
        if not amount or settings.gone(caps) or (settings.names_goods and not lines):
            return ()
        return (
            DiscountRule(
                code=settings.code,
                name=settings.name,
                lane=settings.lane,
                target=settings.target,
                funding=settings.funded_by,
                amount=amount,
                threshold=page.rate.convert(settings.threshold),
                shops=settings.shops,
                lines=lines,
                methods=settings.methods,
                reduces_tax_base=settings.reduces_tax_base,
                stacking=settings.terms,
                shows_progress=settings.shows_progress,
                use=settings.use,
            ),
        )
