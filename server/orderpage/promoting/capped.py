"""What is said where there was only so much of something, and others took the last of it before an order was placed."""

from collections.abc import Iterable, Iterator, Mapping

from orderpage.domain.problem import Action, Code, Problem, Refusal
from orderpage.domain.usage import Cap, UseUp, units_of


def gone(caps: Iterable[Cap], counted: Mapping[str, Mapping[str, int]]) -> Iterator[Problem]:
    """Of what a quote counted on, what is used up by now; ``counted`` is the fact ``caps``."""
    for cap in caps:
        if cap.gone(units_of(counted, cap.name)):
            kind, _, code = cap.name.partition(":")
            message = f"the {kind} {code} was for the first {cap.limit} orders, and others placed the last of them"
            yield Problem(
                code=Code.PROMO_LIMIT_REACHED,
                message=message,
                value="0",
                action=Action.REVIEW_CHANGES,
                alternatives=(Action.REMOVE_COUPON,),
            )


def used_up(refused: Refusal, uses: Iterable[UseUp]) -> bool:
    """Whether an order was refused for what it wanted to use up: the page without it can still be ordered."""
    codes = {use.code for use in uses}
    return all(problem.code in codes for problem in refused.problems)
