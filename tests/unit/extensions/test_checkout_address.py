"""Addresses, by the rules of their country."""

from typing import Any

import pytest

from orderpage.domain.address import Delivery
from orderpage.domain.money import Currency
from orderpage.domain.problem import Code
from orderpage.domain.scenario import Profile
from orderpage.testing import check_extension
from orderpage_checkout.address import AreaNames, DeliveryAddress
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


# ---- Taiwan, Malaysia, Canada --------------------------------------------------------------------------------------

EVERYWHERE = Profile(
    currency=Currency("HKD", 2), countries=("TW", "MY", "CA"), timezone="Asia/Taipei", languages=("en",)
)
NAMES = {
    "TW": {"臺北市": "台北市", "KIN": "金門縣", "LIE": "連江縣", "大安区": "大安區"},
    "MY": {"Penang": "Pulau Pinang", "Malacca": "04"},
}


def wrong(make: Any, country: str, place: str, **fields: Any) -> list[tuple[str, str, str]]:
    """``place`` is subdivision, city, district and postcode; each problem with its code, field and suggestion."""
    named = dict(zip(("subdivision", "city", "district", "postcode"), place.split(","), strict=True))
    address = make.address(country, **{name: value.strip() for name, value in named.items()}, **fields)
    blocks = DeliveryAddress(AreaNames(names=NAMES)).admit(make.view(address=address, profile=EVERYWHERE))
    return [(block.problem.code, block.problem.field.removeprefix("address."), block.problem.value) for block in blocks]


@pytest.mark.parametrize(
    ("country", "place"),
    [
        ("TW", "TPE, , 中正區, 100"),
        ("TW", "台北市, , Zhongzheng District, 10048"),
        ("TW", "Taipei City, 大安區, , 106409"),
        ("TW", "臺北市, , 大安区, 106"),
        ("TW", "NWT, , 板橋區, 220"),
        ("TW", "NWT, , Somewhere new, 220"),
        ("TW", "TXG, , 東區, 401"),
        ("TW", "金門縣, , 金城鎮, 893"),
        ("TW", "KIN, , 金城鎮, 893"),
        ("TW", "LIE, , 南竿鄉, 209"),
        ("MY", "12, Kota Kinabalu, , 88000"),
        ("MY", "13, Kuching, , 93000"),
        ("MY", "15, Labuan, , 87000"),
        ("MY", "Sabah, Tawau, , 91000"),
        ("MY", "sarawak, Miri, , 98000"),
        ("MY", "14, Kuala Lumpur, , 50450"),
        ("MY", "Penang, George Town, , 10200"),
        ("MY", ", Johor Bahru, , 80000"),
        ("CA", "BC, Vancouver, , V6B 1A1"),
        ("CA", "ON, Ottawa, , K1A0B1"),
        ("CA", "QC, Gatineau, , K1A 0B1"),
        ("CA", "NU, Iqaluit, , X0A 0H0"),
        ("CA", "Terre-Neuve-et-Labrador, St. John's, , A1A 1A1"),
    ],
)
def test_a_good_address_by_code_or_by_name(make: Any, country: str, place: str) -> None:
    assert wrong(make, country, place) == []


@pytest.mark.parametrize(
    ("country", "place", "expected"),
    [
        ("TW", "TPE, , 中正區, 220", ("ADDR_POSTCODE_MISMATCH", "postcode", "NWT")),
        ("TW", "TPE, , 中正區, 106", ("ADDR_POSTCODE_MISMATCH", "postcode", "")),
        ("TW", "TPE, , 板橋區, 100", ("ADDR_FIELD_INVALID", "subdivision", "NWT")),
        ("TW", "TPE, , 東區, 100", ("ADDR_FIELD_INVALID", "subdivision", "")),
        ("TW", "TPE, , , 100", ("ADDR_FIELD_INVALID", "district", "")),
        ("TW", "TPE, , 中正區, 1000", ("ADDR_FIELD_INVALID", "postcode", "")),
        ("TW", "TPE, , 中正區, ", ("ADDR_FIELD_INVALID", "postcode", "")),
        ("TW", ", , 中正區, 100", ("ADDR_FIELD_INVALID", "subdivision", "TPE")),
        ("TW", "台灣, , 中正區, 100", ("ADDR_FIELD_INVALID", "subdivision", "TPE")),
        ("MY", "12, Kuching, , 93000", ("ADDR_POSTCODE_MISMATCH", "postcode", "13")),
        ("MY", "13, Kota Kinabalu, , 88000", ("ADDR_POSTCODE_MISMATCH", "postcode", "12")),
        ("MY", "Selangor, Labuan, , 87000", ("ADDR_POSTCODE_MISMATCH", "postcode", "15")),
        ("MY", "12, Kota Kinabalu, , 8800", ("ADDR_FIELD_INVALID", "postcode", "")),
        ("MY", "17, Kota Kinabalu, , 88000", ("ADDR_FIELD_INVALID", "subdivision", "12")),
        ("MY", "12, , , 88000", ("ADDR_FIELD_INVALID", "city", "")),
        ("CA", "BC, Vancouver, , M5V 2T6", ("ADDR_POSTCODE_MISMATCH", "postcode", "ON")),
        ("CA", "ON, Montréal, , H3Z 2Y7", ("ADDR_POSTCODE_MISMATCH", "postcode", "QC")),
        ("CA", "BC, Ottawa, , K1A 0B1", ("ADDR_POSTCODE_MISMATCH", "postcode", "")),
        ("CA", "NT, Iqaluit, , X0A 0H0", ("ADDR_POSTCODE_MISMATCH", "postcode", "NU")),
        ("CA", "BC, Vancouver, , D6B 1A1", ("ADDR_FIELD_INVALID", "postcode", "")),
    ],
)
def test_a_bad_one_names_its_field_and_suggests_the_area_where_the_data_knows_it(
    make: Any, country: str, place: str, expected: tuple[str, str, str]
) -> None:
    assert wrong(make, country, place) == [expected]


def test_a_mismatch_says_where_the_postcode_belongs(make: Any) -> None:
    address = make.address("CA", subdivision="BC", city="Vancouver", postcode="M5V 2T6")
    (block,) = DeliveryAddress().admit(make.view(address=address, profile=EVERYWHERE))
    assert block.problem.message == "postcode 'M5V 2T6' is not in BC but in ON"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"Taiwan": {}}, "'Taiwan' is no country that there are rules for"),
        ({"TW": {"KIN": "Atlantis"}}, "'KIN' stands for 'Atlantis', which is no area or district of TW"),
    ],
)
def test_other_names_must_be_of_something(names: dict[str, dict[str, str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AreaNames(names=names)


def test_it_keeps_the_laws() -> None:
    check_extension(DeliveryAddress)
    check_extension(DeliveryAddress, {"names": NAMES})
