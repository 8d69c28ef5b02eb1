"""Selections, and the search among them: what is selected of each parcel, and which of it costs least."""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from itertools import product

from orderpage.domain.shipping import Charging, Option

Selection = tuple[int, ...]
"""The index of the chosen option of each parcel."""

MOST_TRIED = 256
"""Selections that are tried one by one; with more, each parcel's option is improved in turn."""

Cost = Callable[[Selection], int]


def competing(options: Sequence[Option]) -> Sequence[int]:
    """The options, by index, whose cost is known: all, where it is of none."""
    priced = [index for index, option in enumerate(options) if option.method.charging is not Charging.ELSEWHERE]
    return priced or range(len(options))


def switch(selection: Selection, parcel: int, option: int) -> Selection:
    """The selection with another option for one parcel."""
    return (*selection[:parcel], option, *selection[parcel + 1 :])


def switches(selection: Selection, parcel: int, options: int) -> list[Selection]:
    """The selection with each of so many options for one parcel."""
    before, after = selection[:parcel], selection[parcel + 1 :]
    return [(*before, option, *after) for option in range(options)]


def cheapest_of(
    candidates: Sequence[Sequence[int]],
    least: Sequence[Sequence[int]],
    off: int,
    closer: Cost,
    cost: Cost,
    best: tuple[int, Selection],
) -> Selection:
    """The cheapest combination of ``candidates``, by parcel, or the ``best`` so far. What could be cheapest is looked
    at first, closer each time, and no more once nothing could be cheaper.

    ``least`` is what each option costs at the least before ``off`` is taken off the whole, ``closer`` a truer bound
    that takes more time, ``cost`` what a selection does cost.
    """
    bounds = map(sum, product(*[[each[index] for index in able] for each, able in zip(least, candidates, strict=True)]))
    open_ = [(bound - off, selection, False) for bound, selection in zip(bounds, product(*candidates), strict=True)]
    heapify(open_)
    while open_ and open_[0][0] <= best[0]:
        _, selection, is_close = heappop(open_)
        if is_close:
            best = min(best, (cost(selection), selection))
        else:
            heappush(open_, (closer(selection), selection, True))
    return best[1]


def improved(selection: Selection, candidates: Sequence[Sequence[int]], cost: Cost) -> Selection:
    """Change one parcel's option at a time for as long as that makes the page cheaper."""
    cheaper = True
    while cheaper:
        cheaper = False
        for index, options in enumerate(candidates):
            best = min([switch(selection, index, option) for option in options], key=lambda each: (cost(each), each))
            if cost(best) < cost(selection):
                selection, cheaper = best, True
    return selection
