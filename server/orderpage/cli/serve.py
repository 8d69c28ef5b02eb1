"""``orderpage serve``: the server, until SIGTERM or SIGINT. SIGHUP reloads the packages."""

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from orderpage.bootstrap import Service
    from orderpage.settings import ServerSettings

_FROM_VARIABLE = "Left out: from ORDERPAGE_{}."


def serve(
    listen: Annotated[str | None, typer.Option(help=_FROM_VARIABLE.format("LISTEN"))] = None,
    database: Annotated[str | None, typer.Option(help=_FROM_VARIABLE.format("DATABASE"))] = None,
    packages: Annotated[str | None, typer.Option(help=_FROM_VARIABLE.format("PACKAGES"))] = None,
    payments_journal: Annotated[str | None, typer.Option(help=_FROM_VARIABLE.format("PAYMENTS_JOURNAL"))] = None,
    workers: Annotated[int | None, typer.Option(help=_FROM_VARIABLE.format("WORKERS"))] = None,
    log_level: Annotated[str | None, typer.Option(help=_FROM_VARIABLE.format("LOG_LEVEL"))] = None,
    worker: Annotated[bool, typer.Option(hidden=True, help="Share the port; stop when standard input ends.")] = False,
) -> None:
    """Serve Render, Submit and GetOrder. Every setting is also a variable ORDERPAGE_…; flags win."""
    from orderpage.logging import configure_logging
    from orderpage.settings import read_settings

    flags = {
        "listen": listen,
        "database": database,
        "packages": packages,
        "payments_journal": payments_journal,
        "workers": workers,
        "log_level": log_level,
    }
    settings = read_settings(os.environ, flags)
    configure_logging(settings.log_level)
    if settings.workers > 1:
        from orderpage.cli.workers import run_workers

        raise typer.Exit(run_workers(settings, settings.workers))
    import uvloop

    uvloop.run(_serve(settings, worker))


async def _serve(settings: "ServerSettings", worker: bool) -> None:
    import structlog

    from orderpage.api.server import ServerOptions
    from orderpage.bootstrap import open_service, server_of

    log = structlog.get_logger("orderpage")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_service(settings) as service:
        loop.add_signal_handler(signal.SIGHUP, _reload, service)
        if worker:
            loop.add_reader(sys.stdin, stop.set)
        options = ServerOptions(address=settings.listen, max_in_flight=settings.max_in_flight, reuse_port=worker)
        server = server_of(service, options)
        plans = service.packages.plans.current
        log.info("serving", port=server.port, plans=len(plans.plans), version=plans.version)
        await server.serve_until(stop, settings.grace_s)
        log.info("draining", orders_under_way=service.submitter.under_way)
    log.info("stopped")


def _reload(service: "Service") -> None:
    """Compile aside; a mistake leaves the plans as they are and says why."""
    import structlog

    from orderpage.engine.problems import PackageErrors

    log = structlog.get_logger("orderpage")
    try:
        plans = service.packages.plans.reload()
    except PackageErrors as errors:
        log.error("reload.refused", mistakes=str(errors).splitlines())
    else:
        log.info("reload.done", version=plans.version)
