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
    told = refusal("stacks_with: [SECOND]", "stacks_with: [THIRD]").replace("\n", " ")
    assert "FIRST stacks with SECOND, which stacks with others only; name FIRST there as well" in told


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("excludes: [FIRST]", "FIRST excludes itself"),
        ("excludes: [NEXT], stacks_with: [NEXT]", "both excludes NEXT and stacks with it"),
        ('threshold: "4.99"', "takes more than the goods that it needs"),
        ("code: ''", "has no `code`"),
        ("code: ' '", "has no `code`"),
        ("name: {}", "FIRST: write its `name`"),
        ("name: {en: ''}", "FIRST: write its `name`"),
        ("first_orders: 0", "FIRST: `first_orders` is above 0; leave it out where all orders get it"),
        ("lane: 5", "the reduction FIRST of goods cannot be in lane 5: write `lane` 1 or 2 or 3 or 4"),
        ("target: FREIGHT", "the reduction FIRST of freight cannot be in lane 3: write `lane` 4 or 5"),
        ('amount: "1000000000.01"', "'1000000000.01' is above 1000000000.00, the most that an amount in CNY can be"),
    ],
)
def test_what_contradicts_within_one_promotion_is_said_at_its_line(said: str, message: str) -> None:
    own = {"code": "FIRST", "name": "{en: A}", "lane": "3", "target": "GOODS", "amount": '"5.00"'}
    name, _, value = said.partition(": ")
    written = f"{said}, " if name not in own else ""
    fields = ", ".join([f"{key}: {value if key == name else each}" for key, each in own.items()])
    layer = f"""package: own
when: {{site: HK}}
discount:
  add:
    - use: promotion.reduction
      as: first
      settings: {{{written}{fields}, funder: PLATFORM}}
"""
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", layer)])
    told = str(refused.value)
    assert told.startswith("own.yaml:")
    assert message in told


COUPON = """
package: own
when: {site: HK}
%sdiscount:
  add:
    - use: promotion.coupons
      as: coupons
      settings: {coupons: [{code: GIFT, name: {en: Gift}, funder: SELLER, amount: "1.00", claim: TOKEN}]}
"""


def test_a_personal_coupon_needs_somebody_who_checks_its_tokens() -> None:
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", COUPON % "")])
    told = str(refused.value)
    assert told.startswith(
        "own.yaml:6: 'coupons' has the personal coupon 'GIFT', and nothing at `load` checks its tokens"
    )
    book = "load: {add: [{use: promotion.coupon_book, as: book, settings: {secret: COUPONS}}]}\n"
    assert Packages(layers=[SourceText("own.yaml", COUPON % book)]).plans.current.plans


CAPPED = """
package: own
when: {site: HK}
%sdiscount:
  add:
    - use: promotion.coupons
      as: coupons
      settings: {coupons: [{code: EARLY, name: {en: Early}, funder: SELLER, amount: "1.00", first_orders: 100}]}
"""


def test_a_promotion_for_the_first_orders_needs_somebody_who_counts_them() -> None:
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", CAPPED % "")])
    told = str(refused.value)
    assert told.startswith("own.yaml:6: 'coupons' has only so much of 'promotion:EARLY' for all buyers, and nothing")
    assert "add a slot that fills the fact `caps`" in told
    counted = "load: {add: [{use: promotion.caps, as: caps}]}\n"
    assert Packages(layers=[SourceText("own.yaml", CAPPED % counted)]).plans.current.plans
