"""The settlement of days: once each, one after another, and never changed."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.settling import check_turn, pnl_of, statements_of, store, stored_statements
from orderpage.domain.settlement import Account, MethodPnl, Statement

Changed = tuple[Statement | None, Statement | None]
"""A statement as it is stored, and as it would come out now; None: there is none."""


class Settled(msgspec.Struct, frozen=True):
    """A day's statements. ``new`` where this run stored them; otherwise they stand, whatever has ``changed`` since."""

    statements: Sequence[Statement]
    new: bool
    changed: Sequence[Changed] = ()


class SqlSettlement:
    """Settles days of ``database``, which begin and end in ``zone``."""

    def __init__(self, database: Transactions, zone: ZoneInfo) -> None:
        self._database = database
        self._zone = zone

    async def settle(self, day: date, now: datetime) -> Settled:
        """Settle a day, or look again at one that was. Raises ``OutOfTurn``.

        The sums are read first, in one view of the database, so that orders are held up by nothing but the writing.
        """
        made = await self._database.read(lambda connection: self._look(connection, day, now))
        if isinstance(made, Settled):
            return made
        if await self._database.write(lambda connection: store(connection, day, self._zone, made, now)):
            return Settled(made, new=True)
        return await self.settle(day, now)  # another run was faster: then it is as if it had been long ago

    async def pnl(self, day: date) -> Sequence[MethodPnl]:
        """What carriage earned or cost on a day, by site, currency and method."""
        return await self._database.read(lambda connection: pnl_of(connection, day, self._zone))

    def _look(self, connection: Connection, day: date, now: datetime) -> Settled | list[Statement]:
        stored = stored_statements(connection, day, self._zone)
        if stored is None:
            check_turn(connection, day, self._zone, now)
        found = statements_of(connection, day, self._zone)
        return found if stored is None else Settled(stored, new=False, changed=_changes(stored, found))


def _changes(stored: Sequence[Statement], found: Sequence[Statement]) -> list[Changed]:
    before: dict[Account, Statement] = {statement.account: statement for statement in stored}
    after: dict[Account, Statement] = {statement.account: statement for statement in found}
    both = [(before.get(account), after.get(account)) for account in before | after]
    return [(old, new) for old, new in both if old != new]
