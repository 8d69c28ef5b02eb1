"""``orderpage bench telemetry``: what metrics and traces add to a Render, in turns with the same answer without.

The difference sought is a few hundredths of a call, and machines have slow spells. So each pair of variants takes turns
every few calls, as in A B B A, and what counts is the difference of a pair.
"""

from collections.abc import Callable

import msgspec

from orderpage.bench.figures import middle, spread
from orderpage.bench.load import Load, Sent, load_on
from orderpage.bench.measured import Child, Measured, child_process, measured_server
from orderpage.bench.pinned_page import BUYER, pinned_request
from orderpage.bench.telemetry.stand import PAGES, RATIOS, TELEMETRY, name_of

IN_FLIGHT = 8
SLICE = 50
"""Calls between two turns."""

RESOLUTION_US = 25.0
"""What the comparison must be able to tell: where the control's quartiles are further off, nothing is resolved."""

COMPARED = TELEMETRY[1:]
Quartiles = tuple[float, float]


class Pair(msgspec.Struct, frozen=True):
    """One round of one comparison: CPU microseconds of the server a call, without and with, and spans received."""

    none_us: float
    with_us: float
    spans: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one answer, medians over the rounds, in CPU microseconds a call.

    ``…_over_none_us`` are medians of each pair's own difference, and ``…_quartiles`` the lower and the upper quartile
    of these. ``…_spans`` are the spans a call that reached the collector: fewer than were made means that the server
    dropped some. ``again`` is none once more: how far it is from zero is how far the others may be wrong, and
    ``resolved`` is false where its quartiles are further off than ``RESOLUTION_US``.
    ``unsampled``, ``one_percent`` and ``all`` count metrics too. Every turn sends its own spans, so few at once: the
    last two are rather too high than too low.
    """

    resolved: bool
    none_cpu_us: float
    again_cpu_us: float
    metrics_cpu_us: float
    unsampled_cpu_us: float
    one_percent_cpu_us: float
    all_cpu_us: float
    again_over_none_us: float
    again_over_none_quartiles: Quartiles
    metrics_over_none_us: float
    metrics_over_none_quartiles: Quartiles
    unsampled_over_none_us: float
    unsampled_over_none_quartiles: Quartiles
    one_percent_over_none_us: float
    one_percent_over_none_quartiles: Quartiles
    all_over_none_us: float
    all_over_none_quartiles: Quartiles
    unsampled_spans: float
    one_percent_spans: float
    all_spans: float


class TelemetryFigures(Cost, frozen=True, kw_only=True):
    """The cost around the pinned page, and in ``echo`` around a prebuilt answer, where least else varies."""

    echo: Cost
    rounds: int
    calls: int
    in_flight: int


async def measure_telemetry(rounds: int, calls: int, say: Callable[[str], None]) -> TelemetryFigures:
    """Measure in ``rounds`` of ``calls`` on either side of each pair; ``say`` is told how each round went."""
    seen: dict[str, list[Pair]] = {name_of(page, name): [] for page in PAGES for name in COMPARED}
    async with child_process("orderpage.bench.collector_process") as collector:
        environment = {"ORDERPAGE_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}"}
        async with measured_server("telemetry", environment) as server, load_on(server.port) as load:
            bench = _Bench(server, load, collector)
            for name in seen:
                await bench.pair(name, SLICE)  # warm
            for number in range(rounds):
                for name, pairs in seen.items():
                    pairs.append(await bench.pair(name, calls))
                added = ", ".join(
                    f"{name} {pairs[-1].with_us - pairs[-1].none_us:+.0f}" for name, pairs in seen.items()
                )
                say(f"round {number + 1} of {rounds}: µs CPU a request over none: {added}")
    echo, render = _cost("echo", seen, calls), _cost("render", seen, calls)
    for page, cost in (("echo", echo), ("render", render)):
        if not cost.resolved:
            say(f"{page}: none against none differs by more than {RESOLUTION_US:.0f} µs; too noisy, measure again")
    about = msgspec.structs.asdict(render)
    return TelemetryFigures(**about, echo=echo, rounds=rounds, calls=calls, in_flight=IN_FLIGHT)


class _Bench:
    """The three processes: the measured server, the load (this one) and the collector."""

    def __init__(self, server: Measured, load: Load, collector: Child) -> None:
        self._server = server
        self._load = load
        self._collector = collector
        self._sent = Sent(pinned_request().SerializeToString(), BUYER.buyer_id)

    async def pair(self, name: str, calls: int) -> Pair:
        """One variant in turns with the same answer without telemetry, ``calls`` each."""
        none = name_of(name.partition(".")[0], "none")
        used, had = {none: 0.0, name: 0.0}, await self._spans()
        for number, taken in enumerate(range(0, calls, SLICE)):
            turns = (none, name) if number % 2 else (name, none)
            for turn in turns:
                used[turn] += await self._slice(turn, min(SLICE, calls - taken))
        spans = await self._spans() - had
        return Pair(used[none] * 1e6 / calls, used[name] * 1e6 / calls, spans)

    async def _slice(self, name: str, calls: int) -> float:
        """CPU seconds of some calls; what they have to send is sent within them."""
        before = await self._server.switch(name)
        await self._load.burst("Render", [self._sent] * calls, IN_FLIGHT)
        return (await self._server.switch(name)).cpu_s - before.cpu_s

    async def _spans(self) -> int:
        return int((await self._collector.ask("spans?"))["spans"])


def _cost(page: str, seen: dict[str, list[Pair]], calls: int) -> Cost:
    pairs = {name: seen[name_of(page, name)] for name in COMPARED}
    without = {name: [each.none_us for each in found] for name, found in pairs.items()}
    figures: dict[str, bool | float | Quartiles] = {
        "none_cpu_us": middle([us for each in without.values() for us in each])
    }
    for name, found in pairs.items():
        spent = [each.with_us for each in found]
        lower, mid, upper = spread(spent, without[name])
        figures |= {f"{name}_cpu_us": middle(spent), f"{name}_over_none_us": mid}
        figures |= {f"{name}_over_none_quartiles": (lower, upper)}
    control = figures["again_over_none_quartiles"]
    figures["resolved"] = isinstance(control, tuple) and max(map(abs, control)) <= RESOLUTION_US
    for name in RATIOS:
        figures[f"{name}_spans"] = round(sum(each.spans for each in pairs[name]) / len(pairs[name]) / calls, 3)
    return msgspec.convert(figures, Cost)
