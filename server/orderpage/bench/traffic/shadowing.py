"""What comparing every page does to the answers of the legacy page: a steady load on real processes, flags to and fro.

The same two servers all along. A round sends the load under ``legacy``, ``shadow`` and ``legacy`` again, the next one
backwards. A machine that stalls for a moment spoils the 99th percentile of one turn: so many short rounds, each
compared with itself, and of those the median.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from crossborder.checkout.v1 import order_page_pb2
from orderpage.bench.figures import latency, milliseconds, ratios
from orderpage.bench.load import Load, Sent, load_on
from orderpage.bench.serve.account import cores, machine_cpu_seconds
from orderpage.bench.traffic.front import Front, front
from orderpage.migration.flags.rules import Route

TURNS: Mapping[str, Route] = {"legacy": Route.LEGACY, "shadow": Route.SHADOW, "again": Route.LEGACY}
"""``again`` is legacy once more: how far its ratio is from 1 is how far that of ``shadow`` may be wrong."""

LOAD_SHARE = 1 / 3
"""Of what the server bears, where no rate is named."""

RESOLUTION = 0.1
"""What the ratio must be able to tell from 1."""

_IN_FLIGHT = 8
_BUYERS = 500
_PROBED_CALLS = 200
_WARM_UP_CALLS = 100
Quartiles = tuple[float, float]


class Turn(msgspec.Struct, frozen=True):
    """The load under one flag: each call's seconds, the CPU seconds of our server, and the share of all processors that
    was busy meanwhile, whoever kept them so.
    """

    latencies: tuple[float, ...]
    cpu_s: float
    busy: float


Round = Mapping[str, Turn]


class ShadowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds; latencies as the load sees them, in milliseconds.

    ``shadow_over_legacy_p99`` is the median of each round's own ratio, ``…_quartiles`` the lower and the upper one;
    ``control_p99`` the same of legacy against legacy: ``shadow_resolved`` is false where its quartiles are further than
    ``RESOLUTION`` from 1, as on a machine that others keep ``busy`` (the share of its processors, whoever used them).
    ``rate`` is the load in calls a second, of the ``bears`` that the server answered as fast as it could.
    ``…_cpu_us`` are of our server a call. Of the calls under ``shadow``, how many were ``compared``, of those
    ``different``; ``failed`` could not be, ``dropped`` had no place in the queue.
    """

    shadow_resolved: bool
    shadow_over_legacy_p99: float
    shadow_over_legacy_p99_quartiles: Quartiles
    control_p99: float
    control_p99_quartiles: Quartiles
    legacy_p50_ms: float
    legacy_p99_ms: float
    shadow_p50_ms: float
    shadow_p99_ms: float
    legacy_cpu_us: float
    shadow_cpu_us: float
    shadowed: int
    compared: int
    different: int
    failed: int
    dropped: int
    busy: float
    bears: float
    rate: float
    shadow_rounds: int
    shadow_seconds: float


async def measure_shadow(
    old_url: str,
    new_url: str,
    requests: Sequence[order_page_pb2.RenderRequest],
    rounds: int,
    seconds: float,
    rate: float,
    say: Callable[[str], None],
) -> ShadowFigures:
    """Measure with ``seconds`` a turn; a ``rate`` of 0 is a third of what the server bears."""
    seen: list[Round] = []
    with TemporaryDirectory(prefix="orderpage-bench-") as folder:
        async with front(old_url, new_url, Path(folder)) as both, load_on(both.server.port) as load:
            bench = _Bench(both, load, requests)
            bears = await bench.bears()
            rate = rate or round(bears * LOAD_SHARE, 1)
            say(f"{bears:.0f} calls/s at most; the load is {rate:g} calls/s")
            before = await bench.warmed()
            for number in range(rounds):
                seen.append(await bench.round(rate, seconds, backwards=number % 2 == 1))
                p99 = ", ".join(f"{name} {milliseconds(seen[-1][name].latencies, 0.99):.1f}" for name in TURNS)
                say(f"round {number + 1} of {rounds}: p99 in ms: {p99}")
            after = await both.shadowed()
    outcomes = {name: after[name] - before[name] for name in after}
    return shadow_figures(seen, outcomes, bears=round(bears, 1), rate=rate, seconds=seconds)


def shadow_figures(
    rounds: Sequence[Round], outcomes: Mapping[str, int], *, bears: float, rate: float, seconds: float
) -> ShadowFigures:
    """What the rounds come to. ``outcomes`` are the calls under ``shadow`` by what became of them."""
    legacy = _p99(rounds, "legacy")
    shadow, control = ratios(_p99(rounds, "shadow"), legacy), ratios(_p99(rounds, "again"), legacy)
    return ShadowFigures(
        shadow_resolved=all(abs(each - 1) <= RESOLUTION for each in control),
        shadow_over_legacy_p99=shadow[1],
        shadow_over_legacy_p99_quartiles=(shadow[0], shadow[2]),
        control_p99=control[1],
        control_p99_quartiles=(control[0], control[2]),
        legacy_p50_ms=latency(rounds, "legacy", 0.5),
        legacy_p99_ms=latency(rounds, "legacy", 0.99),
        shadow_p50_ms=latency(rounds, "shadow", 0.5),
        shadow_p99_ms=latency(rounds, "shadow", 0.99),
        legacy_cpu_us=_cpu_us(rounds, "legacy"),
        shadow_cpu_us=_cpu_us(rounds, "shadow"),
        shadowed=sum(outcomes.values()),
        compared=outcomes["same"] + outcomes["different"],
        different=outcomes["different"],
        failed=outcomes["failed"],
        dropped=outcomes["dropped"],
        busy=round(median(turn.busy for each in rounds for turn in each.values()), 2),
        bears=bears,
        rate=rate,
        shadow_rounds=len(rounds),
        shadow_seconds=seconds,
    )


class _Bench:
    """The two servers, the load, and what it asks: the carts in turn, each time for another buyer."""

    def __init__(self, both: Front, load: Load, requests: Sequence[order_page_pb2.RenderRequest]) -> None:
        self._both = both
        self._load = load
        self._probe = requests[0]
        bodies = cycle([request.SerializeToString() for request in requests])
        self._calls = cycle([Sent(next(bodies), f"b-load-{number}") for number in range(_BUYERS)])

    async def bears(self) -> float:
        """Calls a second that are answered by legacy, asked as fast as it answers."""
        await self._burst(_WARM_UP_CALLS)
        return _PROBED_CALLS / await self._burst(_PROBED_CALLS)

    async def warmed(self) -> Mapping[str, int]:
        """Compare some pages, so that everything is started and imported; what had been compared after that."""
        await self._both.send(Route.SHADOW, self._probe)
        await self._burst(_WARM_UP_CALLS)
        await self._both.send(Route.LEGACY, self._probe)
        return await self._both.shadowed()

    async def round(self, rate: float, seconds: float, *, backwards: bool) -> Round:
        """Every turn once."""
        names = list(TURNS)[::-1] if backwards else list(TURNS)
        return {name: await self._turn(TURNS[name], rate, seconds) for name in names}

    async def _turn(self, route: Route, rate: float, seconds: float) -> Turn:
        await self._both.send(route, self._probe)
        calls = list(islice(self._calls, max(1, round(rate * seconds))))
        used, machine = self._both.cpu_seconds(), machine_cpu_seconds()
        seen = await self._load.steady("Render", calls, rate)
        used, machine = self._both.cpu_seconds() - used, machine_cpu_seconds() - machine
        self._both.answered(len(calls))
        return Turn(seen.latencies, used, machine / seen.seconds / cores())

    async def _burst(self, number: int) -> float:
        seen = await self._load.burst("Render", list(islice(self._calls, number)), _IN_FLIGHT)
        self._both.answered(number)
        return seen.seconds


def _p99(rounds: Sequence[Round], name: str) -> list[float]:
    return [milliseconds(each[name].latencies, 0.99) for each in rounds]


def _cpu_us(rounds: Sequence[Round], name: str) -> float:
    return round(median(each[name].cpu_s * 1e6 / len(each[name].latencies) for each in rounds), 1)
