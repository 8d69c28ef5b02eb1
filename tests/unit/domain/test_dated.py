"""Dated rows: rules that begin and end are data, never code."""

from datetime import date

import pytest

from orderpage.domain.dated import Dated, in_order, row_on


def row(start: str, end: str | None = None) -> Dated:
    return Dated(effective_from=date.fromisoformat(start), effective_to=date.fromisoformat(end) if end else None)


OLD, NEW = row("2023-01-01", "2023-12-31"), row("2024-01-01")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2022-12-31", None),
        ("2023-01-01", OLD),
        ("2023-12-31", OLD),
        ("2024-01-01", NEW),
        ("2099-06-01", NEW),
    ],
)
def test_both_ends_of_a_row_are_inclusive_and_an_open_one_holds_for_ever(day: str, expected: Dated | None) -> None:
    assert row_on((OLD, NEW), date.fromisoformat(day)) is expected


def test_a_gap_has_no_row() -> None:
    later = row("2024-02-01")
    assert row_on((OLD, later), date(2024, 1, 15)) is None


def test_rows_are_put_in_order_of_their_dates() -> None:
    assert in_order((NEW, OLD)) == (OLD, NEW)


@pytest.mark.parametrize(
    "rows",
    [
        (row("2024-01-01"), row("2024-06-01")),
        (row("2024-01-01", "2024-06-01"), row("2024-06-01")),
        (row("2024-01-01", "2024-12-31"), row("2024-01-01", "2024-12-31")),
    ],
)
def test_rows_that_overlap_are_refused_naming_both(rows: tuple[Dated, ...]) -> None:
    with pytest.raises(ValueError, match=r"from 2024-01-01 and from 2024-0[16]-01 overlap"):
        in_order(rows)


def test_rows_that_touch_do_not_overlap() -> None:
    assert in_order((OLD, NEW))


def test_a_row_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match=r"from 2024-01-02 ends before it begins \(2024-01-01\)"):
        in_order((row("2024-01-02", "2024-01-01"),))
