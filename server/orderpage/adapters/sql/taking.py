"""The stock of an order on PostgreSQL: prices checked and units taken in one exchange with the server."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from orderpage.adapters.sql.ready import Driving
from orderpage.ports import StockNeed

# All SKUs are locked before any stock, and both in order of id, so that neither two orders nor an order and a loaded
# file can deadlock: ``held`` looks at ``priced`` through an array, which is complete before its first row is locked.
# What the locks waited for is seen by the update too: at READ COMMITTED its condition is tried again on the new row.
_TAKE = """
WITH need AS (SELECT * FROM UNNEST($1::varchar[], $2::bigint[], $3::bigint[]) AS need (sku_id, units, version)),
priced AS MATERIALIZED (
    SELECT sku_id, version FROM skus WHERE sku_id = ANY ($1::varchar[]) ORDER BY sku_id FOR SHARE
),
held AS MATERIALIZED (
    SELECT sku_id FROM stock WHERE sku_id = ANY (ARRAY(SELECT sku_id FROM priced)) ORDER BY sku_id FOR UPDATE
),
taken AS (
    UPDATE stock SET available = stock.available - need.units, version = stock.version + 1
    FROM need JOIN priced USING (sku_id, version) JOIN held USING (sku_id)
    WHERE stock.sku_id = need.sku_id AND stock.available >= need.units
    RETURNING stock.sku_id
)
SELECT priced.sku_id, priced.version, taken.sku_id IS NOT NULL FROM priced LEFT JOIN taken USING (sku_id)
"""


def take_in_one(connection: Connection, needs: Sequence[StockNeed]) -> tuple[dict[str, int], set[str]]:
    """The current version of each SKU, and those of which the units were taken: of the version that was priced, and
    enough.

    Raises as ``Ready.execute``. The SKUs and their stock stay locked against change.
    """
    columns: list[list[Any]] = [
        [need.sku_id for need in needs],
        [need.quantity for need in needs],
        [need.sku_version for need in needs],
    ]
    with Driving(connection, _TAKE) as cursor:
        cursor.execute(_TAKE, columns)
        rows = cursor.fetchall()
    return {sku_id: version for sku_id, version, _ in rows}, {sku_id for sku_id, _, taken in rows if taken}
