"""``orderpage traffic readiness``, ``trips``, ``clear`` and ``gate``: what was moved, what stopped it, what is left."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from orderpage.cli.traffic.options import RAMPS_VARIABLE, File

if TYPE_CHECKING:
    from orderpage.adapters.sql.traffic import SqlTraffic
    from orderpage.migration.gate.ramp import Ramps
    from orderpage.migration.gate.readiness import Readiness
    from orderpage.migration.gate.store import Trip
    from orderpage.migration.scope import Scope

T = TypeVar("T")

Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
RampFile = Annotated[
    Path | None, typer.Option("--ramps", envvar=RAMPS_VARIABLE, help="The ramp file.", exists=True, dir_okay=False)
]


def readiness(
    days: Annotated[int, typer.Option(min=1, max=90, help="Count the shares over so many days too.")] = 7,
    json: Json = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Also write the document of differences between old and new here.")
    ] = None,
    ramps: RampFile = None,
    database: Database = None,
) -> None:
    """Say per cell whether legacy's code for it may be removed, and what is in the way."""
    from orderpage.cli.traffic.tables import readiness_table, show, to_json
    from orderpage.migration.gate.document import differences_markdown
    from orderpage.migration.gate.readiness import read_facts
    from orderpage.migration.gate.readiness import readiness as readiness_of

    known, now = read_ramp_file(ramps, needed=False), datetime.now(UTC)
    kept = max((ramp.keep for ramp in known), default=timedelta())
    since = now - max(timedelta(days=days), kept + timedelta(hours=2))
    facts = _run(database, lambda store: read_facts(store, now, since))
    cells: list[Readiness] = readiness_of(facts, known)
    if markdown is not None:
        _write(markdown, differences_markdown(cells, facts.differences, now))
    show(to_json(cells) if json else readiness_table(cells))


def trips(
    every: Annotated[bool, typer.Option("--all", help="Also those that were cleared, the latest hundred.")] = False,
    json: Json = False,
    database: Database = None,
) -> None:
    """List what was sent back to legacy, since when and why."""
    from orderpage.cli.traffic.tables import show, to_json, trips_table

    found = _run(database, lambda store: store.trips(100) if every else _open_trips(store))
    show(to_json(found) if json else trips_table(found))


def clear(
    reason: Annotated[str, typer.Option(help="Why it is safe to go on; kept for ever.")],
    trip: Annotated[list[int] | None, typer.Option(help="A trip's number; may be repeated.")] = None,
    site: Annotated[str, typer.Option(help="Every open trip of this site …")] = "",
    business: Annotated[str, typer.Option(help="… and business …")] = "",
    client: Annotated[str, typer.Option(help="… and client …")] = "",
    crowd: Annotated[str, typer.Option(help="… and crowd.")] = "",
    actor: Annotated[str, typer.Option(help="Who says so. Left out: the user who runs this.")] = "",
    database: Database = None,
) -> None:
    """Clear trips, so that their ramps begin again at their first step."""
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.scope import ANY, Scope

    if not reason.strip():
        raise UserMistake("--reason is blank; say why it is safe to go on")
    scope = Scope(site or ANY, business or ANY, client or ANY, crowd or ANY)
    if bool(trip) == (scope != Scope()):
        raise UserMistake("name the trips, either as --trip ID or by where they are (--site SG …)")
    from orderpage.cli.actor import actor_of

    for one in _run(database, lambda store: _clear(store, trip or [], scope, actor_of(actor), reason.strip())):
        typer.echo(f"trip {one.trip_id} ({one.reason}) of {one.scope} is cleared: {one.clear_reason}")


def gate(ramps: RampFile = None, json: Json = False, database: Database = None, file: File = None) -> None:
    """Show where each ramp is, what its flag says, the evidence so far, and what it waits for. Changes nothing."""
    from orderpage.cli.traffic.show import flags_of
    from orderpage.cli.traffic.tables import gate_table, show, to_json
    from orderpage.migration.gate.report import report

    known = read_ramp_file(ramps, needed=True)
    flags = flags_of(file, known)
    found = _run(database, lambda store: report(store, known, datetime.now(UTC), flags))
    show(to_json(found) if json else gate_table(found))


async def _open_trips(store: "SqlTraffic") -> list["Trip"]:
    return list(reversed((await store.standing()).trips))


async def _clear(store: "SqlTraffic", numbers: list[int], scope: "Scope", actor: str, reason: str) -> list["Trip"]:
    from orderpage.cli.failures import UserMistake

    held = {trip.trip_id: trip for trip in await _open_trips(store)}
    wanted = numbers or [number for number, trip in held.items() if scope.holds(trip.scope)]
    if not wanted or (strange := [number for number in wanted if number not in held]):
        what = f"trip {strange[0]}" if wanted else f"trip within {scope}"
        listed = "; ".join(f"{number}: {trip.scope}" for number, trip in sorted(held.items())) or "none"
        raise UserMistake(f"there is no open {what}; open are {listed}")
    return await store.clear(wanted, actor, reason, datetime.now(UTC))


def _run(database: str | None, work: "Callable[[SqlTraffic], Awaitable[T]]") -> T:
    async def run() -> T:
        async with _store(database) as store:
            return await work(store)

    return asyncio.run(run())


@asynccontextmanager
async def _store(database: str | None) -> AsyncIterator["SqlTraffic"]:
    from orderpage.adapters.sql.database import open_database
    from orderpage.adapters.sql.traffic import SqlTraffic
    from orderpage.settings import read_settings

    opened = await open_database(read_settings(os.environ, {"database": database}).database)
    try:
        yield SqlTraffic(opened)
    finally:
        await opened.close()


def read_ramp_file(file: Path | None, *, needed: bool) -> "Ramps":
    """The ramps of a file. Raises ``UserMistake`` where it cannot be read, or is needed and not named."""
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.gate.ramp import Ramps, read_ramps

    if file is None:
        if needed:
            raise UserMistake("which ramps? name their file as --ramps FILE, or in ORDERPAGE_RAMPS")
        return Ramps()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserMistake(f"{file} cannot be read: {error}") from None
    return read_ramps(str(file), text)


def _write(file: Path, text: str) -> None:
    from orderpage.cli.failures import UserMistake

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserMistake(f"{file} cannot be written: {error}") from None


def register(app: typer.Typer) -> None:
    """Put the commands of this module under ``app``."""
    commands: list[Callable[..., Any]] = [readiness, trips, clear, gate]
    for command in commands:
        app.command()(command)
