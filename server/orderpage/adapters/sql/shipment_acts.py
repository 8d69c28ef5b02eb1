"""What people do to parcels at carriers: look, cancel, try again. Every act is kept with who did it and why."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select, update

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.outbox import publish, revive_parked
from orderpage.adapters.sql.schema import PARKED, outbox, shipment_acts, shipments
from orderpage.adapters.sql.shipments import latest, read_shipment, read_shipments, report
from orderpage.adapters.sql.statements import chunks
from orderpage.domain.order import Event
from orderpage.domain.shipment import CANCEL, TRACK, Shipment, ShipmentNews, ShipmentState, step_key

CANCELLING = "carrier.cancel"
"""The topic under which a carrier's deliverer takes a cancellation."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did, or is doing, to a parcel. ``reason`` is not blank."""

    order_id: str
    parcel_id: str
    act: str
    actor: str
    reason: str
    at: datetime


class Waiting(msgspec.Struct, frozen=True):
    """A shipment, and the error of its step that was given up; empty when none was."""

    shipment: Shipment
    parked: str


class NotNow(Exception):
    """The act does not fit how the parcel stands. The message says why, and what can be done."""


class SqlShipmentActs:
    """Each method is one transaction of ``database``."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def listed(self, order_id: str, state: ShipmentState | None, limit: int) -> list[Waiting]:
        """Those of an order, or, where that is empty, the latest of all."""
        return await self._database.read(lambda connection: _listed(connection, order_id, state, limit))

    async def parked(self, carrier: str = "", state: ShipmentState | None = None) -> list[Waiting]:
        """Those with a step that was given up, of a carrier, in a state; the one that changed last first."""
        return await self._database.read(lambda connection: _parked(connection, carrier, state))

    async def acts(self, order_id: str, parcel_id: str) -> list[Act]:
        """What people did to a parcel, the latest last."""
        return await self._database.look(lambda connection: _acts(connection, order_id, parcel_id))

    async def cancel(self, act: Act, *, settled: bool = False) -> Shipment:
        """Have its carrier cancel it; one that its carrier refused is given up at once. As it stands then.

        ``settled``: the carrier said to a person that it has no such parcel, or no more, so it is given up although it
        is not clear here whether it was booked. Raises ``NotNow``.
        """
        return await self._database.write(lambda connection: _cancel(connection, act, settled))

    async def retry(self, act: Act) -> Shipment:
        """Have its steps that were given up done again, with the same keys. As it stands then. Raises ``NotNow``."""
        return await self._database.write(lambda connection: _retry(connection, act))


def _listed(connection: Connection, order_id: str, state: ShipmentState | None, limit: int) -> list[Waiting]:
    if order_id:
        found = [each for each in read_shipments(connection, order_id) if state in {None, each.state}][:limit]
    else:
        found = latest(connection, state, limit)
    errors = _errors(connection, [key for each in found for key in _keys(each)])
    return [Waiting(each, next((errors[key] for key in _keys(each) if key in errors), "")) for each in found]


def _errors(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Of what was given up, by key."""
    query = select(outbox.c.key, outbox.c.error).where(outbox.c.state == PARKED)
    return {
        row.key: row.error for some in chunks(keys) for row in connection.execute(query.where(outbox.c.key.in_(some)))
    }


def _parked(connection: Connection, carrier: str, state: ShipmentState | None) -> list[Waiting]:
    # From the few that are parked to their parcels: whose they are stands in what each step is told.
    work = outbox.c.topic.startswith(CANCELLING.partition(".")[0] + ".", autoescape=True)
    query = (
        select(outbox.c.payload, outbox.c.error).where(outbox.c.state == PARKED, work).order_by(outbox.c.row_id.desc())
    )
    errors = {(str(p.get("order_id")), str(p.get("parcel_id"))): error for p, error in connection.execute(query)}
    found = (read_shipment(connection, *ids) for ids in errors)
    fitting = [
        Waiting(each, errors[each.order_id, each.parcel_id])
        for each in found
        if each is not None and carrier in {"", each.carrier} and state in {None, each.state}
    ]
    return sorted(fitting, key=lambda each: each.shipment.updated_at, reverse=True)


def _acts(connection: Connection, order_id: str, parcel_id: str) -> list[Act]:
    row = shipment_acts.c
    query = select(shipment_acts).where(row.order_id == order_id, row.parcel_id == parcel_id).order_by(row.act_id)
    names = Act.__struct_fields__
    return [Act(**{name: each[name] for name in names}) for each in connection.execute(query).mappings()]


def _cancel(connection: Connection, act: Act, settled: bool) -> Shipment:
    shipment = _known(connection, act, locked=True)
    if shipment.state in {ShipmentState.DELIVERED, ShipmentState.CANCELLED}:
        raise NotNow(f"parcel {act.parcel_id} of order {act.order_id} is {shipment.state}: nothing is left to cancel")
    if settled and shipment.state is ShipmentState.REQUESTED and not _errors(connection, [shipment.key]):
        raise NotNow(
            f"the carrier of parcel {act.parcel_id} of order {act.order_id} is still being asked; cancel it without "
            "--settled, and it is cancelled once the carrier has answered"
        )
    _note(connection, act)
    if shipment.state is ShipmentState.FAILED or (settled and shipment.state is ShipmentState.REQUESTED):
        news = ShipmentNews(state=ShipmentState.CANCELLED, at=act.at, status="given up")
        report(connection, shipment, news, ())
    else:
        revive_parked(connection, outbox.c.key == shipment.key, act.at)  # what is not clear yet must become so first
        key = step_key(shipment.key, CANCEL)
        if not revive_parked(connection, outbox.c.key == key, act.at):
            about: dict[str, str | int] = {"order_id": act.order_id, "parcel_id": act.parcel_id}
            publish(connection, [Event(CANCELLING, key, about)], act.at)
    return _known(connection, act)


def _retry(connection: Connection, act: Act) -> Shipment:
    shipment = _known(connection, act, locked=True)
    if not revive_parked(connection, outbox.c.key.in_(_keys(shipment)), act.at):
        raise NotNow(
            f"nothing was given up for parcel {act.parcel_id} of order {act.order_id} ({shipment.state}): what failed "
            "only lately is tried again by itself"
        )
    _note(connection, act)
    if shipment.state is ShipmentState.FAILED and not shipment.reference:  # with one it was booked, and lost later
        mine = update(shipments).where(shipments.c.order_id == act.order_id, shipments.c.parcel_id == act.parcel_id)
        again = ShipmentState.REQUESTED.value
        values = {"state": again, "status": "to be tried again", "unclear": False, "updated_at": act.at}
        connection.execute(mine.values(values))
    return _known(connection, act)


def _keys(shipment: Shipment) -> list[str]:
    return [shipment.key, step_key(shipment.key, CANCEL), step_key(shipment.key, TRACK)]


def _known(connection: Connection, act: Act, *, locked: bool = False) -> Shipment:
    shipment = read_shipment(connection, act.order_id, act.parcel_id, locked=locked)
    if shipment is None:
        raise NotNow(
            f"no carrier was asked to take parcel {act.parcel_id} of order {act.order_id} yet, or it needs none; "
            f"'orderpage shipment list --order {act.order_id}' shows those that were"
        )
    return shipment


def _note(connection: Connection, act: Act) -> None:
    connection.execute(insert(shipment_acts).values(**msgspec.structs.asdict(act)))
