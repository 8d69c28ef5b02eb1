"""``orderpage bench growth``: what a page costs as carts, extensions, installations and scenarios grow.

In one process and without a network, by the operating system's account of the thread's CPU: what grows is arithmetic.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
import uvloop

from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.bench.figures import middle, paired
from orderpage.bench.growth.grown import (
    CELLS,
    KINDS,
    grown_cart,
    layer_with,
    layer_without_freight_promotions,
    many_scenarios,
)
from orderpage.bench.growth.unused import UNUSED, measure_unused
from orderpage.bench.pinned_page import (
    BUYER,
    compiled,
    pinned_memory,
    pinned_plans,
    pinned_renderer,
    pinned_request,
    pinned_sources,
)
from orderpage.engine.plan import PlanSet
from orderpage.renderer import Renderer
from orderpage.request import RenderRequest

LINES = (10, 50, 100, 500)
SLOTS = 40
"""Slots of one kind that are added to the pinned layer's."""

_SECONDS = 60.0
T = TypeVar("T")
Say = Callable[[str], None]


class GrowthFigures(msgspec.Struct, frozen=True, kw_only=True):
    """CPU microseconds are medians over the rounds, ratios and differences medians of each round's own.

    ``line_us`` is Render's cost a line by lines in the cart, where freight promotions tie all parcels;
    ``line_apart_us`` where none does. ``extension_us`` is what one more active extension costs a page (18 shipments)
    by what it does: see ``growing.KINDS``. ``unused_…`` compare a process that has ``unused`` more extensions
    installed with one that has not: Render, and finding and compiling at start.
    """

    lines: Sequence[int]
    line_us: Sequence[float]
    line_500_over_10: float
    line_apart_us: Sequence[float]
    line_apart_500_over_10: float
    extension_us: Mapping[str, float]
    unused: int
    unused_over_none: float
    unused_start_ms: float
    cells: int
    plans: int
    compile_s: float
    rounds: int


def measure_growth(rounds: int, lines: int, say: Say) -> GrowthFigures:
    """Measure in ``rounds``; in each, every cart is rendered until ``lines`` lines are done, and at least once.

    ``say`` is told what is being measured.
    """
    scenarios, layer = pinned_sources()
    tied = _line_costs(pinned_plans(), rounds, lines, say, "freight promotions tie all parcels")
    apart_plans = compiled(scenarios, layer, layer_without_freight_promotions())
    apart = _line_costs(apart_plans, rounds, lines, say, "parcels are apart")
    extensions = {kind: _extension_cost(kind, rounds, max(1, lines // 10), say) for kind in KINDS}
    unused = measure_unused(rounds, max(1, lines // 10), say)
    plans, compile_s = _compile(rounds, say)
    return GrowthFigures(
        lines=LINES,
        line_us=[middle(tied[size]) for size in LINES],
        line_500_over_10=paired(tied[LINES[-1]], tied[LINES[0]]),
        line_apart_us=[middle(apart[size]) for size in LINES],
        line_apart_500_over_10=paired(apart[LINES[-1]], apart[LINES[0]]),
        extension_us=extensions,
        unused=UNUSED,
        unused_over_none=unused.render,
        unused_start_ms=unused.start_ms,
        cells=CELLS,
        plans=plans,
        compile_s=compile_s,
        rounds=rounds,
    )


def _line_costs(plans: PlanSet, rounds: int, lines: int, say: Say, what: str) -> dict[int, list[float]]:
    """Microseconds a line, by lines in the cart, round by round."""
    request = render_request(pinned_request())
    carts = {}
    for size in LINES:
        grown, memory = grown_cart(request, size)
        carts[size] = (grown, pinned_renderer(memory, plans))
        _cpu_us(carts[size][1], grown, 1)  # to warm up
    seen: dict[int, list[float]] = {size: [] for size in LINES}
    for number in range(rounds):
        for size in _order(LINES, number):
            calls = max(1, lines // size)
            grown, renderer = carts[size]
            seen[size].append(_cpu_us(renderer, grown, calls) / size)
        costs = ", ".join(f"{size} lines {seen[size][-1]:.0f}" for size in LINES)
        say(f"round {number + 1} of {rounds}: {what}: µs CPU a line: {costs}")
    return seen


def _extension_cost(kind: str, rounds: int, calls: int, say: Say) -> float:
    scenarios, layer = pinned_sources()
    request, memory = render_request(pinned_request()), pinned_memory()
    without = pinned_renderer(memory, pinned_plans())
    grown = pinned_renderer(memory, compiled(scenarios, layer, layer_with(kind, SLOTS)))
    differences = []
    for number in range(-1, rounds):  # one more, to warm up
        cost = {each is grown: _cpu_us(each, request, calls) for each in _order((without, grown), number)}
        differences.append((cost[True] - cost[False]) / SLOTS)
    found = middle(differences[1:])
    say(f"one more extension, {kind}: {found} µs CPU a page")
    return found


def _compile(rounds: int, say: Say) -> tuple[int, float]:
    """Different plans, and CPU seconds to compile them from read layers' texts."""
    scenarios, layers = many_scenarios()
    seconds = []
    for _ in range(min(rounds, 5)):
        started = time.process_time()
        plans = compiled(scenarios, *layers)
        seconds.append(time.process_time() - started)
    found = sorted(seconds)[len(seconds) // 2]
    say(f"{CELLS} scenarios, {len(layers)} layers, {len(plans.plans)} plans: {found:.2f} s CPU")
    return len(plans.plans), round(found, 3)


def _cpu_us(renderer: Renderer, request: RenderRequest, calls: int) -> float:
    """CPU microseconds a page, with its response filled and serialised."""
    return uvloop.run(_render(renderer, request, calls)) * 1e6 / calls


async def _render(renderer: Renderer, request: RenderRequest, calls: int) -> float:
    started = time.thread_time()
    for _ in range(calls):
        rendered = await renderer.render(request, BUYER.buyer_id, time.monotonic() + _SECONDS)
        render_response(rendered).SerializeToString()
    return time.thread_time() - started


def _order(things: Sequence[T], number: int) -> Sequence[T]:
    """Another one first in each round, so that none always follows the same one."""
    start = number % len(things)
    return [*things[start:], *things[:start]]
