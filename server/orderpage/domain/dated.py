"""Rules as dated data: rows with a first day and a last day, both inclusive."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Protocol, TypeVar

import msgspec


class Dated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a row that holds from ``effective_from`` to ``effective_to``, for ever when that is absent."""

    effective_from: date
    effective_to: date | None = None


class WrongRow(ValueError):
    """What is wrong with the row at ``index``. Where ``above`` says under which keys the rows are written, ``where``
    leads to it: a mistake in a layer is told at the row's own line.
    """

    def __init__(self, message: str, index: int, *above: str) -> None:
        super().__init__(message)
        self.index = index
        self.where = (*above, index) if above else ()


class _HasDates(Protocol):
    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...


Row = TypeVar("Row", bound=_HasDates)


def row_on(rows: Sequence[Row], day: date) -> Row | None:
    """The row that holds on ``day``; None in a gap."""
    for row in rows:
        if row.effective_from <= day and (row.effective_to is None or day <= row.effective_to):
            return row
    return None


def last_day(rows: Iterable[Row]) -> date | None:
    """The last day on which one of the rows holds; None where one holds for ever, and of no rows."""
    ends = [row.effective_to for row in rows]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def in_order(rows: Sequence[Row], *above: str) -> tuple[Row, ...]:
    """The rows by date. Raises ``WrongRow`` naming two rows that overlap, or one that ends before it begins; ``above``
    are the keys under which they are written.
    """
    return tuple([row for _, row in _by_date(rows, above)])


def without_gaps(rows: Sequence[Row], *above: str) -> tuple[Row, ...]:
    """As ``in_order``, and no day between the first row and the last is without one."""
    ordered = _by_date(rows, above)
    for (_, earlier), (index, later) in pairwise(ordered):
        if earlier.effective_to is not None and later.effective_from != (first := _after(earlier.effective_to)):
            raise WrongRow(f"no row holds from {first} to {_before(later.effective_from)}; add one", index, *above)
    return tuple([row for _, row in ordered])


def _by_date(rows: Sequence[Row], above: tuple[str, ...]) -> list[tuple[int, Row]]:
    ordered = sorted(enumerate(rows), key=lambda numbered: numbered[1].effective_from)
    for index, row in ordered:
        if row.effective_to is not None and row.effective_to < row.effective_from:
            message = f"the row from {row.effective_from} ends before it begins ({row.effective_to})"
            raise WrongRow(message, index, *above)
    for (_, earlier), (index, later) in pairwise(ordered):
        if earlier.effective_to is None or later.effective_from <= earlier.effective_to:
            message = f"the rows from {earlier.effective_from} and from {later.effective_from} overlap"
            raise WrongRow(message, index, *above)
    return ordered


def _after(day: date) -> date:
    return day + timedelta(days=1)


def _before(day: date) -> date:
    return day - timedelta(days=1)
