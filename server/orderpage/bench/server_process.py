"""The measured process: ``python -m orderpage.bench.server_process STAND``. Standard input says which variant to be.

It prints ``{"port": …}`` once it listens. Each line in is a variant's name; the line out is what the process has used
until then: CPU, by the operating system's account, and durable commits; and what answers took since the last line,
where the stand keeps account of that. End of input ends it.
"""

import asyncio
import gc
import resource
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pkgutil import resolve_name

import uvloop

from orderpage.bench.saying import say
from orderpage.bench.switchboard import Stand
from orderpage.logging import configure_logging

STANDS: Mapping[str, str] = {
    "render": "orderpage.bench.render.stand:render_stand",
    "submit": "orderpage.bench.submit.stand:submit_stand",
    "telemetry": "orderpage.bench.telemetry.stand:telemetry_stand",
    "traffic": "orderpage.bench.traffic.stand:traffic_stand",
}
"""Where each is made, without arguments. Imported by name: no process carries what only another one measures."""


def main() -> None:
    """Serve the stand that the command line names, on a free port of loopback, until standard input ends."""
    configure_logging("error")
    uvloop.run(_serve(sys.argv[1]))


async def _serve(name: str) -> None:
    made: AbstractAsyncContextManager[Stand] = resolve_name(STANDS[name])()
    async with made as stand:
        await stand.server.start()
        gc.freeze()  # as ``serve`` does: what a start makes is not walked again for each page's garbage
        say({"port": stand.server.port})
        loop = asyncio.get_running_loop()
        while variant := await loop.run_in_executor(None, sys.stdin.readline):
            await stand.prepare(variant.strip())
            stand.pages.switch(variant.strip())
            say({"cpu_s": _cpu_seconds(), "commits": stand.commits(), "answering_s": stand.answering()})
        await stand.server.stop(0)


def _cpu_seconds() -> float:
    """User and system time of every thread of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
