"""Storage with SQLAlchemy Core: one schema and one set of statements for SQLite and PostgreSQL.

Every statement function is synchronous and takes a ``sqlalchemy.Connection``; a database (``database.py``) decides on
which thread and in which transaction it runs. Nothing here imports alembic except ``migrate.py``.
"""
