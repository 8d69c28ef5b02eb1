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
    site: Annotated[str, typer.Option(help="The site; mandatory, unless a slot or a trace is explained.")] = "",
    business: Annotated[str, typer.Option(help="Left out: marketplace.")] = "",
    client: Annotated[str, typer.Option(help="Left out: h5.")] = "",
    crowd: Annotated[str, typer.Option(help="Left out: the default crowd.")] = "",
    bucket: Annotated[str, typer.Option(help="Left out: the first bucket.")] = "",
    point: Annotated[str | None, typer.Option(help="Only this point.")] = None,
    slot: Annotated[str, typer.Option(help="Explain this slot instead, in all scenarios.")] = "",
    at: Instant = None,
    packages: Folders = None,
    trace: Annotated[str, typer.Option(help="Explain the calls of this trace id instead, as they ran.")] = "",
    source: Annotated[
        str, typer.Option("--from", help="Of --trace: a file of OTLP/JSON, or a trace store's URL with {id} in it.")
    ] = "",
) -> None:
    """Print, per point, what runs, which file and line put it there, and what it shadowed.

    Or where a slot stands (--slot), whatever the scenario; or what ran in a trace (--trace).
    """
    from orderpage.cli.failures import UserMistake

    if point is not None and point not in _point_names():
        raise UserMistake(f"there is no point {point!r}; the points are {', '.join(_point_names())}")
    scenario = {"site": site, "business": business, "client": client, "crowd": crowd, "bucket": bucket}
    _check_choice(scenario, slot, trace, source)
    instant = at.replace(tzinfo=UTC) if at else None
    if slot:
        typer.echo(_explain_slot(slot, packages, instant, point))
    elif trace:
        typer.echo(_explain_trace(trace, source, packages, instant, point))
    else:
        typer.echo(
            _explain_cell((site, business or "marketplace", client or "h5", crowd, bucket), packages, instant, point)
        )


def _check_choice(scenario: dict[str, str], slot: str, trace: str, source: str) -> None:
    """A scenario, by the flags that were given, or a slot, or a trace is explained. Raises ``UserMistake``."""
    from orderpage.cli.failures import UserMistake

    ask = "name a scenario (--site SG …), a slot (--slot NAME), or a trace and where it is (--trace ID --from FILE)"
    if bool(trace) != bool(source) or not (trace or slot or scenario["site"]):
        raise UserMistake(ask)
    if slot and (flags := ", ".join(f"--{name}" for name, value in {**scenario, "trace": trace}.items() if value)):
        raise UserMistake(f"{ask}; a slot is explained in all scenarios: leave out {flags}")
    if trace and (flags := ", ".join(f"--{name}" for name, value in scenario.items() if value)):
        raise UserMistake(f"{ask}; a trace says its own scenario: leave out {flags}")


def matrix(
    against: Annotated[
        Path | None, typer.Option(help="Show what changes when this package folder is added.", exists=True)
    ] = None,
    at: Instant = None,
    packages: Folders = None,
) -> None:
    """Print the scenarios by plan, what no scenario selects, data that end and secrets that are not set here.

    Or the difference that a package folder would make (--against).
    """
    from orderpage.adapters.remote.services import secret
    from orderpage.engine.discover import offered_extensions
    from orderpage.engine.matrix import difference
    from orderpage.engine.matrix import matrix as matrix_of
    from orderpage.named_secrets import missing_secrets

    plans, instant = _plans(packages), at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    if against is None:
        missing = missing_secrets(plans, secret, instant)
        typer.echo("\n".join(map(str, (matrix_of(plans, instant, offered_extensions()), *missing))))
    else:
        typer.echo(difference(plans, _plans([*(packages or []), against]), instant))


def _explain_cell(
    values: tuple[str, str, str, str, str], packages: list[Path] | None, at: datetime | None, point: str | None
) -> str:
    from orderpage.cli.failures import UserMistake
    from orderpage.engine.explain import explain as explain_cell
    from orderpage.engine.plan import UnknownScenario

    plans = _plans(packages)
    *fixed, crowd, bucket = values
    crowd, bucket = crowd or plans.dimensions["crowd"][0], bucket or plans.dimensions["bucket"][0]
    try:
        return str(explain_cell(plans, (*fixed, crowd, bucket), at or datetime.now(UTC), point))
    except UnknownScenario as unknown:
        raise UserMistake(str(unknown)) from None


def _explain_slot(slot: str, packages: list[Path] | None, at: datetime | None, point: str | None) -> str:
    from orderpage.cli.failures import UserMistake
    from orderpage.engine.explain import UnknownSlot, standings

    try:
        return "\n".join(map(str, standings(_plans(packages), slot, at or datetime.now(UTC), point)))
    except UnknownSlot as unknown:
        raise UserMistake(str(unknown)) from None


def _explain_trace(
    trace_id: str, source: str, packages: list[Path] | None, at: datetime | None, point: str | None
) -> str:
    from orderpage.traced.call import calls_of
    from orderpage.traced.joined import join
    from orderpage.traced.shown import show
    from orderpage.traced.source import read_trace

    calls = calls_of(read_trace(source, trace_id))
    plans = _plans(packages)
    return show(trace_id.lower(), [join(call, plans, at, point) for call in calls])


def _plans(folders: list[Path] | None) -> "PlanSet":
    import os

    from orderpage.packages import Packages
    from orderpage.settings import read_settings

    settings = read_settings(os.environ)
    return Packages((*settings.folders, *(folders or ()))).plans.current


def _point_names() -> list[str]:
    from orderpage import points

    return [point.name for point in points.ALL]
