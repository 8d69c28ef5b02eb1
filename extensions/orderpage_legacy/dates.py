"""When a parcel arrives: China's working days, then days of delivery at the destination. Calendars end with 2026.

China, Hong Kong and Singapore keep the same time.
"""

from collections.abc import Container
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
from babel import Locale
from babel.dates import format_interval, format_skeleton

FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
BEIJING, SINGAPORE = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Singapore")
CUTOFF = time(16)
WIDEST = timedelta(days=10)
LOCALES = {"en": Locale("en"), "zh-Hans": Locale("zh", script="Hans"), "zh-Hant": Locale("zh", script="Hant")}

_CHINA = holidays.country_holidays("CN", years=range(2024, 2027))
_HONG_KONG = holidays.country_holidays("HK", years=range(2024, 2027))
_SINGAPORE = holidays.country_holidays("SG", years=range(2024, 2027))


@lru_cache(maxsize=1024)
def shipped_on(day: date, late: bool) -> date | None:
    """One working day of handling after the day on which the payment counts."""
    counted = _next_working(day + timedelta(days=1) if late else day)
    return _next_working(counted + timedelta(days=1)) if counted else None


@lru_cache(maxsize=4096)
def window_of(site: str, shipped: date, shortest: int, longest: int) -> tuple[date, date] | None:
    """First and last day of arrival, each rolled to a day of delivery; hidden where they are too far apart."""
    closed = _HONG_KONG if site == "HK" else _SINGAPORE
    earliest = _next_delivery(shipped + timedelta(days=shortest), closed)
    latest = _next_delivery(shipped + timedelta(days=longest), closed)
    if earliest is None or latest is None or latest - earliest > WIDEST:
        return None
    return earliest, latest


def shipping_day(now: datetime, *, late_at_cutoff: bool) -> date | None:
    """For a payment now. The cut-off itself is in time."""
    local = now.astimezone(BEIJING)
    clock = local.time()
    return shipped_on(local.date(), clock >= CUTOFF if late_at_cutoff else clock > CUTOFF)


@lru_cache(maxsize=4096)
def window_text(earliest: date, latest: date, language: str) -> str:
    """As readers of the language write it."""
    locale = LOCALES[language]
    if earliest == latest:
        return format_skeleton("MMMEd", earliest, locale=locale)
    return format_interval(earliest, latest, "MMMEd", locale=locale)


def _next_working(day: date) -> date | None:
    while FIRST <= day <= LAST:
        if _CHINA.is_working_day(day):
            return day
        day += timedelta(days=1)
    return None


def _next_delivery(day: date, closed: Container[date]) -> date | None:
    while FIRST <= day <= LAST:
        if day.weekday() != 6 and day not in closed:
            return day
        day += timedelta(days=1)
    return None
