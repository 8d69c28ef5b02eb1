"""``promotion.coupons``: coupons of shops and across shops, for everyone, for who knows a code, or for one buyer.

Rules: domain rules, section 4 (lanes), section 12 (a coupon applies at its condition or above, and is capped at its
base), and section 7.2 for what is wrong with one.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from orderpage import Settings, extends, extension, facts, points
from orderpage.domain.coupon import EnteredCoupon
from orderpage.domain.discount import DiscountRule, Lane, Target
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import Notice, PageView
from orderpage.domain.problem import Action, Code, Problem
from orderpage.domain.usage import UseUp
from orderpage_promotions.coupon_book import usage_name
from orderpage_promotions.promotion import Counted, Promotion


class Claim(StrEnum):
    """Who may use a coupon: everyone without a word, who enters its code, or the buyer whom a token was issued to."""

    EVERYONE = "EVERYONE"
    CODE = "CODE"
    TOKEN = "TOKEN"  # noqa: S105  # a way to claim one


class Coupon(Promotion, frozen=True, kw_only=True):
    """``amount`` off goods of at least ``condition``, both in CNY; of ``shops``, or across all where that is empty.

    ``uses`` is how often a buyer may use the code, or one token (which is once unless it says otherwise). ``until`` is
    the last day, at the buyer's place.
    """

    amount: ListingAmount
    condition: ListingAmount = ListingAmount("0")
    shops: frozenset[str] = frozenset()
    reduces_tax_base: bool = True
    claim: Claim = Claim.EVERYONE
    uses: int | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.amount <= 0:
            raise ValueError(f"promotion {self.code}: a coupon's `amount` is above 0")
        if 0 < self.condition < self.amount:
            raise ValueError(
                f"promotion {self.code} takes more than the goods that it needs: lower `amount`, or raise `condition`"
            )
        if self.uses is not None and (self.uses <= 0 or self.claim is Claim.EVERYONE):
            raise ValueError(f"promotion {self.code}: `uses` is above 0, and counted where `claim` is CODE or TOKEN")
        if "." in self.code:
            raise ValueError(f"promotion {self.code}: a coupon's code has no dot, so that it is told from a token")

    @property
    def limit(self) -> int | None:
        """How often it can be used."""
        return self.uses or (1 if self.claim is Claim.TOKEN else None)

    def over(self, today: date) -> bool:
        """Whether its last day is past."""
        return self.until is not None and today > self.until

    def use_of(self, serial: str) -> UseUp | None:
        """What an order uses up of it: the buyer's, and what is there for all."""
        if self.limit is None:
            return self.use
        return UseUp(name=usage_name(self.code, serial), limit=self.limit, cap=self.cap)


class Coupons(Settings, frozen=True, kw_only=True):
    """All coupons of a campaign."""

    coupons: tuple[Coupon, ...]

    def __post_init__(self) -> None:
        codes = [coupon.code for coupon in self.coupons]
        if twice := [code for code in codes if codes.count(code) > 1]:
            raise ValueError(f"two coupons have the code {twice[0]}; rename one")


@extension("promotion.coupons", settings=Coupons)
class CouponRules:
    """A rule for each coupon that the buyer may use; a notice for each entered one that he may not."""

    def __init__(self, settings: Coupons) -> None:
        self.coupons = {coupon.code: coupon for coupon in settings.coupons}
        self.everyones = tuple([coupon for coupon in settings.coupons if coupon.claim is Claim.EVERYONE])
        self.promotes = tuple([coupon.stacking for coupon in settings.coupons])
        self.capped = tuple([name for coupon in settings.coupons for name in coupon.capped])
        self.personal = frozenset([coupon.code for coupon in settings.coupons if coupon.claim is Claim.TOKEN])

    @extends(points.DISCOUNT, needs=(facts.CAPS,))
    def discount(self, page: PageView, caps: Counted) -> Iterator[DiscountRule | Notice]:
        """Those of shops in their lane, the others across shops."""
        for coupon in self.everyones:
            if not (coupon.over(page.today) or coupon.gone(caps)):
                yield from _rules(coupon, page)
        seen: set[str] = set()
        for place, entered in enumerate(page.coupons):
            coupon_of_it = self.coupons.get(entered.code)
            if coupon_of_it is None or coupon_of_it.claim is Claim.EVERYONE:
                continue  # another slot's, or nobody's: the host says so
            wrong = _wrong(coupon_of_it, entered, page, again=entered.code in seen, gone=coupon_of_it.gone(caps))
            if wrong is None:
                seen.add(entered.code)
                yield from _rules(coupon_of_it, page, place, entered)
            else:
                code, message = wrong
                without = (Action.REMOVE_COUPON,) if code is Code.PROMO_UNCHECKED else ()
                yield Notice(Problem(code=code, message=message, field=f"coupons[{place}]", alternatives=without))


def _wrong(
    coupon: Coupon, entered: EnteredCoupon, page: PageView, *, again: bool, gone: bool
) -> tuple[Code, str] | None:
    name, personal = entered.name, coupon.claim is Claim.TOKEN
    if personal is not bool(entered.serial) or entered.genuine is False:
        return Code.PROMO_INVALID, f"{name} is not a coupon of yours as it is written; take it out, or enter it again"
    if personal and entered.genuine is None:
        return Code.PROMO_UNCHECKED, f"{name} cannot be checked at the moment; try again later, or go on without it"
    if coupon.over(page.today):
        return Code.PROMO_INVALID, f"{name} could be used until {coupon.until}; take it out"
    if used := _used_up(coupon, entered, gone=gone):
        return Code.PROMO_LIMIT_REACHED, f"{name} {used}; take it out"
    if again:
        return Code.PROMO_INVALID, f"{name} stands for a promotion that another coupon stands for; one of them is used"
    return None


def _used_up(coupon: Coupon, entered: EnteredCoupon, *, gone: bool) -> str:
    """By the buyer, or by all."""
    if coupon.limit is not None and entered.used >= coupon.limit:
        return f"was used as often as it can be ({entered.used})"
    return f"was for the first {coupon.first_orders} orders, which are placed" if gone else ""


def _rules(
    coupon: Coupon, page: PageView, place: int | None = None, entered: EnteredCoupon | None = None
) -> Iterator[DiscountRule]:
    """In the page's currency; none where the coupon is worth less than the smallest coin."""
    amount = page.rate.convert(coupon.amount)
    if amount:
        serial = "" if entered is None else entered.serial
        yield DiscountRule(
            code=coupon.code,
            name=coupon.name,
            lane=Lane.SHOP if coupon.shops else Lane.CROSS_SHOP,
            target=Target.GOODS,
            funding=coupon.funded_by,
            amount=amount,
            threshold=page.rate.convert(coupon.condition),
            shops=coupon.shops,
            reduces_tax_base=coupon.reduces_tax_base,
            stacking=coupon.terms,
            use=coupon.use_of(serial),
            entered=place,
        )
