"""Metrics of a running service: what records them, what samples them, and the port on which Prometheus reads them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    make_wsgi_app,
    start_http_server,
)

from orderpage.engine.plan import PlanSource
from orderpage.ports import Backlog, DatabaseLoad, Unavailable
from orderpage.telemetry import metrics as names
from orderpage.telemetry.metrics_collect import BacklogReading, ServiceCollector, Sources
from orderpage.telemetry.metrics_record import Recorder

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_LAG_EVERY = 0.25
_BACKLOG_EVERY = 5.0

log = structlog.get_logger(__name__)

ReadBacklog = Callable[[], Awaitable[Backlog]]


class CannotExpose(Exception):
    """The metrics' address cannot be bound. The message says which, why and what to do."""


class Metrics:
    """Of one service. ``recorder`` takes what happens in calls; ``in_flight``, ``traces_dropped`` and
    ``presales_unresolved`` are set once there is a server.
    """

    def __init__(
        self,
        plans: PlanSource,
        under_way: Callable[[], int],
        database: Callable[[], DatabaseLoad],
        read_backlog: ReadBacklog,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nothing reads
        self.registry = CollectorRegistry()
        self.recorder = Recorder(self.registry, lambda: plans.current.dimensions)
        self.in_flight: Callable[[], int] = lambda: 0
        self.traces_dropped: Callable[[], int] = lambda: 0
        self.presales_unresolved: Callable[[], int] = lambda: 0
        lag = names.LOOP_LAG
        self._lag = Histogram(lag.name, lag.help, registry=self.registry, buckets=lag.buckets)
        self._read_backlog = read_backlog
        self._reading: BacklogReading | None = None
        self.registry.register(
            ServiceCollector(
                Sources(
                    plans=plans,
                    in_flight=self._in_flight_now,
                    traces_dropped=self._traces_dropped_now,
                    presales_unresolved=self._presales_unresolved_now,
                    under_way=under_way,
                    database=database,
                    backlog=lambda: self._reading,
                )
            )
        )
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _in_flight_now(self) -> int:
        return self.in_flight()

    def _traces_dropped_now(self) -> int:
        return self.traces_dropped()

    def _presales_unresolved_now(self) -> int:
        return self.presales_unresolved()

    @asynccontextmanager
    async def exposed(self, address: str) -> AsyncIterator[int]:
        """Let Prometheus read ``/metrics`` at ``address`` (host:port, port 0 for a free one) until the block ends.

        Gives the port. Raises ``CannotExpose``.
        """
        host, _, port = address.rpartition(":")
        try:
            server, _ = start_http_server(int(port), host.strip("[]"), self.registry)
        except OSError as error:
            raise CannotExpose(
                f"cannot serve metrics on {address}: {error.strerror or error}; stop what listens there, or give "
                "ORDERPAGE_METRICS another address (one for each process; empty turns metrics off)"
            ) from error
        server.set_app(_only_metrics(make_wsgi_app(self.registry)))
        samplers = [asyncio.create_task(_sample_lag(self._lag)), asyncio.create_task(self._sample_backlog())]
        try:
            yield server.server_port
        finally:
            for sampler in samplers:
                sampler.cancel()
            await asyncio.gather(*samplers, return_exceptions=True)
            await asyncio.to_thread(server.shutdown)
            server.server_close()

    async def sample_backlog(self) -> None:
        """Read what waits in the database. One that does not answer leaves the last reading, with its time."""
        with suppress(Unavailable):  # the database logged it
            self._reading = BacklogReading(await self._read_backlog(), time.time())

    async def _sample_backlog(self) -> None:
        while True:
            try:
                await self.sample_backlog()
            except Exception:  # whatever is wrong with one reading, the next may succeed
                log.exception("metrics.backlog_failed")
            await asyncio.sleep(_BACKLOG_EVERY)


def _only_metrics(app: "WSGIApplication") -> "WSGIApplication":
    """The client library's application answers every path; whoever mistypes one should see it."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return app(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"metrics are at /metrics\n"]

    return answer


async def _sample_lag(lag: Histogram) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_EVERY
        await asyncio.sleep(_LAG_EVERY)
        lag.observe(max(loop.time() - due, 0.0))
