"""When a parcel arrives (domain rules 3.4, and "Dates" in section 12).

A payment counts on its day when it is in by the cut-off on the origin's clock (16:00:00 is on time) and the origin
works; otherwise on the next working day. Handling is counted in working days, transit in calendar days, and each end
of the window rolls by itself to a day of delivery. A window wider than the limit after rolling is hidden, and so is
one that needs an unpublished calendar.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.page import PageView
from orderpage.domain.shipping import ArrivalWindow, MethodKind, Option, Transit
from orderpage_logistics.calendars import Days, Weekday, delivery_days, working_days

Year = Annotated[int, Meta(ge=2000, le=2100)]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose holidays count, and the years for which they are published (both inclusive)."""

    country: str
    published_through: Year
    published_from: Year = 2024
    subdivision: str | None = None

    def __post_init__(self) -> None:
        if self.published_from > self.published_through:
            raise ValueError("published_from is after published_through")


class Arrival(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.arrival``. ``cutoff`` is local to ``timezone``, the origin's.

    A window wider than ``widest_days`` is hidden.
    """

    origin: Place
    destination: Place
    timezone: str
    cutoff: time
    handling_days: Annotated[int, Meta(ge=0, le=60)]
    delivery_weekdays: frozenset[Weekday]
    widest_days: Annotated[int, Meta(ge=0)] = 10

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not an IANA time zone, such as Asia/Shanghai") from error
        if not self.delivery_weekdays:
            raise ValueError("delivery_weekdays is empty; name at least one day")


@extension("logistics.arrival", settings=Arrival)
class ArrivalPromise:
    """A window of local dates, computed from calendars built at construction.

    ``data_digest`` names the version of the calendars, which decide dates as the settings do. ``data_until`` is the
    last day of the one that ends first: windows that reach past it are not shown, so it matters some weeks before.
    """

    data_digest = f"holidays {version('holidays')}"

    def __init__(self, settings: Arrival) -> None:
        origin, destination = settings.origin, settings.destination
        self.zone = ZoneInfo(settings.timezone)
        self.cutoff = settings.cutoff
        self.handling_days = settings.handling_days
        self.widest = timedelta(days=settings.widest_days)
        self.working = working_days(origin.country, origin.subdivision, origin.published_from, origin.published_through)
        self.delivering = delivery_days(
            destination.country,
            destination.subdivision,
            settings.delivery_weekdays,
            destination.published_from,
            destination.published_through,
        )
        self.data_until = min(self.working.last, self.delivering.last)

    @extends(points.PROMISE)
    def promise(self, page: PageView) -> Callable[[Option], ArrivalWindow | None] | None:
        """The shipping day is found once a page; an option only adds its transit."""
        shipped = self.ship_date(page.priced_at)
        if shipped is None:
            return None
        delivering, widest = self.delivering, self.widest
        return lambda option: _window(option, shipped, delivering, widest)

    def ship_date(self, paid_at: datetime) -> date | None:
        """The origin's day of hand-over for a payment at ``paid_at``; None where a calendar is unpublished."""
        local = paid_at.astimezone(self.zone)
        late = local.time() > self.cutoff
        return self.working.from_day(local.date(), after=late, further=self.handling_days)


def _window(option: Option, shipped: date, delivering: Days, widest: timedelta) -> ArrivalWindow | None:
    transit = option.method.transit
    if transit is None or option.method.kind is MethodKind.CONSO_THIRD_PARTY:
        return None
    return _between(transit, shipped, delivering, widest)


@lru_cache(maxsize=4096)
def _between(transit: Transit, shipped: date, delivering: Days, widest: timedelta) -> ArrivalWindow | None:
    """Kept once made: a day's pages ask for the same few windows."""
    earliest = delivering.from_day(shipped + timedelta(days=transit.minimum))
    latest = delivering.from_day(shipped + timedelta(days=transit.maximum))
    if earliest is None or latest is None or latest - earliest > widest:
        return None
    return ArrivalWindow(earliest, latest)
