"""What a page shows where nothing can be delivered: without an address, or of a parcel that no method takes."""

from collections.abc import Sequence
from typing import Any

from orderpage.admission import Admitted
from orderpage.domain.page import BlockedLine, Page, PageParcel, PageView, Totals
from orderpage.domain.problem import Action, Code, Problem
from orderpage.pricing.options import PricedParcel

_OF_A_PARCEL = {Action.SEPARATE_LINE}
"""What helps a parcel that no method takes, beside another address and fewer goods."""


def stuck(priced: PricedParcel) -> PageParcel:
    """The parcel with no option, and why."""
    return PageParcel(parcel=priced.parcel, options=(), excluded=priced.excluded, selected="")


def no_method(priced: PricedParcel) -> Problem:
    """What stands in the way of the page, and what helps."""
    found = [(out.method.code, reason) for out in priced.excluded for reason in out.reasons]
    reasons = sorted({f"{method}: {reason.message}" for method, reason in found})
    message = f"no method can take this parcel ({'; '.join(reasons) or 'the scenario offers none'})"
    lines = {item.line.line_id for item in priced.parcel.items}
    remedies = sorted({reason.code.rule.action for _, reason in found} & _OF_A_PARCEL) if len(lines) > 1 else []
    return Problem(
        code=Code.LOGI_NO_METHOD,
        message=message,
        parcel_id=priced.parcel.parcel_id,
        line_id=lines.pop() if len(lines) == 1 else "",
        alternatives=(*remedies, Action.REMOVE_LINE),
    )


def undelivered(
    view: PageView,
    plan_digest: str,
    blocked: tuple[BlockedLine, ...],
    admitted: Admitted,
    payment_methods: Sequence[Any],
) -> Page:
    """A page without parcels: it shows the goods and says what is needed."""
    goods = sum(line.amount for line in view.lines)
    return Page(
        view=view,
        plan_digest=plan_digest,
        lines=view.lines,
        net_by_line={line.line_id: line.amount for line in view.lines},
        blocked=blocked,
        parcels=(),
        split="",
        saving=0,
        adjustments=(),
        totals=Totals(
            goods=goods, goods_discount=0, freight=0, freight_discount=0, fees=0, tax=0, border=0, payable=goods
        ),
        payment_methods=tuple(payment_methods),
        problems=admitted.problems,
        notices=admitted.notices,
        blocks=(),
        degraded=(),
    )
