"""What routing adds to a Render that the new stack answers, in turns with the same answer unrouted.

The difference sought is a hundredth of a call, and machines have slow spells. So it is sought twice. In the servicer
alone every other call is routed, and the medians of both are compared: that tells a microsecond. Of the whole process
each pair takes turns every few calls, as in A B B A: that counts everything, and tells some ten microseconds at best.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean

import msgspec

from orderpage.bench.figures import middle, spread
from orderpage.bench.load import Load, Sent, load_on
from orderpage.bench.measured import Measured, measured_server
from orderpage.bench.traffic.calls import SLICE, calls_of
from orderpage.bench.traffic.stand import COMPARED, name_of

IN_FLIGHT = 8
RESOLUTION_US = 5.0
"""What the servicer's time must be able to tell."""

Quartiles = tuple[float, float]

_IDLE = name_of("echo", "none")
"""What has nothing to prepare: to be switched to for the account only."""


class Pair(msgspec.Struct, frozen=True):
    """One round of one comparison: microseconds a call, without routing and with it."""

    none_us: float
    routed_us: float


class Added(msgspec.Struct, frozen=True):
    """Microseconds a call over none: the median of the pairs' own differences, and the quartiles of these."""

    us: float
    quartiles: Quartiles


class RoutingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What routing adds, by variant of ``stand.COMPARED``: in the ``servicer``, by its thread's clock; to the whole
    process around a prebuilt page (``echo``) and the pinned one (``render``), by the operating system's account.

    ``…_none_us`` is what a call costs without; ``routing_us`` the servicer's ``routed``; ``routing_ratio`` that over
    what the prebuilt page costs the process, which carries over between machines. How far ``again`` is from zero is how
    far the others may be wrong; ``resolved`` is false where its quartiles in the servicer are further off than
    ``RESOLUTION_US``.
    """

    routing_us: float
    routing_ratio: float
    resolved: bool
    servicer: Mapping[str, Added]
    echo: Mapping[str, Added]
    render: Mapping[str, Added]
    servicer_none_us: float
    echo_none_us: float
    render_none_us: float
    rounds: int
    calls: int
    in_flight: int


async def measure_routing(rounds: int, calls: int, say: Callable[[str], None]) -> RoutingFigures:
    """Measure in ``rounds`` of ``calls`` on either side of each pair; ``say`` is told how each round went."""
    seen: dict[str, list[Pair]] = {name_of(page, name): [] for page, names in COMPARED.items() for name in names}
    async with measured_server("traffic") as server, load_on(server.port) as load:
        bench = _Bench(server, load)
        for name in seen:
            await bench.pair(name, SLICE)  # warm
        for number in range(rounds):
            for name, pairs in seen.items():
                pairs.append(await bench.pair(name, calls))
            added = ", ".join(f"{name} {pairs[-1].routed_us - pairs[-1].none_us:+.0f}" for name, pairs in seen.items())
            say(f"round {number + 1} of {rounds}: µs a request over none: {added}")
    return routing_figures(seen, calls)


def routing_figures(seen: Mapping[str, Sequence[Pair]], calls: int) -> RoutingFigures:
    """What the pairs of each variant come to."""
    added = {page: {name: _added(seen[name_of(page, name)]) for name in names} for page, names in COMPARED.items()}
    none = {
        page: middle([each.none_us for name in names for each in seen[name_of(page, name)]])
        for page, names in COMPARED.items()
    }
    routing, control = added["servicer"]["routed"].us, added["servicer"]["again"].quartiles
    return RoutingFigures(
        routing_us=routing,
        routing_ratio=round(routing / none["echo"], 3),
        resolved=max(map(abs, control)) <= RESOLUTION_US,
        **added,
        servicer_none_us=none["servicer"],
        echo_none_us=none["echo"],
        render_none_us=none["render"],
        rounds=len(next(iter(seen.values()))),
        calls=calls,
        in_flight=IN_FLIGHT,
    )


class _Bench:
    """The measured server, and the load on it."""

    def __init__(self, server: Measured, load: Load) -> None:
        self._server = server
        self._load = load

    async def pair(self, name: str, calls: int) -> Pair:
        """One variant against the same answer unrouted, ``calls`` each, some at a time."""
        page, none = name.partition(".")[0], name_of(name.partition(".")[0], "none")
        sent, slices = calls_of(name, min(SLICE, calls)), list[Pair]()
        for number, taken in enumerate(range(0, calls, SLICE)):
            some = sent[: calls - taken]
            if page == "servicer":
                slices.append(await self._mixed(name, some))
            elif number % 2:
                slices.append(Pair(await self._whole(none, some), await self._whole(name, some)))
            else:
                routed = await self._whole(name, some)
                slices.append(Pair(await self._whole(none, some), routed))
        return Pair(mean(each.none_us for each in slices), mean(each.routed_us for each in slices))

    async def _mixed(self, name: str, sent: Sequence[Sent]) -> Pair:
        """What some calls took in the servicer, and as many others routed."""
        await self._server.switch(name)
        await self._load.burst("Render", [each for each in sent for _ in range(2)], IN_FLIGHT)
        took = (await self._server.switch(_IDLE)).answering_s
        return Pair(took["none"] * 1e6, took["routed"] * 1e6)

    async def _whole(self, name: str, sent: Sequence[Sent]) -> float:
        """What some calls cost the whole process, each."""
        before = await self._server.switch(name)
        await self._load.burst("Render", sent, IN_FLIGHT)
        return ((await self._server.switch(_IDLE)).cpu_s - before.cpu_s) * 1e6 / len(sent)


def _added(pairs: Sequence[Pair]) -> Added:
    lower, mid, upper = spread([each.routed_us for each in pairs], [each.none_us for each in pairs])
    return Added(mid, (lower, upper))
