"""Cart lines in the page's currency (domain rules, section 12)."""

from typing import Any

import pytest

from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Action, Code
from orderpage.pricing.lines import price_lines

SGD = ExchangeRate.of("r", CNY, Currency("SGD", 2), "0.1920")


def test_a_unit_is_converted_half_up_and_then_multiplied(build: Any) -> None:
    sku = build.line(unit_price=333).sku  # 0.63936, so 0.64 a unit; three at once would be 1.92
    lines, unknown = price_lines([WantedLine("1", sku.sku_id, 3)], {sku.sku_id: sku}, SGD)
    assert [(line.unit_amount, line.amount) for line in lines] == [(64, 192)]
    sku = build.line(unit_price=3).sku  # 0.00576: one cent a unit, where three at once would be two
    lines, unknown = price_lines([WantedLine("1", sku.sku_id, 3)], {sku.sku_id: sku}, SGD)
    assert [(line.unit_amount, line.amount) for line in lines] == [(1, 3)]
    assert unknown == ()


@pytest.mark.parametrize(("fen", "cents"), [(208_334, 40_000), (208_335, 40_000), (208_336, 40_001)])
def test_the_singapore_threshold_is_met_on_rounded_amounts(build: Any, fen: int, cents: int) -> None:
    sku = build.line(unit_price=fen).sku
    lines, _ = price_lines([WantedLine("1", sku.sku_id, 1)], {sku.sku_id: sku}, SGD)
    assert lines[0].unit_amount == cents


def test_an_unknown_sku_blocks_its_line_and_no_other(build: Any) -> None:
    sku = build.line().sku
    wanted = [WantedLine("1", "gone", 2), WantedLine("2", sku.sku_id, 1)]
    lines, unknown = price_lines(wanted, {sku.sku_id: sku}, SGD)
    assert [line.line_id for line in lines] == ["2"]
    assert [(blocked.wanted, blocked.sku) for blocked in unknown] == [(wanted[0], None)]
    (problem,) = unknown[0].problems
    assert (problem.code, problem.line_id, problem.remedy) == (Code.ITEM_SKU_INVALID, "1", Action.CHOOSE_VARIANT)
    assert "gone" in problem.message


def test_two_lines_of_one_sku_are_two_lines(build: Any) -> None:
    sku = build.line(unit_price=1000).sku
    lines, _ = price_lines([WantedLine("1", sku.sku_id, 1), WantedLine("2", sku.sku_id, 2)], {sku.sku_id: sku}, SGD)
    assert [(line.line_id, line.amount) for line in lines] == [("1", 192), ("2", 384)]
