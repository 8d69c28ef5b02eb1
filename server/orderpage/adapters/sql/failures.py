"""Which database errors mean that the database did not answer, and which mean that we are wrong."""

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from orderpage.ports import Unavailable

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_OURS = (IntegrityError, DataError, NotSupportedError, ProgrammingError)
_OUR_CLASSES = ("0A", "22", "23", "42")
"""The same by class of SQLSTATE: not supported, data, integrity, syntax or access."""


def translated(error: BaseException) -> BaseException:
    """``Unavailable`` for an error of the database itself, logged with its cause; any other error as it is."""
    if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and not _our_mistake(error)):
        return unavailable("the database did not answer", error)
    return error


def unavailable(message: str, cause: BaseException | None = None) -> Unavailable:
    """An ``Unavailable`` that was logged. Its text never holds the cause's: that may name files and statements."""
    log.error("database.unavailable", message=message, cause=repr(cause) if cause else "")
    failure = Unavailable(message)
    failure.__cause__ = cause
    return failure


def sqlstate_of(error: DBAPIError) -> str:
    """The five characters by which PostgreSQL names an error; empty for one that is not its own."""
    return getattr(error.orig, "sqlstate", None) or ""


def _our_mistake(error: DBAPIError) -> bool:
    if isinstance(error, _OURS) or sqlstate_of(error).startswith(_OUR_CLASSES):
        return True
    # A value that asyncpg cannot encode never reaches the server: it is a ValueError under SQLAlchemy's wrapping.
    return error.orig is not None and isinstance(error.orig.__cause__, ValueError)
