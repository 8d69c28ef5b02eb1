"""``orderpage shipment``: what is asked wrongly is said, and what carriers say commands no terminal."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orderpage.adapters.sql.migrate import migrate
from orderpage.cli.commands import app
from orderpage.cli.failures import UserMistake

WHY = ("--reason", "a test", "--actor", "mei")


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    migrate(url)
    return url


@pytest.fixture
def run(url: str) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(app, ("shipment", *words, "--database", url))


def refused(result: Result) -> str:
    assert isinstance(result.exception, UserMistake), result.output
    return str(result.exception)


def insert(url: str, status: str, order: str = "o-1", carrier: str = "SWIFT", state: str = "CREATED") -> None:
    """A parcel of an order that is not looked at here."""
    now = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1_000_000)
    row = (order, "p-1", carrier, "EXPRESS", state, "{}", now, now, "", "", "", status, False)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(f"INSERT INTO shipments VALUES ({', '.join('?' * len(row))})", row)


def test_nothing_booked_yet_is_said(run: Callable[..., Result]) -> None:
    assert run("list").output == "no parcel was given to a carrier's system yet\n"


def test_what_a_carrier_says_is_shown_and_commands_no_terminal(run: Callable[..., Result], url: str) -> None:
    insert(url, "in [red]the[/red] \x1b[2Jdepot")
    shown = run("list", "--state", "created").output
    assert "in [red]the[/red]" in shown
    assert "\x1b" not in shown
    assert "SWIFT EXPRESS" in shown
    assert "2026-11-23 00:00Z" in shown


def test_an_unknown_state_names_those_that_are_known(run: Callable[..., Result]) -> None:
    assert refused(run("list", "--state", "LOST")).startswith("there is no state 'LOST'; there are REQUESTED, CREATED")


def park(url: str, order: str) -> None:
    """Its booking was given up."""
    row = (
        "carrier.create",
        f"{order}:p-1",
        f'{{"order_id": "{order}", "parcel_id": "p-1"}}',
        "PARKED",
        12,
        0,
        "no answer",
    )
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        names = "topic, key, payload, state, attempts, due_at, error"
        connection.execute(f"INSERT INTO outbox ({names}) VALUES ({', '.join('?' * len(row))})", row)


@pytest.fixture
def outage(url: str) -> str:
    """Three parcels that were given up, two of them of one carrier, and one that was not."""
    for order, carrier, state in (
        ("o-1", "SWIFT", "REQUESTED"), ("o-2", "SWIFT", "FAILED"), ("o-3", "SLOW", "FAILED"),
        ("o-4", "SWIFT", "REQUESTED"),
    ):  # fmt: skip
        insert(url, "", order, carrier, state)
        if order != "o-4":
            park(url, order)
    return url


@pytest.mark.parametrize(
    ("which", "orders"),
    [
        (("--carrier", "SWIFT"), {"o-1", "o-2"}),
        (("--state", "failed"), {"o-2", "o-3"}),
        (("--carrier", "SWIFT", "--state", "FAILED"), {"o-2"}),
        (("--all",), {"o-1", "o-2", "o-3"}),
        (("--carrier", "NOBODY"), set()),
    ],
)
def test_after_an_outage_many_are_tried_again_and_it_is_said_how_many(
    run: Callable[..., Result], outage: str, which: tuple[str, ...], orders: set[str]
) -> None:
    said = run("retry", *which, *WHY)
    assert said.output == f"{len(orders)} {'parcel is' if len(orders) == 1 else 'parcels are'} tried again\n"
    with closing(sqlite3.connect(outage.removeprefix("sqlite:///"))) as connection:
        tried = {row[0] for row in connection.execute("SELECT key FROM outbox WHERE state = 'PENDING'")}
        acts = connection.execute("SELECT order_id, reason FROM shipment_acts").fetchall()
    assert tried == {f"{order}:p-1" for order in orders}
    assert set(acts) == {(order, "a test") for order in orders}
    assert run("retry", *which, *WHY).output == "0 parcels are tried again\n"


@pytest.mark.parametrize("words", [(), ("o-1",), ("o-1", "p-1", "--all"), ("o-1", "p-1", "--carrier", "SWIFT")])
def test_either_one_parcel_is_tried_again_or_many(run: Callable[..., Result], words: tuple[str, ...]) -> None:
    assert refused(run("retry", *words, *WHY)).startswith("name one parcel, as ORDER PARCEL, or many of them")


@pytest.mark.usefixtures("outage")
def test_what_was_given_up_is_listed_whatever_its_state(run: Callable[..., Result]) -> None:
    shown = run("list", "--parked").output
    assert [order for order in ("o-1", "o-2", "o-3", "o-4") if order in shown] == ["o-1", "o-2", "o-3"]
    assert "given up: no answer" in shown
    assert run("list", "--parked", "--state", "DELIVERED").output == "nothing was given up\n"


@pytest.mark.usefixtures("outage")
def test_what_is_not_clear_is_given_up_on_the_carriers_word_only(run: Callable[..., Result]) -> None:
    assert "is given up" in run("cancel", "o-1", "p-1", "--settled", *WHY).output
    assert "is still being asked" in refused(run("cancel", "o-4", "p-1", "--settled", *WHY))
    assert "will be cancelled at its carrier" in run("cancel", "o-4", "p-1", *WHY).output


@pytest.mark.parametrize("act", ["cancel", "retry"])
def test_an_act_needs_a_reason_and_a_parcel_that_is_known(run: Callable[..., Result], act: str) -> None:
    assert refused(run(act, "o-1", "p-1", "--reason", " ")) == "--reason is blank; say why"
    said = refused(run(act, "o-1", "p-1", *WHY))
    assert said.startswith("no carrier was asked to take parcel p-1 of order o-1 yet")
