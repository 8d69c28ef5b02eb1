"""Column types lose nothing."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from orderpage.adapters.sql.columns import Instant, Json

DIALECT = sqlite.dialect()


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    column = Instant()
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return
    stored = column.process_bind_param(moment, DIALECT)
    assert column.process_result_value(stored, DIALECT) == moment.astimezone(UTC)


def test_moments_compare_alike_in_every_offset() -> None:
    column = Instant()
    here = datetime(2026, 11, 22, 8, tzinfo=timezone(timedelta(hours=8)))
    assert column.process_bind_param(here, DIALECT) == column.process_bind_param(here.astimezone(UTC), DIALECT)


def test_a_datetime_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Instant().process_bind_param(datetime(2026, 11, 22), DIALECT)  # noqa: DTZ001


def test_json_is_read_as_its_type() -> None:
    column: Json[tuple[tuple[str, int], ...]] = Json(tuple[tuple[str, int], ...])
    stored = column.process_bind_param((("l1", 2),), DIALECT)
    assert stored == '[["l1",2]]'
    assert column.process_result_value(stored, DIALECT) == (("l1", 2),)
