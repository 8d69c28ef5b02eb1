"""Order of options and the preselected one (domain rules 3.6 and 12)."""

from collections.abc import Sequence
from typing import Any

import pytest

from orderpage.domain.page import ParcelOptions, Scores
from orderpage.pricing.choice import preselect, rank_options
from orderpage.pricing.total import Pricer

FULL = 1_000_000


def subject(build: Any, **landed: int) -> ParcelOptions:
    priced = build.priced(build.parcel(build.line(amount=0)), *(build.offer(*one) for one in landed.items()))
    pricer = Pricer([priced], [], [])
    return ParcelOptions(priced.parcel, pricer.price_options((0,), 0))


def order(subject: ParcelOptions, *votes: tuple[int, Scores]) -> list[str]:
    ranked = rank_options(subject, lambda _: list(votes))
    return [subject.options[place.index].option.method.code for place in ranked]


def test_the_best_weighted_score_stands_first(build: Any) -> None:
    parcel = subject(build, A=100, B=200)
    cost, speed = Scores((FULL, 0), "CHEAPEST"), Scores((0, FULL), "FASTEST")
    assert order(parcel, (450, cost), (300, speed)) == ["A", "B"]
    assert order(parcel, (300, cost), (450, speed)) == ["B", "A"]


def test_a_score_is_the_weighted_mean_in_parts_per_million(build: Any) -> None:
    votes = [(450, Scores((FULL, 0), "CHEAPEST")), (300, Scores((500_000, FULL), "FASTEST"))]
    ranked = rank_options(subject(build, A=1, B=2), lambda _: votes)
    assert [place.score for place in ranked] == [800_000, 400_000]


def test_a_reason_is_what_an_option_is_best_at_while_another_is_not(build: Any) -> None:
    votes = [
        (450, Scores((FULL, 0, 0), "CHEAPEST")),
        (300, Scores((0, FULL, FULL), "FASTEST")),
        (150, Scores((FULL, FULL, FULL), "TAX_SETTLED")),
    ]
    ranked = rank_options(subject(build, A=1, B=2, C=3), lambda _: votes)
    assert {place.index: place.reasons for place in ranked} == {0: ("CHEAPEST",), 1: ("FASTEST",), 2: ("FASTEST",)}


def test_without_any_score_the_cheapest_stands_first(build: Any) -> None:
    assert order(subject(build, A=300, B=100, C=200)) == ["B", "C", "A"]


def test_without_any_score_equal_costs_stand_by_code(build: Any) -> None:
    assert order(subject(build, B=100, A=100)) == ["A", "B"]


def test_equal_scores_stand_by_code(build: Any) -> None:
    even = Scores((FULL, FULL), "TAX_SETTLED")
    assert order(subject(build, B=100, A=100), (150, even)) == ["A", "B"]
    assert order(subject(build, B=100, A=200), (150, even)) == ["A", "B"]


@pytest.mark.parametrize("values", [(), (FULL,), (FULL, 0, 0)])
def test_a_vote_that_does_not_score_every_option_is_no_vote(build: Any, values: Sequence[int]) -> None:
    assert order(subject(build, A=300, B=100), (450, Scores(tuple(values), "X"))) == ["B", "A"]


@pytest.mark.parametrize(
    ("chosen", "usual", "selected"),
    [
        ("C", "B", "C"),
        ("", "B", "B"),
        ("", "", "A"),
        ("GONE", "B", "B"),
        ("GONE", "GONE", "A"),
        ("", "GONE", "A"),
    ],
)
def test_the_buyers_choice_then_the_usual_method_then_the_best_is_selected(
    build: Any, chosen: str, usual: str, selected: str
) -> None:
    parcel = subject(build, C=300, B=200, A=100)
    codes = ["C", "B", "A"]
    ranked = rank_options(parcel, lambda _: [])
    assert codes[preselect(ranked, codes, chosen, usual)] == selected
