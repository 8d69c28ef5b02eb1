"""The carriers' desk over a real database and a real carrier: repeated events do nothing twice, odd ones are parked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp import web
from ruamel.yaml import YAML
from sqlalchemy import select, update
from tests.carriers.booking_servers import HTTP_CARRIER, PATIENT_MS, HttpBookings

from orderpage.adapters.remote.services import RemoteServices
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.schema import outbox, shipments
from orderpage.adapters.sql.shipments import SqlShipments
from orderpage.delivering import Later, Undeliverable
from orderpage.domain.order import Event
from orderpage.domain.shipment import Shipment, ShipmentState
from orderpage.ports import OutboxRow, Placing, Unavailable
from orderpage_carriers.booking import Booking, Bookings
from orderpage_carriers.connection import Barred, NoAnswer
from orderpage_carriers.desk import CarrierDesk
from orderpage_carriers.places import WrongAnswer

ABOUT: dict[str, str | int] = {"order_id": "o-1", "parcel_id": "p1"}


class Office:
    """A desk, an order that it has to book a parcel of, and what became of it. A call may take ``within_ms``."""

    def __init__(self, database: Database, remote: RemoteServices, placing: Placing, now: datetime) -> None:
        self.database, self.placing, self.now = database, placing, now
        self.within_ms = PATIENT_MS
        self.shipments = SqlShipments(database)
        self.desk = CarrierDesk(remote, self.shipments, lambda: self.now)

    def created(self, url: str, **connection: Any) -> Event:
        """The event of the order's parcel."""
        carrier = YAML(typ="safe", pure=True).load(HTTP_CARRIER.format(url=url))
        carrier["connection"].update(connection)
        settings = {
            "name": "SWIFT",
            "services": {"HK_LAND": "EXPRESS"},
            "carrier": carrier,
            "desk": {"timeout_ms": self.within_ms, "track_minutes": 60},
        }
        made = msgspec.convert(settings, Bookings, dec_hook=lambda kind, value: kind(value))
        (event,) = Booking(made).after(self.placing.placed)
        return event

    async def deliver(self, topic: str, payload: dict[str, str | int]) -> None:
        await self.desk.deliver(OutboxRow(1, Event(topic, "o-1:p1", payload), 1))

    async def create(self, event: Event) -> None:
        await self.deliver(event.topic, event.payload)

    async def points_to(self, url: str) -> None:
        """As if the carrier had been there from the beginning."""
        kept = {"method": "HK_LAND", "described": self.created(url).payload["described"]}
        await self.database.write(lambda connection: connection.execute(update(shipments).values(booking=kept)))

    async def shipment(self) -> Shipment:
        found = await self.shipments.shipment("o-1", "p1")
        assert found is not None
        return found

    async def topics(self) -> list[str]:
        rows = await self.database.read(lambda c: c.execute(select(outbox.c.topic).order_by(outbox.c.row_id)).all())
        return [row.topic for row in rows]


@pytest.fixture
async def office(
    database: Database, book: SqlOrders, make_placing: Callable[..., Placing], now: datetime
) -> AsyncIterator[Office]:
    placing = make_placing(1, units={"tea": 2})
    await book.place(placing)
    async with RemoteServices() as remote:
        yield Office(database, remote, placing, now)


@pytest.fixture
async def carrier() -> AsyncIterator[HttpBookings]:
    async with HttpBookings() as listening:
        yield listening


@pytest.fixture
async def answering() -> AsyncIterator[Callable[..., Any]]:
    """A carrier that answers every booking with one body."""
    runners: list[web.AppRunner] = []

    async def start(body: dict[str, Any], status: int = 200) -> str:
        async def answer(_: web.Request) -> web.Response:
            return web.json_response(body, status=status)

        app = web.Application()
        app.router.add_post("/v1/orders", answer)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        host, port = runners[-1].addresses[0][:2]
        return f"http://{host}:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_each_step_is_done_once_however_often_its_event_comes(office: Office, carrier: HttpBookings) -> None:
    event = office.created(carrier.url)
    for _ in range(3):
        await office.create(event)
    for _ in range(3):
        await office.deliver("carrier.label", ABOUT)
    assert [step for step, _ in carrier.depot.asked] == ["create", "label"]
    assert await office.topics() == ["carrier.label", "carrier.track"]
    assert (await office.shipment()).state is ShipmentState.LABELLED


async def test_it_is_followed_until_it_has_arrived(office: Office, carrier: HttpBookings) -> None:
    await office.create(office.created(carrier.url))
    carrier.depot.state = "IN TRANSIT"
    with pytest.raises(Later) as later:
        await office.deliver("carrier.track", ABOUT)
    assert later.value.due == office.now + timedelta(hours=1)
    assert (await office.shipment()).status == "IN TRANSIT"
    carrier.depot.delivered = True
    for _ in range(2):
        await office.deliver("carrier.track", ABOUT)
    assert (await office.shipment()).state is ShipmentState.DELIVERED
    assert len(carrier.depot.calls("track")) == 2


async def test_a_carrier_that_does_not_answer_is_asked_after_again_in_time(office: Office) -> None:
    async with HttpBookings() as carrier:
        await office.create(office.created(carrier.url))
    with pytest.raises(Later):
        await office.deliver("carrier.track", ABOUT)
    assert (await office.shipment()).state is ShipmentState.CREATED


async def test_a_refusal_that_was_noted_and_not_parked_is_parked_without_another_call(
    office: Office, carrier: HttpBookings
) -> None:
    carrier.depot.does.append("refuses")
    event = office.created(carrier.url)
    for _ in range(2):
        with pytest.raises(Undeliverable, match="status 422"):
            await office.create(event)
    assert len(carrier.depot.calls("create")) == 1
    assert (await office.shipment()).state is ShipmentState.FAILED


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "order.id: a text of 1 to 200 characters is expected"),
        ({"order": {"id": "S-1", "tracking": "<script>"}}, "tracking_number: 1 to 64 letters, digits"),
        ({"order": "S-1"}, "an object is expected"),
    ],
)
async def test_an_answer_that_is_none_leaves_it_open(
    office: Office, answering: Callable[..., Any], body: dict[str, Any], says: str
) -> None:
    event = office.created(await answering(body))
    with pytest.raises(WrongAnswer, match=says):
        await office.create(event)
    shipment = await office.shipment()
    assert shipment.state is ShipmentState.REQUESTED
    assert shipment.status.startswith("not clear yet: ")
    assert await office.topics() == []


@pytest.mark.parametrize("status", [301, 408, 409, 425, 429, 500, 503])
async def test_a_status_that_does_not_say_no_leaves_it_open(
    office: Office, answering: Callable[..., Any], status: int
) -> None:
    event = office.created(await answering({}, status))
    with pytest.raises(NoAnswer, match=f"status {status}"):
        await office.create(event)
    assert (await office.shipment()).state is ShipmentState.REQUESTED


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_status_that_says_no_is_a_refusal(office: Office, answering: Callable[..., Any], status: int) -> None:
    event = office.created(await answering({}, status))
    with pytest.raises(Undeliverable, match=f"status {status}"):
        await office.create(event)
    assert (await office.shipment()).state is ShipmentState.FAILED


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_that_are_not_accepted_are_no_refusal_and_leave_clear_that_nothing_was_booked(
    office: Office, answering: Callable[..., Any], status: int
) -> None:
    event = office.created(await answering({}, status))
    with pytest.raises(Barred, match=f"our credentials are not accepted: status {status}"):
        await office.create(event)
    shipment = await office.shipment()
    assert (shipment.state, shipment.unclear) == (ShipmentState.REQUESTED, False)
    assert shipment.status.startswith("not asked yet: ")


@pytest.mark.parametrize("before", ["late", "broken", "garbage"])
async def test_a_refusal_after_an_answer_that_was_lost_does_not_say_that_nothing_was_booked(
    office: Office, carrier: HttpBookings, before: str
) -> None:
    carrier.depot.does.extend([before, "refuses", "refuses"])
    if before == "late":
        office.within_ms = 2_000
    event = office.created(carrier.url)
    with pytest.raises((Unavailable, NoAnswer)):
        await office.create(event)
    for _ in range(2):
        with pytest.raises(Undeliverable, match="may have booked it: ask the carrier about the key o-1:p1"):
            await office.create(event)
    assert (await office.shipment()).state is ShipmentState.REQUESTED
    await office.create(event)
    shipment = await office.shipment()
    assert (shipment.state, shipment.reference, shipment.unclear) == (ShipmentState.CREATED, "S-1", False)


async def test_a_refusal_after_a_worker_died_while_it_asked_is_not_clear_either(
    office: Office, carrier: HttpBookings
) -> None:
    carrier.depot.does.extend(["late", "refuses"])
    event = office.created(carrier.url)
    asking = asyncio.create_task(office.create(event))
    while not carrier.depot.made:  # noqa: ASYNC110  # the carrier is what tells
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(Undeliverable, match="may have booked it"):
        await office.create(event)
    assert (await office.shipment()).state is ShipmentState.REQUESTED


async def test_a_refusal_after_the_credentials_were_mended_is_a_failure(
    office: Office, answering: Callable[..., Any], carrier: HttpBookings
) -> None:
    with pytest.raises(Barred):
        await office.create(office.created(await answering({}, 401)))
    await office.points_to(carrier.url)
    carrier.depot.does.append("refuses")
    with pytest.raises(Undeliverable, match="status 422"):
        await office.create(office.created(carrier.url))
    assert (await office.shipment()).state is ShipmentState.FAILED


ECHO = "Tan Jun +6581234567"


@pytest.mark.parametrize("status", [200, 401, 422, 500])
@pytest.mark.parametrize(
    "body",
    [
        {"message": ECHO},
        {"order": {"id": {ECHO: ECHO}}},
        {"order": {"id": "S-1", "tracking": f"<{ECHO}>"}},
        {"order": ECHO},
        {"order": [ECHO]},
    ],
)
async def test_what_a_carrier_repeats_of_the_buyer_is_neither_noted_nor_said(
    office: Office, answering: Callable[..., Any], body: dict[str, Any], status: int
) -> None:
    event = office.created(await answering(body, status))
    with pytest.raises(Exception, match=r".") as caught:
        await office.create(event)
    for said in (str(caught.value), (await office.shipment()).status):
        assert said
        assert not [word for word in ("Tan", "Jun", "8123") if word in said]


async def test_a_secret_that_is_not_set_is_said_and_tried_again(office: Office, carrier: HttpBookings) -> None:
    event = office.created(carrier.url, auth={"secret": "NOT_THERE"})
    with pytest.raises(LookupError, match="set ORDERPAGE_SECRET_NOT_THERE"):
        await office.create(event)
    assert "ORDERPAGE_SECRET_NOT_THERE" in (await office.shipment()).status
    assert carrier.depot.asked == []


async def test_a_carrier_that_is_too_slow_is_not_waited_for(office: Office, carrier: HttpBookings) -> None:
    carrier.depot.does.append("late")
    office.within_ms = 500
    with pytest.raises(Unavailable, match=r"no answer within 0\.5 s"):
        await office.create(office.created(carrier.url))


async def test_an_event_that_is_no_step_and_one_of_a_parcel_that_is_not_known_are_parked(office: Office) -> None:
    with pytest.raises(Undeliverable, match=r"'carrier\.dance' is no step; there are create, label, track, cancel"):
        await office.deliver("carrier.dance", ABOUT)
    for step in ("label", "track", "cancel"):
        with pytest.raises(Undeliverable, match="there is no shipment of parcel p1 of order o-1"):
            await office.deliver(f"carrier.{step}", ABOUT)
        with pytest.raises(Undeliverable, match="its payload is no About"):
            await office.deliver(f"carrier.{step}", {})
