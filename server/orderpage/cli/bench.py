"""``orderpage bench``: what the service costs, measured against what it could cost at best."""

import asyncio
from typing import Annotated

import typer

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
def growth(
    json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds.")] = 11,
    lines: Annotated[int, typer.Option(min=1, help="Lines that each cart renders in a round.")] = 1000,
) -> None:
    """CPU as things grow: carts, active and unused extensions, scenarios."""
    import msgspec

    from orderpage.bench.growth import measure_growth

    figures = measure_growth(rounds, lines, lambda text: typer.echo(text, err=True))
    if json:
        typer.echo(msgspec.json.encode(figures).decode())
        return
    for name, value in msgspec.structs.asdict(figures).items():
        typer.echo(f"{name:24} {value}")
