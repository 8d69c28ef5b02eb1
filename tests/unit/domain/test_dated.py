"""Dated rows: rules that begin and end are data, never code."""

from datetime import date

import pytest

from orderpage.domain.dated import Dated, WrongRow, in_order, last_day, row_on, without_gaps


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


def test_what_is_wrong_says_which_row_it_is_and_where_it_is_written() -> None:
    with pytest.raises(WrongRow) as refused:
        in_order((NEW, OLD, row("2023-12-31", "2023-12-31")), "tables", "rows")
    assert (refused.value.index, refused.value.where) == (2, ("tables", "rows", 2))
    with pytest.raises(WrongRow) as unplaced:
        in_order((NEW, NEW))
    assert (unplaced.value.index, unplaced.value.where) == (1, ())


def test_a_gap_can_be_refused_by_its_first_and_last_day() -> None:
    with pytest.raises(WrongRow, match="no row holds from 2024-01-01 to 2024-01-31; add one") as refused:
        without_gaps((row("2024-02-01"), OLD), "rows")
    assert refused.value.where == ("rows", 0)
    assert without_gaps((NEW, OLD)) == (OLD, NEW)
    assert without_gaps(()) == ()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [((OLD,), "2023-12-31"), ((row("2024-01-01", "2024-01-31"), OLD), "2024-01-31"), ((OLD, NEW), None), ((), None)],
)
def test_the_last_day_is_that_of_the_last_row(rows: tuple[Dated, ...], expected: str | None) -> None:
    assert last_day(rows) == (date.fromisoformat(expected) if expected else None)
