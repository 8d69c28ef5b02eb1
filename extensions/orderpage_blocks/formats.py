"""Dates and amounts as readers of a language write them. Kept once made: Babel is slow, and pages repeat themselves."""

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from math import inf

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_timedelta
from babel.lists import format_list
from babel.numbers import NumberPattern, get_currency_symbol, parse_pattern

from orderpage.domain.money import Currency
from orderpage.domain.shipping import ArrivalWindow

_LOCALES = {"zh-Hans": Locale("zh", script="Hans"), "zh-Hant": Locale("zh", script="Hant"), "en": Locale("en")}
_DAY = "MMMEd"

for _locale in _LOCALES.values():
    format_interval(date(2026, 1, 1), date(2026, 1, 3), _DAY, locale=_locale)  # reads its data: no buyer should wait


def locale_of(language: str) -> Locale:
    """The locale of a page's language; simplified Chinese where we have no texts of it."""
    return _LOCALES.get(language, _LOCALES["zh-Hans"])


@lru_cache(maxsize=8192)
def amount_text(amount: int, currency: Currency, language: str) -> str:
    """Minor units as a price, with the currency's own number of decimals (never a float)."""
    locale = locale_of(language)
    pattern = _pattern(currency, locale)
    value = Decimal(amount).scaleb(-currency.exponent)
    text: str = pattern.apply(value, locale, currency=currency.code, currency_digits=False)
    return text


@lru_cache(maxsize=64)
def _pattern(currency: Currency, locale: Locale) -> NumberPattern:
    """A code that has no symbol in the locale stands off by a space: ``SGD 5.00``."""
    sign = "¤¤\N{NO-BREAK SPACE}" if get_currency_symbol(currency.code, locale) == currency.code else "¤"
    decimals = f".{'0' * currency.exponent}" if currency.exponent else ""
    return parse_pattern(f"{sign}#,##0{decimals}")


@lru_cache(maxsize=4096)
def window_text(earliest: date, latest: date, language: str) -> str:
    """One day, or from day to day."""
    if earliest == latest:
        return day_text(earliest, language)
    return format_interval(earliest, latest, _DAY, locale=locale_of(language))


def window_of(window: ArrivalWindow, language: str) -> str:
    """The window's text."""
    return window_text(window.earliest, window.latest, language)


@lru_cache(maxsize=4096)
def day_text(day: date, language: str) -> str:
    """A day as lists show it: ``Fri, Dec 4``."""
    return format_skeleton(_DAY, day, locale=locale_of(language))


@lru_cache(maxsize=4096)
def day_in_full(day: date, language: str) -> str:
    """With its weekday and year in full: ``Friday, December 4, 2026``."""
    return format_date(day, "full", locale=locale_of(language))


def duration_text(left: timedelta, language: str) -> str:
    """Whole hours and minutes, rounded down: ``2 hours 15 minutes``. Raises ``ValueError`` below a minute."""
    return _hours_and_minutes(left // timedelta(minutes=1), language)


@lru_cache(maxsize=4096)
def _hours_and_minutes(minutes: int, language: str) -> str:
    if minutes < 1:
        raise ValueError("a duration below a minute has no text")
    locale = locale_of(language)
    hours, rest = timedelta(hours=minutes // 60), timedelta(minutes=minutes % 60)
    # A threshold that nothing reaches keeps the unit that is named: Babel would make 26 hours a day.
    parts = [
        format_timedelta(hours, granularity="hour", threshold=inf, locale=locale) if hours else "",
        format_timedelta(rest, granularity="minute", threshold=inf, locale=locale) if rest else "",
    ]
    return format_list([part for part in parts if part], style="unit-narrow", locale=locale)
