"""The outside in memory: what a page asks of it is answered from the page's own view."""

import asyncio
from collections.abc import Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from orderpage import facts
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import Catalogue, Stock, StockLevel
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.page import PageView
from orderpage.engine.point import Fact
from orderpage.ports import LoadView, Ports

_PLENTY = StockLevel(1000, 1)
Value = TypeVar("Value")


class Memory(msgspec.Struct, frozen=True):
    """Catalogue, buyers and rates of one view: its SKUs, each with a thousand in stock, its buyer, its rate."""

    view: PageView

    async def skus(self, sku_ids: Collection[str], *, fresh: bool) -> Catalogue:
        """Those of the view's lines."""
        return {line.sku.sku_id: line.sku for line in self.view.lines if line.sku.sku_id in sku_ids}

    async def stock(self, sku_ids: Collection[str]) -> Stock:
        """Plenty of each SKU."""
        return {line.sku.sku_id: _PLENTY for line in self.view.lines if line.sku.sku_id in sku_ids}

    async def buyer(self, buyer_id: str) -> Buyer:
        """The view's."""
        return self.view.buyer

    async def rate(
        self, base: Currency, quote: Currency, at: datetime, since: datetime | None = None
    ) -> ExchangeRate | None:
        """The view's, between its currencies."""
        rate = self.view.rate
        return rate if (rate.base, rate.quote) == (base, quote) else None


def ports_of(view: PageView) -> Ports:
    """Ports that know what the view shows, and nothing else."""
    memory = Memory(view)
    return Ports(memory, memory, memory)


def host_facts(view: PageView) -> dict[Fact[Any], Any]:
    """The host's own facts of the view."""
    skus = {line.sku.sku_id: line.sku for line in view.lines}
    stock = dict.fromkeys(skus, _PLENTY)
    return {facts.BUYER: view.buyer, facts.CATALOGUE: skus, facts.STOCK: stock, facts.RATE: view.rate}


def load_view(view: PageView) -> LoadView:
    """What extensions at ``load`` know before that view exists."""
    return LoadView(
        ports=ports_of(view),
        buyer=view.buyer,
        currency=view.profile.currency,
        address=view.address,
        sku_ids=tuple(dict.fromkeys(line.sku.sku_id for line in view.lines)),
        priced_at=view.priced_at,
        fresh=False,
    )


def wait(answer: Coroutine[Any, Any, Value]) -> Value:
    """The answer, in an event loop of its own, so that plain tests and ``async def`` ones can both ask."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, answer).result()
