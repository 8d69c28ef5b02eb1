"""Goods that top a cart up to a threshold (domain rules, section 3.6)."""

from typing import Any

import pytest

from orderpage.domain.progress import AddOnGood, AddOns, Progress
from orderpage.pricing.add_on import top_ups


def progress(threshold: int, reached: int) -> Progress:
    return Progress(
        code="P", promotion="P", name={}, threshold=threshold, reached=reached, group="g", lines=(), applied=False
    )


def goods(build: Any, *prices: int, affinities: Any = None) -> tuple[AddOnGood, ...]:
    skus = [build.line(str(i), price).sku for i, price in enumerate(prices, 1)]
    return tuple(AddOnGood(sku, (affinities or {}).get(sku.sku_id, 0)) for sku in skus)


def shown(build: Any, gap: Any, wanted: Any, saving: int = 0, fits: Any = lambda skus: True, **fields: Any) -> Any:
    add_ons = AddOns(promotion="P", goods=wanted, **fields)
    return [(tuple(s.sku_id for s in each.skus), each.amount, each.overshoot) for each in
            top_ups(gap, add_ons, build.par, lambda amount: saving >= amount, fits)]  # fmt: skip


WORKED = (3200, 3600, 3990, 1990, 1680)
"""Candidates of the worked example, as sku-1 to sku-5."""


def test_the_worked_example(build: Any) -> None:
    """T = 299.00; 129.00 + 89.00 + 45.50 leave 35.50: 36.00 first, then the pair of 36.70, 39.90; never 32.00 alone."""
    far = progress(29_900, 12_900 + 8900 + 4550)
    assert far.gap == 3550
    found = shown(build, far, goods(build, *WORKED))
    assert found == [(("sku-2",), 3600, 50), (("sku-4", "sku-5"), 3670, 120), (("sku-3",), 3990, 440)]
    everything = shown(build, far, goods(build, *WORKED), most=99)
    assert ("sku-1",) not in [names for names, _, _ in everything]


def test_a_pair_holds_no_good_that_is_enough_alone(build: Any) -> None:
    found = shown(build, progress(100, 0), goods(build, 100, 60, 50), most=9)
    assert [names for names, _, _ in found] == [("sku-1",), ("sku-2", "sku-3")]


def test_of_equal_overshoot_the_greater_affinity_stands_first_then_the_id(build: Any) -> None:
    wanted = goods(build, 100, 100, 100, affinities={"sku-3": 5})
    assert [names for names, _, _ in shown(build, progress(90, 0), wanted)] == [("sku-3",), ("sku-1",), ("sku-2",)]


def test_what_no_method_carries_is_passed_over(build: Any) -> None:
    found = shown(build, progress(90, 0), goods(build, 95, 100), fits=lambda skus: skus[0].sku_id != "sku-1")
    assert found == [(("sku-2",), 100, 10)]


@pytest.mark.parametrize(("saving", "seen"), [(0, False), (499, False), (500, True), (9000, True)])
def test_nothing_is_shown_where_the_cheapest_costs_more_than_it_may_net_of_what_it_saves(
    build: Any, saving: int, seen: bool
) -> None:
    found = shown(build, progress(1000, 0), goods(build, 1500, 2500), saving=saving, ceiling=1000)
    assert bool(found) is seen


def test_a_threshold_that_is_met_needs_nothing(build: Any) -> None:
    assert shown(build, progress(100, 100), goods(build, 100)) == []
