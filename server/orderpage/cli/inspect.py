"""``orderpage explain`` and ``orderpage matrix``: why a scenario is what it is, and what the packages cover."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orderpage.engine.plan import PlanSet

Folders = Annotated[
    list[Path] | None,
    typer.Option("--packages", "-p", help="A further package folder, after those of ORDERPAGE_PACKAGES.", exists=True),
]

Instant = Annotated[datetime | None, typer.Option(help="At this instant (UTC); left out, now.")]


def explain(
    site: Annotated[str, typer.Option(help="The site; mandatory.")],
    business: Annotated[str, typer.Option()] = "marketplace",
    client: Annotated[str, typer.Option()] = "h5",
    crowd: Annotated[str, typer.Option(help="Left out: the default crowd.")] = "",
    bucket: Annotated[str, typer.Option(help="Left out: the first bucket.")] = "",
    point: Annotated[str | None, typer.Option(help="Only this point.")] = None,
    at: Instant = None,
    packages: Folders = None,
) -> None:
    """Print, per point, what runs, which file and line put it there, and what it shadowed."""
    from orderpage.cli.failures import UserMistake
    from orderpage.engine.explain import explain as explain_cell
    from orderpage.engine.plan import UnknownScenario

    plans = _plans(packages)
    dimensions = plans.dimensions
    values = (site, business, client, crowd or dimensions["crowd"][0], bucket or dimensions["bucket"][0])
    instant = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    if point is not None and point not in _point_names():
        raise UserMistake(f"there is no point {point!r}; the points are {', '.join(_point_names())}")
    try:
        typer.echo(explain_cell(plans, values, instant, point))
    except UnknownScenario as unknown:
        raise UserMistake(str(unknown)) from None


def matrix(
    against: Annotated[
        Path | None, typer.Option(help="Show what changes when this package folder is added.", exists=True)
    ] = None,
    at: Instant = None,
    packages: Folders = None,
) -> None:
    """Print the scenarios by plan, what no scenario selects, or the difference a package folder would make."""
    from orderpage.engine.discover import offered_extensions
    from orderpage.engine.matrix import difference
    from orderpage.engine.matrix import matrix as matrix_of

    plans, instant = _plans(packages), at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    if against is None:
        typer.echo(matrix_of(plans, instant, offered_extensions()))
    else:
        typer.echo(difference(plans, _plans([*(packages or []), against]), instant))


def _plans(folders: list[Path] | None) -> "PlanSet":
    import os

    from orderpage.packages import Packages
    from orderpage.settings import read_settings

    settings = read_settings(os.environ)
    return Packages((*settings.folders, *(folders or ()))).plans.current


def _point_names() -> list[str]:
    from orderpage import points

    return [point.name for point in points.ALL]
