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


def insert(url: str, status: str) -> None:
    """A parcel of an order that is not looked at here."""
    now = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1_000_000)
    row = ("o-1", "p-1", "SWIFT", "EXPRESS", "CREATED", "{}", now, now, "S-1", "", "", status)
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


@pytest.mark.parametrize("act", ["cancel", "retry"])
def test_an_act_needs_a_reason_and_a_parcel_that_is_known(run: Callable[..., Result], act: str) -> None:
    assert refused(run(act, "o-1", "p-1", "--reason", " ")) == "--reason is blank; say why"
    said = refused(run(act, "o-1", "p-1", *WHY))
    assert said.startswith("no carrier was asked to take parcel p-1 of order o-1 yet")
