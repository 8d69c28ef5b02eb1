"""Missing and absurd weights and sides: what is assumed for them, and what the buyer is told."""

from typing import Any

import msgspec
import pytest

from orderpage.admission import apply_admission
from orderpage.domain.goods import GoodsClass
from orderpage.domain.problem import Action, Code
from orderpage.testing import check_extension
from orderpage_logistics.measures import AssumedMeasures, Assumptions

SETTINGS: dict[str, Any] = {
    "heaviest_g": 100_000,
    "longest_cm": 300,
    "densest_g_per_cm3": 25,
    "default": {"weight_g": 1000, "sides_cm": [30, 20, 10]},
    "by_class": {"COSMETIC": {"weight_g": 200, "sides_cm": [10, 10, 5]}},
}


def settings(**fields: Any) -> Assumptions:
    return msgspec.convert({**SETTINGS, **fields}, Assumptions)


def assumed(make: Any, **sku: Any) -> Any:
    """The one answer for a good, or None."""
    found = list(AssumedMeasures(settings()).admit(make.view(make.line("1"), make.line("2", **sku))))
    assert len(found) <= 1
    return found[0] if found else None


def test_it_keeps_the_laws() -> None:
    check_extension(AssumedMeasures, SETTINGS)
    check_extension(AssumedMeasures, {**SETTINGS, "heaviest_g": 1000, "longest_cm": 30})


@pytest.mark.parametrize(
    ("sku", "weight_g", "sides_cm"),
    [
        ({"weight_g": 0}, 1000, (10, 10, 10)),
        ({"weight_g": -5}, 1000, (10, 10, 10)),
        ({"weight_g": 100_001}, 1000, (10, 10, 10)),
        ({"sides_cm": (0, 0, 0)}, 500, (30, 20, 10)),
        ({"sides_cm": (10, 0, 10)}, 500, (30, 20, 10)),
        ({"sides_cm": (10, 10, -1)}, 500, (30, 20, 10)),
        ({"sides_cm": (301, 1, 1)}, 500, (30, 20, 10)),
        ({"weight_g": 0, "sides_cm": (0, 0, 0)}, 1000, (30, 20, 10)),
        ({"weight_g": 25_001, "sides_cm": (10, 10, 10)}, 1000, (30, 20, 10)),
        ({"weight_g": 0, "goods_class": GoodsClass.COSMETIC}, 200, (10, 10, 10)),
        ({"sides_cm": (0, 1, 1), "goods_class": GoodsClass.COSMETIC}, 500, (10, 10, 5)),
        ({"weight_g": 0, "goods_class": GoodsClass.UNKNOWN}, 1000, (10, 10, 10)),
    ],
)
def test_what_is_missing_or_absurd_is_assumed_by_class_and_the_rest_stays(
    make: Any, sku: dict[str, Any], weight_g: int, sides_cm: tuple[int, int, int]
) -> None:
    answer = assumed(make, **sku)
    assert (answer.line_id, answer.weight_g, answer.sides_cm) == ("2", weight_g, sides_cm)


@pytest.mark.parametrize(
    "sku",
    [
        {"weight_g": 1, "sides_cm": (1, 1, 1)},
        {"weight_g": 100_000, "sides_cm": (300, 300, 300)},
        {"weight_g": 25_000, "sides_cm": (10, 10, 10)},
    ],
)
def test_measures_up_to_the_limits_are_believed(make: Any, sku: dict[str, Any]) -> None:
    assert assumed(make, **sku) is None


@pytest.mark.parametrize(
    ("sku", "said"),
    [
        ({"weight_g": 0}, "the weight of sku-2 is not known: 1000 g is assumed"),
        ({"weight_g": 500_000}, "the weight of sku-2 is not plausible: 1000 g is assumed"),
        ({"sides_cm": (0, 5, 5)}, "the size of sku-2 is not known: 30×20×10 cm is assumed"),
        (
            {"weight_g": 0, "sides_cm": (999, 1, 1)},
            "the weight of sku-2 is not known: 1000 g is assumed and "
            "the size of sku-2 is not plausible: 30×20×10 cm is assumed",
        ),
    ],
)
def test_the_notice_says_what_is_missing_and_what_is_assumed(make: Any, sku: dict[str, Any], said: str) -> None:
    notice = assumed(make, **sku).notice
    assert (notice.code, notice.message, notice.line_id) == (Code.ITEM_MEASURES_ASSUMED, said, "2")
    assert notice.remedy is Action.NONE


def test_the_line_travels_as_it_is_assumed_to_be(make: Any) -> None:
    page = make.view(make.line("1", 3, weight_g=0, sides_cm=(0, 0, 0)))
    admitted = apply_admission(page.lines, AssumedMeasures(settings()).admit(page))
    (line,) = admitted.lines
    assert (line.sku.weight_g, line.sku.volume_cm3) == (1000, 6000)
    assert [notice.code for notice in admitted.notices] == [Code.ITEM_MEASURES_ASSUMED]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"default": None}, "default"),
        ({"by_class": {"FOOD": {"weight_g": 100_001, "sides_cm": [1, 1, 1]}}}, "what is assumed for FOOD is beyond"),
        ({"longest_cm": 20}, "what is assumed for default is beyond the limits itself"),
        ({"default": {"weight_g": 1000, "sides_cm": [1, 1, 1]}}, "what is assumed for default is beyond"),
        ({"default": {"weight_g": 0, "sides_cm": [1, 1, 1]}}, "Expected `int` >= 1"),
        ({"by_class": {"GLASS": SETTINGS["default"]}}, "Invalid enum value 'GLASS'"),
    ],
)
def test_settings_that_assume_nonsense_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        settings(**fields)
    assert said in str(refused.value)


def test_a_default_must_be_given() -> None:
    without = {name: value for name, value in SETTINGS.items() if name != "default"}
    with pytest.raises(msgspec.ValidationError, match="missing required field `default`"):
        msgspec.convert(without, Assumptions)
