"""``orderpage migrate``, ``load`` and ``render``: the database, what is in it, and a page from it."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import TaskID

_SECONDS = 30.0
Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]


def migrate(database: Database = None) -> None:
    """Make the SQLite file, or bring a database to the newest schema."""
    from orderpage.adapters.sql.migrate import migrate as bring_up
    from orderpage.adapters.sql.urls import shown
    from orderpage.settings import read_settings

    url = read_settings(os.environ, {"database": database}).database
    before, after = bring_up(url)
    typer.echo(f"{shown(url)}: schema {after}" + (" (as it was)" if before == after else f" (was {before or 'empty'})"))


def load(
    files: Annotated[
        list[Path], typer.Argument(help="YAML or JSON: shops, skus, buyers, rates.", exists=True, dir_okay=False)
    ],
    database: Database = None,
    restock: Annotated[bool, typer.Option(help="Also set the stock of SKUs that are there already.")] = False,
    any_rate: Annotated[bool, typer.Option(help="Take rates that jump to over double or under half.")] = False,
) -> None:
    """Load catalogue, buyers, rates of exchange, and the stock of new SKUs. Loading a file again changes nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from orderpage.adapters.sql.load import load as load_files
    from orderpage.settings import read_settings

    url = read_settings(os.environ, {"database": database}).database
    columns = (TextColumn("{task.description:15}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar_of: dict[str, TaskID] = {}

        def show(table: str, done: int, total: int) -> None:
            if table not in bar_of:
                bar_of[table] = bars.add_task(table, total=total)
            bars.update(bar_of[table], completed=done)

        counts = load_files(url, [(str(file), _text(file)) for file in files], show, restock=restock, any_rate=any_rate)
    for table, count in counts.items():
        typer.echo(f"{table:15} {count.added} added, {count.changed} changed, {count.unchanged} as they were")


def render(
    file: Annotated[Path, typer.Argument(help="A RenderRequest as protobuf JSON.", exists=True, dir_okay=False)],
    buyer: Annotated[str, typer.Option(help="Who looks at the page.")] = "b-demo",
    database: Database = None,
    demo: Annotated[bool, typer.Option(help="Use the demo data in place of a database.")] = False,
    why: Annotated[str, typer.Option(metavar="PATH", help="Say why that amount is what it is: totals.payable.")] = "",
) -> None:
    """Render a page in this process and print it as JSON, or why an amount of it is what it is."""
    text = _text(file)
    if not demo:
        return asyncio.run(_render(str(file), text, buyer, database, why))
    from orderpage.cli.demo import make_demo_database

    with TemporaryDirectory(prefix="orderpage-render-") as folder:
        return asyncio.run(_render(str(file), text, buyer, make_demo_database(Path(folder)), why))


def _text(file: Path) -> str:
    from orderpage.cli.failures import UserMistake

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserMistake(f"{file} cannot be read: {error}") from None


async def _render(name: str, text: str, buyer: str, database: str | None, why: str) -> None:
    import time

    from google.protobuf.json_format import MessageToJson, Parse, ParseError

    from crossborder.checkout.v1.order_page_pb2 import RenderRequest
    from orderpage.api.from_proto import render_request
    from orderpage.api.to_proto import render_response
    from orderpage.bootstrap import open_renderer
    from orderpage.cli.failures import UserMistake
    from orderpage.cli.why_view import show_why
    from orderpage.engine.faults import Fault
    from orderpage.logging import configure_logging
    from orderpage.settings import read_settings

    configure_logging("error")
    try:
        message = Parse(text, RenderRequest())
    except ParseError as error:
        raise UserMistake(f"{name} is no RenderRequest: {error}") from None
    message.explain_amounts = message.explain_amounts or bool(why)
    request = render_request(message)
    async with open_renderer(read_settings(os.environ, {"database": database})) as renderer:
        try:
            rendered = await renderer.render(request, buyer, time.monotonic() + _SECONDS)
        except Fault as fault:
            raise UserMistake(f"{fault.code}: {fault}") from None
    response = render_response(rendered, trace_id="", explain=request.explain)
    if why:
        show_why(response, why)
    else:
        typer.echo(MessageToJson(response, preserving_proto_field_name=True, ensure_ascii=False))
