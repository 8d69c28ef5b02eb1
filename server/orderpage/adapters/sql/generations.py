"""Which edition of slowly changing tables is current, so that every process notices when its cache is old."""

from sqlalchemy import Connection, select, update

from orderpage.adapters.sql.schema import generations
from orderpage.adapters.sql.statements import insert_new

CATALOGUE = "catalogue"
"""Shops and SKUs, as ``load`` writes them."""


def advance(connection: Connection, name: str) -> None:
    """Say that something under ``name`` has changed, in the transaction that changes it."""
    if not insert_new(connection, generations, ("name",), {"name": name, "generation": 1}):
        mine = generations.c.name == name
        connection.execute(update(generations).where(mine).values(generation=generations.c.generation + 1))


def current(connection: Connection, name: str) -> int:
    """Zero until something has changed."""
    return connection.execute(select(generations.c.generation).where(generations.c.name == name)).scalar() or 0
