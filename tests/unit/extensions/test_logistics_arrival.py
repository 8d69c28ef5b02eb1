"""Arrival windows: cut-offs, make-up working days, rolling, hiding."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.domain.address import Delivery
from orderpage.domain.shipping import ArrivalWindow, MethodKind, Transit
from orderpage_logistics.arrival import Arrival, ArrivalPromise, Place
from orderpage_logistics.calendars import Weekday, working_days

SHANGHAI = ZoneInfo("Asia/Shanghai")
MON_TO_SAT = frozenset(Weekday) - {Weekday.SUN}


def promise(handling: int = 1, **fields: Any) -> ArrivalPromise:
    defaults = {
        "origin": Place(country="CN", published_through=2026),
        "destination": Place(country="HK", published_through=2026),
        "timezone": "Asia/Shanghai",
        "cutoff": time(16),
        "delivery_weekdays": MON_TO_SAT,
    }
    return ArrivalPromise(Arrival(handling_days=handling, **{**defaults, **fields}))


def window(make: Any, paid: datetime, handling: int = 1, transit: tuple[int, int] = (3, 5), **fields: Any) -> Any:
    kind = fields.pop("kind", MethodKind.DIRECT_MAIL)
    slot = promise(handling, **fields).promise(make.view(priced_at=paid))
    return slot(make.option(make.method(kind=kind, transit=Transit(*transit)))) if slot else None


def days(found: ArrivalWindow | None) -> tuple[date, date] | None:
    return None if found is None else (found.earliest, found.latest)


def at(month: int, day: int, hour: int, minute: int = 0, second: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("paid", "handling", "earliest", "latest"),
    [
        (at(2, 13, 17, 30), 2, date(2026, 2, 28), date(2026, 3, 2)),
        (at(11, 23, 15, 59), 1, date(2026, 11, 27), date(2026, 11, 30)),
        (at(11, 23, 16, 1), 1, date(2026, 11, 28), date(2026, 11, 30)),
    ],
)
def test_the_worked_examples(make: Any, paid: datetime, handling: int, earliest: date, latest: date) -> None:
    assert days(window(make, paid, handling)) == (earliest, latest)


@pytest.mark.parametrize(("origin", "destination"), [(2026, 2027), (2027, 2026)])
def test_it_says_when_the_first_of_its_calendars_ends(origin: int, destination: int) -> None:
    ends = promise(
        origin=Place(country="CN", published_through=origin),
        destination=Place(country="HK", published_through=destination),
    ).data_until
    assert ends == date(2026, 12, 31)


def test_the_cut_off_itself_is_on_time_and_a_second_later_is_not() -> None:
    assert promise().ship_date(at(11, 23, 16)) == date(2026, 11, 24)
    assert promise().ship_date(at(11, 23, 16, 0, 1)) == date(2026, 11, 25)


def test_a_window_says_until_when_an_order_gets_it(make: Any) -> None:
    early, late = window(make, at(11, 23, 9)), window(make, at(11, 23, 16, 1))
    assert early.order_by == at(11, 23, 16)
    assert late.order_by == at(11, 24, 16)
    assert window(make, at(2, 13, 17)).order_by == at(2, 14, 16), "the make-up Saturday"


def test_goods_that_come_from_farther_away_are_counted_in_working_days(make: Any) -> None:
    slot = promise().promise(make.view(make.line(lead_days=2), priced_at=at(11, 26, 9)))
    near, far = make.parcel(), make.parcel(make.line(lead_days=2))
    assert slot
    found = [days(slot(make.option(parcel=parcel))) for parcel in (near, far)]
    assert found == [
        (date(2026, 11, 30), date(2026, 12, 2)),
        (date(2026, 12, 4), date(2026, 12, 7)),
    ]  # over a weekend of the origin's


def test_a_state_of_the_destination_has_holidays_of_its_own(make: Any) -> None:
    my = Place(country="MY", published_through=2026, by_subdivision=True)
    slot = [
        promise(destination=my).promise(
            make.view(priced_at=at(5, 25, 9), address=make.address("MY", subdivision=state))
        )
        for state in ("14", "12", "Sabah")
    ]
    # Shipped on 05-26; 05-30 and 05-31 are the harvest festival, in Sabah and Labuan only; then holidays of all.
    found = [days(one(make.option(make.method(transit=Transit(4, 4))))) for one in slot if one]
    assert found == [(date(2026, 5, 30),) * 2, (date(2026, 6, 3),) * 2, (date(2026, 6, 3),) * 2]


def test_a_pick_up_point_has_days_of_its_own(make: Any) -> None:
    every_day = frozenset(Weekday)
    collected = make.address("HK", delivery=Delivery.PICKUP_POINT)
    found = [
        days(
            promise(pickup_weekdays=every_day).promise(make.view(priced_at=at(11, 23, 9), address=address))(  # type: ignore[misc]
                make.option(make.method())
            )
        )
        for address in (make.address("HK"), collected)
    ]
    assert found == [(date(2026, 11, 27), date(2026, 11, 30)), (date(2026, 11, 27), date(2026, 11, 29))]


def test_a_promise_is_for_the_kinds_it_names(make: Any) -> None:
    local: dict[str, Any] = {"kinds": frozenset({MethodKind.LOCAL}), "kind": MethodKind.LOCAL}
    assert window(make, at(11, 23, 9), kind=MethodKind.LOCAL) is None
    assert window(make, at(11, 23, 9), **local) is not None


def test_the_cut_off_is_on_the_origins_clock() -> None:
    utc = datetime(2026, 11, 23, 8, 30, tzinfo=ZoneInfo("UTC"))
    assert promise().ship_date(utc) == date(2026, 11, 25)


@pytest.mark.parametrize("day", [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)])
def test_make_up_weekends_are_working_days(day: tuple[int, int]) -> None:
    paid = date(2026, *day)
    assert paid.weekday() >= 5
    assert promise(0).ship_date(at(*day, 12)) == paid


def test_an_ordinary_weekend_is_not_a_working_day() -> None:
    assert promise(0).ship_date(at(11, 21, 12)) == date(2026, 11, 23)


def test_paying_on_a_day_off_late_loses_no_further_day() -> None:
    assert promise(0).ship_date(at(11, 21, 23)) == date(2026, 11, 23)


def test_each_end_rolls_over_holidays_by_itself(make: Any) -> None:
    # Shipped on 12-22 (Tue): 12-25 and 12-26 are holidays in Hong Kong, 12-27 a Sunday.
    assert days(window(make, at(12, 21, 9))) == (date(2026, 12, 28), date(2026, 12, 28))


def test_a_window_over_ten_days_is_hidden_as_measured_after_rolling(make: Any) -> None:
    assert days(window(make, at(11, 23, 9), transit=(3, 13))) == (date(2026, 11, 27), date(2026, 12, 7))
    # To 12-08 it is eleven days; and from 11-27 to Sunday 12-06 nine, which roll to ten.
    assert window(make, at(11, 23, 9), transit=(3, 14)) is None
    assert days(window(make, at(11, 23, 9), transit=(3, 12))) == (date(2026, 11, 27), date(2026, 12, 7))


def test_an_unpublished_year_gives_no_promise(make: Any) -> None:
    assert window(make, at(12, 31, 9)) is None
    assert window(make, at(12, 28, 9)) is None
    assert window(make, at(1, 4, 9, year=2027)) is None


def test_third_parties_and_methods_without_transit_promise_nothing(make: Any) -> None:
    assert window(make, at(11, 23, 9), kind=MethodKind.CONSO_THIRD_PARTY) is None
    slot = promise().promise(make.view(priced_at=at(11, 23, 9)))
    assert slot
    assert slot(make.option(make.method(transit=None))) is None


def test_equal_calendars_are_built_once() -> None:
    assert promise().working is promise().working


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="IANA"):
        promise(timezone="China/Nowhere")
    with pytest.raises(ValueError, match="at least one day"):
        promise(delivery_weekdays=frozenset())
    with pytest.raises(ValueError, match="published_from"):
        Place(country="CN", published_from=2027, published_through=2026)


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.integers(0, 330 * 24 * 60),
    handling=st.integers(0, 4),
    first=st.integers(0, 6),
    more=st.integers(0, 6),
)
def test_a_promise_is_ordered_deliverable_and_never_before_shipping(
    make: Any, minutes: int, handling: int, first: int, more: int
) -> None:
    local = at(1, 2, 0) + timedelta(minutes=minutes)
    shipped = promise(handling).ship_date(local)
    assert shipped in working_days("CN", None, 2024, 2026).days
    found = window(make, local, handling, (first, first + more))
    if found:
        assert local.date() <= shipped <= found.earliest <= found.latest
        assert found.earliest.weekday() < 6
        assert found.latest.weekday() < 6
        assert (found.latest - found.earliest).days <= 10
