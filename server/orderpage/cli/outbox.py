"""``orderpage outbox``: events that were given up, for people: look, try again."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from orderpage.adapters.sql.outbox_acts import SqlOutboxActs

T = TypeVar("T")

app = typer.Typer(
    name="outbox",
    help="Events that were given up: which, and try again. What carriers are to do is under 'orderpage shipment'.",
    no_args_is_help=True,
)

Topic = Annotated[str, typer.Option(help="Only those of this topic, such as order.confirmed.")]
Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]


@app.command("list")
def list_(
    topic: Topic = "",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    database: Database = None,
) -> None:
    """List the events that were given up, why, and the last hundred times that somebody had some tried again."""
    import msgspec

    from orderpage.cli.traffic.tables import new_table, plain, show

    parked = _run(database, lambda desk: desk.parked(topic))
    acts = _run(database, lambda desk: desk.acts(100))
    if json:
        show(msgspec.json.encode({"parked": parked, "acts": acts}).decode())
        return
    table = new_table("row", "topic", "key", "attempts", "given up for")
    for row in parked:
        table.add_row(*map(plain, (str(row.row_id), row.topic, row.key, str(row.attempts), row.error)))
    show(table if parked else "nothing was given up")
    for act in acts:
        show(f"{act.at:%Y-%m-%d %H:%M:%S} UTC  row {act.row_id}  {act.act} by {act.actor}: {act.reason}")


@app.command()
def retry(
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
    row: Annotated[list[int] | None, typer.Option(help="A row's number; may be repeated.")] = None,
    topic: Topic = "",
    every: Annotated[bool, typer.Option("--all", help="Every event that was given up.")] = False,
    actor: Annotated[str, typer.Option(help="Who says so. Left out: the user who runs this.")] = "",
    database: Database = None,
) -> None:
    """Have events that were given up tried again at once; those behind them follow by themselves."""
    from datetime import UTC, datetime

    from orderpage.cli.actor import actor_of
    from orderpage.cli.failures import UserMistake

    why, who = reason.strip(), actor_of(actor)
    if not why:
        raise UserMistake("--reason is blank; say why")
    if bool(row) + bool(topic) + every != 1:
        raise UserMistake("name the events, either as --row N, by --topic, or --all")
    tried = _run(database, lambda desk: desk.retry(row, topic, who, why, datetime.now(UTC)))
    if missing := sorted(set(row or ()) - {each.row_id for each in tried}):
        listed = "'orderpage outbox list' shows those that are; parcels' steps are 'orderpage shipment retry'"
        raise UserMistake(f"given up is no event of row {', '.join(map(str, missing))}; {listed}")
    typer.echo(f"{len(tried)} {'event is' if len(tried) == 1 else 'events are'} tried again")


def _run(database: str | None, work: "Callable[[SqlOutboxActs], Awaitable[T]]") -> T:
    async def run() -> T:
        from importlib.metadata import entry_points

        from orderpage.adapters.drivers import DELIVERERS
        from orderpage.adapters.sql.database import open_database
        from orderpage.adapters.sql.outbox_acts import SqlOutboxActs
        from orderpage.settings import read_settings

        deliverers = {entry.name for entry in entry_points(group=DELIVERERS)}
        opened = await open_database(read_settings(os.environ, {"database": database}).database)
        try:
            return await work(SqlOutboxActs(opened, deliverers))
        finally:
            await opened.close()

    return asyncio.run(run())
