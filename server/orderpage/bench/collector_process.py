"""An OpenTelemetry collector in a process of its own: ``python -m orderpage.bench.collector_process``.

It prints ``{"port": …}`` once it listens, and answers each line on standard input with ``{"spans": …}``, how many it
got so far. End of input ends it.
"""

import asyncio
import sys

import uvloop

from orderpage.bench.collector import collecting
from orderpage.bench.saying import say


async def _serve() -> None:
    async with collecting() as collector:
        say({"port": collector.port})
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            say({"spans": collector.spans})


if __name__ == "__main__":
    uvloop.run(_serve())
