"""Moving traffic from a legacy order page."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from orderpage.adapters.sql.columns import Instant
from orderpage.adapters.sql.schema.metadata import ROW_ID, metadata


def _scope(*, key: bool = False) -> tuple[Column[str], ...]:
    """The dimensions that traffic is moved by."""
    return tuple(
        Column(name, String, nullable=False, primary_key=key) for name in ("site", "business", "client", "crowd")
    )


traffic_counts = Table(
    "traffic_counts",
    metadata,
    Column("slot", Instant, primary_key=True, comment="start of the ten seconds that were counted"),
    *_scope(key=True),
    Column("name", String, primary_key=True, comment="what was counted, as migration/counts.py names it"),
    Column("count", BigInteger, nullable=False),
    CheckConstraint("count > 0", name="count_positive"),
    comment="what both stacks did, added up over all workers: what the gate decides by",
)

ramps = Table(
    "ramps",
    metadata,
    Column("name", String, primary_key=True, comment="as in the ramp file"),
    *_scope(),
    Column("share", Integer, nullable=False, comment="of 10,000 buckets: those below it go to the new stack"),
    Column("step", Integer, nullable=False, comment="which of the ramp's steps, from 0"),
    Column("since", Instant, nullable=False, comment="when the step began"),
    Column("note", Text, nullable=False, comment="why it waits, for people"),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("share BETWEEN 0 AND 10000", name="share_within_buckets"),
    comment="how far each ramp is; a scope is * where it takes every value",
)

trips = Table(
    "trips",
    metadata,
    Column("trip_id", ROW_ID, primary_key=True),
    *_scope(),
    Column("reason", String, nullable=False, comment="MONEY, UNKNOWN_CODE, ERRORS, MISMATCHES, LATENCY or OPERATOR"),
    Column("evidence", Text, nullable=False, comment="the figures, for people"),
    Column("tripped_at", Instant, nullable=False),
    Column("cleared_at", Instant, comment="null: it holds"),
    Column("cleared_by", String, nullable=False, comment="empty until it is cleared"),
    Column("clear_reason", Text, nullable=False),
    Index(None, "cleared_at"),
    comment="scopes sent back to the legacy stack, above every flag, until a person clears them",
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Instant, nullable=False, comment="afterwards anybody may take it"),
    comment="work that one process does at a time",
)

recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", String, nullable=False, comment="SAMPLE or DIFFERENCE"),
    *_scope(),
    Column("plan_digest", String, nullable=False, comment="of the plan that made our page"),
    Column("body", LargeBinary, nullable=False, comment="request, facts and pages, as recording.py packs them"),
    Index(None, "at"),
    comment="pages that can be made again: without personal data",
)

difference_groups = Table(
    "difference_groups",
    metadata,
    Column("group_id", String, primary_key=True, comment="names subject, field, cause and cell"),
    Column("subject", String, nullable=False, comment="PAGE or ORDER"),
    Column("field", String, nullable=False, comment="path without indexes, such as parcels.options.freight"),
    Column("cause", String, nullable=False, comment="a guess"),
    *_scope(),
    Column("money", Boolean, nullable=False, comment="whether the field is an amount that a buyer pays"),
    Column("count", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("verdict", String, nullable=False, comment="LEGACY or NEW: which is right; empty until somebody said"),
    Column("verdict_reason", Text, nullable=False),
    Column("verdict_by", String, nullable=False),
    Column("verdict_at", Instant),
    comment="how the two stacks differ",
)

differences = Table(
    "differences",
    metadata,
    Column("difference_id", ROW_ID, primary_key=True),
    Column("group_id", String, ForeignKey("difference_groups.group_id"), nullable=False, index=True),
    Column("recording_id", String, ForeignKey("recordings.recording_id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("place", String, nullable=False, comment="path with keys, such as parcels[1:1].options[SG_DM_AIR].freight"),
    Column("legacy", Text, nullable=False),
    Column("new", Text, nullable=False),
    comment="the latest examples of each group",
    sqlite_autoincrement=True,
)
