"""Which database errors mean that the database did not answer, and which mean that we are wrong."""

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from orderpage.ports import Unavailable

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_OURS = (IntegrityError, DataError, NotSupportedError, ProgrammingError)


def translated(error: BaseException) -> BaseException:
    """``Unavailable`` for an error of the database itself, logged with its cause; any other error as it is."""
    if isinstance(error, PoolTimeout | DBAPIError) and not isinstance(error, _OURS):
        return unavailable("the database did not answer", error)
    return error


def unavailable(message: str, cause: BaseException | None = None) -> Unavailable:
    """An ``Unavailable`` that was logged. Its text never holds the cause's: that may name files and statements."""
    log.error("database.unavailable", message=message, cause=repr(cause) if cause else "")
    failure = Unavailable(message)
    failure.__cause__ = cause
    return failure
