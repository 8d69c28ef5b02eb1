"""What all tables share."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Integer,
    MetaData,
)

from orderpage.adapters.sql.columns import Json

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PENDING, DONE, PARKED = "PENDING", "DONE", "PARKED"
"""States of an outbox row."""

TEXTS = Json[dict[str, str]](dict[str, str])
ROW_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows only in a column of type INTEGER


def one_of(column: str, values: Iterable[str | int]) -> CheckConstraint:
    """The column holds one of these."""
    allowed = ", ".join(f"'{value}'" if isinstance(value, str) else str(int(value)) for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=f"{column}_known")
