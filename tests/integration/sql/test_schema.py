"""The migrations make the schema, and a database without it says what to run."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.load import load
from orderpage.adapters.sql.migrate import configuration, migrate
from orderpage.adapters.sql.revision import EXPECTED, SchemaMismatch
from orderpage.adapters.sql.schema import metadata
from orderpage.adapters.sql.urls import WrongUrl

POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def test_the_migrated_schema_is_the_declared_one(url: str) -> None:
    def differences(connection: Connection) -> object:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert run_command(url, differences) == []


def test_constraints_and_indexes_are_the_declared_ones(url: str, empty_url: str) -> None:
    run_command(empty_url, metadata.create_all, create=True)
    assert run_command(url, _definitions) == run_command(empty_url, _definitions)


def _definitions(connection: Connection) -> dict[str, set[str]]:
    queries = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    rows = [row for query in queries for row in connection.execute(text(query))]
    assert rows
    return {
        row.name: {part.strip() for part in _PARTS.split(row.sql)}
        for row in rows
        if not row.name.startswith(("alembic_version", "sqlite_sequence"))
    }


# SQLite writes a column that was added behind the last one, in its line.
_PARTS = re.compile(r"\n|,(?=\s)(?![^()]*\))")
_SQLITE = ("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL",)
_POSTGRESQL = (
    "SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT conname AS name, pg_get_constraintdef(oid) AS sql FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
)


def test_every_table_says_what_it_is_for_and_compiles_for_postgresql() -> None:
    for table in metadata.sorted_tables:
        assert table.comment, table.name
        assert str(CreateTable(table).compile(dialect=POSTGRESQL))


def test_migrating_again_changes_nothing(url: str) -> None:
    assert migrate(url) == (EXPECTED, EXPECTED)


def test_a_new_file_is_made(tmp_path: Path) -> None:
    assert migrate(f"sqlite:///{tmp_path / 'a b.db'}") == (None, EXPECTED)
    assert (tmp_path / "a b.db").is_file()


def test_the_expected_revision_is_the_newest_script() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == EXPECTED


def test_serving_on_sqlite_imports_neither_alembic_nor_asyncpg() -> None:
    code = "import sys, orderpage.bootstrap; from orderpage.adapters.sql import load, sqlite_database; "
    code += "sys.exit(' '.join({'alembic', 'asyncpg', 'sqlalchemy.ext.asyncio'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


async def test_a_database_without_a_schema_says_what_to_run(empty_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="run `orderpage migrate`"):
        await open_database(empty_url)
    migrate(empty_url)
    await (await open_database(empty_url)).close()


@pytest.mark.parametrize(("revision", "advice"), [("0000", "run `orderpage migrate`"), ("9999", "a newer orderpage")])
async def test_another_revision_says_what_to_do(url: str, revision: str, advice: str) -> None:
    def stamp(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})

    run_command(url, stamp)
    for opening in (open_database(url), asyncio.to_thread(load, url, [])):
        with pytest.raises(SchemaMismatch, match=advice) as caught:
            await opening
        assert url.rpartition("/")[2] in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql+pymysql://u:sesame@db/orders",
        "postgresql://u:sesame@db/orders",
        "postgresql+psycopg://u:sesame@db/orders",
        "postgresql+asyncpg://u:sesame@db",
        "postgresql+asyncpg://u:sesame@db:port/orders",
        "://u:sesame@db",
        "u:sesame@db/orders",
    ],
)
async def test_a_url_of_another_database_names_the_two_that_work(wrong: str) -> None:
    for opening in (open_database(wrong), asyncio.to_thread(migrate, wrong)):
        with pytest.raises(WrongUrl) as caught:
            await opening
        assert "'sqlite+pysqlite:///" in str(caught.value)
        assert "'postgresql+asyncpg://" in str(caught.value)
        assert "sesame" not in str(caught.value)
        assert caught.value.__cause__ is None
