"""``orderpage bench``: what the service costs, measured against what it could cost at best."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orderpage.bench.scale import ScaleFigures
    from orderpage.bench.serve import ServeFigures

app = typer.Typer(name="bench", help="Measure the service on pinned data. Only ratios compare between machines.")

Json = Annotated[bool, typer.Option("--json", help="End with one line of JSON.")]


@app.callback()
def bench() -> None:
    """Measure the service on pinned data. Only ratios compare between machines."""


@app.command()
def render(
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds over the four variants.")] = 21,
    calls: Annotated[int, typer.Option(min=1, help="Calls a variant in each round.")] = 300,
    profile: Annotated[bool, typer.Option(help="Say where Render's microseconds go, by stage and extension.")] = False,
) -> None:
    """CPU per Render: a prebuilt answer, building it in place, ours, and a hand-written page that gives the same."""
    import msgspec

    from orderpage.bench.profile import run_profile, show
    from orderpage.bench.render import measure_render

    if profile:
        show(run_profile(calls), typer.echo)
    figures = asyncio.run(measure_render(rounds, calls, lambda text: typer.echo(text, err=True)))
    if json:
        typer.echo(msgspec.json.encode(figures).decode())
        return
    for name, value in msgspec.structs.asdict(figures).items():
        typer.echo(f"{name:24} {value:,}")


@app.command()
def serve(
    json: Json = False,
    starts: Annotated[int, typer.Option(min=1, help="Servers started, without telemetry and with it.")] = 7,
    renders: Annotated[int, typer.Option(min=1, help="Pages asked of each, before its memory is read again.")] = 300,
    workers_scale: Annotated[bool, typer.Option(help="Also two workers against one. Needs PostgreSQL.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds of one worker and two.")] = 7,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each round, for each.")] = 3.0,
    load_processes: Annotated[int, typer.Option(min=1, help="Processes that ask.")] = 2,
) -> None:
    """The real `orderpage serve`: until it is ready, memory, and with --workers-scale pages by two workers.

    On a SQLite file of its own, or on the PostgreSQL database that ORDERPAGE_DATABASE names, which must be empty.
    """
    import msgspec

    with _demo_database(needs_postgresql=workers_scale) as url:
        measured = asyncio.run(_measure_serve(url, starts, renders, workers_scale, rounds, seconds, load_processes))
    figures = {name: value for each in measured for name, value in msgspec.structs.asdict(each).items()}
    if json:
        typer.echo(msgspec.json.encode(figures).decode())
        return
    for name, value in figures.items():
        typer.echo(f"{name:24} {value}")


async def _measure_serve(
    url: str, starts: int, renders: int, scale: bool, rounds: int, seconds: float, load_processes: int
) -> "list[ServeFigures | ScaleFigures]":
    from orderpage.bench.scale import measure_scale
    from orderpage.bench.serve import measure_serve
    from orderpage.cli.demo import cart_request, sorted_carts

    def say(text: str) -> None:
        typer.echo(text, err=True)

    request = cart_request(sorted_carts()[-1]).SerializeToString()
    measured: list[ServeFigures | ScaleFigures] = [await measure_serve(url, request, starts, renders, say)]
    if scale:
        measured.append(await measure_scale(url, request, rounds, seconds, load_processes, say))
    return measured


@contextmanager
def _demo_database(*, needs_postgresql: bool) -> Iterator[str]:
    """The URL of a database with the demo data."""
    from orderpage.adapters.sql.urls import is_postgresql
    from orderpage.bench.stocked import stocked
    from orderpage.cli.demo import demo_files, make_demo_database
    from orderpage.cli.failures import UserMistake
    from orderpage.settings import read_settings

    url = read_settings(os.environ).database
    if is_postgresql(url):
        with stocked(url, demo_files()):
            yield url
        return
    if needs_postgresql:
        raise UserMistake(
            "workers share PostgreSQL only: name an empty database, "
            "ORDERPAGE_DATABASE=postgresql+asyncpg://user:password@host/bench"
        )
    with TemporaryDirectory(prefix="orderpage-bench-") as folder:
        yield make_demo_database(Path(folder))
