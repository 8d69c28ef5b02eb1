"""Wiring: settings in, a running service out. The only place that knows every part."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from orderpage.adapters.drivers import AUTHENTICATORS, PAYMENTS, SINKS, open_deliverers, open_driver
from orderpage.adapters.remote.services import RemoteServices
from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.rates import SqlRates
from orderpage.adapters.sql.shipments import SqlShipments
from orderpage.adapters.sql.usages import SqlUsages
from orderpage.api.call import CallObserver
from orderpage.api.server import OrderPageServer, ServerOptions, build_server, serve_with
from orderpage.background import Loop, repeating
from orderpage.named_secrets import warn_of_missing_secrets
from orderpage.packages import Packages
from orderpage.payments import PaymentDesk, PaymentTimes
from orderpage.ports import Authenticator, Backlog, PaymentProvider, Ports, RemotePort
from orderpage.presale.awaiting import BalanceSweeper
from orderpage.quote import QuoteSigner
from orderpage.relay import Relay, relays
from orderpage.renderer import Renderer
from orderpage.settings import ServerSettings, check_migration, quote_keys
from orderpage.submit import Submitter
from orderpage.sweeper import Sweeper

if TYPE_CHECKING:
    from orderpage.api.counted import CountedRenderer, CountedSubmitter
    from orderpage.migrating import Migration
    from orderpage.telemetry.metrics_serve import Metrics
    from orderpage.telemetry.tracing_export import SpanTracer

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]

_FLUSH_SECONDS = 2.0
"""For the last second's traces at shutdown, on top of what calls under way get. Past it they are lost."""


def utc_now() -> datetime:
    """The service's clock."""
    return datetime.now(UTC)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a running service that others use."""

    settings: ServerSettings
    packages: Packages
    remote: RemotePort
    database: Database
    payments: PaymentProvider
    renderer: Renderer
    submitter: Submitter
    catalogue: SqlCatalogue
    sweeper: Sweeper
    awaiting: BalanceSweeper
    relays: tuple[Relay, ...]
    authenticator: Authenticator
    metrics: "Metrics | None" = None
    tracer: "SpanTracer | None" = None
    migration: "Migration | None" = None


@asynccontextmanager
async def open_renderer(settings: ServerSettings, clock: Clock = utc_now) -> AsyncIterator[Renderer]:
    """Only what a page needs: it writes nothing, pays nothing and runs nothing in the background."""
    packages = Packages(settings.folders)
    database = await configured_database(settings)
    try:
        async with RemoteServices(packages.plans.current.plans) as remote:
            yield _renderer(settings, packages, SqlCatalogue(database), database, remote, clock)
    finally:
        await database.close()


@asynccontextmanager
async def open_service(settings: ServerSettings, clock: Clock = utc_now) -> AsyncIterator[Service]:
    """Everything but the network: compiled packages, an open database, background work running.

    Raises ``SettingsError``, ``PackageErrors``, ``WrongUrl``, ``SchemaMismatch`` or, for a database that does not
    answer, ``Unavailable``, before anything has started.
    """
    check_migration(settings)
    packages = Packages(settings.folders)
    authenticator: Authenticator = open_driver(AUTHENTICATORS, settings.authenticator, settings)
    payments: PaymentProvider = open_driver(PAYMENTS, settings.payments, settings)
    sink = open_driver(SINKS, settings.sink, settings)
    database = await configured_database(settings)
    tracer, remote = _open_tracer(settings), RemoteServices(packages.plans.current.plans)
    try:
        orders = SqlOrders(database, fenced=bool(settings.flags), clock=clock)
        times = PaymentTimes(hold=settings.payment_hold, expiry=settings.payment_expiry)
        desk = PaymentDesk(payments, orders, times, clock)
        catalogue = SqlCatalogue(database)
        renderer = _renderer(settings, packages, catalogue, database, remote, clock)
        submitter = Submitter(renderer, orders, desk, clock)
        deliverers = open_deliverers(remote, SqlShipments(database), clock)
        async with _moving(settings, renderer, database, packages, clock) as migration:
            service = Service(
                settings=settings,
                packages=packages,
                remote=remote,
                database=database,
                payments=payments,
                renderer=renderer,
                submitter=submitter,
                catalogue=catalogue,
                sweeper=Sweeper(orders, desk, clock),
                awaiting=BalanceSweeper(orders, submitter.balances, clock),
                relays=relays(orders, sink, deliverers, clock),
                authenticator=authenticator,
                metrics=_metrics(packages, submitter, database, lambda: orders.backlog(clock(), deliverers))
                if settings.metrics
                else None,
                tracer=tracer,
                migration=migration,
            )
            warn_of_missing_secrets(packages.plans.current, remote.secret, clock())
            sweepers = (service.sweeper, service.awaiting)
            async with _exposed(service), background(settings, sweepers, service.relays, catalogue):
                yield service
            await service.submitter.drain()
    finally:
        await remote.close()
        await database.close()
        if hasattr(payments, "close"):
            payments.close()
        if tracer is not None:
            await tracer.close(min(_FLUSH_SECONDS, settings.grace_s))


def _renderer(
    settings: ServerSettings,
    packages: Packages,
    catalogue: SqlCatalogue,
    database: Database,
    remote: RemotePort,
    clock: Clock,
) -> Renderer:
    ports = Ports(
        catalogue,
        SqlBuyers(database),
        SqlRates(database),
        remote,
        usages=SqlUsages(database),
        bought=SqlOrders(database),
    )
    return Renderer(packages.plans, ports, packages.bucket_of, QuoteSigner(quote_keys(settings)), clock)


def server_of(service: Service, options: ServerOptions) -> OrderPageServer:
    """The service's server, bound and not yet started. Raises ``CannotListen``."""
    metrics = service.metrics
    if metrics is None:
        return _server(service, service.renderer, service.submitter, options, None)
    from orderpage.api.counted import CountedRenderer, CountedSubmitter  # noqa: PLC0415

    renderer = CountedRenderer(service.renderer, metrics.recorder)
    submitter = CountedSubmitter(service.submitter, metrics.recorder)
    server = _server(service, renderer, submitter, options, metrics.recorder)
    metrics.in_flight = lambda: server.guard.in_flight
    metrics.presales_unresolved = lambda: service.awaiting.unresolved
    if (tracer := service.tracer) is not None:
        metrics.traces_dropped = lambda: tracer.dropped
    if service.migration is not None:
        from orderpage.telemetry.metrics_migration import MigrationCollector  # noqa: PLC0415

        metrics.registry.register(MigrationCollector(service.migration.numbers))
    return server


def _server(
    service: Service,
    renderer: "Renderer | CountedRenderer",
    submitter: "Submitter | CountedSubmitter",
    options: ServerOptions,
    observer: CallObserver | None,
) -> OrderPageServer:
    """Of our own page; or, while traffic is moved, of whichever stack a checkout belongs to."""
    migration, authenticator = service.migration, service.authenticator
    if migration is None:
        return build_server(renderer, submitter, authenticator, options, observer, service.tracer)
    from orderpage.api.routed import RoutedOrders, RoutedPages  # noqa: PLC0415

    pages = RoutedPages(service.renderer, renderer, submitter, migration.legacy, migration.traffic)
    orders = RoutedOrders(submitter, migration.legacy)
    return serve_with(pages, orders, authenticator, options, observer, service.tracer)


@asynccontextmanager
async def _moving(
    settings: ServerSettings, renderer: Renderer, database: Database, packages: Packages, clock: Clock
) -> "AsyncIterator[Migration | None]":
    """The migration under way, if there is one: where there is none, nobody pays for its imports."""
    if not settings.flags and not settings.record_ratio:
        yield None
        return
    from orderpage.migrating import open_migration  # noqa: PLC0415

    async with open_migration(
        settings, renderer, database, lambda: packages.plans.current.dimensions, clock
    ) as migration:
        yield migration


def _metrics(
    packages: Packages, submitter: Submitter, database: Database, read_backlog: Callable[[], Awaitable[Backlog]]
) -> "Metrics":
    from orderpage.telemetry.metrics_serve import Metrics  # noqa: PLC0415  # where they are off, nobody pays for them

    return Metrics(packages.plans, lambda: submitter.under_way, database.load, read_backlog)


@asynccontextmanager
async def _exposed(service: Service) -> AsyncIterator[None]:
    """Let metrics be read, if they are on, until the block ends."""
    if service.metrics is None:
        yield
        return
    async with service.metrics.exposed(service.settings.metrics) as port:
        log.info("metrics", address=service.settings.metrics, port=port)
        yield


def _open_tracer(settings: ServerSettings) -> "SpanTracer | None":
    """OpenTelemetry costs memory and time to start, so it is not even imported unless somebody listens."""
    if not settings.otlp_endpoint:
        return None
    from orderpage.budget import Budget  # noqa: PLC0415
    from orderpage.telemetry.tracing_export import SpanTracer  # noqa: PLC0415
    from orderpage.telemetry.tracing_sampling import Sampler  # noqa: PLC0415

    sampler = Sampler(settings.trace_ratio, settings.trace_debug)
    return SpanTracer(settings.otlp_endpoint, sampler, Budget(settings.trace_errors))


async def configured_database(settings: ServerSettings) -> Database:
    """The database that the settings name. Raises ``WrongUrl``, ``SchemaMismatch`` or ``Unavailable``."""
    connections, seconds = settings.database_connections, settings.database_timeout
    return await open_database(settings.database, connections=connections, seconds=seconds)


@asynccontextmanager
async def background(
    settings: ServerSettings,
    sweepers: Sequence[Sweeper | BalanceSweeper],
    relays: Sequence[Relay],
    catalogue: SqlCatalogue,
) -> AsyncIterator[None]:
    """Keep sweeping, relaying and looking for a newer catalogue until the block ends; a tick under way is finished."""
    stop = asyncio.Event()
    loops = (
        *(Loop("sweeper", _whole(sweeper, stop), settings.sweep_ms / 1000) for sweeper in sweepers),
        *(Loop("relay", _whole(relay, stop), settings.relay_ms / 1000) for relay in relays),
        Loop("catalogue", catalogue.refresh, settings.refresh_ms / 1000),
    )
    async with repeating(loops, stop):
        yield


def _whole(worker: Sweeper | BalanceSweeper | Relay, stop: asyncio.Event) -> Callable[[], Awaitable[int]]:
    """Ticks until a batch was not full: what is due never waits for a rest, however much it is."""

    async def tick() -> int:
        done = await worker.tick()
        while worker.more and not stop.is_set():
            done += await worker.tick()
        return done

    return tick
