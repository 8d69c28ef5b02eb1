"""Where Render's microseconds go: by stage of the host, and by extension. In one process, without a network.

Stages are timed by wrapping the host's own functions while the profile runs, so that the service carries no timers for
it. A stage's time is its own: what it calls that is a stage too is counted there. Timing costs a few microseconds, and
the extensions are timed in requests of their own, call by call, so read shares and not sums.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import uvloop

from orderpage import render as pages
from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.bench.pinned_page import BUYER, pinned_memory, pinned_plans, pinned_renderer, pinned_request
from orderpage.engine.run import Run

_SECONDS = 30.0
_OWN: tuple[tuple[str, Any, str], ...] = (
    ("scenario", pages.Renderer, "_terms"),
    ("lines and view", pages, "_view"),
    ("admission", pages, "apply_admission"),
    ("check divisions", pages, "check_splits"),
    ("options: shipments, freight, fees", pages, "_price_parcels"),
    ("total: discounts, tax, cheapest", pages, "choose_division"),
    ("choice: rank, select, price", pages, "choose_options"),
    ("present: blocks and badges", pages, "present"),
    ("quote and envelope", pages.Renderer, "_envelope"),
)


class Spent(msgspec.Struct, frozen=True):
    """``micros`` a request, in ``calls`` of them."""

    name: str
    micros: float
    calls: float


class RenderProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Both views of the same page, the dearest first."""

    stages: tuple[Spent, ...]
    extensions: tuple[Spent, ...]


async def profile_render(requests: int) -> RenderProfile:
    """Render the pinned page so many times for each view."""
    return RenderProfile(stages=await _stages(requests), extensions=await _extensions(requests))


async def _stages(requests: int) -> tuple[Spent, ...]:
    watch = _Watch()
    renderer, message = pinned_renderer(pinned_memory(), pinned_plans()), pinned_request()
    read, fill = watch.timed("read the request", render_request), watch.timed("fill the response", render_response)
    serialise = watch.timed("serialise", type(render_response(await _render(renderer, message))).SerializeToString)
    render = watch.timed_async("render: the rest", renderer.render)
    with _watched(watch):
        for _ in range(requests):
            request = read(message)
            serialise(fill(await render(request, BUYER.buyer_id, time.monotonic() + _SECONDS)))
    return _sorted(watch.seconds, watch.calls, requests)


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
    return _sorted(seconds, calls, requests)


async def _render(renderer: pages.Renderer, message: Any) -> pages.Rendered:
    return await renderer.render(render_request(message), BUYER.buyer_id, time.monotonic() + _SECONDS)


class _Watch:
    """Seconds and calls by name. Time inside a nested name is taken off the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._inner = [0.0]

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            started = self._enter()
            try:
                return call(*args, **kwargs)
            finally:
                self._leave(name, started)

        return run

    def timed_async(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> Any:
            started = self._enter()
            try:
                return await call(*args, **kwargs)
            finally:
                self._leave(name, started)

        return run

    def by_point(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(run_: Run, point: Any, *args: Any) -> Any:
            return self.timed(f"{point.name}: {verb}", call)(run_, point, *args)

        return run

    def by_point_async(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def run(run_: Run, point: Any, *args: Any, **kwargs: Any) -> Any:
            return await self.timed_async(f"{point.name}: {verb}", call)(run_, point, *args, **kwargs)

        return run

    def _enter(self) -> float:
        self._inner.append(0.0)
        return time.thread_time()

    def _leave(self, name: str, started: float) -> None:
        whole = time.thread_time() - started
        self.seconds[name] = self.seconds.get(name, 0.0) + whole - self._inner.pop()
        self.calls[name] = self.calls.get(name, 0) + 1
        self._inner[-1] += whole


@contextmanager
def _watched(watch: _Watch) -> Iterator[None]:
    """The host's stages under the watch; as they were afterwards."""
    wrapped = [(owner, name, watch.timed(label, getattr(owner, name))) for label, owner, name in _OWN]
    wrapped += [(Run, name, watch.by_point("extensions", getattr(Run, name))) for name in ("collect", "bind")]
    wrapped += [(Run, "fill", watch.by_point_async("facts", Run.fill))]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in wrapped]
    try:
        for owner, name, call in wrapped:
            setattr(owner, name, call)
        yield
    finally:
        for owner, name, call in before:
            setattr(owner, name, call)


def _sorted(seconds: dict[str, float], calls: dict[str, int], requests: int) -> tuple[Spent, ...]:
    spent = [
        Spent(name, round(seconds[name] * 1e6 / requests, 1), round(calls[name] / requests, 1)) for name in seconds
    ]
    return tuple(sorted(spent, key=lambda each: -each.micros))


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
