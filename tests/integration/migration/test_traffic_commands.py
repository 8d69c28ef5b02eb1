"""``orderpage traffic readiness``, ``trips``, ``clear`` and ``gate`` on a real database."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import typer
from typer.testing import CliRunner

from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.cli.failures import UserMistake
from orderpage.cli.traffic.app import app as traffic
from orderpage.cli.traffic.gate import register
from orderpage.migration.flags.rules import Route
from orderpage.migration.gate.counts import SLOT, Counted, slot_of
from orderpage.migration.gate.flagged import flagged
from orderpage.migration.gate.gate import Gate
from orderpage.migration.gate.ramp import read_ramps
from orderpage.migration.gate.store import Reason, Trip
from orderpage.migration.scope import Scope, TrafficCell

CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
RAMPS = "ramps: [{name: sg, when: {site: SG}, minimum: 100}]"
T = TypeVar("T")


class Command:
    """The commands, on a database of their own."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._app = typer.Typer()
        register(self._app)
        self.ramps = folder / "ramps.yaml"
        self.ramps.write_text(RAMPS, encoding="utf-8")

    def __call__(self, *arguments: str) -> str:
        result = CliRunner().invoke(self._app, [*arguments, "--database", self._url])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self(*arguments, "--json"))
        return found

    def store(self, work: Callable[[SqlTraffic], Awaitable[T]]) -> T:
        async def run() -> T:
            database = await open_database(self._url)
            try:
                return await work(SqlTraffic(database))
            finally:
                await database.close()

        return asyncio.run(run())

    def trip(self, scope: Scope, reason: Reason = Reason.ERRORS) -> Trip:
        return self.store(lambda store: store.trip(scope, reason, "12 of 600 calls failed", datetime.now(UTC)))[0]


@pytest.fixture
def command(url: str, tmp_path: Path) -> Command:
    return Command(url, tmp_path)


def test_without_trips_it_says_so(command: Command) -> None:
    assert command("trips") == "no trip\n"
    assert command.json("trips") == []


def test_trips_are_listed_with_why_until_they_are_cleared(command: Command) -> None:
    trip = command.trip(Scope("SG", client="h5"))
    for word in ("site=SG client=h5", "ERRORS", "12 of 600 calls failed", "open"):
        assert word in command("trips")
    said = command("clear", "--trip", str(trip.trip_id), "--reason", "fixed in 1.2", "--actor", "mei")
    assert said == "trip 1 (ERRORS) of site=SG client=h5 is cleared: fixed in 1.2\n"
    assert command("trips") == "no trip\n"
    (past,) = command.json("trips", "--all")
    assert past["scope"] == {"site": "SG", "business": "*", "client": "h5", "crowd": "*"}
    assert (past["cleared_by"], past["clear_reason"]) == ("mei", "fixed in 1.2")
    assert "by mei: fixed in 1.2" in command("trips", "--all")


def test_a_site_clears_the_trips_within_it_and_no_wider_one(command: Command) -> None:
    for scope in (Scope("SG"), Scope("SG", client="h5"), Scope(), Scope("HK")):
        command.trip(scope)
    command("clear", "--site", "SG", "--reason", "fixed")
    assert [trip["scope"]["site"] for trip in command.json("trips")] == ["HK", "*"]


def test_who_clears_is_the_user_unless_somebody_else_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "li")
    command.trip(Scope("SG"))
    command("clear", "--trip", "1", "--reason", "fixed")
    assert command.json("trips", "--all")[0]["cleared_by"] == "li"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trip", "1", "--reason", "  "], "--reason is blank"),
        (["--reason", "fixed"], "name the trips, either as --trip ID or by where they are"),
        (["--trip", "1", "--site", "SG", "--reason", "fixed"], "either as --trip ID or"),
        (["--trip", "9", "--reason", "fixed"], "there is no open trip 9; open are 1: site=SG"),
        (["--site", "HK", "--reason", "fixed"], "there is no open trip within site=HK; open are 1: site=SG"),
    ],
)
def test_what_cannot_be_cleared_is_said(command: Command, arguments: list[str], said: str) -> None:
    command.trip(Scope("SG"))
    with pytest.raises(UserMistake, match=said):
        command("clear", *arguments)
    assert len(command.json("trips")) == 1


def count(command: Command, ago: timedelta, **names: int) -> None:
    slot = slot_of(datetime.now(UTC) - ago)
    rows = sorted(Counted(slot, CELL, name.replace("__", "."), number) for name, number in names.items())
    command.store(lambda store: store.add_counts(rows))


def begin(command: Command, ago: timedelta) -> None:
    """Let the gate begin the ramp as it would have so long ago."""
    ramps = read_ramps("ramps.yaml", RAMPS)
    command.store(lambda store: Gate(store, ramps, lambda: datetime.now(UTC) - ago, "test").tick())


def test_gate_shows_the_step_the_evidence_and_what_it_waits_for(command: Command) -> None:
    begin(command, timedelta(minutes=5))
    for number in range(2, 5):
        count(command, timedelta(minutes=5) - SLOT * number, new__Render__requests=20, legacy__Render__requests=900)
    (ramp,) = command.json("gate", "--ramps", str(command.ramps))
    assert (ramp["name"], ramp["step"], ramp["steps"], ramp["share"]) == ("sg", 1, 5, 100)
    assert (ramp["new_calls"], ramp["legacy_calls"]) == (60, 2700)
    assert set(ramp["streams"]) == {"ERRORS", "MISMATCHES", "LATENCY"}
    assert ramp["decision"] == "too little data: 60 of 100 calls of the new stack"
    shown = command("gate", "--ramps", str(command.ramps))
    for word in ("1 of 5: 1%", "60 / 2700", "errors e 1 of 333", "60 of 100"):
        assert word in shown


def test_gate_moves_nothing(command: Command) -> None:
    assert command.json("gate", "--ramps", str(command.ramps))[0]["decision"] == "goes on to 1%"
    assert command.store(lambda store: store.standing()).ramps == ()


def test_gate_shows_what_the_flag_says_and_what_an_e_value_is(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERPAGE_FLAGS", str(tmp_path / "flags.json"))
    ramps = ("--ramps", str(command.ramps))
    assert command.json("gate", *ramps)[0]["flag"] == "", "there is no file"
    why = ("--reason", "a test", "--yes")
    CliRunner().invoke(traffic, ["set", "shadow", "--everything", *why])
    (ramp,) = command.json("gate", *ramps)
    assert (ramp["flag"], ramp["share"], ramp["decision"]) == ("shadow", 0, "begins when its flag says ramp")
    CliRunner().invoke(traffic, ["ramp", "--site", "SG", "--client", "h5", *why])
    (ramp,) = command.json("gate", *ramps)
    assert (set(ramp["flag"].split(" | ")), ramp["decision"]) == ({"shadow", "ramp"}, "goes on to 1%")
    assert "trips where it reaches the number after 'of'" in " ".join(command("gate", *ramps).split())


def test_a_ramp_begins_when_the_flag_says_so() -> None:
    ramps, dimensions = read_ramps("ramps.yaml", RAMPS), {name: (value,) for name, value in CELL._asdict().items()}
    (ramp,) = ramps
    says = {CELL: Route.SHADOW}
    flags = SimpleNamespace(route=lambda cell, version, bucket: says[cell])
    assert not flagged(ramp, ramps, flags, dimensions)
    says[CELL] = Route.RAMP
    assert flagged(ramp, ramps, flags, dimensions)


def test_gate_needs_to_know_the_ramps(command: Command, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="ORDERPAGE_RAMPS"):
        command("gate")
    (tmp_path / "none.yaml").write_text("ramps: []", encoding="utf-8")
    assert command("gate", "--ramps", str(tmp_path / "none.yaml")) == "the ramp file names no ramp\n"


def test_readiness_before_any_traffic(command: Command) -> None:
    assert "no traffic" in command("readiness")
    assert command.json("readiness") == []


def test_readiness_says_what_is_in_the_way(command: Command, tmp_path: Path) -> None:
    begin(command, timedelta(days=8))
    count(command, timedelta(days=9), legacy__Render__requests=900, compared=100)
    count(command, timedelta(minutes=2), legacy__Render__requests=90, new__Render__requests=10)
    command.trip(Scope("SG"))
    document = tmp_path / "differences.md"
    arguments = ("readiness", "--days", "30", "--ramps", str(command.ramps), "--markdown", str(document))
    (cell,) = command.json(*arguments)
    assert cell["cell"] == CELL._asdict()
    assert cell["hour"] == {"calls": 100, "new": 0.1, "shadow": 0.0, "legacy": 0.9}
    assert cell["lately"]["calls"] == 1000
    assert (cell["removable"], cell["open_trips"]) == (False, [1])
    assert cell["blocks"][0] == "ramp sg is at 0%"
    assert "no: ramp sg is at 0%" in command(*arguments)
    assert "# How the new order page differs from the old one" in document.read_text(encoding="utf-8")


def test_a_document_that_cannot_be_written_is_said(command: Command, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="cannot be written"):
        command("readiness", "--markdown", str(tmp_path / "no" / "such" / "folder.md"))
