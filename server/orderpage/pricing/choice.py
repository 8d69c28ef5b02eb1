"""Which option of each parcel is selected, and in which order the options stand."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from orderpage.domain.page import PageOption, PageParcel, PageView, ParcelOptions, PricedOption, Scores
from orderpage.domain.problem import Code, Problem
from orderpage.domain.text import in_language
from orderpage.pricing.division import Division
from orderpage.pricing.selection import Selection, switch

_FULL = 1_000_000

Score = Callable[[ParcelOptions], Sequence[tuple[int, Scores]]]
"""Each slot's weight with its scores: the page's bound ``rank`` point."""


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """An option's place: its index in the offers, its weighted score (parts per million) and what it is best at."""

    index: int
    score: int
    reasons: tuple[str, ...]


class Choice(msgspec.Struct, frozen=True, gc=False):
    """What is selected, the parcels as the page shows them, and what could not be chosen as asked."""

    selection: Selection
    parcels: tuple[PageParcel, ...]
    notices: tuple[Problem, ...]


def choose_options(division: Division, view: PageView, wanted: Mapping[str, str], score: Score) -> Choice:
    """Rank under the cheapest selection, select, then price every option under what is selected.

    ``wanted`` is the buyer's choice, parcel id to method; one that is gone is noticed, and another stands in.
    """
    selection, rankings, notices = division.cheapest, [], []
    prices = _prices(division, division.cheapest)
    for index, priced in enumerate(division.parcels):
        parcel_id, codes = priced.parcel.parcel_id, [option.method.code for option in priced.options]
        ranked = rank_options(ParcelOptions(priced.parcel, prices[index]), score)
        chosen = preselect(ranked, codes, wanted.get(parcel_id, ""), view.buyer.last_method)
        selection = switch(selection, index, chosen)
        rankings.append(ranked)
        if parcel_id in wanted and wanted[parcel_id] not in codes:
            notices.append(_method_gone(parcel_id, wanted[parcel_id], codes[chosen]))
    if selection != division.cheapest and not division.pricer.parcels_are_apart:
        prices = _prices(division, selection)
    parcels = tuple(
        PageParcel(
            parcel=priced.parcel,
            options=_shown(division, selection, index, ranked, prices[index], view.language),
            excluded=priced.excluded,
            selected=priced.options[selection[index]].method.code,
        )
        for index, (priced, ranked) in enumerate(zip(division.parcels, rankings, strict=True))
    )
    return Choice(selection, parcels, tuple(notices))


def rank_options(subject: ParcelOptions, score: Score) -> tuple[Ranked, ...]:
    """The options, best first; ties by code. Without any score: cheapest first.

    An option's reasons are those of the scores at which it is a best one while another is not.
    """
    options, votes = subject.options, [vote for vote in score(subject) if len(vote[1].values) == len(subject.options)]
    if not votes:
        unscored = [Ranked(index, 0, ()) for index in range(len(options))]
        return tuple(sorted(unscored, key=lambda r: (options[r.index].landed, options[r.index].option.method.code)))
    weight = sum([share for share, _ in votes]) or 1
    sums = [0] * len(options)
    reasons: list[tuple[str, ...]] = [()] * len(options)
    for share, scores in votes:
        values = scores.values
        sums = [total + share * value for total, value in zip(sums, values, strict=True)]
        if min(values) < _FULL:
            for index, value in enumerate(values):
                if value == _FULL:
                    reasons[index] = (*reasons[index], scores.reason)
    ranked = [Ranked(index, total // weight, reasons[index]) for index, total in enumerate(sums)]
    ranked.sort(key=lambda r: (-r.score, options[r.index].option.method.code))
    return tuple(ranked)


def preselect(ranked: Sequence[Ranked], codes: Sequence[str], chosen: str, usual: str) -> int:
    """The index to select: the buyer's choice, else the buyer's usual method, else the best; absent ones are passed
    over.
    """
    for wanted in (chosen, usual):
        if wanted in codes:
            return codes.index(wanted)
    return ranked[0].index


def _shown(
    division: Division,
    selection: Selection,
    parcel: int,
    ranked: Sequence[Ranked],
    priced: Sequence[PricedOption],
    language: str,
) -> tuple[PageOption, ...]:
    taxes = division.pricer.tax_lines(selection, parcel)
    return tuple(
        [
            PageOption(
                priced=priced[place.index],
                label=in_language(priced[place.index].option.method.name, language),
                tax_lines=taxes[place.index],
                score=place.score,
                reasons=place.reasons,
            )
            for place in ranked
        ]
    )


def _prices(division: Division, selection: Selection) -> list[tuple[PricedOption, ...]]:
    return [division.pricer.price_options(selection, parcel) for parcel in range(len(division.parcels))]


def _method_gone(parcel_id: str, wanted: str, instead: str) -> Problem:
    message = f"{wanted} no longer takes this parcel; {instead} is selected instead"
    return Problem(code=Code.LOGI_METHOD_GONE, message=message, parcel_id=parcel_id, value=instead)
