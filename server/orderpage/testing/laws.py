"""The laws of the points beyond their types: what the host relies on, as sentences about one extension's answers.

A law is given the page's view, the subject that was asked about (the view itself at a BATCH point) and the answers,
and says what is broken. Points that are not listed have no law of their own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from orderpage import points
from orderpage.domain.discount import DiscountRule
from orderpage.domain.order import Event, OrderOperation
from orderpage.domain.page import Admission, BlockPage, LimitQuantity, Notice, PageView, ParcelOptions, Scores
from orderpage.domain.problem import Refusal
from orderpage.domain.shipping import ArrivalWindow, Excluded, Fee, Offer, Parcel, Split, Tariff
from orderpage.domain.tax import TaxRule
from orderpage.domain.usage import UseUp
from orderpage.engine.point import Point
from orderpage.ports import SubmitView
from orderpage.pricing.division import MOST_SPLITS
from orderpage.testing.pages import example_order

Law = Callable[[Any, Any, Sequence[Any]], Iterator[str]]

_BEST = 1_000_000
_WEIGHTS = range(100, 60_001, 100)


def _admit(view: PageView, _: PageView, answers: Sequence[Admission]) -> Iterator[str]:
    known = {line.line_id for line in view.lines}
    for answer in answers:
        if not isinstance(answer, BlockPage | Notice) and answer.line_id not in known:
            yield f"names line {answer.line_id!r}, which is not on the page"
        if isinstance(answer, LimitQuantity) and answer.maximum < 0:
            yield f"limits line {answer.line_id!r} to {answer.maximum} units, which is below 0"


def _parcel(view: PageView, _: PageView, answers: Sequence[Split]) -> Iterator[str]:
    if len(answers) > MOST_SPLITS:
        yield f"proposes {len(answers)} divisions, of which the host prices {MOST_SPLITS}"
    for split in answers:
        yield from (f"in the division {split.reason!r} {broken}" for broken in _goods(view, split))


def _goods(view: PageView, split: Split) -> Iterator[str]:
    units: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for parcel in split.parcels:
        if not parcel.items or parcel != Parcel.of(parcel.items):
            yield f"parcel {parcel.parcel_id!r} is not what its items add up to; make it with Parcel.of"
        for item in parcel.items:
            units[item.line.line_id] += item.quantity
            amounts[item.line.line_id] += item.amount
            if item.quantity <= 0:
                yield f"a parcel holds {item.quantity} units of line {item.line.line_id!r}"
    if dict(units) != {line.line_id: line.quantity for line in view.lines}:
        yield f"the parcels hold units {dict(units)}, not exactly the goods of the page"
    elif dict(amounts) != {line.line_id: line.amount for line in view.lines}:
        yield f"the parcels are worth {dict(amounts)}, not exactly what the goods cost"


def _offer(_: PageView, parcel: Parcel, answers: Sequence[Offer | Excluded]) -> Iterator[str]:
    lines = {item.line.line_id for item in parcel.items}
    for answer in answers:
        if isinstance(answer, Offer):
            yield from _tariff(answer.method.code, answer.tariff)
            continue
        if not answer.reasons:
            yield f"excludes {answer.method.code} without a reason"
        for line_id in sorted({line_id for reason in answer.reasons for line_id in reason.line_ids} - lines):
            yield f"excludes {answer.method.code} for line {line_id!r}, which is not in the parcel"


def _tariff(method: str, tariff: Tariff) -> Iterator[str]:
    try:
        fees = [tariff.fee(tariff.chargeable_g(weight, weight * 5)) for weight in _WEIGHTS]
    except ArithmeticError as cause:
        yield f"the tariff of {method} cannot be worked out: {cause}"
        return
    if min(fees) < 0:
        yield f"the tariff of {method} asks for {min(fees)} fen, which is below 0"
    for weight, (lighter, heavier) in zip(_WEIGHTS, pairwise(fees), strict=False):
        if heavier < lighter:
            yield f"the tariff of {method} falls from {lighter} to {heavier} fen beyond {weight} g"
            return


def _surcharge(_: PageView, __: object, answers: Sequence[Fee]) -> Iterator[str]:
    for fee in answers:
        if fee.amount < 0:
            yield f"the fee {fee.code} is {fee.amount} fen, which is below 0; what lowers a price is a discount"
        if not fee.code or not fee.group:
            yield f"the fee {fee.code!r} in group {fee.group!r} needs a code and a group"


def _promise(view: PageView, _: object, answers: Sequence[ArrivalWindow]) -> Iterator[str]:
    for window in answers:
        if window.earliest > window.latest:
            yield f"the window begins on {window.earliest}, after it ends on {window.latest}"
        elif window.earliest < view.today:
            yield f"the window begins on {window.earliest}, before the page's day, {view.today}"


def _discount(view: PageView, __: object, answers: Sequence[DiscountRule | Notice]) -> Iterator[str]:
    rules, known = [rule for rule in answers if isinstance(rule, DiscountRule)], {line.line_id for line in view.lines}
    for code, count in Counter([rule.code for rule in rules]).items():
        if count > 1:
            yield f"makes {count} rules of the code {code}; give each its own, such as {code}@SHOP"
    for rule in rules:
        if strange := rule.lines - known:
            yield f"the discount {rule.code} names line {min(strange)!r}, which is not on the page"
        for name, amount in (("amount", rule.amount), ("threshold", rule.threshold)):
            if amount < 0:
                yield f"the {name} of the discount {rule.code} is {amount}, which is below 0"
        if rule.relief is not None and rule.relief.cap_g is not None and rule.relief.cap_g <= 0:
            yield f"the discount {rule.code} frees up to {rule.relief.cap_g} g, which is not above 0"
        if not rule.funding or any(weight <= 0 for _, weight in rule.funding):
            yield f"the discount {rule.code} needs someone who pays for it, with a weight above 0"


def _tax(_: PageView, __: object, answers: Sequence[TaxRule]) -> Iterator[str]:
    for rule in answers:
        if rule.threshold is not None and rule.threshold.limit < 0:
            yield f"the limit of the tax {rule.code} is {rule.threshold.limit}, which is below 0"
        for component in rule.components:
            for value in (component.rate_ppm, component.flat, *component.by_hs.values()):
                if value < 0:
                    yield f"the component {component.code} of the tax {rule.code} is {value}, which is below 0"


def _rank(_: PageView, parcel: ParcelOptions, answers: Sequence[Scores]) -> Iterator[str]:
    for scores in answers:
        if len(scores.values) != len(parcel.options):
            yield f"gives {len(scores.values)} scores for {len(parcel.options)} options"
        yield from (f"scores {value}, outside 0 to {_BEST}" for value in scores.values if not 0 <= value <= _BEST)


def _enrich(view: SubmitView, _: SubmitView, answers: Sequence[OrderOperation]) -> Iterator[str]:
    try:
        example_order(view.page, answers)
    except Refusal as refusal:
        yield f"the order cannot be made: {refusal}"
    yield from _used(answers)


def _used(answers: Sequence[OrderOperation]) -> Iterator[str]:
    for use in answers:
        if isinstance(use, UseUp) and (not use.name or use.units <= 0):
            yield f"uses {use.units} of {use.name!r}; say a name, and units above 0"


def _after(_: object, __: object, answers: Sequence[Event]) -> Iterator[str]:
    for event in answers:
        if not event.topic or not event.key:
            yield f"the event {event.topic!r} with key {event.key!r} needs a topic and a key"


LAWS: Mapping[Point[Any, Any], Law] = {
    points.ADMIT: _admit,
    points.PARCEL: _parcel,
    points.OFFER: _offer,
    points.SURCHARGE: _surcharge,
    points.PROMISE: _promise,
    points.DISCOUNT: _discount,
    points.TAX: _tax,
    points.RANK: _rank,
    points.ENRICH: _enrich,
    points.AFTER: _after,
}
