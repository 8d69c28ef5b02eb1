"""Which schema this program needs. Known without alembic, which `serve` never imports."""

from sqlalchemy import Connection, inspect, text

EXPECTED = "0010"
"""The newest migration; a test compares it with the scripts."""


class SchemaMismatch(Exception):
    """The database does not have this program's schema. The message says what to run."""


def current_revision(connection: Connection) -> str | None:
    """The migration that the database is at; None when it has no schema of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def check_revision(connection: Connection, name: str) -> None:
    """Raises ``SchemaMismatch``, naming the database as ``name``, unless it is at the expected revision."""
    found = current_revision(connection)
    if found is None:
        raise SchemaMismatch(f"{name} has no schema yet; run `orderpage migrate`")
    if found < EXPECTED:
        raise SchemaMismatch(f"{name} has schema {found}, this program needs {EXPECTED}; run `orderpage migrate`")
    if found > EXPECTED:
        raise SchemaMismatch(
            f"{name} has schema {found}, newer than this program's {EXPECTED}; install a newer orderpage"
        )
