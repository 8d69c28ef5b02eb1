"""Which goods top a cart up to a threshold: single ones and pairs, by how little they overshoot.

Rule: domain rules, section 3.6: rank by (overshoot, −affinity, id); none where the cheapest costs more, net of what it
saves, than a ceiling.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from orderpage.domain.goods import Sku
from orderpage.domain.money import ExchangeRate
from orderpage.domain.progress import AddOnGood, AddOns, Progress, TopUp

Fits = Callable[[tuple[Sku, ...]], bool]
"""Whether goods can travel with those of the cart, by a method of the promotion."""


Saves = Callable[[int], bool]
"""Whether meeting the threshold takes at least so much off the page, in its minor units."""


def top_ups(progress: Progress, add_ons: AddOns, rate: ExchangeRate, saves: Saves, fits: Fits) -> tuple[TopUp, ...]:
    """The best of them."""
    gap = progress.gap
    if not gap:
        return ()
    ranked = sorted(_reaching(gap, add_ons.goods, rate), key=lambda each: each[0])
    fitting = (top_up for _, top_up in ranked if fits(top_up.skus))
    ceiling = None if add_ons.ceiling is None else rate.convert(add_ons.ceiling)
    found: list[TopUp] = []
    for top_up in fitting:
        if not found and ceiling is not None and top_up.amount > ceiling and not saves(top_up.amount - ceiling):
            return ()  # ranked by overshoot: the first is the cheapest
        found.append(top_up)
        if len(found) == add_ons.most:
            break
    return tuple(found)


Rank = tuple[int, int, tuple[str, ...]]


def _reaching(gap: int, goods: Sequence[AddOnGood], rate: ExchangeRate) -> Iterator[tuple[Rank, TopUp]]:
    """Single goods that reach it, and pairs of goods that do not alone. A pair goes as well as its lesser half."""
    priced = [(rate.convert(good.sku.unit_price), good) for good in sorted(goods, key=lambda good: good.sku.sku_id)]
    for amount, good in priced:
        if amount >= gap:
            yield _ranked(gap, amount, good)
    short = [each for each in priced if each[0] < gap]
    for (first, one), (second, other) in combinations(short, 2):
        if first + second >= gap:
            yield _ranked(gap, first + second, one, other)


def _ranked(gap: int, amount: int, *goods: AddOnGood) -> tuple[Rank, TopUp]:
    overshoot = amount - gap
    rank = overshoot, -min([good.affinity for good in goods]), tuple([good.sku.sku_id for good in goods])
    return rank, TopUp(skus=tuple([good.sku for good in goods]), amount=amount, overshoot=overshoot)
