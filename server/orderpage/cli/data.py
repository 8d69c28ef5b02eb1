"""``orderpage migrate``, ``orderpage load`` and ``orderpage render``: the database, what is in it, and a page from it."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]


def migrate(database: Database = None) -> None:
    """Make the database, or bring it to the newest schema."""
    from orderpage.adapters.sql.migrate import migrate as bring_up
    from orderpage.settings import read_settings

    url = read_settings(os.environ, {"database": database}).database
    before, after = bring_up(url)
    typer.echo(f"{url}: schema {after}" + (" (as it was)" if before == after else f" (was {before or 'empty'})"))


def load(
    files: Annotated[list[Path], typer.Argument(help="YAML or JSON: shops, skus, buyers, rates.", exists=True)],
    database: Database = None,
) -> None:
    """Load catalogue, stock, buyers and rates of exchange. Loading the same file again changes nothing."""
    from orderpage.settings import read_settings

    url = read_settings(os.environ, {"database": database}).database
    load_files(url, [(str(file), file.read_text(encoding="utf-8")) for file in files], progress=True)


def render(
    file: Annotated[Path, typer.Argument(help="A RenderRequest as protobuf JSON.", exists=True)],
    buyer: Annotated[str, typer.Option(help="Who looks at the page.")] = "b-demo",
    database: Database = None,
    demo: Annotated[bool, typer.Option(help="Use the demo data in place of a database.")] = False,
) -> None:
    """Render a page in this process and print it as JSON."""
    if not demo:
        return asyncio.run(_render(file, buyer, database))
    from orderpage.cli.demo import make_demo_database

    with TemporaryDirectory(prefix="orderpage-render-") as folder:
        return asyncio.run(_render(file, buyer, make_demo_database(Path(folder))))
