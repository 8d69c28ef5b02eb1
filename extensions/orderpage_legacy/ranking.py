"""Which option of a parcel stands first, and which is selected."""

from collections.abc import Sequence

from orderpage.domain.buyer import Buyer
from orderpage.domain.problem import Code, Problem
from orderpage_legacy.prices import Choice, Parcel, Place

BEST = 1_000_000
CERTAINTY, HABIT = 150, 100


def rank(choices: list[Choice], today: int, buyer: Buyer, cost: int, speed: int) -> list[Place]:
    """Best first, by weights in thousandths: ``cost``, ``speed``, certainty of tax .15, habit .10; by code on ties."""
    costs = _normalised([choice.landed + choice.border for choice in choices], lower=True)
    days = [choice.option.window[1].toordinal() - today if choice.option.window else None for choice in choices]
    speeds = _normalised(days, lower=True)
    certain = _normalised([0 if choice.border else 1 for choice in choices], lower=False)
    orders = buyer.orders_by_method
    habits = _normalised([orders.get(choice.option.code, 0) for choice in choices], lower=False)
    counted = [
        (values, reason)
        for values, reason in (
            (costs, "CHEAPEST"),
            (speeds, "FASTEST"),
            (certain, "TAX_SETTLED"),
            (habits, "YOUR_USUAL"),
        )
        if min(values) < BEST
    ]
    places = []
    for index in range(len(choices)):
        points = cost * costs[index] + speed * speeds[index] + CERTAINTY * certain[index] + HABIT * habits[index]
        places.append((index, points // 1000, [reason for values, reason in counted if values[index] == BEST]))
    places.sort(key=lambda place: (-place[1], choices[place[0]].option.code))
    return places


def _normalised(values: Sequence[int | None], *, lower: bool) -> list[int]:
    """Parts per million between the worst and the best; equal ones are all the best, unknown ones the worst."""
    known = [value for value in values if value is not None]
    if not known:
        return [0] * len(values)
    low, high = min(known), max(known)
    if low == high:
        return [0 if value is None else BEST for value in values]
    worst, spread = (high if lower else low), high - low
    return [0 if v is None else (2 * abs(v - worst) * BEST + spread) // (2 * spread) for v in values]


def select(parcel: Parcel, places: list[Place], wanted: str, usual: str) -> int:
    """What the buyer wants, else the buyer's usual method, else the best."""
    codes = [option.code for option in parcel.options]
    if wanted in codes:
        return codes.index(wanted)
    if usual in codes:
        return codes.index(usual)
    return places[0][0]


def gone(parcel: Parcel, wanted: str, instead: str) -> Problem:
    """What is said of a choice that cannot be had any more."""
    message = f"{wanted} no longer takes this parcel; {instead} is selected instead"
    return Problem(code=Code.LOGI_METHOD_GONE, message=message, parcel_id=parcel.parcel_id, value=instead)
