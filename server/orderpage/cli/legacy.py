"""``orderpage legacy``: the old order page as a server, to migrate traffic from."""

import asyncio
import os
import signal
from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orderpage.settings import ServerSettings
    from orderpage.stand_in import MakeOldPage

GROUP = "orderpage.stand_ins"
_DEFAULTS = {
    "ORDERPAGE_LISTEN": "127.0.0.1:50061",
    "ORDERPAGE_DATABASE": "sqlite+pysqlite:///legacy.sqlite3",
}
"""Beside those of ``serve``, so that both can run from one folder."""


def legacy(
    listen: Annotated[str | None, typer.Option(help="Host and port. Else ORDERPAGE_LISTEN, 127.0.0.1:50061.")] = None,
    database: Annotated[
        str | None,
        typer.Option(help="SQLAlchemy URL of its OWN database. Else ORDERPAGE_DATABASE, the file legacy.sqlite3."),
    ] = None,
    bug: Annotated[list[str] | None, typer.Option(help="Have this fault; may be given again.")] = None,
    list_bugs: Annotated[bool, typer.Option("--list-bugs", help="Say which faults there are, and end.")] = False,
) -> None:
    """Serve the old order page, hand-written for the shipped sites: what traffic is migrated from.

    It takes the ORDERPAGE_… settings of `serve`, but has no packages, workers, metrics or traces.
    """
    import uvloop

    from orderpage.logging import configure_logging
    from orderpage.settings import read_settings

    make = _old_page()
    if list_bugs:
        for name, sentence in make.BUGS.items():
            typer.echo(f"{name:20} {sentence}")
        return
    bugs = bug or ()
    _check(bugs, make.BUGS)
    settings = read_settings({**_DEFAULTS, **os.environ}, {"listen": listen, "database": database})
    configure_logging(settings.log_level)
    uvloop.run(_serve(make, settings, bugs))


def _old_page() -> "MakeOldPage":
    from orderpage.cli.failures import UserMistake

    for entry in entry_points(group=GROUP):
        make: MakeOldPage = entry.load()
        return make
    raise UserMistake(f"no distribution brings an old order page (entry point group {GROUP}); reinstall orderpage")


def _check(bugs: Collection[str], known: Mapping[str, str]) -> None:
    from orderpage.cli.failures import UserMistake

    for name in bugs:
        if name not in known:
            raise UserMistake(
                f"--bug: there is no bug {name!r}; choose from {', '.join(known)} (--list-bugs says more)"
            )


async def _serve(make: "MakeOldPage", settings: "ServerSettings", bugs: Collection[str]) -> None:
    import structlog

    from orderpage.api.server import ServerOptions
    from orderpage.stand_in import open_stand_in

    log = structlog.get_logger("orderpage")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_stand_in(make, settings, bugs) as service:
        server = service.server(ServerOptions(address=settings.listen, max_in_flight=settings.max_in_flight))
        log.info("serving", port=server.port, stack="legacy", bugs=list(bugs))
        await server.serve_until(stop, settings.grace_s)
        log.info("draining")
    log.info("stopped")
