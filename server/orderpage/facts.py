"""The facts that the host itself needs of every page. Extensions may need them too, and declare more of their own."""

from collections.abc import Mapping

from orderpage.domain.buyer import Buyer
from orderpage.domain.coupon import EnteredCoupon
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import ExchangeRate
from orderpage.domain.problem import Code
from orderpage.domain.progress import AddOns
from orderpage.engine.point import Fact

BUYER: Fact[Buyer] = Fact(
    "buyer", Buyer, "Who buys; filled by the host, from the credentials.", code=Code.SESSION_EXPIRED
)

CATALOGUE: Fact[Catalogue] = Fact("catalogue", Catalogue, "The SKUs of the cart.", code=Code.UP_TIMEOUT_ITEM)

STOCK: Fact[Stock] = Fact("stock", Stock, "What can be sold of each SKU of the cart.", code=Code.UP_TIMEOUT_INV)

RATE: Fact[ExchangeRate] = Fact(
    "rate", ExchangeRate, "From the listing to the page's currency; a quote pins it.", code=Code.FX_RATE_MISSING
)

ADD_ONS: Fact[Mapping[str, AddOns]] = Fact(
    "add_ons",
    Mapping[str, AddOns],
    "Goods that top a cart up to a promotion's threshold, by the slot that brought them.",
    default={},
    by_slot=True,
)

COUPONS: Fact[Mapping[str, tuple[EnteredCoupon, ...]]] = Fact(
    "coupons",
    Mapping[str, tuple[EnteredCoupon, ...]],
    "What is known of the coupons that the buyer entered, in that order, by the slot that knows.",
    default={},
    by_slot=True,
)

CAPS: Fact[Mapping[str, Mapping[str, int]]] = Fact(
    "caps",
    Mapping[str, Mapping[str, int]],
    "Units of what there is only so much of for all buyers that orders hold, by name, by the slot that counted.",
    default={},
    by_slot=True,
    pinned=True,
    renewed=True,
    optional=True,
)
"""What was quoted stands for Submit, whatever others took since: the order's transaction decides. A page that is
adjusted counts anew, so that nobody is offered for the whole time of a quote what others took meanwhile.
"""
