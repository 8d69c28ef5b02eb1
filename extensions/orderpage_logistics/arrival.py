"""When a parcel arrives (domain rules 3.4, and "Dates" in section 12).

A payment counts on its day when it is in by the cut-off on the origin's clock (16:00:00 is on time) and the origin
works; otherwise on the next working day. Handling is counted in working days, and so are days that goods take to the
warehouse that sends them; transit is counted in calendar days, and each end of the window rolls by itself to a day of
delivery (of the destination's part of the country, where those differ; of the pick-up point, where the buyer
collects). A window wider than the limit after rolling is hidden, and so is one that needs an unpublished calendar.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.page import PageView
from orderpage.domain.shipping import ArrivalWindow, MethodKind, Option, Transit
from orderpage_logistics.calendars import Days, Weekday, delivery_days, every_weekday, subdivisions_of, working_days

Year = Annotated[int, Meta(ge=2000, le=2100)]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose holidays count, and the years for which they are published (both inclusive).

    ``by_subdivision``: those of the address's part of the country count too (where it is not known, the country's own).
    """

    country: str
    published_through: Year
    published_from: Year = 2024
    subdivision: str | None = None
    by_subdivision: bool = False

    def __post_init__(self) -> None:
        if self.published_from > self.published_through:
            raise ValueError("published_from is after published_through")
        if self.by_subdivision and self.subdivision is not None:
            raise ValueError("give subdivision, or by_subdivision for the address's own")


class Arrival(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.arrival``. ``cutoff`` is local to ``timezone``, the origin's.

    A window wider than ``widest_days`` is hidden. ``pickup_weekdays`` are the pick-up points' own days, and ``kinds``
    the shapes of delivery that this promise is for. A day of ``pickup_weekdays`` counts though it be a holiday.
    """

    origin: Place
    destination: Place
    timezone: str
    cutoff: time
    handling_days: Annotated[int, Meta(ge=0, le=60)]
    delivery_weekdays: frozenset[Weekday]
    pickup_weekdays: frozenset[Weekday] | None = None
    widest_days: Annotated[int, Meta(ge=0)] = 10
    kinds: frozenset[MethodKind] = frozenset({MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL})

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not an IANA time zone, such as Asia/Shanghai") from error
        if not self.delivery_weekdays or self.pickup_weekdays == frozenset():
            raise ValueError("delivery_weekdays or pickup_weekdays is empty; name at least one day")
        if MethodKind.CONSO_THIRD_PARTY in self.kinds:
            raise ValueError("nobody can promise when a forwarder of the buyer's delivers; leave CONSO_THIRD_PARTY out")


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
        self.kinds = settings.kinds
        self.working = working_days(origin.country, origin.subdivision, origin.published_from, origin.published_through)
        self.delivering = _delivering(destination, destination.subdivision, settings.delivery_weekdays)
        self.parts: Mapping[str, Days] = {}
        if destination.by_subdivision:
            self.parts = {
                name: _delivering(destination, part, settings.delivery_weekdays)
                for name, part in subdivisions_of(destination.country).items()
            }
        self.collecting = (
            None
            if settings.pickup_weekdays is None
            else every_weekday(settings.pickup_weekdays, destination.published_from, destination.published_through)
        )
        self.data_until = min(self.working.last, self.delivering.last)

    @extends(points.PROMISE)
    def promise(self, page: PageView) -> Callable[[Option], ArrivalWindow | None] | None:
        """The shipping day is found once a page; an option only adds its transit."""
        counted = self._counted_day(page.priced_at)
        shipped = self._shipped(counted, 0)
        if counted is None or shipped is None:
            return None
        order_by = datetime.combine(counted, self.cutoff, self.zone).astimezone(UTC)
        days, widest, kinds = self._days(page), self.widest, self.kinds
        late = any(line.lead_days for line in page.lines)
        usual = _windows(shipped, days, widest, order_by)

        def window(option: Option) -> ArrivalWindow | None:
            method = option.method
            if method.transit is None or method.kind not in kinds:
                return None
            if not late:
                return usual[method.transit]
            day = self._shipped(counted, _lead_days(option))
            return None if day is None else _windows(day, days, widest, order_by)[method.transit]

        return window

    def ship_date(self, paid_at: datetime) -> date | None:
        """The origin's day of hand-over for a payment at ``paid_at``; None where a calendar is unpublished."""
        return self._shipped(self._counted_day(paid_at), 0)

    def _counted_day(self, paid_at: datetime) -> date | None:
        """The origin's working day on which the payment counts."""
        local = paid_at.astimezone(self.zone)
        return self.working.from_day(local.date(), after=local.time() > self.cutoff)

    def _shipped(self, counted: date | None, lead_days: int) -> date | None:
        return counted and self.working.from_day(counted, further=self.handling_days + lead_days)

    def _days(self, page: PageView) -> Days:
        address = page.address
        if address is None or (not self.parts and self.collecting is None):
            return self.delivering
        if self.collecting is not None and not address.home_delivery:
            return self.collecting
        return self.parts.get(address.subdivision.strip().casefold(), self.delivering)


def _lead_days(option: Option) -> int:
    return max([item.line.lead_days for shipment in option.shipments for item in shipment.items], default=0)


def _delivering(place: Place, subdivision: str | None, weekdays: frozenset[Weekday]) -> Days:
    return delivery_days(place.country, subdivision, weekdays, place.published_from, place.published_through)


class _Windows(dict[Transit, ArrivalWindow | None]):
    """The windows of goods that are handed over on one day, by transit. Kept: a day's pages ask for the same few."""

    def __init__(self, shipped: date, days: Days, widest: timedelta, order_by: datetime) -> None:
        super().__init__()
        self._shipped = shipped
        self._days = days
        self._widest = widest
        self._order_by = order_by

    def __missing__(self, transit: Transit) -> ArrivalWindow | None:
        earliest = self._days.from_day(self._shipped + timedelta(days=transit.minimum))
        latest = self._days.from_day(self._shipped + timedelta(days=transit.maximum))
        hidden = earliest is None or latest is None or latest - earliest > self._widest
        window = (
            None if hidden or earliest is None or latest is None else ArrivalWindow(earliest, latest, self._order_by)
        )
        self[transit] = window
        return window


_windows = lru_cache(maxsize=1024)(_Windows)
