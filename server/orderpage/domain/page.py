"""The order page as a value: what extensions see while it is made, and what comes out.

All amounts are minor units of ``PageView.rate.quote`` (the page's currency) unless a name says otherwise.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import msgspec

from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.coupon import EnteredCoupon
from orderpage.domain.discount import Adjustment
from orderpage.domain.display import Block
from orderpage.domain.goods import Line, Sku
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.problem import Problem
from orderpage.domain.progress import Progress
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.shipping import Excluded, Load, Option, Parcel
from orderpage.domain.stage import StageDue
from orderpage.domain.tax import TaxLine
from orderpage.domain.text import Text


class WantedLine(msgspec.Struct, frozen=True, gc=False):
    """A line as the client asks for it."""

    line_id: str
    sku_id: str
    quantity: int


class PageView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every pure extension sees of the request. ``today`` is the buyer's local date at ``priced_at`` (UTC).

    ``address`` is None until the buyer has given one; then the points from ``parcel`` on do not run. ``lines`` are
    those that can be bought as far as is known; at ``admit`` that is every line with a known SKU. ``loads`` are what
    the scenario's methods carry, as their extensions declare it: each once. ``coupons`` are those the buyer entered.
    """

    cell: Cell
    profile: Profile
    language: str
    priced_at: datetime
    today: date
    buyer: Buyer
    address: Address | None
    lines: tuple[Line, ...]
    rate: ExchangeRate
    loads: tuple[Load, ...] = ()
    coupons: tuple[EnteredCoupon, ...] = ()


# ---- admit ----------------------------------------------------------------------------------------------------


class BlockEffect(StrEnum):
    """How far a blocked line may come: onto the page but into no order; not into the cart; not to be shown at all."""

    ORDER = "ORDER"
    CART = "CART"
    HIDE = "HIDE"


class BlockLine(msgspec.Struct, frozen=True, gc=False):
    """The line stays on the page, outside parcels and totals; Submit refuses while it is selected."""

    line_id: str
    problem: Problem
    effect: BlockEffect = BlockEffect.ORDER

    def __str__(self) -> str:
        return f"line {self.line_id} blocked: {self.problem.code}"


class LimitQuantity(msgspec.Struct, frozen=True, gc=False):
    """At most so many units of a line; more blocks the line, with the remedy to lower it."""

    line_id: str
    maximum: int
    problem: Problem

    def __str__(self) -> str:
        return f"line {self.line_id} at most {self.maximum}: {self.problem.code}"


class ForbidMethod(msgspec.Struct, frozen=True, gc=False):
    """The line may not travel by these methods, and why."""

    line_id: str
    methods: frozenset[str]
    problem: Problem

    def __str__(self) -> str:
        return f"line {self.line_id} not by {', '.join(sorted(self.methods))}: {self.problem.code}"


class BlockPage(msgspec.Struct, frozen=True, gc=False):
    """Nothing can be delivered until this is solved (an address is missing or wrong). The goods still show."""

    problem: Problem

    def __str__(self) -> str:
        return f"nothing can be delivered: {self.problem}"


class AssumeMeasures(msgspec.Struct, frozen=True, gc=False):
    """The good's weight (g) or sides (cm) are missing or absurd: these stand for them, and the page says so."""

    line_id: str
    weight_g: int
    sides_cm: tuple[int, int, int]
    notice: Problem

    def __str__(self) -> str:
        return f"line {self.line_id} taken for {self.weight_g} g, {'×'.join(map(str, self.sides_cm))} cm"


class SendFrom(msgspec.Struct, frozen=True, gc=False):
    """The line's stock is brought to this warehouse first, in so many working days, and sent from there."""

    line_id: str
    warehouse: str
    origin: str
    days: int
    notice: Problem | None = None

    def __str__(self) -> str:
        return f"line {self.line_id} sent from {self.warehouse}, {self.days} days later"


class Notice(msgspec.Struct, frozen=True, gc=False):
    """Something the buyer should know, and that keeps no page from its quote; its remedy is for Submit's sake."""

    problem: Problem

    def __str__(self) -> str:
        return f"notice: {self.problem}"


Admission = BlockLine | LimitQuantity | ForbidMethod | BlockPage | AssumeMeasures | SendFrom | Notice


# ---- rank, pay -------------------------------------------------------------------------------------------------


class PricedOption(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An option with what it costs under the page's current selection.

    ``discount`` (zero or negative) is what freight promotions take off; ``tax`` is collected at checkout, ``border``
    estimated at the border and not collected. ``landed`` is what the parcel costs to the door at checkout: switching to
    this option moves the page's total by exactly the difference of two ``landed``.
    """

    option: Option
    discount: int
    tax: int
    border: int
    landed: int


class ParcelOptions(msgspec.Struct, frozen=True, gc=False):
    """A parcel and what it can travel by, in the order the offers came."""

    parcel: Parcel
    options: tuple[PricedOption, ...]


class Scores(msgspec.Struct, frozen=True, gc=False):
    """One score per option, parts per million (0 worst, 1,000,000 best), and the reason code of a best one."""

    values: tuple[int, ...]
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} {', '.join(map(str, self.values))} ppm"


class PaymentMethod(msgspec.Struct, frozen=True, gc=False):
    """A way to pay that this page accepts."""

    code: str
    name: Text

    def __str__(self) -> str:
        return self.code


# ---- the page --------------------------------------------------------------------------------------------------


class PageOption(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An option as the page shows it. ``score`` in parts per million; ``reasons`` say what it is best at.

    ``tax_lines`` sum to the ``tax`` and ``border`` of ``priced``.
    """

    priced: PricedOption
    label: str
    tax_lines: tuple[TaxLine, ...] = ()
    score: int = 0
    reasons: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()


class PageParcel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A parcel with its options, best first, and every method that cannot take it. ``selected`` is a method code.

    ``selected`` is empty when there is no option.
    """

    parcel: Parcel
    options: tuple[PageOption, ...]
    excluded: tuple[Excluded, ...]
    selected: str

    @property
    def choice(self) -> PageOption | None:
        """The selected option."""
        for option in self.options:
            if option.priced.option.method.code == self.selected:
                return option
        return None


class BlockedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line that cannot be bought. ``sku`` is None when the catalogue does not know it."""

    wanted: WantedLine
    sku: Sku | None
    problems: tuple[Problem, ...]
    effect: BlockEffect = BlockEffect.ORDER


class Totals(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``payable = goods + goods_discount + freight + freight_discount + fees + tax``; discounts are zero or negative.

    ``border`` is an estimate of what is due on delivery, ``later`` one of freight that is charged when the parcels were
    weighed: neither is part of ``payable``.
    """

    goods: int
    goods_discount: int
    freight: int
    freight_discount: int
    fees: int
    tax: int
    border: int
    payable: int
    later: int = 0


class Degraded(msgspec.Struct, frozen=True, gc=False):
    """A part of the page that is missing or a default, because an extension failed where the page may go on."""

    point: str
    extension: str
    reason: str


class Page(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The page. ``net_by_line`` is each line's amount after goods discounts.

    ``saving`` is what this division saves against one parcel per shop by the same method, zero when it saves nothing.
    ``progress`` says how far it is on the way to promotions.
    ``problems`` stand in the way of an order; ``notices`` do not (a chosen method is gone and another stands in).
    ``schedule`` is what is paid when: its stages sum to the payable. Empty where nothing can be delivered.
    Of a balance's page the deposit is among ``stages_paid``.
    """

    view: PageView
    plan_digest: str
    lines: tuple[Line, ...]
    net_by_line: Mapping[str, int]
    blocked: tuple[BlockedLine, ...]
    parcels: tuple[PageParcel, ...]
    split: str
    saving: int
    adjustments: tuple[Adjustment, ...]
    totals: Totals
    payment_methods: tuple[PaymentMethod, ...]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]
    blocks: tuple[Block, ...]
    degraded: tuple[Degraded, ...]
    promises: tuple[Adjustment, ...] = ()
    progress: tuple[Progress, ...] = ()
    schedule: tuple[StageDue, ...] = ()
    stages_paid: int = 0

    @property
    def currency(self) -> Currency:
        """Of every amount."""
        return self.view.rate.quote

    @property
    def given(self) -> tuple[Adjustment, ...]:
        """Every discount, now or later."""
        return self.adjustments + self.promises

    @property
    def staged(self) -> bool:
        """Whether it is paid in stages: a deposit, and later the balance."""
        return len(self.schedule) > 1

    @property
    def due(self) -> int:
        """What is paid with the page: of one that is paid in stages its next stage. A refund is due the other way."""
        return max(0, self.schedule[self.stages_paid].amount) if self.staged else self.totals.payable

    @property
    def deliverable(self) -> bool:
        """Whether every line has its way to the buyer, and with it its price."""
        return not self.blocked and bool(self.parcels) and all(parcel.selected for parcel in self.parcels)

    @property
    def orderable(self) -> bool:
        """Whether Submit can turn it into an order: goods, a method for each parcel, nothing blocked, no problem."""
        return not self.problems and self.deliverable
