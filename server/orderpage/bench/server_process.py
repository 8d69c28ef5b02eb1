"""The measured process: ``python -m orderpage.bench.server_process``. Standard input says which variant to be.

It prints ``{"port": …}`` once it listens. Each line in is a variant's name; the line out is the CPU that the process
has used until then, by the operating system's account. End of input ends it.
"""

import asyncio
import json
import resource
import sys

import uvloop

from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.api.server import ServerOptions, serve_with
from orderpage.api.servicers import OrderServicer
from orderpage.bench.variants import NoOrders, Switchboard, pinned_answers
from orderpage.logging import configure_logging


def main() -> None:
    """Serve on a free port of loopback until standard input ends."""
    configure_logging("error")
    uvloop.run(_serve())


async def _serve() -> None:
    pages = Switchboard(await pinned_answers())
    server = serve_with(pages, OrderServicer(NoOrders()), DemoAuthenticator(), ServerOptions(address="127.0.0.1:0"))
    await server.start()
    _say({"port": server.port})
    loop = asyncio.get_running_loop()
    while name := await loop.run_in_executor(None, sys.stdin.readline):
        pages.switch(name.strip())
        _say({"cpu_s": _cpu_seconds()})
    await server.stop(0)


def _cpu_seconds() -> float:
    """User and system time of every thread of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(message: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
