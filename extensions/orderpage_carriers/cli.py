"""``orderpage carrier``: check a carrier's file before it is used, and see which carriers there are."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from orderpage.tools import Tools

app = typer.Typer(help="Third-party carriers: check a file, list those in use.", no_args_is_help=True)

_WIDE = 500
"""Columns of what is not read in a terminal."""

Folders = Annotated[
    list[Path] | None,
    typer.Option("--packages", "-p", help="A further package folder, after those of ORDERPAGE_PACKAGES.", exists=True),
]


@app.command()
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A layer file with carriers.", exists=True, dir_okay=False)],
    site: Annotated[str, typer.Option(help="In this site. Left out: the first that the file is for.")] = "",
    client: Annotated[str, typer.Option(help="For this client. Left out: the first that the file is for.")] = "",
    weight_g: Annotated[int, typer.Option(min=1, help="Of the sample parcel.")] = 1200,
    sides_cm: Annotated[str, typer.Option(help="Of the sample parcel.")] = "30x20x10",
    goods_class: Annotated[str, typer.Option(help="Of the sample parcel.")] = "GENERAL",
    origin: Annotated[str, typer.Option(help="Where the sample parcel is collected.")] = "CN",
    postcode: Annotated[str, typer.Option(help="Where it goes. Left out: an example of the country.")] = "",
    subdivision: Annotated[str, typer.Option(help="Where it goes.")] = "",
    city: Annotated[str, typer.Option(help="Where it goes.")] = "",
    pickup: Annotated[bool, typer.Option(help="To a pick-up point.")] = False,
    offline: Annotated[bool, typer.Option(help="Only validate the file; ask nobody.")] = False,
    packages: Folders = None,
) -> None:
    """Validate a carrier's file, ask the carrier for the price of a sample parcel, and say what is wrong.

    Nothing is booked: how its parcels would be is shown.
    """
    import asyncio

    from orderpage_carriers.check import Asked, Sample, find_carriers, misfits, try_out
    from orderpage_carriers.shown import show_booking, show_carrier, show_misfits, show_trial

    tools, console = _tools(context), _console()
    plans = _plans(tools, console, packages, file)
    now = datetime.now(UTC)
    found = find_carriers(plans, file, site, client, now)
    if isinstance(found, str):
        _wrong(console, [found])
    quoting, booking = found
    sample = Sample(weight_g, sides_cm, goods_class, origin, Asked(postcode, subdivision, city, pickup))
    try:
        sample.check()
    except ValueError as error:
        _wrong(console, [str(error)])

    async def tried() -> bool:
        fine = True
        async with tools.remote(plans) as remote:
            for carrier in quoting:
                show_carrier(console, carrier)
                wrong = misfits(carrier, now.date())
                show_misfits(console, wrong)
                fine = fine and not wrong
                if not offline:
                    trial = await try_out(carrier, sample, remote)
                    show_trial(console, carrier, trial)
                    fine = fine and not trial.wrong
        return fine

    fine = asyncio.run(tried())
    for each in booking:
        show_booking(console, each)
    if not fine:
        raise typer.Exit(1)
    console.print("[green]nothing is wrong[/]" + (" with the file; nobody was asked" if offline or not quoting else ""))


@app.command(name="list")
def list_(
    context: typer.Context,
    site: Annotated[str, typer.Option(help="Only of this site.")] = "",
    packages: Folders = None,
) -> None:
    """Show the carriers that the packages configure, per site, and how they are steered."""
    from orderpage_carriers.check import listed
    from orderpage_carriers.shown import show_list

    console = _console()
    plans = _plans(_tools(context), console, packages)
    show_list(console, [row for row in listed(plans, datetime.now(UTC)) if site in {"", row.site}])


def _plans(tools: "Tools", console: "Console", packages: list[Path] | None, file: Path | None = None) -> Any:
    """The plans with the file in them: on top, unless one of the folders holds it already."""
    from orderpage.tools import WrongPackages

    folders = (*tools.folders(), *(packages or ()))
    inside = file is None or any(file.resolve().is_relative_to(folder.resolve()) for folder in folders)
    try:
        return tools.plans(folders, {} if inside or file is None else {str(file): file.read_text("utf-8")})
    except (WrongPackages, UnicodeDecodeError) as wrong:
        _wrong(console, str(wrong).splitlines())


def _tools(context: typer.Context) -> "Tools":
    return context.find_root().obj  # type: ignore[no-any-return]


def _console() -> "Console":
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDE
    return Console(highlight=False, soft_wrap=width is not None, width=width)


def _wrong(console: "Console", lines: list[str]) -> NoReturn:
    for line in lines:
        console.print(line, style="red", markup=False)
    raise typer.Exit(1)
