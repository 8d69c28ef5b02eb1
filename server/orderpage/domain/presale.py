"""Goods sold before they can be had: a deposit now, the balance within a window (domain rules, section 5.2)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from orderpage.domain.dated import Dated

MOST_PPM = 200_000
"""A deposit is at most a fifth of the price (PRC Civil Code, article 586)."""

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class BalanceWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a balance can be paid: from ``opens_at`` until just before ``closes_at``; or from the first day of the site
    to the last one, both inclusive. Raises ``ValueError`` unless it is one of the two, and ends after it begins.
    """

    opens_at: _Moment | None = None
    closes_at: _Moment | None = None
    first_day: date | None = None
    last_day: date | None = None

    def __post_init__(self) -> None:
        if self.first_day is not None and self.last_day is not None and not self.opens_at and not self.closes_at:
            if self.last_day < self.first_day:
                raise ValueError(f"the balance window ends on {self.last_day}, before it begins ({self.first_day})")
        elif self.opens_at is not None and self.closes_at is not None and not self.first_day and not self.last_day:
            if self.closes_at <= self.opens_at:
                raise ValueError(f"the balance window closes at {self.closes_at}, not after it opens ({self.opens_at})")
        else:
            raise ValueError("a balance window has opens_at and closes_at, or first_day and last_day")

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """When it opens and when it closes, in UTC; days are those of ``zone``."""
        if self.opens_at is not None and self.closes_at is not None:
            return self.opens_at.astimezone(UTC), self.closes_at.astimezone(UTC)
        first, last = self.first_day or date.min, self.last_day or date.max - timedelta(1)
        return _midnight(first, zone), _midnight(last + timedelta(1), zone)


class Presale(Dated, frozen=True, kw_only=True, omit_defaults=True):
    """How a SKU is sold from ``effective_from`` to ``effective_to``, days of the site: for a ``deposit`` in fen a unit,
    or in ``deposit_ppm`` (parts per million) of its price. Raises ``ValueError`` for what cannot be kept.
    """

    deposit: int = 0
    deposit_ppm: int = 0
    balance: BalanceWindow

    def __post_init__(self) -> None:
        if self.effective_to is None:
            raise ValueError("a presale ends some day: give effective_to")
        if (self.deposit > 0) is (self.deposit_ppm > 0):
            raise ValueError("a presale has a deposit, or deposit_ppm in its place, above zero")
        if self.deposit_ppm > MOST_PPM:
            said = (
                f"a deposit of {self.deposit_ppm} parts per million is over the legal {MOST_PPM}, a fifth of the price"
            )
            raise ValueError(said)
        if self.balance.moments(ZoneInfo("UTC"))[1].date() <= self.effective_to:
            raise ValueError(f"it is sold until {self.effective_to}, when its balance can be paid no more")


def over_the_law(presale: Presale, unit_price: int) -> bool:
    """Whether the deposit in fen is more than a fifth of the price."""
    return presale.deposit * 1_000_000 > unit_price * MOST_PPM


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
