"""Which option of a parcel is preselected, and in which order the options stand."""

from collections.abc import Callable, Sequence

import msgspec

from orderpage.domain.page import ParcelOptions, Scores

_FULL = 1_000_000


class Ranked(msgspec.Struct, frozen=True):
    """An option's place: its index in the offers, its weighted score (parts per million) and what it is best at."""

    index: int
    score: int
    reasons: tuple[str, ...]


def rank_options(
    subject: ParcelOptions, score: Callable[[ParcelOptions], Sequence[tuple[int, Scores]]]
) -> tuple[Ranked, ...]:
    """The options, best first; ties by cost, then by code. Without any score: cheapest first.

    An option's reasons are those of the scores at which it is a best one while another is not.
    """
    votes = [vote for vote in score(subject) if len(vote[1].values) == len(subject.options)]
    weight = sum(vote[0] for vote in votes) or 1
    ranked = [
        Ranked(
            index,
            sum(share * scores.values[index] for share, scores in votes) // weight,
            tuple(scores.reason for _, scores in votes if scores.values[index] == _FULL and min(scores.values) < _FULL),
        )
        for index in range(len(subject.options))
    ]
    options = subject.options
    return tuple(sorted(ranked, key=lambda r: (-r.score, options[r.index].landed, options[r.index].option.method.code)))


def preselect(ranked: Sequence[Ranked], codes: Sequence[str], chosen: str, usual: str) -> int:
    """The index to select: the buyer's choice, else the buyer's usual method, else the best; absent ones are passed
    over.
    """
    for wanted in (chosen, usual):
        if wanted in codes:
            return codes.index(wanted)
    return ranked[0].index
