"""``promotion.coupon_book``: what is known of the coupons that a buyer entered, before any is priced."""

from orderpage import Settings, extends, extension, facts, points
from orderpage.domain.coupon import EnteredCoupon, unchecked
from orderpage.ports import LoadView
from orderpage_promotions.tokens import genuine


class Book(Settings, frozen=True, kw_only=True):
    """``secret`` names the key that personal coupons are signed with: ``ORDERPAGE_SECRET_`` and this name."""

    secret: str


@extension("promotion.coupon_book", settings=Book)
class CouponBook:
    """Checks tokens, and counts what the buyer used of each coupon."""

    def __init__(self, settings: Book) -> None:
        self.secrets = (settings.secret,)

    @extends(points.LOAD, fills=facts.COUPONS, budget_ms=500)
    async def load(self, view: LoadView) -> tuple[EnteredCoupon, ...]:
        """As entered, in that order. Raises ``LookupError`` where a token came and the secret is not set."""
        if not view.coupons:
            return ()
        entered = [unchecked(text) for text in view.coupons]
        names = [usage_name(coupon.code, coupon.serial) for coupon in entered]
        used = await view.ports.usages.used(view.buyer.buyer_id, names)
        (secret,) = self.secrets
        key = view.ports.remote.secret(secret) if any(coupon.serial for coupon in entered) else ""
        return tuple(
            [
                EnteredCoupon(
                    coupon.code,
                    coupon.serial,
                    genuine(key, text, view.buyer.buyer_id) if coupon.serial else None,
                    used[name],
                )
                for text, coupon, name in zip(view.coupons, entered, names, strict=True)
            ]
        )


def usage_name(code: str, serial: str = "") -> str:
    """What using the coupon is counted under: a personal one by itself."""
    return f"coupon:{code}.{serial}" if serial else f"coupon:{code}"
