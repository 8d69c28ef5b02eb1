"""How far a cart is on its way to a promotion, and what would take it there (domain rules, section 3.6)."""

import msgspec

from orderpage.domain.goods import Sku
from orderpage.domain.text import Text


class AddOnGood(msgspec.Struct, frozen=True, gc=False):
    """A good that may top a cart up. ``affinity``: the greater, the better it goes with what people buy."""

    sku: Sku
    affinity: int = 0


class AddOns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What tops a cart up to the threshold of a promotion, by its code in configuration.

    ``ceiling`` (fen) is what the cheapest top-up may cost at most, net of what it saves; None: anything. At most
    ``most`` top-ups are shown.
    """

    promotion: str
    goods: tuple[AddOnGood, ...]
    ceiling: int | None = None
    most: int = 3


class TopUp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A good, or a pair, that reaches the threshold: ``amount`` in the page's minor units, ``overshoot`` beyond it."""

    skus: tuple[Sku, ...]
    amount: int
    overshoot: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far the goods of ``lines`` are on the way to a rule's ``threshold``, in the page's minor units.

    ``reached`` counts goods that can travel by a method of the rule; ``met`` says that it is enough, ``applied`` that
    the rule also takes something under what is selected. ``shops_missing`` more shops' goods must join a parcel before
    any count; ``by_other_method``: it would be met, were a method of the rule selected. ``group`` names the goods'
    orders as one. ``promised`` is what it takes off freight that is charged later, zero or negative.
    """

    code: str
    promotion: str
    name: Text
    threshold: int
    reached: int
    group: str
    lines: tuple[str, ...]
    applied: bool
    promised: int = 0
    shops_missing: int = 0
    by_other_method: bool = False
    top_ups: tuple[TopUp, ...] = ()

    @property
    def gap(self) -> int:
        """What is missing, zero where nothing is."""
        return max(0, self.threshold - self.reached)

    @property
    def met(self) -> bool:
        """Whether nothing is: equal is met."""
        return self.reached >= self.threshold and not self.shops_missing
