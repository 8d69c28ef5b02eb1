"""Guesses why two answers differ, so that a thousand differences become a few to look at.

They are guesses: made from the differences alone, first match stands. What only follows from another difference (a
total, a landed cost, a block that says an amount) gets that one's cause: the earliest component that differs, in the
order in which a page is reckoned.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.order_pb2 import Order
from orderpage.migration.comparison.answer import Answer
from orderpage.migration.comparison.components import component_of, reckoned_from
from orderpage.migration.comparison.contract import contents
from orderpage.migration.comparison.found import Cause, Found

_RATE = ("exchange_rate.numerator", "exchange_rate.denominator", "exchange_rate.base", "currency")
_DIVIDED = ("parcels", "split_", "totals", "payment_schedule", "adjustments", "blocks", "shops", "service_orders")
_WHOLE = ("freight", "discount", "fees", "tax", "payable")
_RANKED = ("order", "selected", "score", "reasons", "badges")
_TEXTS = ("name", "label", "message", "title", "text", "values", "split_reason", "badges", "carrier")


class _Context:
    """All differences of one comparison, and what they say together."""

    def __init__(self, found: Sequence[Found], legacy: Answer, new: Answer) -> None:
        self.order = isinstance(legacy, Order)
        self.rate = any(_under(one.field, _RATE) for one in found)
        self.stock = any(one.field.startswith("blocked_lines") and _of_stock(one) for one in found)
        self.division = any(one.field == "parcels" and one.alone for one in found)
        self.offers = any(one.field in ("parcels.options", "parcels.excluded") and one.alone for one in found)
        self.moved = any(one.field in ("parcels.options.selected", "parcels.method") for one in found)
        self.amounts = any(one.amount or one.money for one in found)
        self.tiny = _tiny(found, max(_size(legacy), _size(new)))
        self.shifts = _shifts(found)
        selected = {place for answer in (legacy, new) for place in _selected(answer)}
        self._seen: dict[str, set[Cause]] = {"": set()}
        for one in found:
            if (component := component_of(one)) is not None:
                option = _option(one.place)
                self._seen.setdefault(option, set()).add(component)
                if option in selected:  # only what is chosen counts in the sums of a page
                    self._seen[""].add(component)
        self._page = {component for one in found if not _option(one.place) and (component := component_of(one))}

    def follows(self, one: Found) -> Cause | None:
        """The earliest component that an amount is reckoned from and that differs; else the amount's own."""
        sources = reckoned_from(one.field)
        option = _option(one.place)
        seen = self._seen.get(option, set()) | self._page
        return next((cause for cause in sources if cause in seen), sources[-1] if sources else None)


Test = Callable[[Found, _Context], bool]


def _refusal(one: Found, context: _Context) -> bool:
    return one.field == "answer" or _under(one.field, ("problems",))


def _rate(one: Found, context: _Context) -> bool:
    return context.rate and (_under(one.field, ("exchange_rate", "currency", "blocks")) or one.amount or one.money)


def _stock(one: Found, context: _Context) -> bool:
    return context.stock and not _text(one, context) and not _under(one.field, ("degraded", "payment_methods"))


def _division(one: Found, context: _Context) -> bool:
    if not context.division:
        return False
    return (one.alone and one.field == "parcels") or one.field in _WHOLE or _under(one.field, _DIVIDED[1:])


def _options(one: Found, context: _Context) -> bool:
    if _under(one.field, ("parcels.excluded",)) or (one.alone and one.field == "parcels.options"):
        return True
    return context.offers and context.moved and _of_the_choice(one)


def _rank(one: Found, context: _Context) -> bool:
    if one.field.startswith("parcels.options.") and one.field.rpartition(".")[2] in _RANKED:
        return True
    return one.field == "parcels.method" or (context.moved and _of_the_choice(one))


def _cutoff(one: Found, context: _Context) -> bool:
    return _window(one.place) in context.shifts


def _arrival(one: Found, context: _Context) -> bool:
    return ".arrival" in one.field


def _rounding(one: Found, context: _Context) -> bool:
    return context.tiny and (one.amount or _under(one.field, ("blocks",)))


def _component(cause: Cause) -> Test:
    return lambda one, context: (
        (context.amounts or not one.field.startswith("blocks")) and context.follows(one) is cause
    )


def _payment(one: Found, context: _Context) -> bool:
    return _under(one.field, ("payment_methods", "payment_schedule", "quote_token"))


def _degraded(one: Found, context: _Context) -> bool:
    return _under(one.field, ("degraded",))


def _text(one: Found, context: _Context) -> bool:
    return any(part in _TEXTS for part in one.field.split(".")) or _under(one.field, ("blocks",))


def _attribute(one: Found, context: _Context) -> bool:
    return context.order


CAUSES: tuple[tuple[Cause, Test], ...] = (
    (Cause.REFUSAL, _refusal),
    (Cause.RATE, _rate),
    (Cause.STOCK, _stock),
    (Cause.REFUSAL, lambda one, context: _under(one.field, ("blocked_lines",))),
    (Cause.DIVISION, _division),
    (Cause.OPTIONS, _options),
    (Cause.RANK, _rank),
    (Cause.CUTOFF, _cutoff),
    (Cause.ARRIVAL, _arrival),
    (Cause.ROUNDING, _rounding),
    *((cause, _component(cause)) for cause in (Cause.GOODS, Cause.DISCOUNT, Cause.FREIGHT, Cause.FEE, Cause.TAX)),
    (Cause.PAYMENT, _payment),
    (Cause.DEGRADED, _degraded),
    (Cause.TEXT, _text),
    (Cause.ORDER_ATTRIBUTE, _attribute),
)
"""In this order; what none of them claims is OTHER."""


def guess_causes(found: Sequence[Found], legacy: Answer, new: Answer) -> list[Cause]:
    """A guess for each difference."""
    context = _Context(found, legacy, new)
    return [next((cause for cause, test in CAUSES if test(one, context)), Cause.OTHER) for one in found]


def _under(field: str, roots: Sequence[str]) -> bool:
    return any(
        field == root or field.startswith((f"{root}.", root if root.endswith("_") else f"{root}.")) for root in roots
    )


def _of_stock(one: Found) -> bool:
    return any("INV_" in text for text in (one.place, one.legacy, one.new))


def _of_the_choice(one: Found) -> bool:
    """Whether an amount is a sum over the selected options."""
    return (
        one.field in _WHOLE
        or _under(one.field, ("totals", "payment_schedule", "split_", "adjustments", "blocks"))
        or (one.field.startswith("parcels.") and not one.field.startswith("parcels.options") and one.amount)
    )


def _tiny(found: Sequence[Found], size: int) -> bool:
    """Whether all amounts are as good as equal: one minor unit, or for a sum one for each line and parcel."""
    amounts = [one for one in found if one.amount]
    if not amounts or any(one.money and not one.amount for one in found):
        return False
    return all(abs(one.change or 0) <= (1 if "[" in one.place else size) for one in amounts)


def _size(answer: Answer) -> int:
    if isinstance(answer, RenderResponse):
        return sum(len(shop.lines) for shop in answer.page.shops) + len(answer.page.parcels)
    return len(answer.lines) + len(answer.parcels) if isinstance(answer, Order) else 0


def _shifts(found: Sequence[Found]) -> set[str]:
    """Windows whose two days moved alike, and whose option is the same otherwise."""
    moved: dict[str, list[int | None]] = {}
    for one in found:
        if ".arrival." in one.field:
            moved.setdefault(_window(one.place), []).append(one.change)
    others = {_option(one.place) for one in found if one.field.endswith((".kind", ".mode", ".carrier"))}
    return {
        place for place, days in moved.items()
        if len(days) == 2 and None not in days and days[0] == days[1] and _option(place) not in others
    }  # fmt: skip


def _window(place: str) -> str:
    return place[: place.index(".arrival")] if ".arrival" in place else ""


def _option(place: str) -> str:
    """The option, or the order's parcel, that a place is in; empty for the page."""
    parts = place.split("]")
    if place.startswith("parcels[") and len(parts) > 2 and parts[1].startswith(".options["):
        return f"{parts[0]}]{parts[1]}]"
    return ""


def _selected(answer: Answer) -> Iterator[str]:
    if isinstance(answer, RenderResponse):
        for parcel in answer.page.parcels:
            yield from (_place(parcel, option) for option in parcel.options if option.selected)


def _place(parcel: Any, option: Any) -> str:
    return f"parcels[{contents(parcel, {})}].options[{option.method}]"
