"""Contradictions of promotions are mistakes of packages, said with file and line."""

import pytest

from orderpage.engine.problems import PackageErrors
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages

LAYER = """
package: own
when: {site: HK}
discount:
  add:
    - use: promotion.reduction
      as: first
      settings: {code: FIRST, name: {en: A}, lane: 3, target: GOODS, funder: PLATFORM, amount: "5.00", %s}
    - use: promotion.reduction
      as: second
      settings: {code: SECOND, name: {en: B}, lane: 3, target: GOODS, funder: PLATFORM, amount: "5.00", %s}
"""


def refusal(first: str, second: str = "priority: 0") -> str:
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", LAYER % (first, second))])
    return str(refused.value)


def test_a_code_that_nobody_makes_is_a_mistake_with_what_was_meant() -> None:
    told = refusal("excludes: [SECONT]")
    assert told.startswith("own.yaml:6: 'first' speaks of promotion 'SECONT', which nobody makes in any scenario")
    assert "did you mean SECOND" in told


def test_two_promotions_of_a_scenario_cannot_have_one_code() -> None:
    twice = LAYER.replace("code: SECOND", "code: FIRST") % ("priority: 0", "priority: 0")
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", twice)])
    assert "own.yaml:9: 'second' has the promotion code 'FIRST' of 'first' of own.yaml:6" in str(refused.value)


def test_the_same_promotion_twice_is_a_mistake_also_byte_for_byte() -> None:
    """Equal settings make one instance of both slots; it would be taken twice all the same."""
    twice = LAYER.replace("code: SECOND, name: {en: B}", "code: FIRST, name: {en: A}") % ("priority: 0", "priority: 0")
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", twice)])
    assert "own.yaml:9: 'second' has the promotion code 'FIRST' of 'first' of own.yaml:6" in str(refused.value)


def test_two_that_exclude_each_other_need_a_priority() -> None:
    told = refusal("excludes: [SECOND]", "excludes: [FIRST]")
    assert told.startswith(
        "own.yaml:6: 'first' and 'second' of own.yaml:9 contradict: each of FIRST and SECOND excludes"
    )
    both = LAYER % ("excludes: [SECOND], priority: 1", "excludes: [FIRST]")
    assert Packages(layers=[SourceText("own.yaml", both)]).plans.current.plans


def test_one_cannot_stack_with_what_excludes_it() -> None:
    told = refusal("stacks_with: [SECOND]", "excludes: [FIRST]")
    assert "FIRST stacks with SECOND, which excludes it; keep one of the two" in told


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("excludes: [FIRST]", "FIRST excludes itself"),
        ("excludes: [SECOND], stacks_with: [SECOND]", "both excludes SECOND and stacks with it"),
        ('threshold: "4.99"', "takes more than the goods that it needs"),
    ],
)
def test_what_contradicts_within_one_promotion_is_said_at_its_line(said: str, message: str) -> None:
    told = refusal(said)
    assert told.startswith("own.yaml:")
    assert message in told
