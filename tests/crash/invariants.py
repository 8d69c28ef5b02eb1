"""What must hold after any number of kills, read straight from the database and the payment provider's journal."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.crash.buyers import Acknowledged, Refusal
from tests.e2e.live import query

from orderpage.adapters.payment.journal import Attempt

LIVE = ("OPEN", "CONFIRMED")


class Order(msgspec.Struct, frozen=True):
    """A row of orders, and where its payment stands."""

    order_id: str
    checkout_id: str
    buyer_id: str
    state: str
    payable: int
    payment: str
    key: str
    reserved: str


class Finding(msgspec.Struct, frozen=True):
    """An invariant and what breaks it."""

    rule: str
    violations: tuple[str, ...]


class Aftermath:
    """The books after a run."""

    def __init__(self, database: Path, journal: Path, stock_before: Mapping[str, int]) -> None:
        self.database = database
        self.stock_before = stock_before
        self.orders = {order.order_id: order for order in _orders(database)}
        self.provider = {attempt.key: attempt for attempt in _attempts(journal)}

    def states(self) -> Counter[str]:
        """How many orders of each state there are."""
        return Counter(order.state for order in self.orders.values())

    def findings(self, acknowledged: Iterable[Acknowledged], refusals: Iterable[Refusal] = ()) -> list[Finding]:
        """Every invariant, with what breaks it."""
        seen = list(acknowledged)
        return [
            Finding("every acknowledged order exists, as it was acknowledged", tuple(self._lost(seen))),
            Finding("one order a request, and the same answer to its retries", tuple(self._requests(seen))),
            Finding("no request that made an order was refused", tuple(self._refused(refusals))),
            Finding("one order a checkout that is not closed", tuple(self._checkouts())),
            Finding("stock is what was there less what live orders hold, and never negative", tuple(self._stock())),
            Finding("an order is whole: lines, payment, ledger", tuple(self._parts())),
            Finding("the ledger of each order sums to zero, and its buyer pays the payable", tuple(self._ledgers())),
            Finding("an order is confirmed if and only if the provider holds its money", tuple(self._money())),
            Finding("no order is left undecided", tuple(self._undecided())),
            Finding("one order.confirmed for every confirmed order, and none for others", tuple(self._events())),
        ]

    def holds(self, key: str) -> bool:
        """Whether the provider holds the money under the key."""
        attempt = self.provider.get(key)
        if attempt is None:
            return False
        settled = attempt.settles_at is not None and attempt.settles_at <= datetime.now(UTC)
        return attempt.state == "HELD" or settled

    def _lost(self, acknowledged: Iterable[Acknowledged]) -> Iterator[str]:
        final = {"HELD": "CONFIRMED", "DECLINED": "CLOSED"}
        for answer in acknowledged:
            order = self.orders.get(answer.order_id)
            if order is None:
                yield f"{answer.order_id} was acknowledged to {answer.buyer} and is gone"
            elif (order.buyer_id, order.checkout_id, order.payable) != (
                answer.buyer, answer.checkout_id, answer.payable,
            ):  # fmt: skip
                yield f"{answer.order_id} is not what was acknowledged: {order}"
            elif order.state != final.get(answer.payment_state, order.state):
                yield f"{answer.order_id} was {answer.payment_state} and is {order.state}"

    def _requests(self, acknowledged: Iterable[Acknowledged]) -> Iterator[str]:
        answers: dict[tuple[str, str], set[str]] = defaultdict(set)
        for answer in acknowledged:
            answers[answer.buyer, answer.request_id].add(answer.order_id)
        stored = {
            (buyer, request_id): order_id
            for buyer, request_id, order_id in query(
                self.database, "SELECT buyer_id, request_id, order_id FROM write_requests"
            )
        }
        for (buyer, request_id), orders in answers.items():
            if orders != {stored.get((buyer, request_id))}:
                yield f"{request_id} of {buyer} was answered with {orders}, stored {stored.get((buyer, request_id))}"
        twice = [order_id for order_id, count in Counter(stored.values()).items() if count > 1]
        yield from (f"order {order_id} has several requests" for order_id in twice)
        yield from (f"order {order_id} has no request" for order_id in self.orders.keys() - set(stored.values()))
        yield from (
            f"a request names order {order_id}, which is not" for order_id in set(stored.values()) - self.orders.keys()
        )

    def _refused(self, refusals: Iterable[Refusal]) -> Iterator[str]:
        made = set(query(self.database, "SELECT buyer_id, request_id FROM write_requests"))
        for refusal in refusals:
            if (refusal.buyer, refusal.request_id) in made:
                yield f"{refusal.request_id} of {refusal.buyer} was answered {refusal.reason}, yet it made an order"

    def _checkouts(self) -> Iterator[str]:
        live = Counter(order.checkout_id for order in self.orders.values() if order.state in LIVE)
        yield from (f"checkout {checkout} has {count} live orders" for checkout, count in live.items() if count > 1)

    def _stock(self) -> Iterator[str]:
        held: Counter[str] = Counter()
        for order in self.orders.values():
            if order.state in LIVE:
                for sku_id, units in msgspec.json.decode(order.reserved, type=list[tuple[str, int]]):
                    held[sku_id] += units
        for sku_id, available in query(self.database, "SELECT sku_id, available FROM stock"):
            if available < 0 or available != self.stock_before[sku_id] - held[sku_id]:
                yield f"{sku_id}: {self.stock_before[sku_id]} at first, {held[sku_id]} held, {available} left"

    def _parts(self) -> Iterator[str]:
        for table in ("order_lines", "order_parcels", "payment_attempts", "ledger_entries"):
            having = {row[0] for row in query(self.database, f"SELECT DISTINCT order_id FROM {table}")}
            yield from (f"order {order_id} has no {table}" for order_id in self.orders.keys() - having)
        bought: dict[str, Counter[str]] = defaultdict(Counter)
        for order_id, sku_id, quantity in query(self.database, "SELECT order_id, sku_id, quantity FROM order_lines"):
            bought[order_id][sku_id] += quantity
        for order in self.orders.values():
            if Counter(dict(msgspec.json.decode(order.reserved, type=list[tuple[str, int]]))) != bought[order.order_id]:
                yield f"order {order.order_id} reserved {order.reserved} for {dict(bought[order.order_id])}"

    def _ledgers(self) -> Iterator[str]:
        sums: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        for order_id, account, amount in query(self.database, "SELECT order_id, account, amount FROM ledger_entries"):
            sums[order_id] += amount
            paid[order_id] -= amount if account.startswith("buyer:") else 0
        yield from (f"the ledger of {order_id} is off by {amount}" for order_id, amount in sums.items() if amount)
        for order in self.orders.values():
            if paid[order.order_id] != order.payable:
                yield f"the buyer of {order.order_id} pays {paid[order.order_id]}, payable is {order.payable}"

    def _money(self) -> Iterator[str]:
        for order in self.orders.values():
            held = self.holds(order.key)
            if order.state != "OPEN" and held != (order.state == "CONFIRMED"):
                yield f"{order.order_id} is {order.state}, the provider {'holds' if held else 'has not'} its money"
            attempt = self.provider.get(order.key)
            if attempt is not None and attempt.currency and attempt.amount != order.payable:
                yield f"{order.order_id} costs {order.payable}, the provider was asked for {attempt.amount}"
        known = {order.key for order in self.orders.values()}
        yield from (f"the provider holds {key}, of no order" for key in self.provider.keys() - known if self.holds(key))

    def _undecided(self) -> Iterator[str]:
        waiting = [order for order in self.orders.values() if order.state == "OPEN"]
        yield from (f"{order.order_id} is OPEN, its payment {order.payment}" for order in waiting)

    def _events(self) -> Iterator[str]:
        rows = query(self.database, "SELECT key, topic, state FROM outbox")
        told = Counter(key for key, topic, _ in rows if topic == "order.confirmed")
        confirmed = {order.order_id for order in self.orders.values() if order.state == "CONFIRMED"}
        yield from (f"{order_id} is confirmed and nobody is told" for order_id in confirmed - told.keys())
        yield from (f"{key} is told as confirmed and is not" for key in told.keys() - confirmed)
        yield from (f"{key} is told {count} times" for key, count in told.items() if count > 1)
        yield from (f"the outbox row of {key} is parked" for key, _, state in rows if state == "PARKED")


def stock_of(database: Path) -> dict[str, int]:
    """What is left of each SKU."""
    return dict(query(database, "SELECT sku_id, available FROM stock"))


def undecided(database: Path) -> int:
    """How many orders are not at their end, and how many events wait that no killed worker still has a lease on."""
    orders = query(database, "SELECT count(*) FROM orders WHERE state = 'OPEN'")
    events = query(database, "SELECT count(*) FROM outbox WHERE state <> 'DONE' AND lease_until IS NULL")
    return int(orders[0][0]) + int(events[0][0])


def _orders(database: Path) -> Iterator[Order]:
    statement = (
        "SELECT o.order_id, o.checkout_id, o.buyer_id, o.state, o.payable, p.state, p.key, o.reserved "
        "FROM orders o LEFT JOIN payment_attempts p ON p.order_id = o.order_id"
    )
    for row in query(database, statement):
        yield Order(*row)


def _attempts(journal: Path) -> Iterator[Attempt]:
    """The journal's lines in order; the last of a key stands, and a kill may have cut off the last of all."""
    for line in journal.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield msgspec.json.decode(line, type=Attempt)
