"""How the two stacks differ, as the report on readiness needs it: every group, with its latest examples."""

from sqlalchemy import Connection, func, select

from orderpage.adapters.sql.schema import difference_groups, differences
from orderpage.migration.gate.readiness import Difference, Example
from orderpage.migration.scope import TrafficCell

EXAMPLES = 3


def read_differences(connection: Connection) -> list[Difference]:
    """All groups, with their verdicts and their latest examples."""
    examples = _examples(connection)
    rows = connection.execute(select(difference_groups).order_by(difference_groups.c.group_id)).mappings()
    plain = ("subject", "field", "cause", "money", "count", "first_at", "last_at")
    judged = ("verdict", "verdict_reason", "verdict_by")
    return [
        Difference(
            group_id=row["group_id"],
            cell=TrafficCell(row["site"], row["business"], row["client"], row["crowd"]),
            examples=tuple(examples.get(row["group_id"], ())),
            **{name: row[name] for name in (*plain, *judged)},
        )
        for row in rows
    ]


def _examples(connection: Connection) -> dict[str, list[Example]]:
    row = differences.c
    newest = func.row_number().over(partition_by=row.group_id, order_by=row.difference_id.desc()).label("newest")
    numbered = select(row.group_id, row.recording_id, row.place, row.legacy, row.new, newest).subquery()
    query = select(numbered).where(numbered.c.newest <= EXAMPLES).order_by(numbered.c.group_id, numbered.c.newest)
    found: dict[str, list[Example]] = {}
    for one in connection.execute(query).mappings():
        fields = ("recording_id", "place", "legacy", "new")
        found.setdefault(one["group_id"], []).append(Example(**{name: one[name] for name in fields}))
    return found
