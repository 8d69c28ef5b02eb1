"""A carrier that speaks HTTP JSON, in a process of its own: ``python -m orderpage.bench.carriers.carrier_process``.

It prints ``{"port": …}`` once it listens. Each line in is how many seconds it takes for an answer from now on; the
line out, ``{"asked": …}``, is how often it was asked until then. End of input ends it.
"""

import asyncio
import sys
from typing import Any

import uvloop
from aiohttp import web

from orderpage.bench.saying import say

_PRICE = "31.50"


class Carrier:
    """Answers one price for every parcel, after so many ``seconds``."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.asked = 0

    async def quote(self, request: web.Request) -> web.Response:
        """The price of each parcel."""
        self.asked += 1
        body: dict[str, Any] = await request.json()
        await asyncio.sleep(self.seconds)
        return web.json_response({"prices": [_price(parcel["id"]) for parcel in body["parcels"]]})


def _price(parcel_id: str) -> dict[str, str]:
    return {"id": parcel_id, "service": "EXPRESS", "amount": _PRICE, "currency": "CNY"}


async def _serve() -> None:
    carrier = Carrier()
    app = web.Application()
    app.router.add_post("/quote", carrier.quote)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say({"port": runner.addresses[0][1]})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        carrier.seconds = float(line)
        say({"asked": carrier.asked})
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve())
