"""Which database a URL names, and how to say so without its password."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_WORKING = "write 'sqlite+pysqlite:///orders.sqlite3' or 'postgresql+asyncpg://user:password@host:5432/orders'"


class WrongUrl(ValueError):
    """A database URL that cannot be used. The message says what works, and never holds a password."""


def is_postgresql(url: str) -> bool:
    """Whether ``url`` names a PostgreSQL database; otherwise it names a SQLite file.

    Raises ``WrongUrl`` for any other backend, for a PostgreSQL driver that is not asyncpg, and for a bare path, which
    may be a slip of the hand: it would be a new file.
    """
    parsed = parse(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return False
    if parsed.drivername != "postgresql+asyncpg":
        raise WrongUrl(f"the database URL begins with {parsed.drivername!r}, which is not supported; {_WORKING}")
    if not parsed.database:
        raise WrongUrl(f"the database URL names no database; {_WORKING}")
    return True


def parse(url: str) -> URL:
    """The URL's parts. Raises ``WrongUrl``."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        # Without the cause: it quotes the URL, password and all.
        raise WrongUrl(f"the database URL cannot be read; {_WORKING}") from None


def shown(url: str) -> str:
    """The URL as it may be printed: a password in it is masked."""
    return parse(url).render_as_string(hide_password=True)
