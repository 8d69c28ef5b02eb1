"""Scores of a parcel's options: cost, speed, tax certainty, the buyer's habit.

Rule: domain rules 3.6 and "Ranking" in section 12. Values are min-max normalised to parts per million with exact
integers; equal values all score 1,000,000. How much each score counts is the layers' choice.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.page import PageView, ParcelOptions, Scores
from orderpage.domain.shipping import Charging

BEST = 1_000_000
_ELSEWHERE = Charging.ELSEWHERE  # an enum's member is dear to look up, and this is asked of every option


def normalised(values: Sequence[int | None], *, lower_is_better: bool) -> tuple[int, ...]:
    """Parts per million between the worst (0) and the best (1,000,000) value; None scores 0."""
    known = [value for value in values if value is not None]
    if not known:
        return (0,) * len(values)
    lowest, highest = min(known), max(known)
    if lowest == highest:
        return tuple([0 if value is None else BEST for value in values])
    worst, spread = highest if lower_is_better else lowest, highest - lowest
    twice = 2 * spread  # rounds half up in one division
    return tuple([0 if value is None else (2 * BEST * abs(value - worst) + spread) // twice for value in values])


@extension("ranking.cost")
class Cost:
    """Cost to the door, with what the border is estimated to take and what is charged later. Unknown costs score 0."""

    @extends(points.RANK)
    def rank(self, page: PageView) -> Callable[[ParcelOptions], Scores]:
        """The same on every page."""
        return _by_cost


def _by_cost(parcel: ParcelOptions) -> Scores:
    costs = [
        None if priced.option.method.charging is _ELSEWHERE else priced.landed + priced.border + priced.option.later
        for priced in parcel.options
    ]
    return Scores(normalised(costs, lower_is_better=True), "CHEAPEST")


@extension("ranking.speed")
class Speed:
    """Days from payment to the last day of the window; an option without a window scores 0."""

    @extends(points.RANK)
    def rank(self, page: PageView) -> Callable[[ParcelOptions], Scores]:
        """Counts from the page's day."""
        today = page.today
        return lambda parcel: _by_speed(parcel, today)


def _by_speed(parcel: ParcelOptions, today: date) -> Scores:
    windows = [priced.option.window for priced in parcel.options]
    days = [None if window is None else (window.latest - today).days for window in windows]
    return Scores(normalised(days, lower_is_better=True), "FASTEST")


@extension("ranking.tax_certainty")
class TaxCertainty:
    """Whether nothing is left to be paid at the border, as far as is known."""

    @extends(points.RANK)
    def rank(self, page: PageView) -> Callable[[ParcelOptions], Scores]:
        """The same on every page."""
        return _by_certainty


def _by_certainty(parcel: ParcelOptions) -> Scores:
    settled = [int(not priced.border and priced.option.method.charging is not _ELSEWHERE) for priced in parcel.options]
    return Scores(normalised(settled, lower_is_better=False), "TAX_SETTLED")


@extension("ranking.history")
class History:
    """How often the buyer ordered by the method."""

    @extends(points.RANK)
    def rank(self, page: PageView) -> Callable[[ParcelOptions], Scores]:
        """Reads the buyer's own counts."""
        counts = page.buyer.orders_by_method

        def by_history(parcel: ParcelOptions) -> Scores:
            orders = [counts.get(priced.option.method.code, 0) for priced in parcel.options]
            return Scores(normalised(orders, lower_is_better=False), "YOUR_USUAL")

        return by_history


class Preference(Settings, frozen=True, kw_only=True):
    """Settings of ``ranking.preferred``: method code to parts per million (1,000,000 is the best)."""

    methods: Mapping[str, Annotated[int, Meta(ge=0, le=BEST)]]


@extension("ranking.preferred", settings=Preference)
class Preferred:
    """What an operator would rather sell: steers buyers by one more score, never by hiding what they may choose."""

    def __init__(self, settings: Preference) -> None:
        self.methods = settings.methods
        self.speaks_of = frozenset(settings.methods)

    @extends(points.RANK)
    def rank(self, page: PageView) -> Callable[[ParcelOptions], Scores]:
        """The same on every page; a method that is not named scores 0."""
        methods = self.methods
        return lambda parcel: Scores(
            tuple([methods.get(each.option.method.code, 0) for each in parcel.options]), "PREFERRED"
        )
