"""``orderpage settle``: the statements of a day, or what carriage earned and cost on it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from datetime import date

    from orderpage.adapters.sql.settlement import Settled, SqlSettlement
    from orderpage.cli.settle.export import Row

T = TypeVar("T")

_SECONDS = 600.0
"""What a statement may take: a day of many orders is summed in one."""

Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day, as YYYY-MM-DD: it must be over.")]
Export = Annotated[
    tuple[str, Path] | None,
    typer.Option(metavar="csv|parquet PATH", help="Also write what is shown into a file that is not there yet."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON in place of the table.")]
Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]


def settle(
    date: Day,
    pnl: Annotated[bool, typer.Option("--pnl", help="Show what carriage earned and cost, and settle nothing.")] = False,
    export: Export = None,
    json: Json = False,
    database: Database = None,
) -> None:
    """Settle a day that is over: a statement for each seller, site and currency. Settling it again changes nothing.

    Orders count from when they were confirmed. Days begin in ORDERPAGE_SETTLEMENT_TIMEZONE and are settled in order.
    """
    from orderpage.cli.settle.export import export_to, pnl_sheet, statement_sheet
    from orderpage.cli.settle.tables import changed_table, pnl_table, statement_table
    from orderpage.cli.traffic.tables import show

    day = date.date()
    write = export_to(*export) if export else None
    if pnl:
        methods = _run(database, lambda settlement: settlement.pnl(day))
        sheet = pnl_sheet(day, methods)
        shown = pnl_table(day, methods)
    else:
        settled = _run(database, lambda settlement: settlement.settle(day, _now()))
        sheet = statement_sheet(settled.statements)
        shown = statement_table(day, settled.statements)
    if write:
        write(sheet)
    show(_as_json(sheet.rows) if json else shown)
    if not pnl and settled.changed:
        show(changed_table(settled.changed))
        _tell_changed(day, settled)


def _tell_changed(day: "date", settled: "Settled") -> None:
    many = len(settled.changed)
    typer.echo(
        f"orderpage: {many} of the statements of {day} would come out differently now. What was stored stands, and was "
        "not changed: find who wrote entries into a day that was settled, and post the difference on a day that is not",
        err=True,
    )
    raise typer.Exit(1)


def _run(database: str | None, work: "Callable[[SqlSettlement], Awaitable[T]]") -> T:
    async def run() -> T:
        from orderpage.adapters.sql.database import open_database
        from orderpage.adapters.sql.settlement import SqlSettlement
        from orderpage.settings import read_settings

        settings = read_settings(os.environ, {"database": database})
        opened = await open_database(settings.database, connections=1, seconds=_SECONDS)
        try:
            return await work(SqlSettlement(opened, settings.settlement_zone))
        finally:
            await opened.close()

    return asyncio.run(run())


def _now() -> datetime:
    from datetime import UTC

    return datetime.now(UTC)


def _as_json(rows: "list[Row]") -> str:
    import msgspec

    return msgspec.json.encode(rows).decode()
