"""``orderpage shadow``: the process that compares, started by ``serve``.

Tasks come on standard input, results go out on standard output, and it ends with its input.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from orderpage.settings import ServerSettings


def shadow() -> int:
    """Work until the input ends; the exit status. Raises what ``failures.server_mistakes`` lists."""
    import uvloop

    from orderpage.logging import configure_logging
    from orderpage.settings import read_settings

    os.nice(10)  # while it starts: with no share at all, a busy machine would never let it begin
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that anybody prints may come between the frames
    settings = read_settings(os.environ)
    configure_logging(settings.log_level)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to us too; the server decides when we end
    uvloop.run(_work(settings, results))
    return 0


async def _work(settings: "ServerSettings", results: BinaryIO) -> None:
    import asyncio

    from orderpage.bootstrap import open_renderer, utc_now
    from orderpage.cli.serve import reload
    from orderpage.migrating import open_shadow_job
    from orderpage.shadow.worker import work

    async with open_renderer(settings) as renderer, open_shadow_job(settings, renderer, utc_now) as job:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload, renderer.plans)
        _stand_back()
        await work(job, results)


def _stand_back() -> None:
    """Run only when nobody else wants to: comparing must never slow an answer."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        os.nice(9)
