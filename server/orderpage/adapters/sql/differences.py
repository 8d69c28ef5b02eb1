"""Differences between the two stacks: reading and judging them. ``differences_saving`` writes what workers saw."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, select, update

from orderpage.adapters.sql.database import Transactions
from orderpage.adapters.sql.differences_saving import Saving, insert_recording, save
from orderpage.adapters.sql.schema import difference_groups, differences, recordings
from orderpage.migration.comparison.found import Difference
from orderpage.migration.differences import Example, Filter, Group, KeptRecording, Kind, Pruned, Verdict
from orderpage.migration.scope import ANY, Scope, TrafficCell

_GROUPS = difference_groups.c


class SqlDifferences:
    """``DifferenceStore``: each method is one transaction of ``database``."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def save(
        self,
        at: datetime,
        cell: TrafficCell,
        subject: str,
        differences: Sequence[Difference],
        recording: bytes,
        plan_digest: str,
    ) -> None:
        """As ``DifferenceStore.save``."""
        if differences:
            saving = Saving(at, cell, subject, tuple(differences), recording, plan_digest, uuid4().hex)
            await self._database.write(lambda connection: save(connection, saving))

    async def save_sample(self, at: datetime, cell: TrafficCell, recording: bytes, plan_digest: str) -> str:
        """As ``DifferenceStore.save_sample``."""
        kept = KeptRecording(
            recording_id=uuid4().hex, at=at, kind=Kind.SAMPLE, cell=cell, plan_digest=plan_digest, body=recording
        )
        await self._database.write(lambda connection: insert_recording(connection, kept))
        return kept.recording_id

    async def groups(self, wanted: Filter) -> Sequence[Group]:
        """As ``DifferenceStore.groups``."""
        return await self._database.look(lambda connection: _read_groups(connection, wanted))

    async def group(self, group_id: str) -> Group | None:
        """As ``DifferenceStore.group``."""
        return await self._database.look(lambda connection: _read_group(connection, group_id))

    async def examples(self, group_id: str) -> Sequence[Example]:
        """As ``DifferenceStore.examples``."""
        mine = differences.c.group_id == group_id
        newest = select(differences).where(mine).order_by(differences.c.difference_id.desc())
        return await self._database.look(lambda connection: [_example(row) for row in connection.execute(newest)])

    async def example(self, difference_id: int) -> Example | None:
        """As ``DifferenceStore.example``."""
        query = select(differences).where(differences.c.difference_id == difference_id)
        row = await self._database.look(lambda connection: connection.execute(query).one_or_none())
        return _example(row) if row else None

    async def recording(self, recording_id: str) -> KeptRecording | None:
        """As ``DifferenceStore.recording``."""
        query = select(recordings).where(recordings.c.recording_id == recording_id)
        row = await self._database.look(lambda connection: connection.execute(query).one_or_none())
        return _recording(row) if row else None

    async def recordings(self, wanted: Filter, limit: int) -> Sequence[KeptRecording]:
        """As ``DifferenceStore.recordings``."""
        columns = recordings.c
        query = select(recordings).where(*_within(recordings, wanted.scope))
        if wanted.since is not None:
            query = query.where(columns.at >= wanted.since)
        query = query.order_by(columns.at.desc(), columns.recording_id).limit(limit)
        return await self._database.look(lambda connection: [_recording(row) for row in connection.execute(query)])

    async def judge(self, group_id: str, verdict: Verdict, reason: str, who: str, at: datetime) -> bool:
        """As ``DifferenceStore.judge``."""
        judged = update(difference_groups).where(_GROUPS.group_id == group_id)
        judged = judged.values(verdict=verdict.value, verdict_reason=reason, verdict_by=who, verdict_at=at)
        return await self._database.write(lambda connection: connection.execute(judged).rowcount == 1)

    async def prune(self, before: datetime) -> Pruned:
        """As ``DifferenceStore.prune``."""
        return await self._database.write(lambda connection: _prune(connection, before))


def _within(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    named = zip(scope._fields, scope, strict=True)
    return [table.c[name] == value for name, value in named if value != ANY]


def _read_groups(connection: Connection, wanted: Filter) -> list[Group]:
    query = select(difference_groups).where(*_within(difference_groups, wanted.scope))
    if wanted.since is not None:
        query = query.where(_GROUPS.last_at >= wanted.since)
    if wanted.money:
        query = query.where(_GROUPS.money)
    if wanted.unjudged:
        query = query.where(_GROUPS.verdict == Verdict.OPEN.value)
    query = query.order_by(_GROUPS.money.desc(), _GROUPS["count"].desc(), _GROUPS.group_id)
    return [_group(row) for row in connection.execute(query)]


def _read_group(connection: Connection, beginning: str) -> Group | None:
    begins = func.substr(_GROUPS.group_id, 1, len(beginning)) == beginning
    rows = connection.execute(select(difference_groups).where(begins).limit(2)).all()
    return _group(rows[0]) if beginning and len(rows) == 1 else None


def _prune(connection: Connection, before: datetime) -> Pruned:
    examples = connection.execute(delete(differences).where(differences.c.at < before)).rowcount
    referred = select(differences.c.recording_id).where(differences.c.recording_id == recordings.c.recording_id)
    old = (recordings.c.at < before) & ~referred.exists()
    kept = connection.execute(delete(recordings).where(old)).rowcount
    left = select(differences.c.group_id).where(differences.c.group_id == _GROUPS.group_id)
    over = (_GROUPS.last_at < before) & (_GROUPS.verdict == Verdict.OPEN.value) & ~left.exists()
    groups = connection.execute(delete(difference_groups).where(over)).rowcount
    return Pruned(examples, kept, groups)


def _cell(row: Row[Any]) -> TrafficCell:
    return TrafficCell(row.site, row.business, row.client, row.crowd)


def _group(row: Row[Any]) -> Group:
    values = row._mapping
    return Group(
        group_id=row.group_id,
        subject=row.subject,
        field=row.field,
        cause=row.cause,
        cell=_cell(row),
        money=row.money,
        count=values["count"],
        first_at=row.first_at,
        last_at=row.last_at,
        verdict=Verdict(row.verdict),
        verdict_reason=row.verdict_reason,
        verdict_by=row.verdict_by,
        verdict_at=row.verdict_at,
    )


def _example(row: Row[Any]) -> Example:
    return Example(
        difference_id=row.difference_id,
        group_id=row.group_id,
        recording_id=row.recording_id,
        at=row.at,
        place=row.place,
        legacy=row.legacy,
        new=row.new,
    )


def _recording(row: Row[Any]) -> KeptRecording:
    return KeptRecording(
        recording_id=row.recording_id,
        at=row.at,
        kind=Kind(row.kind),
        cell=_cell(row),
        plan_digest=row.plan_digest,
        body=row.body,
    )
