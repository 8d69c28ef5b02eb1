"""What Submit makes: a trade order, its service orders and its payment attempt."""

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from orderpage.domain.address import Address
from orderpage.domain.discount import Adjustment
from orderpage.domain.money import Currency
from orderpage.domain.shipment import Shipment
from orderpage.domain.stage import OrderStage, Stage, StageDue, StageState, Staging
from orderpage.domain.terms import RefundPolicy
from orderpage.domain.usage import UseUp


class OrderState(StrEnum):
    """OPEN until the payment is decided; CONFIRMED or CLOSED for good. A presale is CONFIRMED when its deposit is paid,
    and CLOSED after all if its balance never is: ``Order.staging`` says where it stands.
    """

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    CLOSED = "CLOSED"


class PaymentState(StrEnum):
    """Where a payment attempt stands. STARTED: the provider was not heard from yet. The last two are final."""

    STARTED = "STARTED"
    ACTION_REQUIRED = "ACTION_REQUIRED"
    PENDING = "PENDING"
    HELD = "HELD"
    DECLINED = "DECLINED"

    @property
    def final(self) -> bool:
        """Whether it can still change."""
        return self in (PaymentState.HELD, PaymentState.DECLINED)


class ServiceOrderType(IntEnum):
    """How a service order hangs on its trade order (domain rules, trap 6). Type 2 is paid and refunded
    independently.
    """

    PARENT_CHILD = 1
    DUAL_MAIN = 2
    STANDALONE = 3


class ServiceKind(StrEnum):
    """What the service is."""

    SHIPPING = "SHIPPING"
    TAX = "TAX"
    INSURANCE = "INSURANCE"


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as bought; ``net`` after discounts. ``version`` is the priced SKU's, checked again in the transaction.

    ``commission`` is what the platform keeps of it, of the net (domain rules, section 12).
    """

    line_id: str
    sku_id: str
    shop_id: str
    name: str
    quantity: int
    unit_amount: int
    amount: int
    net: int
    version: int
    commission: int = 0


class TaxShare(msgspec.Struct, frozen=True):
    """A tax that was collected with the order on a line of a parcel: on its ``goods``, and on its share of the
    ``carriage``, freight and fees.
    """

    code: str
    goods: int
    carriage: int = 0


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """A line's part of a parcel: ``quantity`` units that cost ``net``, and what they bear of the parcel's list freight,
    fees and taxes. The portions of a parcel sum to it, those of a line to the line.
    """

    line_id: str
    quantity: int
    net: int
    freight: int
    fees: int
    taxes: tuple[TaxShare, ...] = ()


class OrderParcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as bought: its contents (line id, units) and its method. ``earliest``/``latest`` are ISO dates or
    empty, ``weight_g`` is what its goods weigh, 0 where that is not known. ``later`` estimates what is charged once it
    was weighed, on top of the order's payable. ``cost`` is what ``carrier`` charges for the list freight. Orders from
    before schema 0004 have no carrier, cost and portions.
    """

    parcel_id: str
    method: str
    contents: tuple[tuple[str, int], ...]
    freight: int
    discount: int
    fees: int
    tax: int
    earliest: str
    latest: str
    weight_g: int = 0
    later: int = 0
    carrier: str = ""
    cost: int = 0
    portions: tuple[Portion, ...] = ()

    @property
    def net(self) -> int:
        """Its goods, after discounts."""
        return sum([portion.net for portion in self.portions])


class ServiceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A service order linked to the trade order, for ``amount`` of the order's payable.

    ``estimate`` is what it will be charged for later, on top: freight that is known once the parcel was weighed.
    """

    service_order_id: str
    kind: ServiceKind
    type: ServiceOrderType
    parcel_id: str
    amount: int
    estimate: int = 0


class EntryKind(StrEnum):
    """What an entry of the ledger is for. The last four only come with a refund, those before with a presale."""

    PAYMENT = "PAYMENT"
    GOODS = "GOODS"
    DISCOUNT = "DISCOUNT"
    FREIGHT = "FREIGHT"
    FREIGHT_DISCOUNT = "FREIGHT_DISCOUNT"
    FEES = "FEES"
    CARRIER_COST = "CARRIER_COST"
    TAX = "TAX"
    TAX_WITHHELD = "TAX_WITHHELD"
    COMMISSION = "COMMISSION"
    DEPOSIT = "DEPOSIT"
    DEPOSIT_KEPT = "DEPOSIT_KEPT"
    DEPOSIT_DOUBLED = "DEPOSIT_DOUBLED"
    REFUND = "REFUND"
    GOODS_REFUNDED = "GOODS_REFUNDED"
    COMMISSION_REVERSED = "COMMISSION_REVERSED"
    CARRIAGE_BORNE = "CARRIAGE_BORNE"


class LedgerEntry(msgspec.Struct, frozen=True):
    """One side of the order's money: entries of an order sum to zero. Buyers and funders are negative, payees
    positive. ``subject`` is the parcel that an entry on carriage is for.
    """

    account: str
    kind: EntryKind
    amount: int
    subject: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A trade order with its children. Amounts are minor units of ``currency``. Those of a presale are estimates until
    its balance is paid; ``staging`` is None of an order that is paid at once. ``adjustments`` are its discounts, and
    ``promises`` those on what is charged later (``OrderParcel.later`` is what they leave), with their conditions: a
    refund may break one, and ``refund_policy`` says what then.
    """

    order_id: str
    checkout_id: str
    buyer_id: str
    site: str
    stack: str
    plan_digest: str
    state: OrderState
    currency: Currency
    goods: int
    discount: int
    freight: int
    fees: int
    tax: int
    payable: int
    address: Address
    lines: tuple[OrderLine, ...]
    parcels: tuple[OrderParcel, ...]
    service_orders: tuple[ServiceOrder, ...]
    attributes: tuple[tuple[str, str], ...]
    created_at: datetime
    adjustments: tuple[Adjustment, ...] = ()
    staging: Staging | None = None
    refund_policy: RefundPolicy = RefundPolicy.KEEP
    promises: tuple[Adjustment, ...] = ()

    @property
    def given(self) -> tuple[Adjustment, ...]:
        """Every discount, now or later."""
        return self.adjustments + self.promises

    @property
    def stages(self) -> tuple[OrderStage, ...]:
        """What is paid when: one FULL stage, or a presale's two."""
        if self.staging is not None:
            return self.staging.stages
        state = _STATES[self.state]
        goods = self.payable - self.freight - self.fees - self.tax  # discounts on freight were not kept apart
        due = StageDue(stage=Stage.FULL, goods=goods, freight=self.freight, fees=self.fees, tax=self.tax)
        return (OrderStage(due=due, state=state),)

    def services_at(self, stage: StageDue) -> tuple[ServiceOrder, ...]:
        """The service orders that are paid with a stage: with what they stand for, freight or tax."""
        first = self.stages[0].due
        early = {
            ServiceKind.SHIPPING: stage.stage is Stage.FULL or bool(first.freight or first.fees),
            ServiceKind.TAX: stage.stage is Stage.FULL or bool(first.tax),
        }
        is_first = stage.stage is not Stage.BALANCE
        return tuple(each for each in self.service_orders if early.get(each.kind, not self.staging) is is_first)


_STATES = {
    OrderState.OPEN: StageState.DUE,
    OrderState.CONFIRMED: StageState.PAID,
    OrderState.CLOSED: StageState.CLOSED,
}


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment attempt. ``next_action`` is where the buyer goes when ACTION_REQUIRED; ``decline`` a problem code."""

    attempt_id: str
    order_id: str
    key: str
    method: str
    amount: int
    currency: Currency
    state: PaymentState
    next_action: str = ""
    decline: str = ""
    stage: Stage = Stage.FULL


def first_attempt(order_id: str) -> str:
    """The id of the attempt to pay an order, or its deposit."""
    return f"{order_id}-p1"


def balance_attempt(order_id: str, request_id: str) -> str:
    """The id of the attempt to pay its balance that a request makes: the same for each of its retries."""
    return f"{order_id}-{request_id}"


class PlacedOrder(msgspec.Struct, frozen=True):
    """An order and where its payment stands: the answer to Submit and to GetOrder.

    ``shipments`` are those of its parcels that are being booked or were; only GetOrder reads them.
    """

    order: Order
    payment: Payment
    shipments: tuple[Shipment, ...] = ()


# ---- what extensions say at ``validate``, ``enrich`` and ``after`` -----------------------------------------------


class Covers(StrEnum):
    """Which amount of the page a service order stands for. The host looks it up: an extension never adds money up."""

    FREIGHT_AND_FEES = "FREIGHT_AND_FEES"
    TAX = "TAX"
    NOTHING = "NOTHING"


class AddServiceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Make a service order of a parcel's freight or tax. One amount can be covered once."""

    kind: ServiceKind
    type: ServiceOrderType
    parcel_id: str
    covers: Covers

    def __str__(self) -> str:
        return f"{self.kind} service order of {self.parcel_id} for {self.covers}, {self.type.name}"


class SetAttribute(msgspec.Struct, frozen=True):
    """Note something on the order."""

    name: str
    value: str

    def __str__(self) -> str:
        """Only the name: the value may be about the buyer."""
        return f"attribute {self.name}"


OrderOperation = AddServiceOrder | SetAttribute | UseUp


class Event(msgspec.Struct, frozen=True):
    """Something to tell others once the order is confirmed. Delivered at least once, in order for equal keys.

    Explanations and traces show ``topic`` and ``key``: no address, phone or name in them.
    """

    topic: str
    key: str
    payload: dict[str, str | int]

    def __str__(self) -> str:
        """Without the payload: it may be about the buyer."""
        return f"{self.topic} {self.key}"


class BalancePaid(msgspec.Struct, frozen=True, kw_only=True):
    """What a balance makes of its order once it is held: the order as it then is, the entries and events that come.

    ``uses`` are used up while it is being paid already, and given back where it is declined; ``unused`` is what the
    order had used up for discounts that it lost, given back once it is paid.
    """

    order: Order
    ledger: tuple[LedgerEntry, ...]
    events: tuple[Event, ...]
    uses: tuple[UseUp, ...] = ()
    unused: tuple[UseUp, ...] = ()
