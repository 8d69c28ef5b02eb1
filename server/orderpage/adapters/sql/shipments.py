"""Parcels at their carriers: what deliverers of the outbox note of them, with the events of the next step."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.outbox import drop_parked, publish
from orderpage.adapters.sql.schema import shipments
from orderpage.adapters.sql.statements import insert_new
from orderpage.delivering import DueEvent
from orderpage.domain.shipment import Shipment, ShipmentNews, ShipmentState

_ROW = shipments.c
_KEY = ("order_id", "parcel_id")
_TEXTS = ("reference", "tracking_number", "label_url", "status")
_BEFORE = {state: [each.value for each in ShipmentState if each.may_become(state)] for state in ShipmentState}


class SqlShipments:
    """``ShipmentsPort``: each method is one transaction of ``database``."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def request(self, shipment: Shipment) -> Shipment:
        """As ``ShipmentsPort.request``."""
        return await self._database.write(lambda connection: _request(connection, shipment))

    async def shipment(self, order_id: str, parcel_id: str) -> Shipment | None:
        """As ``ShipmentsPort.shipment``."""
        return await self._database.look(lambda connection: read_shipment(connection, order_id, parcel_id))

    async def report(self, shipment: Shipment, news: ShipmentNews, then: Sequence[DueEvent] = ()) -> bool:
        """As ``ShipmentsPort.report``. One that is cancelled leaves nothing parked that was still to be done for it."""
        return await self._database.write(lambda connection: report(connection, shipment, news, then))


def read_shipment(connection: Connection, order_id: str, parcel_id: str, *, locked: bool = False) -> Shipment | None:
    """As ``ShipmentsPort.shipment``; ``locked``: nobody else changes it until the transaction ends."""
    query = select(shipments).where(_ROW.order_id == order_id, _ROW.parcel_id == parcel_id)
    row = connection.execute(query.with_for_update() if locked else query).mappings().first()
    return None if row is None else _shipment(row)


def read_shipments(connection: Connection, order_id: str) -> tuple[Shipment, ...]:
    """Those of an order."""
    query = select(shipments).where(_ROW.order_id == order_id).order_by(_ROW.parcel_id)
    return tuple(map(_shipment, connection.execute(query).mappings()))


def latest(connection: Connection, state: ShipmentState | None, limit: int) -> list[Shipment]:
    """Those that changed last, of all orders."""
    query = select(shipments).order_by(_ROW.updated_at.desc(), _ROW.order_id, _ROW.parcel_id).limit(limit)
    if state is not None:
        query = query.where(_ROW.state == state.value)
    return [_shipment(row) for row in connection.execute(query).mappings()]


def report(connection: Connection, shipment: Shipment, news: ShipmentNews, then: Sequence[DueEvent]) -> bool:
    """As ``SqlShipments.report``."""
    mine = update(shipments).where(_ROW.order_id == shipment.order_id, _ROW.parcel_id == shipment.parcel_id)
    values: dict[str, Any] = {name: text for name in _TEXTS if (text := getattr(news, name))}
    values["updated_at"] = news.at
    if news.unclear is not None:
        values["unclear"] = news.unclear
    moved = mine.where(_ROW.state.in_(_BEFORE[news.state])).values(state=news.state.value, **values)
    if connection.execute(moved).rowcount != 1:
        connection.execute(mine.where(_ROW.state == news.state.value).values(**values))
        return False
    for each in then:
        publish(connection, [each.event], each.due)
    if news.state is ShipmentState.CANCELLED:
        drop_parked(connection, shipment.key, "cancelled")
    return True


def _request(connection: Connection, shipment: Shipment) -> Shipment:
    insert_new(connection, shipments, _KEY, _values(shipment))
    before = read_shipment(connection, shipment.order_id, shipment.parcel_id, locked=True) or shipment
    if before.state is ShipmentState.REQUESTED and not before.unclear:
        mine = update(shipments).where(_ROW.order_id == shipment.order_id, _ROW.parcel_id == shipment.parcel_id)
        connection.execute(mine.values(unclear=True))
    return before


def _values(shipment: Shipment) -> dict[str, Any]:
    values = {name: getattr(shipment, name) for name in Shipment.__struct_fields__}
    return values | {"state": shipment.state.value}


def _shipment(row: RowMapping) -> Shipment:
    values = {name: row[name] for name in Shipment.__struct_fields__}
    return Shipment(**values | {"state": ShipmentState(row["state"])})
