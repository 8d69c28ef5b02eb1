"""``orderpage bench``: what the service costs, measured against what it could cost at best."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from msgspec import Struct

    from orderpage.bench.carriers.measure import CarrierFigures
    from orderpage.bench.serve.measure import ServeFigures
    from orderpage.bench.serve.scale import ScaleFigures
    from orderpage.bench.traffic.shadowing import ShadowFigures

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
    from orderpage.bench.render.measure import measure_render
    from orderpage.bench.render.profile import run_profile, show

    if profile:
        show(run_profile(calls), typer.echo)
    figures = asyncio.run(measure_render(rounds, calls, lambda text: typer.echo(text, err=True)))
    _print([figures], json)


@app.command()
def submit(
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL of an EMPTY database. Left out: from ORDERPAGE_DATABASE.")
    ] = None,
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds over ceiling and Submit.")] = 21,
    orders: Annotated[int, typer.Option(min=1, help="Orders a variant in each round, at 1 and at 16 in flight.")] = 200,
    profile: Annotated[bool, typer.Option(help="Only say where Submit's microseconds go, by step.")] = False,
) -> None:
    """Orders a second: real Submits, and the same rows written raw with as many durable commits."""
    from orderpage.bench.submit.measure import measure_submit
    from orderpage.bench.submit.profile import profile_submit, show
    from orderpage.cli.failures import UserMistake

    if database is None and "ORDERPAGE_DATABASE" not in os.environ:
        raise UserMistake(
            "this bench fills a database with thousands of orders, so it takes none by default; name an empty one, "
            "such as --database sqlite+pysqlite:///bench.sqlite3"
        )
    if profile and json:
        raise UserMistake("--profile prints a table instead of measuring; leave --json or --profile out")
    if profile:
        return show(profile_submit(database, orders), typer.echo)
    figures = asyncio.run(measure_submit(database, rounds, orders, lambda text: typer.echo(text, err=True)))
    return _print([figures], json)


@app.command()
def telemetry(
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds over four pairs, on two answers.")] = 15,
    calls: Annotated[int, typer.Option(min=1, help="Calls on either side of a pair in each round.")] = 200,
) -> None:
    """CPU per Render with metrics, and with traces of no, each hundredth and every call, over the same without."""
    from orderpage.bench.telemetry.measure import measure_telemetry

    figures = asyncio.run(measure_telemetry(rounds, calls, lambda text: typer.echo(text, err=True)))
    _print([figures], json)


@app.command()
def traffic(
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds over seven pairs, with and without routing.")] = 15,
    calls: Annotated[int, typer.Option(min=1, help="Calls on either side of a pair in each round.")] = 200,
    shadow_rounds: Annotated[int, typer.Option(min=1, help="Rounds of legacy, shadow, and legacy again.")] = 15,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each of the three turns of such a round.")] = 5.0,
    rate: Annotated[float, typer.Option(min=0, help="Calls a second of those turns; 0: a third of what is borne.")] = 0,
) -> None:
    """CPU that routing adds to a Render, and what comparing every page does to the latency of the legacy page.

    The second is of the real `orderpage serve` in front of the real `orderpage legacy`, on SQLite files of their own.
    """
    from orderpage.bench.traffic.routing import measure_routing

    def say(text: str) -> None:
        typer.echo(text, err=True)

    routing = asyncio.run(measure_routing(rounds, calls, say))
    _print([routing, asyncio.run(_measure_shadow(shadow_rounds, seconds, rate, say))], json)


async def _measure_shadow(rounds: int, seconds: float, rate: float, say: "Callable[[str], None]") -> "ShadowFigures":
    from orderpage.bench.traffic.shadowing import measure_shadow
    from orderpage.cli.demo import cart_request, make_demo_database, sorted_carts

    requests = [cart_request(cart) for cart in sorted_carts()]
    with TemporaryDirectory(prefix="orderpage-bench-") as old, TemporaryDirectory(prefix="orderpage-bench-") as new:
        urls = make_demo_database(Path(old)), make_demo_database(Path(new))
        return await measure_shadow(*urls, requests, rounds, seconds, rate, say)


@app.command()
def growth(
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds.")] = 11,
    lines: Annotated[int, typer.Option(min=1, help="Lines that each cart renders in a round.")] = 1000,
) -> None:
    """CPU as things grow: carts, active and unused extensions, scenarios."""
    from orderpage.bench.growth.measure import measure_growth

    _print([measure_growth(rounds, lines, lambda text: typer.echo(text, err=True))], json)


@app.command()
def carriers(
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds over no carrier, a fast one and a slow one.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of load in each turn.")] = 5.0,
    rate: Annotated[float, typer.Option(min=1, help="Pages a second.")] = 30.0,
) -> None:
    """Pages beside a remote carrier: none, one that answers, and one that is slow. None waits past its budget."""
    with _demo_database(needs_postgresql=False) as url:
        measured = asyncio.run(_measure_carriers(url, rounds, seconds, rate))
    _print([measured], json)


async def _measure_carriers(url: str, rounds: int, seconds: float, rate: float) -> "CarrierFigures":
    from orderpage.bench.carriers.measure import measure_carriers
    from orderpage.cli.demo import cart_request, sorted_carts

    request = cart_request(sorted_carts()[-1])
    return await measure_carriers(url, request, rounds, seconds, rate, lambda text: typer.echo(text, err=True))


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
    with _demo_database(needs_postgresql=workers_scale) as url:
        measured = asyncio.run(_measure_serve(url, starts, renders, workers_scale, rounds, seconds, load_processes))
    _print(measured, json)


async def _measure_serve(
    url: str, starts: int, renders: int, scale: bool, rounds: int, seconds: float, load_processes: int
) -> "list[ServeFigures | ScaleFigures]":
    from orderpage.bench.serve.measure import measure_serve
    from orderpage.bench.serve.scale import measure_scale
    from orderpage.cli.demo import cart_request, sorted_carts

    def say(text: str) -> None:
        typer.echo(text, err=True)

    request = cart_request(sorted_carts()[-1]).SerializeToString()
    measured: list[ServeFigures | ScaleFigures] = [await measure_serve(url, request, starts, renders, say)]
    if scale:
        measured.append(await measure_scale(url, request, rounds, seconds, load_processes, say))
    return measured


@app.command()
def settle(
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL of an EMPTY database. Left out: a SQLite file of its own.")
    ] = None,
    json: Json = False,
    orders: Annotated[int, typer.Option(min=10, help="Orders of the day that is settled in one pass.")] = 100_000,
) -> None:
    """Orders settled a second, and the memory that ten times the orders take."""
    from orderpage.bench.settle.measure import measure_settle

    with TemporaryDirectory(prefix="orderpage-bench-") as folder:
        url = database or f"sqlite+pysqlite:///{folder}/settle.sqlite3"
        figures = asyncio.run(measure_settle(url, orders, lambda text: typer.echo(text, err=True)))
    _print([figures], json)


@contextmanager
def _demo_database(*, needs_postgresql: bool) -> Iterator[str]:
    """The URL of a database with the demo data."""
    from orderpage.adapters.sql.urls import is_postgresql
    from orderpage.bench.fresh_database import filled
    from orderpage.cli.demo import demo_files, make_demo_database
    from orderpage.cli.failures import UserMistake
    from orderpage.settings import read_settings

    url = read_settings(os.environ).database
    if is_postgresql(url):
        with filled(url, demo_files()):
            yield url
        return
    if needs_postgresql:
        raise UserMistake(
            "workers share PostgreSQL only: name an empty database, "
            "ORDERPAGE_DATABASE=postgresql+asyncpg://user:password@host/bench"
        )
    with TemporaryDirectory(prefix="orderpage-bench-") as folder:
        yield make_demo_database(Path(folder))


def _print(measured: "Sequence[Struct]", json: bool) -> None:
    import msgspec

    figures = {name: value for each in measured for name, value in msgspec.structs.asdict(each).items()}
    if json:
        typer.echo(msgspec.json.encode(figures).decode())
        return
    for name, value in figures.items():
        typer.echo(f"{name:28} {value:,}" if isinstance(value, int | float) else f"{name:28} {value}")
