"""What the service asks of the outside, as protocols; adapters answer them.

Every method may raise ``Unavailable``; nothing else is expected of a healthy adapter.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.order import BalancePaid, Event, LedgerEntry, Order, PaymentState, PlacedOrder
from orderpage.domain.page import Page, PageView
from orderpage.domain.shipping import Parcel
from orderpage.domain.usage import UseUp


class Unavailable(Exception):
    """The other side did not answer. The message is for logs, not for buyers.

    ``status`` is the name of gRPC's status, where the other side's service gave one.
    """

    def __init__(self, message: str = "", *, status: str = "") -> None:
        super().__init__(message)
        self.status = status


class CataloguePort(Protocol):
    """What is sold."""

    async def skus(self, sku_ids: Collection[str], *, fresh: bool) -> Catalogue:
        """The known ones among ``sku_ids``. ``fresh`` reads past every cache."""

    async def stock(self, sku_ids: Collection[str]) -> Stock:
        """Current levels, never cached."""


class BuyersPort(Protocol):
    """Who buys."""

    async def buyer(self, buyer_id: str) -> Buyer:
        """The buyer; one that was never seen is in no crowd and has no history."""


class RatesPort(Protocol):
    """Rates of exchange."""

    async def rate(
        self, base: Currency, quote: Currency, at: datetime, since: datetime | None = None
    ) -> ExchangeRate | None:
        """The newest rate published at or before ``at``, and not before ``since``; None when there is none."""


class HttpCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call to another service. An answer of more than ``limit`` bytes is not read to its end."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    limit: int = 1 << 20


class HttpAnswer(msgspec.Struct, frozen=True):
    """What it answered: a status and the body as it came."""

    status: int
    content_type: str
    body: bytes


class GrpcCall(msgspec.Struct, frozen=True, kw_only=True):
    """A unary call to another service: ``method`` is ``/package.Service/Method``, ``request`` a serialised message."""

    target: str
    method: str
    request: bytes
    metadata: Mapping[str, str] = {}
    secure: bool = True
    limit: int = 1 << 20


class RemotePort(Protocol):
    """Services of others. A call waits for as long as its caller lets it: cancelling the caller ends it."""

    async def http(self, call: HttpCall) -> HttpAnswer:
        """Any status is an answer. Raises ``Unavailable`` where none came, or one that is too large."""

    async def grpc(self, call: GrpcCall) -> bytes:
        """The serialised answer. Raises ``Unavailable`` with the status where there is none."""

    def secret(self, name: str) -> str:
        """A secret by its name, as configuration refers to it. Raises ``LookupError`` where it is not set."""


class BoughtPort(Protocol):
    """Orders that exist, to render their balances."""

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder | None:
        """The buyer's own order; None for anybody else's."""


class NothingBought:
    """``BoughtPort`` where there are no orders."""

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder | None:
        """None."""
        return None


class Nobody:
    """``RemotePort`` where nothing remote can be asked."""

    async def http(self, call: HttpCall) -> HttpAnswer:
        """Raises ``Unavailable``."""
        raise Unavailable(f"no remote service can be asked here ({call.url})")

    async def grpc(self, call: GrpcCall) -> bytes:
        """Raises ``Unavailable``."""
        raise Unavailable(f"no remote service can be asked here ({call.target})")

    def secret(self, name: str) -> str:
        """Raises ``LookupError``."""
        raise LookupError(f"there are no secrets here ({name})")


class UsagesPort(Protocol):
    """What buyers have used of what they, or all of them together, have only so much of (``UseUp``)."""

    async def used(self, buyer_id: str, names: Collection[str], since: datetime | None = None) -> Mapping[str, int]:
        """Units by name that the buyer's orders used since that moment (None: ever); closed ones gave theirs back."""

    async def used_by_all(self, names: Collection[str]) -> Mapping[str, int]:
        """Units by the name of a ``Cap`` that the orders of all buyers hold."""


class NothingUsed:
    """``UsagesPort`` where no order is kept."""

    async def used(self, buyer_id: str, names: Collection[str], since: datetime | None = None) -> Mapping[str, int]:
        """Nothing of anything."""
        return dict.fromkeys(names, 0)

    async def used_by_all(self, names: Collection[str]) -> Mapping[str, int]:
        """Nothing of anything."""
        return dict.fromkeys(names, 0)


class Ports(msgspec.Struct, frozen=True):
    """Where facts come from."""

    catalogue: CataloguePort
    buyers: BuyersPort
    rates: RatesPort
    remote: RemotePort = Nobody()
    usages: UsagesPort = NothingUsed()
    bought: BoughtPort = NothingBought()


class LoadView(msgspec.Struct, frozen=True, kw_only=True):
    """What an extension at ``load`` knows. ``fresh`` is set at Submit: read past every cache.

    ``coupons`` are as the buyer entered them: a personal one is a secret, and is kept nowhere. ``capped`` names what
    the scenario's discounts have only so much of for all buyers (``Cap``), and ``held`` what the order whose balance
    this is has of it already.
    """

    ports: Ports
    buyer: Buyer
    currency: Currency
    address: Address | None
    sku_ids: tuple[str, ...]
    priced_at: datetime
    fresh: bool
    coupons: tuple[str, ...] = ()
    capped: tuple[str, ...] = ()
    held: frozenset[str] = frozenset()


class AskView(msgspec.Struct, frozen=True, kw_only=True):
    """What an extension at ``ask`` knows: the page and its distinct candidate parcels."""

    ports: Ports
    page: PageView
    parcels: tuple[Parcel, ...]


class SubmitView(msgspec.Struct, frozen=True, kw_only=True):
    """What extensions at ``validate`` and ``enrich`` know: the honoured page, and how the buyer wants to pay."""

    page: Page
    payment_method: str


# ---- payment ---------------------------------------------------------------------------------------------------


class Verdict(msgspec.Struct, frozen=True):
    """What a payment provider says of a hold. ``reference`` is its own id; ``decline`` a problem code."""

    state: PaymentState
    reference: str = ""
    next_action: str = ""
    decline: str = ""


class PaymentProvider(Protocol):
    """Holds money (authorises) and lets it go. Every call is keyed: repeating one repeats the answer, never the
    effect.
    """

    async def hold(self, key: str, amount: int, currency: Currency, method: str) -> Verdict:
        """Ask for the money. Raises ``Unavailable`` when the outcome is unknown."""

    async def look_up(self, key: str) -> Verdict | None:
        """What became of the hold; None when the provider never saw the key."""

    async def release(self, key: str) -> Verdict:
        """Let the money go, held or not; afterwards the key can never be held. Answers HELD where it is too late to
        release.
        """


# ---- the order book --------------------------------------------------------------------------------------------


class RequestKey(msgspec.Struct, frozen=True):
    """AIP-155: what makes a write unique. ``body_hash`` is over the canonical body."""

    buyer_id: str
    method: str
    request_id: str
    body_hash: str


class StockNeed(msgspec.Struct, frozen=True):
    """Units to take of a SKU, and the version of the SKU that was priced."""

    sku_id: str
    quantity: int
    sku_version: int


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """All that the pivot writes in one transaction. ``lease_until`` is when somebody else may resume the payment."""

    request: RequestKey
    placed: PlacedOrder
    stock: tuple[StockNeed, ...]
    ledger: tuple[LedgerEntry, ...]
    events: tuple[Event, ...]
    lease_until: datetime
    expires_at: datetime
    uses: tuple[UseUp, ...] = ()


class BalancePlacing(msgspec.Struct, frozen=True, kw_only=True):
    """A payment of a balance that begins. ``placed`` is the order as it stands, with the attempt; ``brings`` what the
    order becomes once that is held. ``lease_until`` and ``expires_at`` as those of ``Placing``.
    """

    request: RequestKey
    placed: PlacedOrder
    brings: BalancePaid
    at: datetime
    lease_until: datetime
    expires_at: datetime


class PresaleEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a presale ends without its balance: the order as it then is, and the entries and events of that."""

    order: Order
    ledger: tuple[LedgerEntry, ...]
    events: tuple[Event, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What the pivot did. ``created`` is false when the request, or another for the same checkout, had made the
    order.
    """

    placed: PlacedOrder
    created: bool
    same_request: bool


class LeasedPayment(msgspec.Struct, frozen=True):
    """An unfinished payment whose lease this worker took. ``expired``: the buyer's time to pay is over."""

    placed: PlacedOrder
    expired: bool


class OutboxRow(msgspec.Struct, frozen=True):
    """A claimed row: ``attempts`` counts this one. The last ``failures`` of those before failed, one after another."""

    row_id: int
    event: Event
    attempts: int
    failures: int = 0


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """Events by the first part of their topic: those of ``prefix`` (empty: all), but none of ``without``."""

    prefix: str = ""
    without: tuple[str, ...] = ()


ALL_TOPICS = Topics()


class EventBacklog(msgspec.Struct, frozen=True):
    """Events not delivered: ``waiting`` that are due and have not failed, ``failing`` and ``parked``.

    ``overdue`` is for how many seconds the one that is overdue most has been due.
    """

    waiting: int = 0
    failing: int = 0
    parked: int = 0
    overdue: float = 0.0


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the database.

    Events that are only ``told``, and those that are ``work`` of a deliverer. ``payments`` not decided: how many in
    each state, and the age of the oldest one's order in seconds. ``unsettled``: the age of the oldest thing that no
    settled day has, 0 while nothing was ever settled.
    """

    told: EventBacklog
    work: EventBacklog
    payments: Mapping[PaymentState, tuple[int, float]]
    unsettled: float = 0.0


class DatabaseLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How busy a database's client is.

    ``writes`` and ``commits`` count since it was opened: writes asked for, and
    commits of them; ``waiting`` transactions have no connection yet; ``busy`` of ``connections`` are in use.
    """

    writes: int
    commits: int
    waiting: int
    busy: int
    connections: int


class OrdersPort(Protocol):
    """Orders, exactly once. Each method is one transaction."""

    async def find_request(self, request: RequestKey) -> PlacedOrder | None:
        """The order that this request made. Raises ``Refusal`` (REQUEST_ID_REUSED) for another body under its id."""

    async def find_checkout(self, checkout_id: str) -> PlacedOrder | None:
        """The order that this checkout became."""

    async def place(self, placing: Placing) -> Outcome:
        """The pivot: request, stock, order, service orders, payment attempt and ledger together, or nothing.

        Raises ``Refusal``: INV_INSUFFICIENT or INV_OUT_OF_STOCK with the line, PRICE_CHANGED when a SKU's version
        moved, PROMO_LIMIT_REACHED (or what the use says) when the buyer, or all together, have none left,
        REQUEST_ID_REUSED, QUOTE_EXPIRED when the checkout was withdrawn. A duplicate is an outcome, not an error.
        """

    async def withdraw(self, request: RequestKey, checkout_id: str, at: datetime) -> PlacedOrder | None:
        """From now on the checkout never becomes an order here: another page stands in for it. None: it has not either.

        Otherwise nothing changes, and it is the live order that the checkout, or that this request, has made. A twin of
        the request whose pivot is under way is waited for.
        """

    async def record_payment(self, placed: PlacedOrder, verdict: Verdict, lease_until: datetime) -> PlacedOrder:
        """Transaction 2, the only place that decides an order. ``placed`` is the order as it was read at any time.

        HELD confirms it and publishes the events kept at the pivot; DECLINED closes it and returns its stock;
        otherwise the attempt waits, with a new lease. An order already decided is returned as it is.
        """

    async def lease_payments(self, now: datetime, until: datetime, limit: int) -> Sequence[LeasedPayment]:
        """Take unfinished payments whose lease ended before ``now``, leased until ``until``."""

    async def order(self, order_id: str, buyer_id: str) -> PlacedOrder | None:
        """The buyer's own order; None for anybody else's."""

    # ---- balances of presales

    async def find_payment(self, request: RequestKey) -> PlacedOrder | None:
        """The order with the payment that this request began. Raises as ``find_request``."""

    async def place_balance(self, placing: BalancePlacing) -> Outcome:
        """Begin to pay: request and attempt together, or nothing. The order changes when the attempt is held.

        Raises ``Refusal``: STAGE_PAID, STAGE_OVER or PAY_PENDING_CONFIRM when its balance is not to be paid, or is
        being paid; REQUEST_ID_REUSED. A duplicate is an outcome, not an error.
        """

    async def end_presale(self, end: PresaleEnd) -> PlacedOrder | None:
        """Close the order, return its stock, write and publish what that means. None, and nothing is done, unless its
        balance is due and not being paid.
        """

    async def claim_balances(self, now: datetime, until: datetime, limit: int) -> Sequence[PlacedOrder]:
        """Orders whose balance is to be looked at, the next time at ``until`` unless ``look_again`` says otherwise."""

    async def look_again(self, order_id: str, at: datetime) -> None:
        """When the order's balance is to be looked at next, if it is still awaited."""

    async def claim_events(
        self, now: datetime, until: datetime, limit: int, topics: Topics = ALL_TOPICS
    ) -> Sequence[OutboxRow]:
        """Claim due rows of ``topics`` with a lease: the oldest unfinished of each key only."""

    async def finish_event(self, row: OutboxRow, *, forget: bool = False) -> None:
        """Delivered; ``forget``: and its payload is blanked. Like the two below it does nothing when another worker has
        claimed the row since.
        """

    async def retry_event(self, row: OutboxRow, due: datetime, error: str) -> None:
        """Due again then: for ``error`` it was not delivered; an empty one is no failure, and ends a row of them."""

    async def park_event(self, row: OutboxRow, error: str) -> None:
        """Given up; the row keeps its key blocked until a person looks."""


class EventSink(Protocol):
    """Where the outbox's rows go. Delivery is at least once; ``row_id`` tells repeats."""

    async def deliver(self, row: OutboxRow) -> None:
        """Raises to have it tried again."""


class Authenticator(Protocol):
    """Who is calling, from the call's metadata."""

    def buyer_id(self, metadata: Mapping[str, str]) -> str | None:
        """The buyer; None when the credentials are missing or wrong."""
