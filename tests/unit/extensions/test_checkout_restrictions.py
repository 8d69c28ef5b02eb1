"""Restrictions: which rules hit, which of them decide, what they do to a line, and what unblocks the buyer."""

from collections.abc import Iterable
from datetime import date
from time import perf_counter
from typing import Any

import msgspec
import pytest

from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import Currency
from orderpage.domain.page import (
    Admission,
    BlockEffect,
    BlockLine,
    ForbidMethod,
    LimitQuantity,
    Notice,
)
from orderpage.domain.problem import Action, Code
from orderpage.domain.scenario import Profile
from orderpage.testing import check_extension
from orderpage_checkout.restriction_rules import RestrictionRules
from orderpage_checkout.restrictions import Restrictions

DAY = date(2026, 11, 23)
TWO_SITES = Profile(currency=Currency("HKD", 2), countries=("HK", "CA"), timezone="Asia/Hong_Kong", languages=("en",))


def rule(name: str = "r", **fields: Any) -> dict[str, Any]:
    """A row as a layer writes it: the seller does not let category ``lamps`` be ordered."""
    defaults = {
        "name": name,
        "level": "SELLER",
        "effect": "BLOCK_ORDER",
        "what": {"categories": ["lamps"]},
        "code": "RESTRICT_REGION_SALE",
        "message": "not sold there",
        "effective_from": "2026-01-01",
    }
    return {**defaults, **fields}


def limit(name: str = "limit", maximum: int = 2, **fields: Any) -> dict[str, Any]:
    return rule(name, **{"effect": "LIMIT_QUANTITY", "maximum": maximum, "code": "ITEM_QTY_LIMIT", **fields})


def switch(name: str = "switch", methods: Iterable[str] = ("AIR",), **fields: Any) -> dict[str, Any]:
    return rule(name, **{"effect": "SWITCH_METHOD", "methods": list(methods), "code": "LOGI_CLASS_FORBIDDEN", **fields})


def settings(*rules: dict[str, Any]) -> RestrictionRules:
    return msgspec.convert({"rules": list(rules)}, RestrictionRules)


def answers(page: Any, *rules: dict[str, Any]) -> list[Admission]:
    return list(Restrictions(settings(*rules)).admit(page))


def blocked(page: Any, *rules: dict[str, Any]) -> list[tuple[str, str]]:
    """Line and effect of each block; every answer must be one."""
    made = answers(page, *rules)
    assert all(isinstance(answer, BlockLine) for answer in made)
    return [(answer.line_id, answer.effect.value) for answer in made if isinstance(answer, BlockLine)]


def test_it_keeps_the_laws() -> None:
    check_extension(Restrictions, {"rules": [rule(what={"everything": True})]})
    check_extension(Restrictions, {"rules": [limit(what={"everything": True}), switch(what={"everything": True})]})


# ---- what is hit ---------------------------------------------------------------------------------------------------

GOOD = {
    "sku_id": "lamp-1",
    "shop": "s-light",
    "brand": "Lumen",
    "category": "Lamps",
    "goods_class": GoodsClass.BLADE,
    "origin": "CN-XJ",
}


@pytest.mark.parametrize(
    "what",
    [
        {"skus": ["lamp-1"]},
        {"shops": ["s-light"]},
        {"brands": ["LUMEN"]},
        {"categories": ["lamps"]},
        {"classes": ["BLADE", "FOOD"]},
        {"origins": ["CN-XJ"]},
        {"everything": True},
        {"brands": ["Lumen", "Candela"], "classes": ["BLADE"]},
        {"skus": ["lamp-1"], "shops": ["s-light"], "categories": ["lamps"], "origins": ["CN-XJ"]},
    ],
)
def test_a_good_is_hit_when_it_has_a_value_of_every_list(make: Any, what: dict[str, Any]) -> None:
    assert blocked(make.view(make.line("1", **GOOD), make.line("2")), rule(what=what))[0] == ("1", "ORDER")


@pytest.mark.parametrize(
    "what",
    [
        {"skus": ["lamp-2"]},
        {"brands": ["Candela"]},
        {"origins": ["CN"]},
        {"brands": ["Lumen"], "classes": ["FOOD"]},
        {"skus": ["lamp-1"], "shops": ["s-dark"]},
    ],
)
def test_a_good_that_lacks_one_of_them_is_not(make: Any, what: dict[str, Any]) -> None:
    assert answers(make.view(make.line("1", **GOOD)), rule(what=what)) == []


def test_a_rule_holds_from_its_first_to_its_last_day(make: Any) -> None:
    lamp = make.line("1", category="lamps")
    dated = rule(effective_from="2026-11-20", effective_to="2026-11-23")
    days = [date(2026, 11, day) for day in (19, 20, 23, 24)]
    assert [bool(answers(make.view(lamp, today=day), dated)) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("where", "hit"),
    [
        ({}, True),
        ({"countries": ["CA", "SG"]}, True),
        ({"countries": ["SG"]}, False),
        ({"countries": ["CA"], "subdivisions": ["QC"]}, True),
        ({"countries": ["CA"], "subdivisions": ["Québec"]}, True),
        ({"countries": ["CA"], "subdivisions": ["ON"]}, False),
        ({"countries": ["CA"], "postcodes": ["h3z"]}, True),
        ({"countries": ["CA"], "postcodes": ["H3 Z 2"]}, True),
        ({"countries": ["CA"], "postcodes": ["M5V"]}, False),
        ({"countries": ["CA"], "subdivisions": ["ON"], "postcodes": ["H3"]}, True),
    ],
)
def test_a_rule_holds_in_its_countries_and_there_in_its_areas_or_postcodes(
    make: Any, where: dict[str, Any], hit: bool
) -> None:
    address = make.address("CA", subdivision="quebec", city="Montréal", postcode="h3z 2y7")
    assert bool(answers(make.view(make.line("1", category="lamps"), address=address), rule(where=where))) is hit


def test_an_address_without_an_area_is_in_the_one_its_postcode_says(make: Any) -> None:
    sabah = rule(where={"countries": ["MY"], "subdivisions": ["12"]})
    lamp = make.line("1", category="lamps")
    places = {"88000": True, "50000": False, "": False}
    for postcode, hit in places.items():
        page = make.view(lamp, address=make.address("MY", city="Anywhere", postcode=postcode))
        assert bool(answers(page, sabah)) is hit


def test_without_an_address_a_site_of_one_country_is_in_it_and_nowhere_closer(make: Any) -> None:
    lamp = make.line("1", category="lamps")
    alone, both = make.view(lamp, address=None), make.view(lamp, address=None, profile=TWO_SITES)
    country = rule(where={"countries": ["HK"]})
    area = rule(where={"countries": ["HK"], "subdivisions": ["Kowloon"]})
    assert answers(alone, country)
    assert not answers(alone, area)
    assert not answers(both, country)
    assert answers(both, rule(where={"countries": ["HK", "CA"]}))


# ---- what is done --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("effect", "answer"), [("HIDE", "HIDE"), ("BLOCK_CART", "CART"), ("BLOCK_ORDER", "ORDER")])
def test_a_block_says_how_far_the_line_may_come(make: Any, effect: str, answer: str) -> None:
    assert blocked(make.view(make.line("1", category="lamps")), rule(effect=effect)) == [("1", answer)]


def test_the_buyer_is_told_why_in_their_language_and_what_unblocks(make: Any) -> None:
    message = {"en": "The brand does not sell this here", "zh-Hant": "品牌不在此地銷售"}
    own = rule(message=message, code="RESTRICT_SELLER_NO_EXPORT", remedy="USE_FORWARDER", alternatives=["REMOVE_LINE"])
    for language, said in (("zh-Hant", "品牌不在此地銷售"), ("fr", "The brand does not sell this here")):
        (block,) = answers(make.view(make.line("1", category="lamps"), language=language), own)
        assert isinstance(block, BlockLine)
        problem = block.problem
        assert (problem.message, problem.line_id, problem.code) == (said, "1", Code.RESTRICT_SELLER_NO_EXPORT)
        assert (problem.remedy, problem.alternatives) == (Action.USE_FORWARDER, (Action.REMOVE_LINE,))


@pytest.mark.parametrize(
    ("row", "remedy"),
    [
        (rule(), Action.REMOVE_LINE),
        (rule(code="RESTRICT_AGE"), Action.VERIFY_IDENTITY),
        (switch(), Action.CHOOSE_METHOD),
        (limit(), Action.SET_QUANTITY),
        (rule(remedy="CHANGE_ADDRESS"), Action.CHANGE_ADDRESS),
    ],
)
def test_without_a_remedy_of_its_own_a_rule_offers_its_effects_or_its_codes(
    make: Any, row: dict[str, Any], remedy: Action
) -> None:
    answer = answers(make.view(make.line("1", 3, category="lamps")), row)[0]
    assert isinstance(answer, BlockLine | ForbidMethod | LimitQuantity)
    assert answer.problem.remedy is remedy


def test_switching_the_method_forbids_some_and_tells_of_it(make: Any) -> None:
    forbid, notice = answers(make.view(make.line("1", category="lamps")), switch(methods=("AIR", "FAST")))
    assert isinstance(forbid, ForbidMethod)
    assert isinstance(notice, Notice)
    assert (forbid.line_id, forbid.methods) == ("1", frozenset({"AIR", "FAST"}))
    assert notice.problem is forbid.problem
    assert forbid.problem.remedy is Action.CHOOSE_METHOD


def test_a_limit_counts_over_the_lines_of_one_sku(make: Any) -> None:
    lines = [make.line(name, quantity, sku_id="lamp", category="lamps") for name, quantity in (("1", 2), ("2", 2))]
    other = make.line("3", 3, sku_id="other-lamp", category="lamps")
    (over,) = answers(make.view(*lines, other), limit(maximum=3))
    assert isinstance(over, LimitQuantity)
    assert (over.line_id, over.maximum, over.problem.value) == ("2", 1, "1")
    assert over.problem.remedy is Action.SET_QUANTITY


def test_a_line_that_asks_too_much_leaves_the_limit_to_the_next(make: Any) -> None:
    lines = [make.line(name, quantity, sku_id="lamp", category="lamps") for name, quantity in (("1", 5), ("2", 3))]
    (over,) = answers(make.view(*lines), limit(maximum=3))
    assert isinstance(over, LimitQuantity)
    assert (over.line_id, over.maximum) == ("1", 3)


def test_a_line_for_which_nothing_is_left_is_to_be_removed(make: Any) -> None:
    lines = [make.line(name, 3, sku_id="lamp", category="lamps") for name in "12"]
    alternatives = ["REMOVE_LINE", "USE_FORWARDER"]
    (over,) = answers(make.view(*lines), limit(maximum=3, alternatives=alternatives))
    assert isinstance(over, LimitQuantity)
    assert (over.maximum, over.problem.remedy, over.problem.value) == (0, Action.REMOVE_LINE, "")
    assert over.problem.alternatives == (Action.USE_FORWARDER,)


# ---- precedence ----------------------------------------------------------------------------------------------------

LEVELS = ("STATUTORY", "BRAND", "SELLER", "LOGISTICS")


@pytest.mark.parametrize("highest", range(4))
def test_of_several_levels_only_the_highest_decides(make: Any, highest: int) -> None:
    rules = [rule(level, level=level, message=level) for level in LEVELS[highest:]]
    for order in (rules, rules[::-1]):
        (block,) = answers(make.view(make.line("1", category="lamps")), *order)
        assert isinstance(block, BlockLine)
        assert block.problem.message == LEVELS[highest]


def test_of_two_blocks_the_higher_level_decides_though_the_lower_one_is_stricter(make: Any) -> None:
    page = make.view(make.line("1", category="lamps"))
    assert blocked(page, rule("carrier", level="LOGISTICS", effect="HIDE"), rule("brand", level="BRAND")) == [
        ("1", "ORDER")
    ]


def test_a_rule_that_does_not_block_never_undoes_a_block_of_a_lower_level(make: Any) -> None:
    page = make.view(make.line("1", category="lamps"))
    assert blocked(page, switch("law", level="STATUTORY"), rule("seller", level="SELLER")) == [("1", "ORDER")]


def test_a_higher_rule_for_other_goods_or_another_day_says_nothing(make: Any) -> None:
    past = rule("past", level="STATUTORY", effect="HIDE", effective_to="2026-11-22")
    other = rule("other", level="STATUTORY", effect="HIDE", what={"categories": ["knives"]})
    assert blocked(make.view(make.line("1", category="lamps")), past, other, rule()) == [("1", "ORDER")]


def test_of_one_level_the_strictest_block_decides_and_equal_ones_all_speak(make: Any) -> None:
    hides = [
        rule(name, effect="HIDE", what=what, message=name)
        for name, what in (("by sku", {"skus": ["sku-1"]}), ("by class", {"classes": ["GENERAL"]}))
    ]
    weaker = [rule("order"), rule("cart", effect="BLOCK_CART", what={"shops": ["shop-1"]}), limit(what={"skus": ["x"]})]
    found = answers(make.view(make.line("1", category="lamps")), *weaker, *hides)
    assert all(isinstance(answer, BlockLine) and answer.effect is BlockEffect.HIDE for answer in found)
    assert [answer.problem.message for answer in found if isinstance(answer, BlockLine)] == ["by sku", "by class"]


def test_of_one_level_every_method_and_the_lowest_limit_hold(make: Any) -> None:
    rules = [
        switch("air"),
        switch("sea", methods=("SEA",), what={"skus": ["sku-1"]}),
        limit("two", 2),
        limit("one", 1, what={"skus": ["sku-1"]}),
    ]
    found = answers(make.view(make.line("1", 2, category="lamps")), *rules)
    assert [sorted(answer.methods) for answer in found if isinstance(answer, ForbidMethod)] == [["AIR"], ["SEA"]]
    assert [answer.maximum for answer in found if isinstance(answer, LimitQuantity)] == [1]


def test_a_block_of_the_same_level_leaves_nothing_to_switch_or_limit(make: Any) -> None:
    page = make.view(make.line("1", 9, category="lamps"))
    assert blocked(page, rule("block", what={"skus": ["sku-1"]}), switch(), limit()) == [("1", "ORDER")]


# ---- mistakes ------------------------------------------------------------------------------------------------------

NARROW = {"skus": ["sku-1"]}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([rule(), rule()], "restriction r: the rows from 2026-01-01 and from 2026-01-01 overlap"),
        ([rule(effective_to="2025-12-31")], "restriction r: the row from 2026-01-01 ends before it begins"),
        ([rule("a"), rule("b", effect="HIDE")], "restrictions a (BLOCK_ORDER) and b (HIDE) are about the same goods"),
        ([rule("a"), limit("b")], "restrictions a (BLOCK_ORDER) and b (LIMIT_QUANTITY) are about the same goods"),
        ([limit("a"), limit("b", 5)], "(LIMIT_QUANTITY) and b (LIMIT_QUANTITY)"),
        ([switch(methods=())], "methods are what SWITCH_METHOD forbids"),
        ([rule(methods=["AIR"])], "methods are what SWITCH_METHOD forbids"),
        ([rule(maximum=3)], "maximum belongs to LIMIT_QUANTITY"),
        ([rule(effect="LIMIT_QUANTITY")], "maximum belongs to LIMIT_QUANTITY"),
        ([limit(maximum=0)], "Expected `int` >= 1"),
        ([rule(what={})], "say which goods are meant"),
        ([rule(what={**NARROW, "everything": True})], "say which goods are meant"),
        ([rule(what={"brands": [""]})], "length >= 1"),
        ([rule(code="PAY_FUNDS")], "PAY_FUNDS says nothing about goods"),
        ([rule(message="")], "the message is empty"),
        ([rule(message={})], "the message is empty"),
        ([rule(alternatives=["REMOVE_LINE"])], "a remedy is offered twice"),
        ([rule(remedy="SET_QUANTITY")], "SET_QUANTITY needs a maximum"),
        ([rule(where={"subdivisions": ["QC"]})], "need the countries that they are in"),
        ([rule(where={"postcodes": ["5"]})], "need the countries that they are in"),
        ([rule(where={"countries": ["CA"], "subdivisions": ["Kowloon"]})], "'Kowloon' is no subdivision of CA"),
        ([rule(level="KING")], "Invalid enum value 'KING'"),
    ],
)
def test_a_row_that_makes_no_sense_or_contradicts_another_is_refused(rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        settings(*rows)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "rows",
    [
        [rule(effective_to="2026-06-30"), rule(effective_from="2026-07-01", effect="HIDE")],
        [rule("a", effective_to="2026-06-30"), rule("b", effective_from="2026-07-01", effect="HIDE")],
        [rule("a"), rule("b", level="BRAND", effect="HIDE")],
        [rule("a"), rule("b", what=NARROW, effect="HIDE")],
        [rule("a", where={"countries": ["CA"]}), rule("b", where={"countries": ["SG"]}, effect="HIDE")],
        [switch(), limit()],
    ],
)
def test_rows_that_differ_in_time_level_goods_or_place_stand_beside_each_other(rows: list[dict[str, Any]]) -> None:
    assert len(settings(*rows).rules) == len(rows)


# ---- size ----------------------------------------------------------------------------------------------------------


def test_a_thousand_rules_take_a_page_of_five_hundred_lines_some_milliseconds(make: Any) -> None:
    by_sku = [rule(f"sku {number}", what={"skus": [f"sku-{number}"]}) for number in range(400)]
    by_brand = [rule(f"brand {number}", what={"brands": [f"brand-{number}"]}) for number in range(300)]
    by_place = [
        rule(f"place {number}", what={"classes": ["GENERAL"]}, where={"countries": ["CA"], "postcodes": [f"H{number}"]})
        for number in range(300)
    ]
    ready = Restrictions(settings(*by_sku, *by_brand, *by_place))
    lines = [make.line(str(number), brand=f"Brand-{number % 600}", category="c") for number in range(200, 700)]
    page = make.view(*lines)
    best, found = 1.0, []
    for _ in range(7):
        started = perf_counter()
        found = list(ready.admit(page))
        best = min(best, perf_counter() - started)
    hit = {answer.line_id for answer in found if isinstance(answer, BlockLine)}
    assert hit == {str(number) for number in range(200, 700) if number < 400 or number % 600 < 300}
    assert best < 0.025, f"{best * 1000:.1f} ms; rule by rule it is ten times as much"
