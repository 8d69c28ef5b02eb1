"""Published rates of exchange, read as one small table and kept for a while."""

import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.schema import exchange_rates
from orderpage.domain.money import Currency, ExchangeRate

Published = dict[tuple[Currency, Currency], tuple[list[datetime], list[ExchangeRate]]]
"""By base and quote: the moments of publication, ascending, and the rates beside them."""


class SqlRates:
    """``RatesPort``. A newly published rate is seen after at most ``ttl`` seconds.

    Used from one event loop. ``clock`` gives seconds that never go back.
    """

    def __init__(
        self, database: Transactions, *, ttl: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._clock = clock
        self._table: Published = {}
        self._good_until: float | None = None

    async def rate(
        self, base: Currency, quote: Currency, at: datetime, since: datetime | None = None
    ) -> ExchangeRate | None:
        """As ``RatesPort.rate``."""
        if self._good_until is None or self._clock() >= self._good_until:
            asked = self._clock()
            self._table = await self._database.look(read_rates)
            self._good_until = asked + self._ttl
        moments, rates = self._table.get((base, quote), ([], []))
        index = bisect_right(moments, at)
        if not index or (since is not None and moments[index - 1] < since):
            return None
        return rates[index - 1]


def read_rates(connection: Connection) -> Published:
    """The whole table. Of two rates published at one moment the one with the greater id holds."""
    table: Published = {}
    in_order = select(exchange_rates).order_by(exchange_rates.c.published_at, exchange_rates.c.rate_id)
    for row in connection.execute(in_order).mappings():
        base = Currency(row["base_code"], row["base_exponent"])
        quote = Currency(row["quote_code"], row["quote_exponent"])
        moments, rates = table.setdefault((base, quote), ([], []))
        moments.append(row["published_at"])
        rates.append(ExchangeRate.of(row["rate_id"], base, quote, row["rate"]))
    return table
