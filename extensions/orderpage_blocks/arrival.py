"""How an arrival window is told: its days, short or in full, a countdown to the cut-off, or the day it is before."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings
from orderpage.domain.page import PageView
from orderpage.domain.shipping import ArrivalWindow
from orderpage_blocks.formats import day_in_full, day_text, duration_text, window_of
from orderpage_blocks.words import words

_ONE_DAY = timedelta(days=1)


class Style(StrEnum):
    """The form of the text. What one form cannot say of a window, the short form says."""

    SHORT = "SHORT"
    LONG = "LONG"
    COUNTDOWN = "COUNTDOWN"
    BEFORE = "BEFORE"


class ArrivalStyle(Settings, frozen=True, kw_only=True):
    """Settings of ``blocks.arrival``. A countdown longer than ``within_hours`` hurries nobody, and is left out."""

    style: Style = Style.SHORT
    within_hours: Annotated[int, Meta(ge=1, le=168)] = 24


class Told(msgspec.Struct, frozen=True):
    """The text of a window, and what it says beside the two days, by name."""

    text: str
    more: dict[str, str] = {}


def tell(window: ArrivalWindow, page: PageView, settings: ArrivalStyle) -> Told:
    """The window in the page's language."""
    told: Told | None = None
    match settings.style:
        case Style.LONG:
            told = _in_full(window, page.language)
        case Style.COUNTDOWN:
            told = _countdown(window, page, timedelta(hours=settings.within_hours))
        case Style.BEFORE:
            told = _before(window, page.language)
    return told or Told(words("arrival.text", page.language, window=window_of(window, page.language)))


def _in_full(window: ArrivalWindow, language: str) -> Told:
    earliest, latest = day_in_full(window.earliest, language), day_in_full(window.latest, language)
    if window.earliest == window.latest:
        return Told(words("arrival.on", language, day=latest))
    return Told(words("arrival.between", language, earliest=earliest, latest=latest))


def _countdown(window: ArrivalWindow, page: PageView, longest: timedelta) -> Told | None:
    """None without a cut-off, with one too far off, and in its last minute."""
    left = _left(window.order_by, page.priced_at)
    if window.order_by is None or not timedelta(minutes=1) <= left <= longest:
        return None
    language = page.language
    time, day = duration_text(left, language), day_text(window.latest, language)
    return Told(
        words("arrival.countdown", language, time=time, day=day),
        {"order_by": window.order_by.isoformat(), "left": time},
    )


def _left(order_by: datetime | None, now: datetime) -> timedelta:
    return order_by - now if order_by is not None else timedelta(0)


def _before(window: ArrivalWindow, language: str) -> Told | None:
    """The day after the last one: it is then true whether or not the reader counts the day that is named."""
    if window.latest == date.max:
        return None
    day = window.latest + _ONE_DAY
    return Told(words("arrival.before", language, day=day_text(day, language)), {"before": day.isoformat()})
