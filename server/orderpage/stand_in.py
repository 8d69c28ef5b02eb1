"""Wiring of the old order page: a service of its own, on a database of its own, behind the same guard.

The old page comes from an extension (entry point group ``orderpage.legacy``); what surrounds it is the service's.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

import msgspec

from crossborder.checkout.v1 import order_page_pb2_grpc, order_pb2_grpc
from orderpage.adapters.drivers import AUTHENTICATORS, PAYMENTS, SINKS, open_driver
from orderpage.adapters.sql.buyers import SqlBuyers
from orderpage.adapters.sql.catalogue import SqlCatalogue
from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.orders import SqlOrders
from orderpage.adapters.sql.rates import SqlRates
from orderpage.api.server import OrderPageServer, ServerOptions, serve_with
from orderpage.bootstrap import background, configured_database, utc_now
from orderpage.payments import PaymentDesk, PaymentTimes
from orderpage.ports import Authenticator, OrdersPort, PaymentProvider, Ports
from orderpage.relay import Relay
from orderpage.settings import ServerSettings, quote_keys
from orderpage.sweeper import Sweeper

Clock = Callable[[], datetime]


class MakeOldPage(Protocol):
    """What an entry point of ``orderpage.legacy`` names. ``BUGS`` is what may be wrong with the page, by name."""

    BUGS: Mapping[str, str]

    def __call__(
        self, ports: Ports, orders: OrdersPort, desk: PaymentDesk, key: bytes, bugs: Collection[str], clock: Clock
    ) -> Any:
        """A servicer of both services, and ``async def drain()``, which waits for the orders under way.

        It signs its quotes with ``key``, and has these of ``BUGS``.
        """


class StandInService(msgspec.Struct, frozen=True, kw_only=True):
    """The running old page, and what works beside it."""

    settings: ServerSettings
    database: Database
    pages: order_page_pb2_grpc.OrderPageServiceServicer
    orders: order_pb2_grpc.OrderServiceServicer
    sweeper: Sweeper
    authenticator: Authenticator

    def server(self, options: ServerOptions) -> OrderPageServer:
        """Bound and not yet started. Raises ``CannotListen``."""
        return serve_with(self.pages, self.orders, self.authenticator, options)


@asynccontextmanager
async def open_stand_in(
    make: MakeOldPage, settings: ServerSettings, bugs: Collection[str], clock: Clock = utc_now
) -> AsyncIterator[StandInService]:
    """Everything but the network. Raises as ``bootstrap.open_service`` does, before anything has started."""
    key = next(iter(quote_keys(settings).values()))
    authenticator: Authenticator = open_driver(AUTHENTICATORS, settings.authenticator, settings)
    payments: PaymentProvider = open_driver(PAYMENTS, settings.payments, settings)
    sink = open_driver(SINKS, settings.sink, settings)
    database = await configured_database(settings)
    try:
        orders, catalogue = SqlOrders(database, clock=clock), SqlCatalogue(database)
        times = PaymentTimes(hold=settings.payment_hold, expiry=settings.payment_expiry)
        desk = PaymentDesk(payments, orders, times, clock)
        ports = Ports(catalogue, SqlBuyers(database), SqlRates(database))
        page = make(ports, orders, desk, key, bugs, clock)
        sweeper, relay = Sweeper(orders, desk, clock), Relay(orders, sink, clock)
        async with background(settings, (sweeper,), (relay,), catalogue):
            yield StandInService(
                settings=settings,
                database=database,
                pages=page,
                orders=page,
                sweeper=sweeper,
                authenticator=authenticator,
            )
        await page.drain()
    finally:
        await database.close()
        if hasattr(payments, "close"):
            payments.close()
