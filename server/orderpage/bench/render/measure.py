"""``orderpage bench render``: the four variants in alternating rounds, and what their medians say."""

from collections.abc import Callable, Sequence

import msgspec

from orderpage.bench.figures import middle, milliseconds, paired
from orderpage.bench.load import Burst, Load, Sent, load_on
from orderpage.bench.measured import Measured, measured_server
from orderpage.bench.pinned_page import BUYER, pinned_request
from orderpage.bench.render.stand import NAMES

IN_FLIGHT = 8
_WARM_UP = 0.5
"""Of a round's calls, before the first round, for each variant."""


class Round(msgspec.Struct, frozen=True):
    """One variant in one round: CPU microseconds of the server per call, and what the load saw."""

    cpu_us: float
    burst: Burst


class RenderFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds. The two ratios are medians of each round's own ratio, so that slow spells cancel out.

    ``rps``, ``p50_ms`` and ``p99_ms`` are of our Render, seen by the load with ``in_flight`` calls at a time.
    """

    echo_cpu_us: float
    floor_cpu_us: float
    render_cpu_us: float
    hardcoded_cpu_us: float
    render_over_floor: float
    render_over_hardcoded: float
    rps: float
    p50_ms: float
    p99_ms: float
    rounds: int
    calls: int
    in_flight: int


async def measure_render(rounds: int, calls: int, say: Callable[[str], None]) -> RenderFigures:
    """Measure in ``rounds`` of ``calls`` for each variant; ``say`` is told how each round went."""
    sent = Sent(pinned_request().SerializeToString(), BUYER.buyer_id)
    seen: dict[str, list[Round]] = {name: [] for name in NAMES}
    async with measured_server("render") as server, load_on(server.port) as load:
        for name in NAMES:
            await _round(server, load, name, [sent] * max(1, int(calls * _WARM_UP)))
        for number in range(rounds):
            for name in _order(number):
                seen[name].append(await _round(server, load, name, [sent] * calls))
            costs = ", ".join(f"{name} {seen[name][-1].cpu_us:.0f}" for name in NAMES)
            say(f"round {number + 1} of {rounds}: µs CPU a request: {costs}")
    return _figures(seen, rounds, calls)


def _order(number: int) -> Sequence[str]:
    """Another variant first in each round, so that none always follows the same one."""
    start = number % len(NAMES)
    return NAMES[start:] + NAMES[:start]


async def _round(server: Measured, load: Load, name: str, calls: Sequence[Sent]) -> Round:
    before = await server.switch(name)
    burst = await load.burst("Render", calls, IN_FLIGHT)
    after = await server.switch(name)
    return Round((after.cpu_s - before.cpu_s) * 1e6 / len(calls), burst)


def _figures(seen: dict[str, list[Round]], rounds: int, calls: int) -> RenderFigures:
    cpu = {name: [each.cpu_us for each in found] for name, found in seen.items()}
    latencies = [latency for each in seen["render"] for latency in each.burst.latencies]
    return RenderFigures(
        echo_cpu_us=middle(cpu["echo"]),
        floor_cpu_us=middle(cpu["floor"]),
        render_cpu_us=middle(cpu["render"]),
        hardcoded_cpu_us=middle(cpu["hardcoded"]),
        render_over_floor=paired(cpu["render"], cpu["floor"]),
        render_over_hardcoded=paired(cpu["render"], cpu["hardcoded"]),
        rps=middle([calls / each.burst.seconds for each in seen["render"]]),
        p50_ms=milliseconds(latencies, 0.5),
        p99_ms=milliseconds(latencies, 0.99),
        rounds=rounds,
        calls=calls,
        in_flight=IN_FLIGHT,
    )
