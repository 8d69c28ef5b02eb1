"""Addresses, by the rules of their country."""

from typing import Any

import pytest

from orderpage.domain.address import Delivery
from orderpage.domain.money import Currency
from orderpage.domain.problem import Code
from orderpage.domain.scenario import Profile
from orderpage_checkout.address import DeliveryAddress
from orderpage_checkout.postal import postal_rules

PROFILE = Profile(
    currency=Currency("HKD", 2), countries=("HK", "SG", "CA"), timezone="Asia/Hong_Kong", languages=("en",)
)


def problems(make: Any, **fields: Any) -> list[tuple[str, str]]:
    address = make.address(**fields)
    blocks = DeliveryAddress().admit(make.view(address=address, profile=PROFILE))
    return [(block.problem.code, block.problem.field) for block in blocks]


def test_no_address_asks_for_one(make: Any) -> None:
    (block,) = DeliveryAddress().admit(make.view(address=None))
    assert (block.problem.code, block.problem.field) == (Code.ADDR_MISSING, "address")


def test_a_country_that_the_site_does_not_serve_is_refused(make: Any) -> None:
    assert problems(make, country="FR") == [(Code.ADDR_REGION_UNSUPPORTED, "address.country")]


@pytest.mark.parametrize(
    "fields",
    [
        {"country": "HK", "subdivision": "New Territories", "district": "Sai Kung"},
        {"country": "HK", "subdivision": "新界", "district": "西貢"},
        {"country": "HK", "subdivision": "九龙", "district": "旺角"},
        {"country": "HK", "district": "Sai Kung"},
        {"country": "SG", "postcode": "520123"},
        {"country": "CA", "subdivision": "BC", "city": "Vancouver", "postcode": "V5K 0A1"},
        {"country": "CA", "subdivision": "Québec", "city": "Montréal", "postcode": "h3z2y7"},
    ],
)
def test_a_good_address_has_no_problem(make: Any, fields: dict[str, Any]) -> None:
    assert problems(make, **fields) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"country": "SG", "postcode": ""}, "postcode"),
        ({"country": "SG", "postcode": "5201"}, "postcode"),
        ({"country": "SG", "postcode": "٥٢٠١٢٣"}, "postcode"),
        ({"country": "SG", "postcode": "520123", "street": ("  ",)}, "street"),
        ({"country": "HK"}, "district"),
        ({"country": "CA", "subdivision": "XX", "city": "Vancouver", "postcode": "V5K 0A1"}, "subdivision"),
        ({"country": "CA", "city": "Vancouver", "postcode": "V5K 0A1"}, "subdivision"),
        ({"country": "CA", "subdivision": "BC", "postcode": "V5K 0A1"}, "city"),
    ],
)
def test_each_wrong_field_is_named(make: Any, fields: dict[str, Any], field: str) -> None:
    assert problems(make, **fields) == [(Code.ADDR_FIELD_INVALID, f"address.{field}")]


def test_a_postcode_of_another_province_is_a_mismatch(make: Any) -> None:
    found = problems(make, country="CA", subdivision="BC", city="Vancouver", postcode="M5V 2T6")
    assert found == [(Code.ADDR_POSTCODE_MISMATCH, "address.postcode")]


def test_every_problem_is_given_at_once(make: Any) -> None:
    assert len(problems(make, country="CA", street=())) == 4


def test_collecting_needs_no_street(make: Any) -> None:
    assert problems(make, country="HK", district="Sai Kung", street=(), delivery=Delivery.PICKUP_POINT) == []


def test_a_country_without_data_is_left_alone(make: Any) -> None:
    profile = Profile(currency=Currency("HKD", 2), countries=("QQ",), timezone="Asia/Hong_Kong", languages=("en",))
    page = make.view(address=make.address(country="QQ"), profile=profile)
    assert list(DeliveryAddress().admit(page)) == []
    assert postal_rules("not a country") is None


def test_the_rules_of_a_country_are_read_once() -> None:
    assert postal_rules("SG") is postal_rules("SG")
