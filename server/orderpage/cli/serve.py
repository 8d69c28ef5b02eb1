"""``orderpage serve``: the server, until SIGTERM or SIGINT. SIGHUP reloads the packages.

What it imports every worker holds in memory, so neither Typer nor Rich is among it: its few flags are read by argparse.
"""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderpage.bootstrap import Service
    from orderpage.engine.plan import PlanSource
    from orderpage.settings import ServerSettings

_FLAGS = ("listen", "database", "packages", "payments_journal", "workers", "log_level")
"""The settings that are flags too."""


def serve(arguments: Sequence[str]) -> int:
    """Serve until told to stop; the exit status. Raises what ``failures.server_mistakes`` lists."""
    from orderpage.logging import configure_logging
    from orderpage.settings import read_settings

    flags = vars(_parser().parse_args(arguments))
    worker = flags.pop("worker")
    settings = read_settings(os.environ, flags)
    configure_logging(settings.log_level)
    if settings.workers > 1:
        from orderpage.cli.workers import run_workers

        return run_workers(settings, settings.workers)
    import uvloop

    gc.disable()  # what a start makes is there to stay: looking for garbage in it takes a tenth of the start
    uvloop.run(_serve(settings, worker))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="orderpage serve",
        description="Serve Render, Submit, PayStage and GetOrder. Settings are variables ORDERPAGE_… too; flags win.",
        allow_abbrev=False,
    )
    for name in _FLAGS:
        parser.add_argument(f"--{name.replace('_', '-')}", help=f"Left out: from ORDERPAGE_{name.upper()}.")
    # Share the port; stop when standard input ends.
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser


async def _serve(settings: "ServerSettings", worker: bool) -> None:
    import asyncio

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
        gc.freeze()  # nor is it ever walked again, while what requests leave behind is
        gc.enable()
        log.info("serving", port=server.port, plans=len(plans.plans), version=plans.version)
        await server.serve_until(stop, settings.grace_s)
        log.info("draining", orders_under_way=service.submitter.under_way)
    log.info("stopped")


def _reload(service: "Service") -> None:
    from orderpage.bootstrap import utc_now
    from orderpage.named_secrets import warn_of_missing_secrets

    if not reload(service.packages.plans):
        return
    warn_of_missing_secrets(service.packages.plans.current, service.remote.secret, utc_now())
    if service.migration is not None:
        service.migration.shadow.reload()


def reload(plans: "PlanSource") -> bool:
    """Compile aside; a mistake leaves the plans as they are and says why. Whether there are new ones."""
    import structlog

    from orderpage.engine.problems import PackageErrors

    log = structlog.get_logger("orderpage")
    try:
        compiled = plans.reload()
    except PackageErrors as errors:
        log.error("reload.refused", mistakes=str(errors).splitlines())
        return False
    log.info("reload.done", version=compiled.version)
    return True
