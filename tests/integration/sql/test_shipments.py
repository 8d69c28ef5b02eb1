"""What became of parcels at carriers: never backwards, each step's events once, and people's acts are kept."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.outbox import publish
from orderpage.adapters.sql.schema import outbox
from orderpage.adapters.sql.shipment_acts import Act, NotNow, SqlShipmentActs
from orderpage.adapters.sql.shipments import SqlShipments
from orderpage.delivering import DueEvent
from orderpage.domain.order import Event
from orderpage.domain.shipment import Shipment, ShipmentNews, ShipmentState
from orderpage.ports import Placing, Topics

MakePlacing = Callable[..., Placing]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(database: Database) -> SqlShipments:
    return SqlShipments(database)


@pytest.fixture
def people(database: Database) -> SqlShipmentActs:
    return SqlShipmentActs(database)


@pytest.fixture
async def requested(book: SqlOrders, desk: SqlShipments, make_placing: MakePlacing, now: datetime) -> Shipment:
    """The parcel of an order, whose carrier is about to be asked."""
    await book.place(make_placing(1, units={"tea": 1}))
    return await desk.request(
        Shipment(
            order_id="o-1",
            parcel_id="p1",
            carrier="SWIFT",
            service="EXPRESS",
            state=ShipmentState.REQUESTED,
            booking={"described": "{}"},
            requested_at=now,
            updated_at=now,
        )
    )


@pytest.fixture
async def other(url: str) -> AsyncIterator[SqlShipments]:
    """Another process."""
    opened = await open_database(url)
    yield SqlShipments(opened)
    await opened.close()


def news(state: str, at: datetime, **texts: Any) -> ShipmentNews:
    return ShipmentNews(state=ShipmentState(state), at=at, **texts)


def step(name: str, due: datetime, key: str = "o-1:p1") -> DueEvent:
    return DueEvent(Event(f"carrier.{name}", key, {"order_id": "o-1", "parcel_id": "p1"}), due)


async def rows(database: Database) -> list[tuple[str, str, str, str]]:
    columns = (outbox.c.topic, outbox.c.key, outbox.c.state, outbox.c.error)
    found = await database.read(lambda c: c.execute(select(*columns).order_by(outbox.c.row_id)).all())
    return [(row.topic, row.key, row.state, row.error) for row in found]


async def state(desk: SqlShipments) -> str:
    shipment = await desk.shipment("o-1", "p1")
    assert shipment is not None
    return shipment.state.value


def act(name: str, at: datetime) -> Act:
    return Act(order_id="o-1", parcel_id="p1", act=name, actor="mei", reason="the buyer called", at=at)


# ---- what deliverers note ------------------------------------------------------------------------------------------


async def test_a_parcel_is_requested_once_and_stays_what_it_has_become(
    desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    await desk.report(requested, news("CREATED", now + MINUTE, reference="S-1"))
    again = await desk.request(replace(requested, carrier="ANOTHER"))
    assert (again.state, again.reference, again.carrier) == (ShipmentState.CREATED, "S-1", "SWIFT")
    assert again == await desk.shipment("o-1", "p1")


async def test_a_parcel_that_nobody_asked_about_is_not_there(desk: SqlShipments) -> None:
    assert await desk.shipment("o-1", "p1") is None


async def test_a_step_publishes_the_next_one_with_its_due_time_in_the_same_transaction(
    book: SqlOrders, database: Database, desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    then = (step("label", now), step("track", now + 5 * MINUTE, "o-1:p1:track"))
    assert await desk.report(requested, news("CREATED", now, reference="S-1", status="booked"), then)
    due = await book.claim_events(now, now + MINUTE, 10)
    assert [(row.event.topic, row.event.key) for row in due] == [("carrier.label", "o-1:p1")]
    later = await book.claim_events(now + 5 * MINUTE, now + 6 * MINUTE, 10)
    assert [row.event.topic for row in later] == ["carrier.label", "carrier.track"]


async def test_the_same_news_again_change_no_state_and_publish_nothing(
    database: Database, desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    said = news("CREATED", now, reference="S-1")
    assert await desk.report(requested, said, (step("label", now),))
    before = await rows(database)
    assert not await desk.report(requested, said, (step("label", now),))
    assert await rows(database) == before


@pytest.mark.parametrize(
    ("was", "older"),
    [
        ("LABELLED", "CREATED"), ("HANDED_OVER", "LABELLED"), ("CREATED", "REQUESTED"), ("DELIVERED", "HANDED_OVER"),
        ("DELIVERED", "CANCELLED"), ("CANCELLED", "CREATED"), ("CANCELLED", "DELIVERED"), ("FAILED", "CREATED"),
    ],
)  # fmt: skip
async def test_it_never_goes_backwards(
    database: Database, desk: SqlShipments, requested: Shipment, now: datetime, was: str, older: str
) -> None:
    await desk.report(requested, news(was, now, status="as it is"))
    assert not await desk.report(requested, news(older, now + MINUTE, status="late", label_url="x"), (step("x", now),))
    found = await desk.shipment("o-1", "p1")
    assert found is not None
    assert (found.state, found.status, found.label_url, found.updated_at) == (was, "as it is", "", now)
    assert await rows(database) == []


async def test_news_of_the_same_state_change_its_texts_and_an_empty_one_leaves_what_is_known(
    desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    await desk.report(requested, news("CREATED", now, reference="S-1", status="booked"))
    assert not await desk.report(requested, news("CREATED", now + MINUTE, status="in the depot"))
    found = await desk.shipment("o-1", "p1")
    assert found is not None
    assert (found.reference, found.status, found.updated_at) == ("S-1", "in the depot", now + MINUTE)


async def test_of_two_workers_that_book_one_parcel_one_goes_on(
    database: Database, desk: SqlShipments, other: SqlShipments, requested: Shipment, now: datetime
) -> None:
    said = news("CREATED", now, reference="S-1")
    moved = [await each.report(requested, said, (step("label", now),)) for each in (desk, other)]
    assert moved == [True, False]
    assert len(await rows(database)) == 1


async def test_the_buyers_order_shows_its_parcels(
    book: SqlOrders, desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    await desk.report(requested, news("CREATED", now, reference="S-1", tracking_number="T 1"))
    placed = await book.order("o-1", "b-mei")
    assert placed is not None
    (shown,) = placed.shipments
    assert (shown.parcel_id, shown.state, shown.tracking_number) == ("p1", ShipmentState.CREATED, "T 1")


async def test_a_relay_claims_the_topics_of_its_own(
    book: SqlOrders, desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    then = (step("label", now), DueEvent(Event("carriers.told", "k", {}), now))
    await desk.report(requested, news("CREATED", now), then)
    told = await book.claim_events(now, now + MINUTE, 10, Topics(without=("carrier",)))
    work = await book.claim_events(now, now + MINUTE, 10, Topics(prefix="carrier"))
    assert [[row.event.topic for row in each] for each in (told, work)] == [["carriers.told"], ["carrier.label"]]


async def test_what_is_due_later_is_nobodys_backlog(
    book: SqlOrders, desk: SqlShipments, requested: Shipment, now: datetime
) -> None:
    await desk.report(requested, news("CREATED", now), (step("track", now + 60 * MINUTE),))
    assert (await book.backlog(now, ("carrier",))).work.waiting == 0
    late = (await book.backlog(now + 61 * MINUTE, ("carrier",))).work
    assert (late.waiting, late.overdue) == (1, 60.0)


# ---- what people do ------------------------------------------------------------------------------------------------


async def refused(book: SqlOrders, desk: SqlShipments, requested: Shipment, database: Database, now: datetime) -> None:
    """Its carrier refuses it for good, and the event is parked."""
    await database.write(lambda connection: publish(connection, [step("create", now).event], now))
    (row,) = await book.claim_events(now, now + MINUTE, 10)
    await desk.report(requested, news("FAILED", now, status="refused: no such street"))
    await book.park_event(row, "Undeliverable: no such street")


async def test_a_parked_booking_is_listed_with_its_error_and_tried_again_under_its_key(
    book: SqlOrders, database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await refused(book, desk, requested, database, now)
    (listed,) = await people.listed("", ShipmentState.FAILED, 10)
    assert (listed.shipment.state, listed.parked) == (ShipmentState.FAILED, "Undeliverable: no such street")
    assert await people.listed("", ShipmentState.CREATED, 10) == []
    after = await people.retry(act("retry", now + MINUTE))
    assert after.state is ShipmentState.REQUESTED
    (row,) = await book.claim_events(now + MINUTE, now + 2 * MINUTE, 10)
    assert (row.event.topic, row.event.key, row.attempts) == ("carrier.create", "o-1:p1", 2)
    assert await people.acts("o-1", "p1") == [act("retry", now + MINUTE)]


async def test_nothing_is_tried_again_that_was_not_given_up(
    people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    with pytest.raises(NotNow, match="nothing was given up for parcel p1 of order o-1"):
        await people.retry(act("retry", now))
    assert await people.acts("o-1", "p1") == []


async def test_a_booked_parcel_is_cancelled_by_its_carrier_and_asked_once(
    database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await desk.report(requested, news("CREATED", now, reference="S-1"))
    after = await people.cancel(act("cancel", now))
    assert after.state is ShipmentState.CREATED
    assert await rows(database) == [("carrier.cancel", "o-1:p1:cancel", "PENDING", "")]
    assert await people.acts("o-1", "p1") == [act("cancel", now)]


async def test_a_cancellation_that_was_given_up_is_tried_again_and_not_asked_twice(
    book: SqlOrders, database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await desk.report(requested, news("CREATED", now, reference="S-1"))
    await people.cancel(act("cancel", now))
    (row,) = await book.claim_events(now, now + MINUTE, 10)
    await book.park_event(row, "refused")
    await people.cancel(act("cancel", now + MINUTE))
    assert [(topic, state) for topic, _, state, _ in await rows(database)] == [("carrier.cancel", "PENDING")]


async def test_a_refused_parcel_is_given_up_at_once_and_leaves_nothing_parked(
    book: SqlOrders, database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await refused(book, desk, requested, database, now)
    assert (await people.cancel(act("cancel", now))).state is ShipmentState.CANCELLED
    error = "cancelled; was parked: Undeliverable: no such street"
    assert await rows(database) == [("carrier.create", "o-1:p1", "DONE", error)]


async def test_a_booking_whose_outcome_is_not_known_becomes_clear_before_it_is_cancelled(
    book: SqlOrders, database: Database, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await database.write(lambda connection: publish(connection, [step("create", now).event], now))
    (row,) = await book.claim_events(now, now + MINUTE, 10)
    await book.park_event(row, "Unavailable: no answer")
    await people.cancel(act("cancel", now))
    assert [row[:3] for row in await rows(database)] == [
        ("carrier.create", "o-1:p1", "PENDING"),
        ("carrier.cancel", "o-1:p1:cancel", "PENDING"),
    ]


@pytest.mark.parametrize("end", ["DELIVERED", "CANCELLED"])
async def test_what_has_ended_is_not_cancelled(
    desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime, end: str
) -> None:
    await desk.report(requested, news(end, now))
    with pytest.raises(NotNow, match=f"is {end}: nothing is left to cancel"):
        await people.cancel(act("cancel", now))
    assert await people.acts("o-1", "p1") == []


async def test_a_parcel_that_no_carrier_was_asked_about_is_said_to_be_so(
    people: SqlShipmentActs, now: datetime
) -> None:
    for asked in (people.cancel, people.retry):
        with pytest.raises(NotNow, match="no carrier was asked to take parcel p1 of order o-1 yet"):
            await asked(act("cancel", now))


async def unclear(book: SqlOrders, database: Database, now: datetime) -> None:
    """Its booking is parked, and may have been made."""
    await database.write(lambda connection: publish(connection, [step("create", now).event], now))
    (row,) = await book.claim_events(now, now + MINUTE, 10)
    await book.park_event(row, "Unavailable: no answer")


async def test_what_is_not_clear_is_given_up_only_when_a_person_has_asked_the_carrier(
    book: SqlOrders, database: Database, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    with pytest.raises(NotNow, match="is still being asked"):
        await people.cancel(act("cancel", now), settled=True)
    await unclear(book, database, now)
    assert (await people.cancel(act("cancel", now), settled=True)).state is ShipmentState.CANCELLED
    error = "cancelled; was parked: Unavailable: no answer"
    assert await rows(database) == [("carrier.create", "o-1:p1", "DONE", error)]


async def test_what_was_given_up_is_found_by_carrier_and_state(
    book: SqlOrders, database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    assert await people.parked() == []
    await refused(book, desk, requested, database, now)
    (found,) = await people.parked("SWIFT", ShipmentState.FAILED)
    assert (found.shipment.parcel_id, found.parked) == ("p1", "Undeliverable: no such street")
    assert await people.parked("ANOTHER") == []
    assert await people.parked(state=ShipmentState.REQUESTED) == []


async def test_it_is_not_clear_whether_it_was_booked_from_the_first_time_that_it_is_asked_for_until_a_report_says_so(
    desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    assert not requested.unclear
    assert (await desk.request(requested)).unclear
    await desk.report(requested, news("REQUESTED", now, status="not asked yet", unclear=False))
    assert not (await desk.request(requested)).unclear
    await desk.report(requested, news("REQUESTED", now, status="not clear yet"))
    assert (await desk.request(requested)).unclear


async def test_what_was_refused_and_is_tried_again_is_clear_until_it_is_asked_for(
    book: SqlOrders, database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await refused(book, desk, requested, database, now)
    assert not (await people.retry(act("retry", now))).unclear


async def test_what_a_person_gives_up_leaves_nothing_about_the_buyer(
    book: SqlOrders, database: Database, desk: SqlShipments, people: SqlShipmentActs, requested: Shipment, now: datetime
) -> None:
    await refused(book, desk, requested, database, now)
    await people.cancel(act("cancel", now))
    assert await database.read(lambda c: c.execute(select(outbox.c.payload)).scalars().all()) == [{}]
