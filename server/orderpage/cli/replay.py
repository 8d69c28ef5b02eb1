"""``orderpage replay``: what recorded pages would become by other packages."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def replay(
    packages: Annotated[
        list[Path],
        typer.Option(
            "--packages",
            "-p",
            help="A package folder to try. It takes the place of ORDERPAGE_PACKAGES: name every folder that is to "
            "serve then, also those that serve now (repeat the flag).",
            exists=True,
            file_okay=False,
        ),
    ],
    site: Annotated[str, typer.Option(help="Only pages of this site.")] = "*",
    limit: Annotated[int, typer.Option(help="At most so many recordings, the latest.", min=1)] = 1000,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    database: Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")] = None,
) -> None:
    """Replay recorded pages by the packages that serve now and by others, and print what would change.

    Both sides stand on the installed packages; only the operator's folders differ. Nothing is asked of the outside:
    each page is made of the facts it was made of when it was recorded.
    """
    import msgspec

    from orderpage.api.to_proto import fill_page
    from orderpage.cli.diff.store import ask
    from orderpage.cli.diff.view import show_effect
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.differences import Filter
    from orderpage.migration.recording.trying import effect_of
    from orderpage.migration.scope import Scope
    from orderpage.packages import Packages
    from orderpage.settings import read_settings

    now = Packages(read_settings(os.environ).folders).plans.current
    then = Packages(packages).plans.current
    recordings = ask(database, lambda store: store.recordings(Filter(scope=Scope(site=site)), limit))
    if not recordings:
        where = f" of {site}" if site != "*" else ""
        raise UserMistake(f"no page{where} is recorded yet; pages are recorded where traffic is shadowed")
    effect = effect_of(recordings, now, then, fill_page)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(effect)).decode())
    else:
        from rich.console import Console

        show_effect(Console(width=None if sys.stdout.isatty() else 200), effect)
