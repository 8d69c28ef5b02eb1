"""How long pages take beside a carrier: without one, with one that answers at once, and with one that is slow.

One server all along, and one steady load: pages of a client that has no carrier, and of one that has it. The slow
carrier answers long after the page's budget for it is over, so that every page that waits for it waits the whole
budget.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from crossborder.checkout.v1 import order_page_pb2
from orderpage.bench.carriers.layer import BUDGET_MS, WITH, WITHOUT, write_packages
from orderpage.bench.figures import latency, milliseconds
from orderpage.bench.load import Load, Sent, load_on
from orderpage.bench.measured import ServerDied
from orderpage.bench.serve.served import served

_SLOW_SECONDS = 5.0
_REST_SECONDS = 10.5
"""Longer than a breaker stays open: each turn begins with a carrier that is asked."""

_BUYERS = 500
_WARM_UP_CALLS = 60


class _Turn(NamedTuple):
    client: str
    carrier_s: float


TURNS: Mapping[str, _Turn] = {
    "none": _Turn(WITHOUT, 0.0),
    "fast": _Turn(WITH, 0.0),
    "slow": _Turn(WITH, _SLOW_SECONDS),
}


class Answered(NamedTuple):
    """A turn: each call's seconds, how many pages said that something was missing, and how often the carrier was
    asked.
    """

    latencies: tuple[float, ...]
    degraded: int
    asked: int


Round = Mapping[str, Answered]


class CarrierFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds, latencies as the load sees them in milliseconds; ``…_longest_ms`` over all calls.

    ``slow_past_budget`` is the share of the slow carrier's pages that took longer than the longest page without a
    carrier and the budget together. ``slow_degraded`` pages of ``slow_pages`` said that the carrier is missing, though
    it was asked only ``slow_asked`` times: the breaker spares the others the wait.
    """

    budget_ms: int
    none_p50_ms: float
    none_p99_ms: float
    none_longest_ms: float
    fast_p50_ms: float
    fast_p99_ms: float
    slow_p50_ms: float
    slow_p99_ms: float
    slow_longest_ms: float
    slow_past_budget: float
    slow_pages: int
    slow_degraded: int
    slow_asked: int
    rate: float
    carrier_rounds: int
    carrier_seconds: float


async def measure_carriers(
    url: str,
    request: order_page_pb2.RenderRequest,
    rounds: int,
    seconds: float,
    rate: float,
    say: Callable[[str], None],
) -> CarrierFigures:
    """Measure on a database with the demo data; ``seconds`` of ``rate`` calls a turn."""
    seen: list[Round] = []
    with TemporaryDirectory(prefix="orderpage-bench-") as folder:
        async with carrier_process() as carrier:
            settings = {"database": url, "packages": write_packages(Path(folder), carrier.port)}
            async with served(settings) as server, load_on(server.port) as load:
                bench = _Bench(carrier, load, request)
                await bench.warm_up()
                for number in range(rounds):
                    seen.append(await bench.round(rate, seconds, backwards=number % 2 == 1))
                    p99 = ", ".join(f"{name} {milliseconds(seen[-1][name].latencies, 0.99):.1f}" for name in TURNS)
                    say(f"round {number + 1} of {rounds}: p99 in ms: {p99}")
    return carrier_figures(seen, rate=rate, seconds=seconds)


def carrier_figures(rounds: Sequence[Round], *, rate: float, seconds: float) -> CarrierFigures:
    """What the rounds come to."""
    longest = {name: max(max(each[name].latencies) for each in rounds) for name in TURNS}
    allowed = longest["none"] + BUDGET_MS / 1000
    slow = [latency for each in rounds for latency in each["slow"].latencies]
    return CarrierFigures(
        budget_ms=BUDGET_MS,
        none_p50_ms=latency(rounds, "none", 0.5),
        none_p99_ms=latency(rounds, "none", 0.99),
        none_longest_ms=round(longest["none"] * 1000, 2),
        fast_p50_ms=latency(rounds, "fast", 0.5),
        fast_p99_ms=latency(rounds, "fast", 0.99),
        slow_p50_ms=latency(rounds, "slow", 0.5),
        slow_p99_ms=latency(rounds, "slow", 0.99),
        slow_longest_ms=round(longest["slow"] * 1000, 2),
        slow_past_budget=round(sum(latency > allowed for latency in slow) / len(slow), 4),
        slow_pages=len(slow),
        slow_degraded=sum(each["slow"].degraded for each in rounds),
        slow_asked=sum(each["slow"].asked for each in rounds),
        rate=rate,
        carrier_rounds=len(rounds),
        carrier_seconds=seconds,
    )


class CarrierProcess:
    """The carrier, seen from here."""

    def __init__(self, process: Process, port: int) -> None:
        self._process = process
        self.port = port

    async def take(self, seconds: float) -> int:
        """Answer after so many seconds from now on; how often it was asked until now."""
        assert self._process.stdin is not None  # noqa: S101  # it was asked for
        self._process.stdin.write(f"{seconds}\n".encode())
        await self._process.stdin.drain()
        return int((await _said(self._process))["asked"])


@asynccontextmanager
async def carrier_process() -> AsyncIterator[CarrierProcess]:
    """A carrier on a free port, ended with the block. Raises ``ServerDied``."""
    command = (sys.executable, "-m", "orderpage.bench.carriers.carrier_process")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield CarrierProcess(process, (await _said(process))["port"])
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _said(process: Process) -> dict[str, int]:
    assert process.stdout is not None  # noqa: S101  # it was asked for
    line = await process.stdout.readline()
    if not line:
        raise ServerDied("the carrier of the bench ended; see what it said above")
    said: dict[str, int] = json.loads(line)
    return said


class _Bench:
    """The carrier, the load, and what it asks: one cart, each time for another buyer."""

    def __init__(self, carrier: CarrierProcess, load: Load, request: order_page_pb2.RenderRequest) -> None:
        self._carrier = carrier
        self._load = load
        self._bodies = {client: _of_client(request, client) for client in (WITH, WITHOUT)}
        self._buyers = cycle([f"b-load-{number}" for number in range(_BUYERS)])

    async def warm_up(self) -> None:
        for client in (WITHOUT, WITH):
            await self._load.burst("Render", self._calls(client, _WARM_UP_CALLS), 4)

    async def round(self, rate: float, seconds: float, *, backwards: bool) -> Round:
        """Every turn once."""
        names = list(TURNS)[::-1] if backwards else list(TURNS)
        return {name: await self._turn(TURNS[name], rate, seconds) for name in names}

    async def _turn(self, turn: _Turn, rate: float, seconds: float) -> Answered:
        before = await self._carrier.take(turn.carrier_s)
        calls = self._calls(turn.client, max(1, round(rate * seconds)))
        seen = await self._load.steady("Render", calls, rate)
        asked = await self._carrier.take(0.0) - before
        if turn.carrier_s:
            await asyncio.sleep(_REST_SECONDS)
            await self._load.burst("Render", self._calls(WITH, 4), 1)
        return Answered(seen.latencies, sum(map(_degraded, seen.answers)), asked)

    def _calls(self, client: str, number: int) -> list[Sent]:
        return [Sent(self._bodies[client], buyer) for buyer in islice(self._buyers, number)]


def _of_client(request: order_page_pb2.RenderRequest, client: str) -> bytes:
    asked = order_page_pb2.RenderRequest(page=request.page)
    asked.page.client = client
    return asked.SerializeToString()


def _degraded(answer: bytes) -> bool:
    return bool(order_page_pb2.RenderResponse.FromString(answer).page.degraded)
