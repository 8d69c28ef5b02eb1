"""Moving traffic from a legacy order page: counts, ramps, trips, recordings and differences."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "difference_groups",
        sa.Column("group_id", sa.String(), nullable=False, comment="names subject, field, cause and cell"),
        sa.Column("subject", sa.String(), nullable=False, comment="PAGE or ORDER"),
        sa.Column(
            "field", sa.String(), nullable=False, comment="path without indexes, such as parcels.options.freight"
        ),
        sa.Column("cause", sa.String(), nullable=False, comment="a guess"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("crowd", sa.String(), nullable=False),
        sa.Column("money", sa.Boolean(), nullable=False, comment="whether the field is an amount that a buyer pays"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "verdict", sa.String(), nullable=False, comment="LEGACY or NEW: which is right; empty until somebody said"
        ),
        sa.Column("verdict_reason", sa.Text(), nullable=False),
        sa.Column("verdict_by", sa.String(), nullable=False),
        sa.Column("verdict_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_difference_groups")),
        comment="how the two stacks differ",
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False, comment="afterwards anybody may take it"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        comment="work that one process does at a time",
    )
    op.create_table(
        "ramps",
        sa.Column("name", sa.String(), nullable=False, comment="as in the ramp file"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("crowd", sa.String(), nullable=False),
        sa.Column(
            "share", sa.Integer(), nullable=False, comment="of 10,000 buckets: those below it go to the new stack"
        ),
        sa.Column("step", sa.Integer(), nullable=False, comment="which of the ramp's steps, from 0"),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="when the step began"),
        sa.Column("note", sa.Text(), nullable=False, comment="why it waits, for people"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("share BETWEEN 0 AND 10000", name=op.f("ck_ramps_share_within_buckets")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ramps")),
        comment="how far each ramp is; a scope is * where it takes every value",
    )
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="SAMPLE or DIFFERENCE"),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("crowd", sa.String(), nullable=False),
        sa.Column("plan_digest", sa.String(), nullable=False, comment="of the plan that made our page"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="request, facts and pages, as recording.py packs them"
        ),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_recordings")),
        comment="pages that can be made again: without personal data",
    )
    op.create_index(op.f("ix_recordings_at"), "recordings", ["at"], unique=False)
    op.create_table(
        "traffic_counts",
        sa.Column(
            "slot",
            sa.BigInteger(),
            nullable=False,
            comment="start of the ten seconds that were counted",
        ),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("crowd", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, comment="what was counted, as migration/counts.py names it"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("ck_traffic_counts_count_positive")),
        sa.PrimaryKeyConstraint("slot", "site", "business", "client", "crowd", "name", name=op.f("pk_traffic_counts")),
        comment="what both stacks did, added up over all workers: what the gate decides by",
    )
    op.create_table(
        "trips",
        sa.Column("trip_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("business", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("crowd", sa.String(), nullable=False),
        sa.Column(
            "reason",
            sa.String(),
            nullable=False,
            comment="MONEY, UNKNOWN_CODE, ERRORS, MISMATCHES, LATENCY or OPERATOR",
        ),
        sa.Column("evidence", sa.Text(), nullable=False, comment="the figures, for people"),
        sa.Column("tripped_at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True, comment="null: it holds"),
        sa.Column("cleared_by", sa.String(), nullable=False, comment="empty until it is cleared"),
        sa.Column("clear_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trip_id", name=op.f("pk_trips")),
        comment="scopes sent back to the legacy stack, above every flag, until a person clears them",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_trips_cleared_at"), "trips", ["cleared_at"], unique=False)
    op.create_table(
        "differences",
        sa.Column("difference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "place",
            sa.String(),
            nullable=False,
            comment="path with keys, such as parcels[1:1].options[SG_DM_AIR].freight",
        ),
        sa.Column("legacy", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["difference_groups.group_id"], name=op.f("fk_differences_group_id_difference_groups")
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.recording_id"], name=op.f("fk_differences_recording_id_recordings")
        ),
        sa.PrimaryKeyConstraint("difference_id", name=op.f("pk_differences")),
        comment="the latest examples of each group",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_differences_group_id"), "differences", ["group_id"], unique=False)
    op.create_index(op.f("ix_differences_recording_id"), "differences", ["recording_id"], unique=False)
