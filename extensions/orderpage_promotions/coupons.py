"""``promotion.coupons``: coupons of shops and across shops.

Rules: domain rules, section 4 (lanes) and section 12: a coupon applies at its condition or above, and is capped at its
base.
"""

from orderpage import Settings, extends, extension, points
from orderpage.domain.discount import DiscountRule, Lane, Target
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import PageView
from orderpage_promotions.promotion import Promotion


class Coupon(Promotion, frozen=True, kw_only=True):
    """``amount`` off goods of at least ``condition``, both in CNY; of ``shops``, or across all where that is empty."""

    amount: ListingAmount
    condition: ListingAmount = ListingAmount("0")
    shops: frozenset[str] = frozenset()
    reduces_tax_base: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.amount <= 0:
            raise ValueError(f"promotion {self.code}: a coupon's `amount` is above 0")
        if 0 < self.condition < self.amount:
            raise ValueError(
                f"{self.code} takes more than the goods that it needs: lower `amount`, or raise `condition`"
            )


class Coupons(Settings, frozen=True, kw_only=True):
    """All coupons of a campaign."""

    coupons: tuple[Coupon, ...]

    def __post_init__(self) -> None:
        codes = [coupon.code for coupon in self.coupons]
        if twice := [code for code in codes if codes.count(code) > 1]:
            raise ValueError(f"two coupons have the code {twice[0]}; rename one")


@extension("promotion.coupons", settings=Coupons)
class CouponRules:
    """A rule for each coupon."""

    def __init__(self, settings: Coupons) -> None:
        self.settings = settings
        self.promotes = tuple([coupon.stacking for coupon in settings.coupons])

    @extends(points.DISCOUNT)
    def discount(self, page: PageView) -> list[DiscountRule]:
        """Those of shops in their lane, the others across shops."""
        return [rule for coupon in self.settings.coupons if (rule := coupon_rule(coupon, page)).amount]


def coupon_rule(coupon: Coupon, page: PageView) -> DiscountRule:
    """In the page's currency: its amount is 0 where the coupon is worth less than the smallest coin."""
    return DiscountRule(
        code=coupon.code,
        name=coupon.name,
        lane=Lane.SHOP if coupon.shops else Lane.CROSS_SHOP,
        target=Target.GOODS,
        funding=coupon.funded_by,
        amount=page.rate.convert(coupon.amount),
        threshold=page.rate.convert(coupon.condition),
        shops=coupon.shops,
        reduces_tax_base=coupon.reduces_tax_base,
        stacking=coupon.terms,
    )
