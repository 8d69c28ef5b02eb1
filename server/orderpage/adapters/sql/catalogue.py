"""What is sold, read from the tables; SKUs through a small cache, stock never."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.generations import CATALOGUE, current
from orderpage.adapters.sql.ready import Query
from orderpage.adapters.sql.schema import shops, skus, stock
from orderpage.adapters.sql.statements import chunks
from orderpage.domain.goods import Catalogue, GoodsClass, Shop, Sku, Stock, StockLevel

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_SAME = tuple(name for name in Sku.__struct_fields__ if name not in ("shop", "sides_cm", "goods_class"))
"""What a SKU and its row have under one name."""
_OTHERS = (skus.c.shop_id, shops.c.name, skus.c.goods_class, skus.c.length_cm, skus.c.width_cm, skus.c.height_cm)
_SKUS = Query(select(*_OTHERS, *(skus.c[name] for name in _SAME)).join_from(skus, shops).where(skus.c.sku_id.in_(_IDS)))
_STOCK = Query(select(stock).where(stock.c.sku_id.in_(_IDS)))


class SqlCatalogue:
    """``CataloguePort``. A cached SKU is at most ``ttl`` seconds old, and at most ``capacity`` are kept.

    Used from one event loop. ``clock`` gives seconds that never go back.
    """

    def __init__(
        self,
        database: Transactions,
        *,
        ttl: float = 30.0,
        capacity: int = 20_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._capacity = capacity
        self._clock = clock
        self._held: dict[str, tuple[float, Sku]] = {}
        self._generation = 0

    async def skus(self, sku_ids: Collection[str], *, fresh: bool) -> Catalogue:
        """As ``CataloguePort.skus``. Unknown ids are asked for again each time."""
        found = {} if fresh else self._cached(sku_ids)
        missing = [sku_id for sku_id in dict.fromkeys(sku_ids) if sku_id not in found]
        if missing:
            read = await self._database.look(lambda connection: read_skus(connection, missing))
            self._keep(read)
            found |= read
        return found

    async def refresh(self) -> int:
        """Forget what is held if the tables were loaded since the last look; returns how many SKUs were forgotten."""
        generation = await self._database.look(lambda connection: current(connection, CATALOGUE))
        forgotten = len(self._held) if generation != self._generation else 0
        if forgotten:
            self._held.clear()
        self._generation = generation
        return forgotten

    async def stock(self, sku_ids: Collection[str]) -> Stock:
        """As ``CataloguePort.stock``."""
        wanted = list(dict.fromkeys(sku_ids))
        if not wanted:
            return {}
        return await self._database.look(lambda connection: read_stock(connection, wanted))

    def _cached(self, sku_ids: Iterable[str]) -> dict[str, Sku]:
        now, held = self._clock(), self._held
        return {sku_id: entry[1] for sku_id in sku_ids if (entry := held.get(sku_id)) and entry[0] > now}

    def _keep(self, read: Mapping[str, Sku]) -> None:
        now = self._clock()
        for sku_id, sku in read.items():
            before = self._held.pop(sku_id, None)
            if before and before[0] > now and before[1].version > sku.version:
                self._held[sku_id] = before  # a slow read must not undo a fresh one
                continue
            while len(self._held) >= self._capacity:
                del self._held[next(iter(self._held))]
            self._held[sku_id] = (now + self._ttl, sku)


def read_skus(connection: Connection, sku_ids: Iterable[str]) -> dict[str, Sku]:
    """The known ones, by id. SKUs of one shop share its value. One query, unless there are more than any cart holds."""
    known_shops: dict[str, Shop] = {}
    found: dict[str, Sku] = {}
    for chunk in chunks(sku_ids):
        for shop_id, shop_name, goods_class, length, width, height, *rest in _SKUS.rows(connection, {}, chunk):
            shop = known_shops.get(shop_id) or known_shops.setdefault(shop_id, Shop(shop_id, shop_name))
            sku = Sku(
                shop=shop,
                sides_cm=(length, width, height),
                goods_class=GoodsClass.of(goods_class),
                **dict(zip(_SAME, rest, strict=True)),
            )
            found[sku.sku_id] = sku
    return found


def read_stock(connection: Connection, sku_ids: Iterable[str]) -> dict[str, StockLevel]:
    """Current levels, by SKU id."""
    return {
        sku_id: StockLevel(available, version)
        for chunk in chunks(sku_ids)
        for sku_id, available, version in _STOCK.rows(connection, {}, chunk)
    }
