"""What every promotion's settings begin with: its code, its name, who pays for it, and what it goes together with."""

from collections.abc import Mapping

from orderpage import Settings
from orderpage.domain.discount import Funder, Funding, Stacking
from orderpage.domain.goods import Sku
from orderpage.domain.page import PageView
from orderpage.domain.usage import Cap, UseUp, units_of

Counted = Mapping[str, Mapping[str, int]]
"""The fact ``caps``."""


class Promotion(Settings, frozen=True, kw_only=True):
    """``funder`` where one pays all, else ``funding``: funders with their weights (``{PLATFORM: 7, SELLER: 3}``).

    ``excludes`` are codes of promotions that it never goes together with; ``stacks_with``, where not empty, the only
    ones that it does. Of two that do not go together the one of higher ``priority`` stands, else the better one.
    Where that makes more than 16 sets, each group of promotions at odds is settled by itself (``pricing/stacking.py``).
    ``first_orders``: only so many orders get it, whoever places them; counted by the code, in all scenarios together,
    and for ever, so another campaign is another code.
    """

    code: str
    name: Mapping[str, str]
    funder: Funder | None = None
    funding: Mapping[Funder, int] = {}
    excludes: frozenset[str] = frozenset()
    stacks_with: frozenset[str] = frozenset()
    priority: int = 0
    first_orders: int | None = None

    def __post_init__(self) -> None:
        self._check_named()
        if (self.funder is None) is not bool(self.funding):
            either = "`funder: PLATFORM` or `funding: {PLATFORM: 7, SELLER: 3}`"
            raise ValueError(f"promotion {self.code}: say who pays, either {either}")
        if any(weight <= 0 for weight in self.funding.values()):
            raise ValueError(f"promotion {self.code}: every weight in `funding` is above 0; leave out who pays nothing")
        if self.code in self.excludes:
            raise ValueError(f"promotion {self.code} excludes itself; take it out of `excludes`")
        if both := self.excludes & self.stacks_with:
            raise ValueError(f"promotion {self.code} both excludes {min(both)} and stacks with it; keep one")
        if self.first_orders is not None and self.first_orders <= 0:
            raise ValueError(f"promotion {self.code}: `first_orders` is above 0; leave it out where all orders get it")

    def _check_named(self) -> None:
        if not self.code.strip():
            raise ValueError("a promotion has no `code`; give it one, by which pages, orders and reports name it")
        if "@" in self.code:
            raise ValueError(f"promotion {self.code}: its `code` has no '@': CODE@SHOP names its rule for one shop")
        if not self.name or not all(words.strip() for words in self.name.values()):
            raise ValueError(
                f"promotion {self.code}: write its `name` in one language or more, such as {{en: Welcome}}"
            )

    @property
    def funded_by(self) -> Funding:
        """As the rule takes it, the greatest weight first."""
        if self.funder is not None:
            return ((self.funder, 1),)
        return tuple(sorted(self.funding.items(), key=lambda share: (-share[1], share[0])))

    @property
    def stacking(self) -> Stacking:
        """What it says of others."""
        return Stacking(self.code, self.excludes, self.stacks_with, self.priority)

    @property
    def terms(self) -> Stacking | None:
        """The same for its rules: None where it says nothing, so that pages need not look."""
        return self.stacking if self.excludes or self.stacks_with or self.priority else None

    @property
    def cap(self) -> Cap | None:
        """What its orders count as."""
        return None if self.first_orders is None else Cap(f"promotion:{self.code}", self.first_orders)

    @property
    def capped(self) -> tuple[str, ...]:
        """The names of what there is only so much of, for the host."""
        return () if self.cap is None else (self.cap.name,)

    @property
    def use(self) -> UseUp | None:
        """What an order uses up of it, where buyers are not counted one by one."""
        return None if self.cap is None else UseUp(name=self.cap.name, cap=self.cap)

    def gone(self, counted: Counted) -> bool:
        """Whether its last order is placed; ``counted`` is the fact ``caps``."""
        return self.cap is not None and self.cap.gone(units_of(counted, self.cap.name))


class GoodsPromotion(Promotion, frozen=True, kw_only=True):
    """Goods are named by SKU, category or brand: any of them is enough. Empty ``shops`` mean all."""

    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    shops: frozenset[str] = frozenset()

    @property
    def names_goods(self) -> bool:
        """Whether it is for some goods only."""
        return bool(self.skus or self.categories or self.brands)

    def lines_of(self, page: PageView) -> frozenset[str]:
        """The lines of the page whose goods are named, by id."""
        return frozenset([line.line_id for line in page.lines if self._names(line.sku)])

    def _names(self, sku: Sku) -> bool:
        if self.shops and sku.shop.shop_id not in self.shops:
            return False
        return sku.sku_id in self.skus or sku.category in self.categories or sku.brand in self.brands
