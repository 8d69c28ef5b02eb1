"""Last-mile fees: one of home and remote."""

from datetime import date
from typing import Any

import pytest

from orderpage.domain.address import Delivery
from orderpage_logistics.last_mile import Area, Areas, HomeDelivery, ZoneFee

HK = ZoneFee(
    Areas(
        areas=(
            Area(
                effective_from=date(2026, 1, 1),
                effective_to=date(2026, 6, 30),
                districts=frozenset({"Sai Kung", "西貢"}),
            ),
            Area(
                effective_from=date(2026, 7, 1),
                districts=frozenset({"Sai Kung", "西貢", "Stanley"}),
                postcodes=frozenset({"V0A 1A0"}),
                prefixes=("Y1", "96"),
            ),
        )
    )
)


def remote(make: Any, **fields: Any) -> int | None:
    today = fields.pop("today", date(2026, 11, 23))
    slot = HK.surcharge(make.view(address=make.address(**fields), today=today))
    fee = slot(make.shipment(make.method())) if slot else None
    return fee.amount if fee else None


def test_the_remote_fee_outranks_the_home_fee_of_the_same_group(make: Any) -> None:
    page = make.view(address=make.address(district="Sai Kung"))
    shipment = make.shipment(make.method())
    home, far = HomeDelivery().surcharge(page), HK.surcharge(page)
    assert home
    assert far
    fees = [home(shipment), far(shipment)]
    assert {fee.group for fee in fees if fee} == {"last_mile"}
    assert max((fee for fee in fees if fee), key=lambda fee: fee.rank).amount == 2000


def test_a_method_without_a_remote_zone_keeps_the_home_fee(make: Any) -> None:
    page = make.view(address=make.address(district="Sai Kung"))
    shipment = make.shipment(make.method(last_mile={"HOME": 800}))
    home, far = HomeDelivery().surcharge(page), HK.surcharge(page)
    assert home
    assert far
    assert far(shipment) is None
    fee = home(shipment)
    assert fee
    assert fee.amount == 800


def test_no_home_fee_where_the_buyer_collects_or_the_method_asks_none(make: Any) -> None:
    assert HomeDelivery().surcharge(make.view(address=make.address(delivery=Delivery.PICKUP_POINT))) is None
    slot = HomeDelivery().surcharge(make.view())
    assert slot
    assert slot(make.shipment(make.method(last_mile={"HOME": 0}))) is None


def test_collecting_in_a_remote_zone_still_pays_unless_the_site_waives_it(make: Any) -> None:
    collected = {"district": "Sai Kung", "delivery": Delivery.PICKUP_POINT}
    assert remote(make, **collected) == 2000
    waived = ZoneFee(Areas(areas=HK.areas, pickup_pays=False))
    assert waived.surcharge(make.view(address=make.address(**collected))) is None


@pytest.mark.parametrize("name", ["sai kung", " SAI  KUNG ", "西貢"])
def test_names_match_whatever_their_case_and_spacing(make: Any, name: str) -> None:
    assert remote(make, district=name) == 2000
    assert remote(make, city=name) == 2000


def test_postcodes_match_whole_or_by_their_beginning(make: Any) -> None:
    assert remote(make, postcode="v0a1a0") == 2000
    assert remote(make, postcode="Y1A 0B1") == 2000
    assert remote(make, postcode="V5K 0A1") is None
    assert remote(make, postcode="") is None


def test_zones_change_on_their_day(make: Any) -> None:
    assert remote(make, district="Stanley", today=date(2026, 6, 30)) is None
    assert remote(make, district="Stanley", today=date(2026, 7, 1)) == 2000
    assert remote(make, district="Stanley", today=date(2025, 7, 1)) is None


def test_no_fee_without_an_address(make: Any) -> None:
    assert HomeDelivery().surcharge(make.view(address=None)) is None
    assert HK.surcharge(make.view(address=None)) is None


def test_an_empty_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match="every postcode"):
        Area(effective_from=date(2026, 1, 1), prefixes=("",))


def test_a_zone_says_when_it_ends_and_leaves_no_day_out_between() -> None:
    old = Area(effective_from=date(2026, 1, 1), effective_to=date(2026, 6, 30), prefixes=("96",))
    assert ZoneFee(Areas(areas=(old,))).data_until == date(2026, 6, 30)
    assert HK.data_until is None
    with pytest.raises(ValueError, match="no row holds from 2026-07-01 to 2026-07-31; add one"):
        Areas(areas=(old, Area(effective_from=date(2026, 8, 1), prefixes=("96",))))
