"""Scores of equal scale."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.buyer import Buyer
from orderpage.domain.page import Scores
from orderpage.domain.shipping import Charging
from orderpage_ranking.scores import BEST, Cost, History, Preference, Preferred, Speed, TaxCertainty, normalised


def scores(make: Any, slot: Any, *options: Any, **view: Any) -> Any:
    return slot.rank(make.view(**view))(make.ranked(options))


def test_the_worst_scores_0_the_best_a_million_and_the_rest_between() -> None:
    assert normalised([100, 400, 200], lower_is_better=True) == (BEST, 0, 666_667)
    assert normalised([100, 400, 200], lower_is_better=False) == (0, BEST, 333_333)


def test_equal_values_all_score_a_million() -> None:
    assert normalised([7, 7], lower_is_better=True) == (BEST, BEST)
    assert normalised([7], lower_is_better=True) == (BEST,)


def test_an_absent_value_scores_0() -> None:
    assert normalised([None, 7], lower_is_better=True) == (0, BEST)
    assert normalised([None, None], lower_is_better=True) == (0, 0)
    assert normalised([], lower_is_better=True) == ()


@given(st.lists(st.none() | st.integers(-(10**9), 10**9), max_size=20), st.booleans())
def test_scores_stay_in_their_scale_and_keep_the_order(values: list[int | None], lower: bool) -> None:
    found = normalised(values, lower_is_better=lower)
    assert all(0 <= score <= BEST for score in found)
    known = sorted((value, score) for value, score in zip(values, found, strict=True) if value is not None)
    in_order = [score for _, score in known]
    assert in_order == sorted(in_order, reverse=lower)
    assert not known or BEST in in_order


def test_cost_includes_what_the_border_is_estimated_to_take(make: Any) -> None:
    cheap_now = make.priced(make.option(), landed=1_000, border=500)
    settled = make.priced(make.option(), landed=1_200)
    found = scores(make, Cost(), cheap_now, settled)
    assert (found.values, found.reason) == ((0, BEST), "CHEAPEST")


def test_speed_counts_days_to_the_latest_date_and_no_window_scores_0(make: Any) -> None:
    fast = make.priced(make.option(window=(date(2026, 11, 27), date(2026, 11, 27))))
    slow = make.priced(make.option(window=(date(2026, 11, 25), date(2026, 12, 1))))
    unknown = make.priced(make.option())
    found = scores(make, Speed(), fast, slow, unknown, today=date(2026, 11, 23))
    assert (found.values, found.reason) == ((BEST, 0, 0), "FASTEST")


def test_certainty_is_whole_when_nothing_is_left_to_the_border(make: Any) -> None:
    found = scores(make, TaxCertainty(), make.priced(make.option(), border=1), make.priced(make.option()))
    assert (found.values, found.reason) == ((0, BEST), "TAX_SETTLED")


def test_history_counts_the_buyers_orders_by_method(make: Any) -> None:
    buyer = Buyer(buyer_id="b", crowd="everyone", orders_by_method={"A": 3, "B": 1})
    options = [make.priced(make.option(make.method(code))) for code in "ABC"]
    found = scores(make, History(), *options, buyer=buyer)
    assert (found.values, found.reason) == ((BEST, 333_333, 0), "YOUR_USUAL")


def test_what_an_operator_prefers_scores_as_it_is_told_and_others_nothing(make: Any) -> None:
    options = [make.priced(make.option(make.method(code))) for code in "AB"]
    preferred = Preferred(Preference(methods={"B": 700_000}))
    assert scores(make, preferred, *options) == Scores((0, 700_000), "PREFERRED")


def test_an_unknown_cost_and_an_unknown_border_are_never_the_best(make: Any) -> None:
    forwarder = make.priced(make.option(make.method("F", charging=Charging.ELSEWHERE)))
    official, dear = make.priced(make.option(), landed=9_000), make.priced(make.option(), landed=9_500)
    assert scores(make, Cost(), forwarder, official, dear).values == (0, BEST, 0)
    assert scores(make, TaxCertainty(), forwarder, official).values == (0, BEST)


def test_what_is_charged_later_is_part_of_the_cost(make: Any) -> None:
    later, now = make.priced(make.option(later=600), landed=1_000), make.priced(make.option(), landed=1_500)
    assert scores(make, Cost(), later, now).values == (0, BEST)
