"""Where Render's microseconds go: by stage of the host, and by extension. In one process, without a network.

Stages are timed by wrapping the host's own functions while the profile runs, so that the service carries no timers for
it. A stage's time is its own: what it calls that is a stage too is counted there. Timing costs a few microseconds, and
the extensions are timed in requests of their own, call by call, so read shares and not sums.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import uvloop

from orderpage import render as pages
from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.bench.pinned_page import BUYER, pinned_memory, pinned_plans, pinned_renderer, pinned_request
from orderpage.bench.watch import Patch, Spent, Watch, patched, sorted_spent
from orderpage.engine.run import Run
from orderpage.renderer import Rendered, Renderer

_SECONDS = 30.0
_OWN: tuple[tuple[str, Any, str], ...] = (
    ("scenario", Renderer, "_terms"),
    ("lines and view", pages, "_view"),
    ("admission", pages, "apply_admission"),
    ("check divisions", pages, "check_splits"),
    ("options: shipments, freight, fees", pages, "_price_parcels"),
    ("total: discounts, tax, cheapest", pages, "choose_division"),
    ("choice: rank, select, price", pages, "choose_options"),
    ("promotions told: coupons, progress, top-ups", pages, "_told"),
    ("present: blocks and badges", pages, "present"),
    ("quote and envelope", Renderer, "_envelope"),
)


class RenderProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Both views of the same page, the dearest first."""

    stages: tuple[Spent, ...]
    extensions: tuple[Spent, ...]


async def profile_render(requests: int) -> RenderProfile:
    """Render the pinned page so many times for each view."""
    return RenderProfile(stages=await _stages(requests), extensions=await _extensions(requests))


async def _stages(requests: int) -> tuple[Spent, ...]:
    watch = Watch()
    renderer, message = pinned_renderer(pinned_memory(), pinned_plans()), pinned_request()
    read, fill = watch.timed("read the request", render_request), watch.timed("fill the response", render_response)
    serialise = watch.timed("serialise", type(render_response(await _render(renderer, message))).SerializeToString)
    render = watch.timed_async("render: the rest", renderer.render)
    with patched(_patches(watch)):
        for _ in range(requests):
            request = read(message)
            serialise(fill(await render(request, BUYER.buyer_id, time.monotonic() + _SECONDS)))
    return watch.spent(requests)


async def _extensions(requests: int) -> tuple[Spent, ...]:
    renderer, message = pinned_renderer(pinned_memory(), pinned_plans()), pinned_request()
    message.explain = True
    seconds: dict[str, float] = {}
    calls: dict[str, int] = {}
    for _ in range(requests):
        for step in (await _render(renderer, message)).steps:
            name = f"{step.point}.{step.slot}"
            seconds[name] = seconds.get(name, 0.0) + step.micros / 1e6
            calls[name] = calls.get(name, 0) + step.calls
    return sorted_spent(seconds, calls, requests)


async def _render(renderer: Renderer, message: Any) -> Rendered:
    return await renderer.render(render_request(message), BUYER.buyer_id, time.monotonic() + _SECONDS)


def _patches(watch: Watch) -> Sequence[Patch]:
    """The host's stages under the watch."""
    wrapped: list[Patch] = [(owner, name, watch.timed(label, getattr(owner, name))) for label, owner, name in _OWN]
    wrapped += [(Run, name, _by_point(watch, "extensions", getattr(Run, name))) for name in ("collect", "bind")]
    return [*wrapped, (Run, "fill", _by_point_async(watch, "facts", Run.fill))]


def _by_point(watch: Watch, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def run(run_: Run, point: Any, *args: Any) -> Any:
        return watch.timed(f"{point.name}: {verb}", call)(run_, point, *args)

    return run


def _by_point_async(watch: Watch, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
    async def run(run_: Run, point: Any, *args: Any, **kwargs: Any) -> Any:
        return await watch.timed_async(f"{point.name}: {verb}", call)(run_, point, *args, **kwargs)

    return run


def show(profile: RenderProfile, say: Callable[[str], None]) -> None:
    """Two tables: microseconds a request, and calls a request."""
    for title, rows in (("stage of the host", profile.stages), ("extension, timed call by call", profile.extensions)):
        say(f"{title:42} {'µs':>8} {'calls':>6}")
        for row in rows:
            say(f"  {row.name:40} {row.micros:8.1f} {row.calls:6.1f}")
        say(f"  {'together':40} {sum(row.micros for row in rows):8.1f}")


def run_profile(requests: int) -> RenderProfile:
    """``profile_render`` on the loop that serves."""
    return uvloop.run(profile_render(requests))
