"""Bringing a database to the newest schema. The only module that needs alembic."""

from typing import NamedTuple

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.revision import EXPECTED, current_revision


class Migrated(NamedTuple):
    """Where the schema was (None: there was none) and where it is."""

    before: str | None
    after: str


def migrate(url: str) -> Migrated:
    """Make or upgrade the SQLite file, or upgrade the PostgreSQL database, that ``url`` names, in one transaction.

    Raises as ``run_command``. Of two at once on PostgreSQL the second waits, and finds nothing left to do.
    """
    return run_command(url, upgrade, create=True)


def upgrade(connection: Connection) -> Migrated:
    """Run the migrations that the database lacks, in the caller's transaction."""
    before = current_revision(connection)
    command.upgrade(configuration(connection), "head")
    return Migrated(before, EXPECTED)


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, made here because an installed wheel has no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", "orderpage.adapters.sql:migrations")
    config.attributes["connection"] = connection
    return config
