"""Rules as dated data: rows with a first day and a last day, both inclusive."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Protocol, TypeVar

import msgspec


class Dated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a row that holds from ``effective_from`` to ``effective_to``, for ever when that is absent."""

    effective_from: date
    effective_to: date | None = None


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


def in_order(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows by date. Raises ``ValueError`` naming two rows that overlap, or one that ends before it begins."""
    ordered = tuple(sorted(rows, key=lambda row: row.effective_from))
    for row in ordered:
        if row.effective_to is not None and row.effective_to < row.effective_from:
            raise ValueError(f"the row from {row.effective_from} ends before it begins ({row.effective_to})")
    for earlier, later in pairwise(ordered):
        if earlier.effective_to is None or later.effective_from <= earlier.effective_to:
            raise ValueError(f"the rows from {earlier.effective_from} and from {later.effective_from} overlap")
    return ordered
