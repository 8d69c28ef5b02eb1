"""What people do to events that were given up: look, and have them tried again. Every act is kept with who and why.

What is work of a deliverer is not among them: a parcel's state follows its steps (``shipment_acts``).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, insert, select

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.outbox import among, revive_parked
from orderpage.adapters.sql.schema import PARKED, outbox, outbox_acts
from orderpage.ports import Topics

_ROW = outbox.c


class ParkedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was given up, and why. It blocks the later ones of its key."""

    row_id: int
    topic: str
    key: str
    attempts: int
    error: str


class RowAct(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did to a row that had been given up for ``error``. ``reason`` is not blank."""

    row_id: int
    act: str
    actor: str
    reason: str
    error: str
    at: datetime


class SqlOutboxActs:
    """Each method is one transaction of ``database``. ``deliverers`` are the first parts of topics that are work."""

    def __init__(self, database: Transactions, deliverers: Collection[str] = ()) -> None:
        self._database = database
        self._topics = Topics(without=tuple(deliverers))

    async def parked(self, topic: str = "") -> list[ParkedRow]:
        """What was given up, of a topic or of all; the oldest first."""
        return await self._database.read(lambda connection: _parked(connection, self._fitting(topic)))

    async def acts(self, limit: int) -> list[RowAct]:
        """The latest, the last one last."""
        return await self._database.look(lambda connection: _acts(connection, limit))

    async def retry(
        self, rows: Collection[int] | None, topic: str, actor: str, reason: str, at: datetime
    ) -> list[ParkedRow]:
        """Have the given-up rows of these numbers (None: all) and of the topic tried again; which they were."""

        def work(connection: Connection) -> list[ParkedRow]:
            found = [each for each in _parked(connection, self._fitting(topic)) if rows is None or each.row_id in rows]
            return [each for each in found if _revived(connection, each, actor, reason, at)]

        return await self._database.write(work)

    def _fitting(self, topic: str) -> Sequence[ColumnElement[bool]]:
        return (_ROW.state == PARKED, *among(self._topics), *((_ROW.topic == topic,) if topic else ()))


def _parked(connection: Connection, where: Sequence[ColumnElement[bool]]) -> list[ParkedRow]:
    columns = [_ROW[name] for name in ParkedRow.__struct_fields__]
    rows = connection.execute(select(*columns).where(*where).order_by(_ROW.row_id)).mappings()
    return [ParkedRow(**row) for row in rows]


def _revived(connection: Connection, row: ParkedRow, actor: str, reason: str, at: datetime) -> bool:
    """Whether it was given up still: somebody else may have been faster."""
    if not revive_parked(connection, _ROW.row_id == row.row_id, at):
        return False
    act = RowAct(row_id=row.row_id, act="retry", actor=actor, reason=reason, error=row.error, at=at)
    connection.execute(insert(outbox_acts).values(**msgspec.structs.asdict(act)))
    return True


def _acts(connection: Connection, limit: int) -> list[RowAct]:
    columns = [outbox_acts.c[name] for name in RowAct.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(outbox_acts.c.act_id.desc()).limit(limit)).mappings()
    return [RowAct(**row) for row in rows][::-1]
