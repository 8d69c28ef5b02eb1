"""Column types that are exact on every database."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC, as ``Instant`` keeps it. Raises ``ValueError`` for a datetime without an offset."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone, so it is not a moment")
    return (moment - _EPOCH) // _MICROSECOND


def json_text(value: object) -> str:
    """As ``Json`` keeps it."""
    return msgspec.json.encode(value).decode()


class Instant(TypeDecorator[datetime]):
    """A moment as whole microseconds since 1970 UTC: compares and sorts alike everywhere, and loses nothing.

    Naive datetimes are refused; values come back in UTC.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds. Raises ``ValueError`` for a datetime without an offset."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """To an aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[T]):
    """A value of ``kind`` as JSON text, encoded and checked by msgspec."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> T | None:
        """From text."""
        return None if value is None else self._decoder.decode(value)
