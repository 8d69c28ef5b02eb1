"""The migrations make the schema, and a database without it says what to run."""

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

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.migrate import configuration, migrate
from orderpage.adapters.sql.revision import EXPECTED, SchemaMismatch
from orderpage.adapters.sql.schema import metadata
from orderpage.adapters.sql.sqlite import path_of, writing

POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def test_the_migrated_schema_is_the_declared_one(url: str) -> None:
    with writing(url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_constraints_and_indexes_are_the_declared_ones(url: str, tmp_path: Path) -> None:
    with writing(url) as migrated, writing(str(tmp_path / "declared.db"), create=True) as declared:
        metadata.create_all(declared)
        assert _statements(migrated) == _statements(declared)


def _statements(connection: Connection) -> dict[str, set[str]]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {
        row.name: {line.strip().rstrip(",") for line in row.sql.splitlines()}
        for row in rows
        if row.name not in {"alembic_version", "sqlite_sequence"}
    }


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


def test_serving_does_not_import_alembic() -> None:
    code = "import sys, orderpage.adapters.sql.orders, orderpage.adapters.sql.load; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_absent_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch, match="run `orderpage migrate`"):
        Database(f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()


def test_an_empty_database_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(SchemaMismatch, match="has no schema yet; run `orderpage migrate`"):
        Database(str(tmp_path / "empty.db"))


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(SchemaMismatch, match=r"notes\.txt cannot be read"):
        Database(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize(("revision", "advice"), [("0000", "run `orderpage migrate`"), ("9999", "a newer orderpage")])
def test_another_revision_says_what_to_do(url: str, revision: str, advice: str) -> None:
    with writing(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    with pytest.raises(SchemaMismatch, match=advice) as caught:
        Database(url)
    assert str(path_of(url)) in str(caught.value)
