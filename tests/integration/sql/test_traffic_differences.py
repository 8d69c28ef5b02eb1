"""Differences are read with their verdicts and latest examples: on both databases."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.schema import difference_groups, differences, recordings
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.migration.gate.readiness import Example
from orderpage.migration.scope import TrafficCell

CELL = TrafficCell("SG", "marketplace", "h5", "everyone")


def group(group_id: str, now: datetime, **other: Any) -> dict[str, Any]:
    fields = {"subject": "PAGE", "field": "notices", "cause": "TEXT", "money": False, "count": 5}
    verdict = {"verdict": "", "verdict_reason": "", "verdict_by": "", "verdict_at": None}
    return {"group_id": group_id, **CELL._asdict(), **fields, "first_at": now, "last_at": now, **verdict, **other}


async def test_a_group_has_its_verdict_and_its_three_latest_examples(database: Database, now: datetime) -> None:
    def fill(connection: Connection) -> None:
        recording = {"recording_id": "r1", "at": now, "kind": "DIFFERENCE", "plan_digest": "d", "body": b"{}"}
        connection.execute(insert(recordings).values(**recording, **CELL._asdict()))
        judged = {"verdict": "NEW", "verdict_reason": "the law", "verdict_by": "mei", "verdict_at": now}
        for values in (group("g1", now), group("g2", now, money=True, **judged)):
            connection.execute(insert(difference_groups).values(**values))
        for number in range(5):
            values = {"group_id": "g1", "recording_id": "r1", "at": now, "place": f"notices[{number}]"}
            connection.execute(insert(differences).values(**values, legacy="a", new="b"))

    await database.write(fill)
    first, second = await SqlTraffic(database).differences()
    assert (first.group_id, first.cell, first.count, first.verdict) == ("g1", CELL, 5, "")
    assert first.examples == tuple(
        Example(recording_id="r1", place=f"notices[{number}]", legacy="a", new="b") for number in (4, 3, 2)
    )
    assert (second.money, second.verdict, second.verdict_reason, second.verdict_by) == (True, "NEW", "the law", "mei")
    assert second.examples == ()


async def test_no_difference_is_none(database: Database) -> None:
    assert await SqlTraffic(database).differences() == []
