"""From a confirmed order to the parcel at the buyer's door, through a real carrier: each step once, whatever fails."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.carriers.booking_servers import PATIENT_MS, Carrier, Depot, GrpcBookings, HttpBookings, booking_layer
from tests.carriers.files import package_folder
from tests.e2e import live
from tests.e2e.live import Client, Server, page_of, submission

from crossborder.checkout.v1 import order_pb2
from orderpage.adapters.sql.shipment_acts import Act, SqlShipmentActs, Waiting
from orderpage.api.server import ServerOptions
from orderpage.bootstrap import open_service, server_of
from orderpage.domain.shipment import Shipment
from orderpage.settings import ServerSettings

ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
CART = page_of("SG", ("bok-notebook-a5", 2))
METHOD = "SG_DM_AIR"
HANGS_MS = 2_000
"""After which a carrier that hangs is not waited for: more than it takes one that is asked well to answer."""


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class Market:
    """A service in this process whose parcels go to one carrier, and a buyer at it."""

    def __init__(self, client: Client, clock: Clock, database: Path, depot: Depot, acts: Any = None) -> None:
        self.client, self.clock, self.database, self.depot, self.acts = client, clock, database, depot, acts

    async def order(self) -> str:
        """One parcel by the carrier's method, confirmed."""
        rendered = await self.client.by(CART, METHOD)
        submitted = await self.client.submit(submission(CART, rendered))
        assert submitted.payment.state == order_pb2.PAYMENT_STATE_HELD
        return submitted.order.order_id

    async def shipment(self, order_id: str) -> order_pb2.Shipment | None:
        found = (await self.client.order(order_id)).shipments
        return found[0] if found else None

    async def becomes(self, order_id: str, state: str, **step: float) -> order_pb2.Shipment:
        """The buyer's parcel once it is in that state; ``step`` is how far the clock moves between two looks."""
        wanted = order_pb2.ShipmentState.Value(f"SHIPMENT_STATE_{state}")

        async def look() -> order_pb2.Shipment | None:
            self.clock.advance(**step or {"seconds": 1})
            return await self.shipment(order_id)

        found = await live.until(look, lambda it: it is not None and it.state == wanted)
        assert found is not None
        return found

    async def quiet(self) -> None:
        """Until nothing is due any more."""

        async def due() -> int:
            now = int(self.clock.now.timestamp() * 1_000_000)
            return self.rows(f"state = 'PENDING' AND due_at <= {now}")

        await live.until(due, lambda count: count == 0)

    def rows(self, which: str) -> int:
        return int(live.query(self.database, f"SELECT count(*) FROM outbox WHERE {which}")[0][0])

    async def known(self) -> Shipment:
        """What people see of the only parcel."""
        return (await self._waiting()).shipment

    async def parked(self) -> str:
        """The error of its step that was given up, once there is one."""
        return (await live.until(self._waiting, lambda it: it.parked != "")).parked

    async def given_up(self) -> bool:
        return (await self._waiting()).parked != ""

    async def _waiting(self) -> Waiting:
        (found,) = await self.acts.listed("", None, 10)
        assert isinstance(found, Waiting)
        return found

    async def cancel(self, order_id: str, parcel_id: str) -> None:
        """As ``orderpage shipment cancel``, at the market's own time."""
        why, now = "the buyer called", self.clock.now
        act = Act(order_id=order_id, parcel_id=parcel_id, act="cancel", actor="mei", reason=why, at=now)
        await self.acts.cancel(act)

    async def command(self, *words: str) -> Any:
        """``orderpage shipment``, which does things at the real time: the market's follows."""
        done = await asyncio.to_thread(live.run, "shipment", *words, database=live.url_of(self.database))
        self.clock.now = max(self.clock.now, datetime.now(UTC) + timedelta(seconds=1))
        return done


@pytest.fixture(params=[HttpBookings, GrpcBookings], ids=["http", "grpc"])
async def carrier(request: pytest.FixtureRequest) -> AsyncIterator[Carrier]:
    async with request.param() as listening:
        yield listening


@pytest.fixture
def within_ms() -> int:
    """How long the carrier may take to answer. Where it hangs, the test's parameter says: that long is waited."""
    return PATIENT_MS


@pytest.fixture
def folder(carrier: Carrier, tmp_path: Path, within_ms: int) -> str:
    """An operator's folder with the carrier's file."""
    return package_folder(tmp_path / "carriers", booking=booking_layer(carrier, within_ms))


@pytest.fixture
async def market(carrier: Carrier, folder: str, loaded: Path, tmp_path: Path) -> AsyncIterator[Market]:
    clock, database = Clock(), live.copy_database(loaded, tmp_path)
    settings = ServerSettings(
        database=live.url_of(database), quote_keys=live.KEYS, packages=folder, sweep_ms=50, relay_ms=20
    )
    async with open_service(settings, clock) as service:
        server = server_of(service, ServerOptions(address="127.0.0.1:0"))
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=live.CHANNEL) as channel:
                yield Market(Client(channel), clock, database, carrier.depot, SqlShipmentActs(service.database))
        finally:
            await server.stop(2.0)


# ---- all goes well ---------------------------------------------------------------------------------------------


async def test_a_confirmed_parcel_is_booked_labelled_and_followed_to_the_door(market: Market) -> None:
    order_id = await market.order()
    booked = await market.becomes(order_id, "LABELLED")
    assert (booked.carrier, booked.tracking_number) == ("SWIFT", "SW000001")
    market.depot.state = "COLLECTED"
    await market.becomes(order_id, "HANDED_OVER", minutes=20)
    market.depot.state, market.depot.delivered = "AT THE DOOR", True
    await market.becomes(order_id, "DELIVERED", minutes=20)
    await market.quiet()
    looks = len(market.depot.calls("track"))
    market.clock.advance(days=3)
    await asyncio.sleep(0.2)
    assert len(market.depot.calls("track")) == looks, "what has arrived is not asked after"
    assert len(market.depot.calls("create")) == len(market.depot.calls("label")) == 1
    assert market.rows("topic LIKE 'carrier.%' AND state <> 'DONE'") == 0


async def test_the_carrier_learns_who_and_where_to_and_the_key_names_order_and_parcel(market: Market) -> None:
    order_id = await market.order()
    parcel_id = (await market.becomes(order_id, "LABELLED")).parcel_id
    assert market.depot.calls("create") == [f"{order_id}:{parcel_id}"]
    (told,) = market.depot.told
    text = json.dumps(told)
    for word in ("Tan Jun", "+6581234567", "520123", "123 Demo Street", "EXPRESS", "2 x Cloth-bound notebook A5"):
        assert word in text


async def test_buyers_are_not_shown_the_label_and_people_are(market: Market) -> None:
    order_id = await market.order()
    shown = await market.becomes(order_id, "LABELLED")
    assert "labels.example" not in str(shown)
    known = await market.known()
    assert (known.label_url, known.reference) == ("https://labels.example/S-1.pdf", "S-1")
    assert "Tan Jun" not in str(known)


async def test_a_parcel_that_goes_another_way_is_not_booked(market: Market) -> None:
    rendered = await market.client.by(CART, "SG_CONSO_AIR")
    submitted = await market.client.submit(submission(CART, rendered))
    await market.quiet()
    assert await market.shipment(submitted.order.order_id) is None
    assert market.depot.asked == []


# ---- what fails, and is not clear --------------------------------------------------------------------------------


@pytest.mark.parametrize(("does", "within_ms"), [("broken", PATIENT_MS), ("late", HANGS_MS), ("garbage", PATIENT_MS)])
async def test_a_booking_whose_answer_is_lost_is_made_once_under_its_key(market: Market, does: str) -> None:
    market.depot.does.extend([does, does])
    order_id = await market.order()
    await market.becomes(order_id, "LABELLED")
    first, *others = market.depot.calls("create")
    assert others == [first, first]
    assert len(market.depot.made) == 1
    assert (await market.known()).reference == "S-1"


async def test_a_carrier_that_is_busy_is_asked_again(market: Market) -> None:
    market.depot.does.extend(["busy"])
    order_id = await market.order()
    await market.becomes(order_id, "LABELLED")
    assert len(market.depot.calls("create")) == 2


@pytest.mark.parametrize("within_ms", [HANGS_MS])
async def test_a_carrier_that_hangs_holds_up_no_other_event(market: Market) -> None:
    market.depot.does.extend(["late"] * 50)
    order_id = await market.order()
    assert (await market.becomes(order_id, "REQUESTED")).tracking_number == ""
    await live.until(_later(market, "topic = 'order.confirmed' AND state = 'DONE'"), lambda count: count == 1)
    assert (await market.known()).state == "REQUESTED"


def _later(market: Market, which: str) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return market.rows(which)

    return count


async def test_a_server_that_dies_between_the_booking_and_noting_it_books_once(
    carrier: Carrier, folder: str, loaded: Path, tmp_path: Path, connect: ConnectTo
) -> None:
    depot, database = carrier.depot, live.copy_database(loaded, tmp_path)
    depot.does.append("late")
    server = Server(tmp_path, database, packages=folder)
    await asyncio.to_thread(server.start)
    try:
        async with connect(server) as client:
            order_id = await Market(client, Clock(), database, depot).order()
            await live.until(_made(depot), lambda count: count == 1)
        server.signal(signal.SIGKILL)
        await asyncio.to_thread(server.wait)
        _end_leases(database)
        await asyncio.to_thread(server.start)
        async with connect(server) as client:
            market = Market(client, Clock(), database, depot)
            await market.becomes(order_id, "LABELLED")
    finally:
        server.kill()
    assert len(depot.made) == 1
    assert len(set(depot.calls("create"))) == 1
    assert len(depot.calls("create")) == 2


def _made(depot: Depot) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return len(depot.made)

    return count


def _end_leases(database: Path) -> None:
    """As if half a minute had gone by."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE outbox SET lease_until = 0 WHERE lease_until IS NOT NULL")


# ---- what is refused, and people ---------------------------------------------------------------------------------


async def test_a_refusal_for_good_is_parked_at_once_and_booked_when_a_person_tries_again(market: Market) -> None:
    market.depot.does.append("refuses")
    order_id = await market.order()
    failed = await market.becomes(order_id, "FAILED")
    assert (await market.parked()).startswith("Undeliverable: the carrier refuses the parcel: ")
    assert (await market.known()).status.startswith("refused: ")
    who_and_why = ("--reason", "street mended", "--actor", "mei")
    said = await market.command("retry", order_id, failed.parcel_id, *who_and_why)
    assert said.returncode == 0, said.stderr
    assert "is tried again" in said.stdout
    await market.becomes(order_id, "LABELLED")
    assert len(set(market.depot.calls("create"))) == 1
    listed = await market.command("list", "--order", order_id)
    assert "retry by mei: street mended" in listed.stdout


async def test_a_person_cancels_a_booked_parcel_at_its_carrier(market: Market) -> None:
    order_id = await market.order()
    parcel_id = (await market.becomes(order_id, "LABELLED")).parcel_id
    why = ("--reason", "the buyer called")
    said = await market.command("cancel", order_id, parcel_id, *why)
    assert said.returncode == 0, said.stderr
    await market.becomes(order_id, "CANCELLED")
    assert market.depot.cancelled == {"S-1"}
    assert market.depot.calls("cancel") == [f"{order_id}:{parcel_id}:cancel"]
    again = await market.command("cancel", order_id, parcel_id, *why)
    assert again.returncode == 2
    assert "is CANCELLED: nothing is left to cancel" in again.stderr


async def test_a_cancellation_whose_answer_is_lost_is_made_once_under_its_key(market: Market) -> None:
    order_id = await market.order()
    parcel_id = (await market.becomes(order_id, "LABELLED")).parcel_id
    market.depot.does.append("broken")
    await market.cancel(order_id, parcel_id)
    await market.becomes(order_id, "CANCELLED")
    first, second = market.depot.calls("cancel")
    assert first == second


async def test_a_cancellation_that_the_carrier_refuses_is_parked_and_the_parcel_goes_on(market: Market) -> None:
    order_id = await market.order()
    parcel_id = (await market.becomes(order_id, "LABELLED")).parcel_id
    market.depot.does.append("refuses")
    await market.cancel(order_id, parcel_id)
    assert (await market.parked()).startswith("Undeliverable: the carrier does not cancel it: ")
    assert (await market.known()).status.startswith("not cancelled: ")
    market.depot.state, market.depot.delivered = "AT THE DOOR", True
    await market.becomes(order_id, "DELIVERED", minutes=20)


@pytest.mark.parametrize("within_ms", [HANGS_MS])
async def test_a_parcel_is_cancelled_only_once_it_is_clear_that_it_was_booked(market: Market) -> None:
    market.depot.does.extend(["late", "late"])
    order_id = await market.order()
    parcel_id = (await market.becomes(order_id, "REQUESTED")).parcel_id
    await market.cancel(order_id, parcel_id)
    await market.becomes(order_id, "CANCELLED", seconds=5)
    steps = [step for step, _ in market.depot.asked if step in {"create", "cancel"}]
    assert steps == ["create", "create", "create", "cancel"]
    assert market.depot.cancelled == {"S-1"}


async def test_a_refusal_after_a_lost_answer_stays_open_and_a_cancellation_asks_the_carrier_by_the_key(
    market: Market,
) -> None:
    market.depot.does.extend(["broken", "refuses"])
    order_id = await market.order()
    parcel_id = (await market.becomes(order_id, "REQUESTED")).parcel_id
    while not await market.given_up():
        market.clock.advance(seconds=1)
        await asyncio.sleep(0.02)
    assert "an earlier attempt may have booked it" in await market.parked()
    assert (await market.known()).state == "REQUESTED"
    await market.cancel(order_id, parcel_id)
    await market.becomes(order_id, "CANCELLED", seconds=5)
    assert len(set(market.depot.calls("create"))) == 1
    assert market.depot.cancelled == {"S-1"}


async def test_credentials_that_are_not_accepted_are_tried_again(market: Market) -> None:
    market.depot.does.extend(["barred", "barred"])
    order_id = await market.order()
    await market.becomes(order_id, "LABELLED")
    assert len(market.depot.calls("create")) == 3


async def test_once_a_parcel_is_booked_the_outbox_holds_nothing_about_its_buyer(market: Market) -> None:
    await market.becomes(await market.order(), "LABELLED")
    await market.quiet()
    held = live.query(market.database, "SELECT payload FROM outbox WHERE topic LIKE 'carrier.%'")
    assert not [text for (text,) in held if "Tan Jun" in text or "81234567" in text]


async def test_an_unwilling_carrier_is_asked_after_for_its_days_and_no_longer(market: Market) -> None:
    order_id = await market.order()
    await market.becomes(order_id, "LABELLED")
    market.depot.state = "SOMEWHERE"
    market.clock.advance(days=11)
    await live.until(_later(market, "topic = 'carrier.track' AND state = 'DONE'"), lambda count: count == 1)
    assert (await market.known()).status == "asked after no more: 10 days are over"
