"""Pick-up points: closed, unknown and too small ones, and the other one that is suggested."""

from datetime import date
from typing import Any

import msgspec
import pytest

from orderpage.domain.address import Delivery
from orderpage.domain.page import BlockLine, BlockPage
from orderpage.domain.problem import Action, Code
from orderpage.testing import check_extension
from orderpage_logistics.pickup_points import Directory, PickupPoints


def point(name: str, **fields: Any) -> dict[str, Any]:
    defaults = {
        "id": name,
        "country": "HK",
        "name": {"en": f"Point {name}", "zh-Hant": f"{name} 號"},
        "subdivision": "Kowloon",
        "district": "Mong Kok",
        "effective_from": "2026-01-01",
    }
    return {**defaults, **fields}


SHUT = {"closed": [{"effective_from": "2026-11-20", "effective_to": "2026-11-25"}]}


def directory(*rows: dict[str, Any], **fields: Any) -> PickupPoints:
    return PickupPoints(msgspec.convert({"points": list(rows), **fields}, Directory))


def page_to(make: Any, name: str, *lines: Any, country: str = "HK", **fields: Any) -> Any:
    place: dict[str, Any] = {"subdivision": "Kowloon", "district": "Mong Kok", "delivery": Delivery.PICKUP_POINT}
    place |= {key: fields.pop(key) for key in place if key in fields}
    return make.view(*lines, address=make.address(country, pickup_point=name, **place), **fields)


def answered(make: Any, points: PickupPoints, *args: Any, **fields: Any) -> list[Any]:
    return list(points.admit(page_to(make, *args, **fields)))


def test_it_keeps_the_laws() -> None:
    check_extension(PickupPoints, {"points": [point("PU-1", max_g=1000, max_side_cm=50)]})
    check_extension(PickupPoints, {"points": [point("other")]})


def test_an_open_point_that_takes_the_goods_is_fine(make: Any) -> None:
    assert not answered(make, directory(point("a")), " a ")


def test_nobody_is_asked_who_gets_the_parcel_at_the_door_or_has_not_chosen_yet(make: Any) -> None:
    points = directory(point("a", **SHUT))
    assert not answered(make, points, "a", delivery=Delivery.HOME)
    assert not answered(make, points, " ")
    assert not list(points.admit(make.view(address=None)))


@pytest.mark.parametrize(
    ("row", "closed_on"),
    [
        (SHUT, "20 21 25"),
        ({"effective_from": "2026-11-22"}, "19 20 21"),
        ({"effective_to": "2026-11-20"}, "21 25 26"),
    ],
)
def test_a_point_is_closed_in_its_windows_and_outside_its_time(make: Any, row: dict[str, Any], closed_on: str) -> None:
    points = directory(point("a", **row))
    days = {day: answered(make, points, "a", today=date(2026, 11, day)) for day in (19, 20, 21, 25, 26)}
    assert " ".join(str(day) for day, found in days.items() if found) == closed_on


def test_the_day_looked_at_may_be_when_parcels_come(make: Any) -> None:
    points = directory(point("a", **SHUT), days_ahead=3)
    days = {day: bool(answered(make, points, "a", today=date(2026, 11, day))) for day in (16, 17, 22, 23)}
    assert days == {16: False, 17: True, 22: True, 23: False}


def test_a_closed_point_stops_the_page_and_names_an_open_one_near_it(make: Any) -> None:
    points = directory(
        point("a", **SHUT), point("shut", **SHUT), point("far", district="Sha Tin"), point("b", district="mong  kok")
    )
    (block,) = answered(make, points, "a", language="zh-Hant")
    assert isinstance(block, BlockPage)
    problem = block.problem
    assert (problem.code, problem.field) == (Code.ADDR_PICKUP_POINT_CLOSED, "address.pickup_point")
    assert (problem.remedy, problem.value) == (Action.CHANGE_ADDRESS, "b")
    assert problem.message == "a 號 is closed on 2026-11-23"


@pytest.mark.parametrize(
    ("others", "suggested"),
    [
        ([point("far", district="Sha Tin")], "far"),
        ([point("island", subdivision="Hong Kong Island")], ""),
        ([point("nowhere", subdivision="", district="")], "nowhere"),
        ([point("abroad", country="SG")], ""),
        ([point("small", max_g=499)], ""),
        ([point("small", max_sum_cm=29), point("big", max_sum_cm=30)], "big"),
        ([point("gone", effective_to="2026-01-31")], ""),
        ([], ""),
    ],
)
def test_what_is_suggested_is_open_in_the_same_part_of_the_country_and_takes_the_goods(
    make: Any, others: list[dict[str, Any]], suggested: str
) -> None:
    (block,) = answered(make, directory(point("a", **SHUT), *others), "a", make.line("1"))
    assert block.problem.value == suggested


def test_a_directory_without_parts_of_the_country_suggests_any_point(make: Any) -> None:
    rows = [point(name, subdivision="", district="", **more) for name, more in (("a", SHUT), ("b", {}))]
    (block,) = answered(make, directory(*rows), "a")
    assert block.problem.value == "b"


@pytest.mark.parametrize("name", ["b", "A", "a\u200b"])
def test_an_unknown_point_is_a_field_to_put_right(make: Any, name: str) -> None:
    (block,) = answered(make, directory(point("a")), name)
    assert isinstance(block, BlockPage)
    assert (block.problem.code, block.problem.field) == (Code.ADDR_FIELD_INVALID, "address.pickup_point")
    assert block.problem.value == "a"


def test_a_point_of_another_country_is_unknown_here(make: Any) -> None:
    points = directory(point("a"), point("s", country="SG", subdivision="", district=""))
    (block,) = answered(make, points, "a", country="SG", subdivision="", district="")
    assert (block.problem.code, block.problem.value) == (Code.ADDR_FIELD_INVALID, "s")


@pytest.mark.parametrize(
    ("limits", "sku", "code"),
    [
        ({"max_g": 5000}, {"weight_g": 5000}, None),
        ({"max_g": 5000}, {"weight_g": 5001}, Code.LOGI_OVERWEIGHT),
        ({"max_side_cm": 45}, {"sides_cm": (45, 1, 1)}, None),
        ({"max_side_cm": 45}, {"sides_cm": (1, 46, 1)}, Code.LOGI_OVERSIZE),
        ({"max_sum_cm": 105}, {"sides_cm": (35, 35, 35)}, None),
        ({"max_sum_cm": 105}, {"sides_cm": (36, 35, 35)}, Code.LOGI_OVERSIZE),
    ],
)
def test_a_good_larger_than_the_point_blocks_its_line_alone(
    make: Any, limits: dict[str, int], sku: dict[str, Any], code: Code | None
) -> None:
    points = directory(point("a", **limits), point("b"))
    found = answered(make, points, "a", make.line("1", 9), make.line("2", **sku))
    assert [(block.line_id, block.problem.code) for block in found] == ([] if code is None else [("2", code)])
    for block in found:
        assert isinstance(block, BlockLine)
        assert (block.problem.remedy, block.problem.value) == (Action.CHANGE_ADDRESS, "b")
        assert block.problem.alternatives == (Action.REMOVE_LINE,)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "the directory is empty"),
        ([point("a"), point("a")], "the directory has a more than once"),
        ([point("a", effective_to="2025-01-01")], "ends before it begins"),
        ([point("a", closed=[*SHUT["closed"], {"effective_from": "2026-11-25"}])], "overlap"),
        ([point("a", max_g=0)], "Expected `int` >= 1"),
        ([point("a", country="Hong Kong")], "Expected `str` matching regex"),
        ([point("")], "length >= 1"),
    ],
)
def test_a_directory_at_odds_with_itself_is_refused(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        directory(*rows)
    assert said in str(refused.value)
