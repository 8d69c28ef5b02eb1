"""Stock that an order took, given back when it closes."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, update

from orderpage.adapters.sql.ready import Ready
from orderpage.adapters.sql.schema import stock

_GIVE_BACK = Ready(
    update(stock)
    .where(stock.c.sku_id == bindparam("sku"))
    .values(available=stock.c.available + bindparam("units"), version=stock.c.version + 1)
)


def return_stock(connection: Connection, reserved: Sequence[tuple[str, int]]) -> None:
    """Give the units back, in order of SKU as orders lock them."""
    for sku_id, units in sorted(reserved):
        _GIVE_BACK.execute(connection, {"sku": sku_id, "units": units})
