"""Run by alembic: uses the connection that ``migrate.py`` opened, and its transaction."""

from alembic import context

from orderpage.adapters.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a table in place
)
with context.begin_transaction():
    context.run_migrations()
