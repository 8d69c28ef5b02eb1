"""Events that were given up are listed and tried again, with who and why; what carriers are to do is not among them."""

from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.outbox import publish
from orderpage.adapters.sql.outbox_acts import SqlOutboxActs
from orderpage.cli.commands import app
from orderpage.cli.failures import UserMistake
from orderpage.domain.order import Event

MINUTE = timedelta(minutes=1)
WHY = ("--reason", "the sink is mended", "--actor", "mei")


@pytest.fixture
async def desk(database: Database, book: SqlOrders, now: datetime) -> SqlOutboxActs:
    """Two events of an order, of which the first was given up, one of another, and a carrier's step."""
    events = [
        Event("order.confirmed", "o-1", {}), Event("parcel.announced", "o-1", {}),
        Event("refund.due", "o-2", {}), Event("carrier.create", "p-1", {}),
    ]  # fmt: skip
    await database.write(lambda connection: publish(connection, events, now))
    for row in await book.claim_events(now, now + MINUTE, 10):
        await book.park_event(row, f"no {row.event.topic}")
    return SqlOutboxActs(database, {"carrier"})


async def test_what_was_given_up_is_listed_without_what_deliverers_do(desk: SqlOutboxActs) -> None:
    assert [(row.topic, row.key, row.error) for row in await desk.parked()] == [
        ("order.confirmed", "o-1", "no order.confirmed"),
        ("refund.due", "o-2", "no refund.due"),
    ]
    assert [row.key for row in await desk.parked("refund.due")] == ["o-2"]


async def test_it_is_tried_again_at_once_and_its_followers_after_it(
    desk: SqlOutboxActs, book: SqlOrders, now: datetime
) -> None:
    (tried,) = await desk.retry(None, "order.confirmed", "mei", "mended", now)
    (claimed,) = await book.claim_events(now, now + MINUTE, 10)
    assert (claimed.row_id, claimed.event.topic) == (tried.row_id, "order.confirmed")
    await book.finish_event(claimed)
    (next_,) = await book.claim_events(now, now + MINUTE, 10)
    assert next_.event.topic == "parcel.announced"
    (act,) = await desk.acts(10)
    assert (act.row_id, act.actor, act.reason, act.error) == (tried.row_id, "mei", "mended", "no order.confirmed")


async def test_what_is_not_given_up_or_is_a_carriers_is_not_tried(desk: SqlOutboxActs, now: datetime) -> None:
    assert [row.key for row in await desk.retry({2, 3, 4}, "", "mei", "mended", now)] == ["o-2"]
    assert await desk.retry(None, "carrier.create", "mei", "mended", now) == []
    assert [row.key for row in await desk.retry(None, "", "mei", "mended", now)] == ["o-1"]


def run(url: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["outbox", *words, "--database", url])


@pytest.mark.usefixtures("desk")
def test_the_commands(url: str) -> None:
    assert "no refund.due" in run(url, "list").output
    assert run(url, "retry", "--topic", "refund.due", *WHY).output == "1 event is tried again\n"
    assert run(url, "retry", "--all", *WHY).output == "1 event is tried again\n"
    told = run(url, "list").output
    assert "nothing was given up" in told
    assert told.count("retry by mei: the sink is mended") == 2


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("retry", "--all", "--reason", " "), "--reason is blank"),
        (("retry", *WHY), "name the events, either as --row N, by --topic, or --all"),
        (("retry", "--row", "1", "--all", *WHY), "name the events"),
        (("retry", "--row", "4", *WHY), "given up is no event of row 4; 'orderpage outbox list' shows those that are"),
    ],
)
def test_what_cannot_be_done_is_said(url: str, words: tuple[str, ...], said: str) -> None:
    refused = run(url, *words).exception
    assert isinstance(refused, UserMistake)
    assert str(refused).startswith(said)
