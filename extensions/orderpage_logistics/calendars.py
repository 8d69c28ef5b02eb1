"""Working and delivery days as sorted tuples, so that counting days is a bisection and never a walk.

Public holidays and make-up working days come from the package ``holidays``; it also ships estimates for years that no
government has published, which is why the caller says how far a calendar is published.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import holidays


class Weekday(StrEnum):
    """A day of the week, as settings name it."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


class Days:
    """Certain days of the published years, in order. Every answer is None outside those years."""

    def __init__(self, days: tuple[date, ...], first: date, last: date) -> None:
        self.days = days
        self.first = first
        self.last = last

    def from_day(self, day: date, *, after: bool = False, further: int = 0) -> date | None:
        """The first of these days on or after ``day`` (after it, with ``after``), then ``further`` of them on."""
        if not self.first <= day <= self.last:
            return None
        index = (bisect_right if after else bisect_left)(self.days, day) + further
        return self.days[index] if index < len(self.days) else None


@lru_cache(maxsize=64)
def working_days(country: str, subdivision: str | None, first_year: int, last_year: int) -> Days:
    """Days on which the origin works: no weekends, no holidays, but make-up weekends."""
    calendar = _public_holidays(country, subdivision, first_year, last_year)
    every = _every_day(first_year, last_year)
    return Days(tuple(day for day in every if calendar.is_working_day(day)), every[0], every[-1])


@lru_cache(maxsize=64)
def delivery_days(
    country: str, subdivision: str | None, weekdays: frozenset[Weekday], first_year: int, last_year: int
) -> Days:
    """Days on which parcels are handed over: those weekdays, but no public holiday."""
    calendar = _public_holidays(country, subdivision, first_year, last_year)
    delivering = {index for index, weekday in enumerate(Weekday) if weekday in weekdays}
    every = _every_day(first_year, last_year)
    days = tuple(day for day in every if day.weekday() in delivering and day not in calendar)
    return Days(days, every[0], every[-1])


@lru_cache(maxsize=64)
def every_weekday(weekdays: frozenset[Weekday], first_year: int, last_year: int) -> Days:
    """Those weekdays, holidays or not: what is open always."""
    wanted = {index for index, weekday in enumerate(Weekday) if weekday in weekdays}
    every = _every_day(first_year, last_year)
    return Days(tuple(day for day in every if day.weekday() in wanted), every[0], every[-1])


@lru_cache(maxsize=64)
def subdivisions_of(country: str) -> Mapping[str, str]:
    """Casefolded code or name of each part of a country that has holidays of its own, to the code they go by."""
    with _countries_one_by_one():
        calendar = holidays.country_holidays(country)
    names = {code: (code, *aliases) for code, aliases in calendar.get_subdivision_aliases().items()}
    return {name.casefold(): code for code, known in names.items() for name in known}


def _public_holidays(country: str, subdivision: str | None, first_year: int, last_year: int) -> holidays.HolidayBase:
    with _countries_one_by_one():
        return holidays.country_holidays(country, subdiv=subdivision, years=range(first_year, last_year + 1))


@contextmanager
def _countries_one_by_one() -> Iterator[None]:
    """While the block runs, only the country that is asked for is imported.

    ``holidays.countries`` itself imports all 250, which costs a server 8 MB and a tenth of its start. An empty package
    in its place lets each of its modules be imported alone; whoever asks for the whole afterwards gets the whole.
    """
    name = "holidays.countries"
    if name in sys.modules:
        yield
        return
    alone = ModuleType(name)
    alone.__path__ = [str(Path(holidays.__file__).with_name("countries"))]
    sys.modules[name] = alone
    try:
        yield
    finally:
        del sys.modules[name]


def _every_day(first_year: int, last_year: int) -> tuple[date, ...]:
    first = date(first_year, 1, 1)
    count = (date(last_year, 12, 31) - first).days + 1
    return tuple(first + timedelta(days=offset) for offset in range(count))
