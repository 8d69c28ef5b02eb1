"""Writing what was compared: count the differences by group, keep the latest examples and their recordings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, case, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from orderpage.adapters.sql.schema import difference_groups, differences, recordings
from orderpage.adapters.sql.statements import chunks
from orderpage.migration.comparison.found import Difference
from orderpage.migration.differences import EXAMPLES_A_PAGE, EXAMPLES_KEPT, KeptRecording, Kind, Verdict, group_id
from orderpage.migration.scope import TrafficCell


class Saving(msgspec.Struct, frozen=True):
    """What one comparison found, to be written."""

    at: datetime
    cell: TrafficCell
    subject: str
    differences: tuple[Difference, ...]
    body: bytes
    plan_digest: str
    recording_id: str


def save(connection: Connection, saving: Saving) -> None:
    """As ``DifferenceStore.save``, in one transaction."""
    groups: dict[str, list[Difference]] = {}
    for difference in saving.differences:
        groups.setdefault(group_id(saving.subject, difference, saving.cell), []).append(difference)
    # In one order everywhere, so that two workers who meet the same groups wait for each other instead of for ever.
    rows = [_group_row(saving, name, groups[name]) for name in sorted(groups)]
    connection.execute(_counting(connection.dialect.name), rows)
    kept = KeptRecording(
        recording_id=saving.recording_id,
        at=saving.at,
        kind=Kind.DIFFERENCE,
        cell=saving.cell,
        plan_digest=saving.plan_digest,
        body=saving.body,
    )
    insert_recording(connection, kept)
    connection.execute(insert(differences), list(_examples(saving, groups)))
    _drop_oldest(connection, sorted(groups))


def insert_recording(connection: Connection, kept: KeptRecording) -> None:
    """Write a recording."""
    row = {
        "recording_id": kept.recording_id,
        "at": kept.at,
        "kind": kept.kind.value,
        "plan_digest": kept.plan_digest,
        "body": kept.body,
    }
    connection.execute(insert(recordings), row | kept.cell._asdict())


def _group_row(saving: Saving, name: str, alike: Sequence[Difference]) -> dict[str, Any]:
    return {
        "group_id": name,
        "subject": saving.subject,
        "field": alike[0].field,
        "cause": alike[0].cause.value,
        **saving.cell._asdict(),
        "money": any(difference.money for difference in alike),
        "count": len(alike),
        "first_at": saving.at,
        "last_at": saving.at,
        "verdict": Verdict.OPEN.value,
        "verdict_reason": "",
        "verdict_by": "",
        "verdict_at": None,
    }


@cache
def _counting(dialect: str) -> Insert:
    """Insert a group, or add to it. Made once: it is long, and workers save often while much differs."""
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(difference_groups)
    held, fresh = difference_groups.c, statement.excluded
    changes = {
        "count": held["count"] + fresh["count"],
        "money": held.money | fresh.money,
        # Workers' clocks differ, and what waited in a queue is older than what did not.
        "first_at": case((fresh.first_at < held.first_at, fresh.first_at), else_=held.first_at),
        "last_at": case((fresh.last_at > held.last_at, fresh.last_at), else_=held.last_at),
    }
    counting: Insert = statement.on_conflict_do_update(index_elements=["group_id"], set_=changes)
    return counting


def _examples(saving: Saving, groups: Mapping[str, Sequence[Difference]]) -> Iterable[dict[str, Any]]:
    for name in sorted(groups):
        for difference in groups[name][:EXAMPLES_A_PAGE]:
            yield {
                "group_id": name,
                "recording_id": saving.recording_id,
                "at": saving.at,
                "place": difference.place,
                "legacy": difference.legacy,
                "new": difference.new,
            }


_NEWNESS = func.row_number().over(partition_by=differences.c.group_id, order_by=differences.c.difference_id.desc())
_RANKED = (
    select(differences.c.difference_id, differences.c.recording_id, _NEWNESS.label("newness"))
    .where(differences.c.group_id.in_(bindparam("groups", expanding=True)))
    .subquery()
)
_TOO_OLD = select(_RANKED.c.difference_id, _RANKED.c.recording_id).where(_RANKED.c.newness > EXAMPLES_KEPT)
_DROP_EXAMPLES = delete(differences).where(differences.c.difference_id.in_(bindparam("numbers", expanding=True)))
_REFERRED = select(differences.c.recording_id).where(differences.c.recording_id == recordings.c.recording_id)
_DROP_RECORDINGS = delete(recordings).where(
    recordings.c.recording_id.in_(bindparam("ids", expanding=True)),
    recordings.c.kind == Kind.DIFFERENCE.value,
    ~_REFERRED.exists(),
)


def _drop_oldest(connection: Connection, groups: Sequence[str]) -> None:
    """All but the latest examples of each group; then their recordings, where nothing else refers to them."""
    for some in chunks(groups):
        old = connection.execute(_TOO_OLD, {"groups": some}).all()
        for rows in chunks(old):
            connection.execute(_DROP_EXAMPLES, {"numbers": [row.difference_id for row in rows]})
            connection.execute(_DROP_RECORDINGS, {"ids": sorted({row.recording_id for row in rows})})
