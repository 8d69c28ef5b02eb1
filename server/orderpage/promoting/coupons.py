"""What a page says of the coupons that its buyer entered: every one is used, or a notice says why it is not."""

from collections.abc import Iterable, Iterator, Sequence

import structlog
from msgspec.structs import replace

from orderpage.domain.coupon import EnteredCoupon
from orderpage.domain.discount import DiscountRule
from orderpage.domain.page import Notice, PageView
from orderpage.domain.problem import Action, Code, Problem
from orderpage.pricing.selection import Selection
from orderpage.pricing.stacking import Priced

log = structlog.get_logger(__name__)


def divided(answers: Iterable[DiscountRule | Notice]) -> tuple[list[DiscountRule], list[Problem]]:
    """The rules and the notices of the point ``discount``. Of rules with one code the first counts: pages and orders
    name a discount by it.
    """
    rules: dict[str, DiscountRule] = {}
    notices: list[Problem] = []
    for answer in answers:
        if not isinstance(answer, DiscountRule):
            notices.append(answer.problem)
        elif rules.setdefault(answer.code, answer) is not answer:
            log.warning("discount.code_twice", code=answer.code, remedy="give each rule a code of its own")
    return list(rules.values()), notices


def coupon_field(place: int) -> str:
    """Where a problem with the coupon at that place of the request is."""
    return f"coupons[{place}]"


def coupon_notices(
    view: PageView, rules: Sequence[DiscountRule], said: Iterable[Problem], pricer: Priced, selection: Selection
) -> Iterator[Problem]:
    """For each entered coupon that takes nothing, unless it is ``said`` already."""
    told = {problem.field for problem in said}
    by_place = {rule.entered: rule for rule in rules if rule.entered is not None}
    given = (*pricer.adjustments(selection), *pricer.promises(selection))
    taken = {adjustment.code for adjustment in given}
    for place, entered in enumerate(view.coupons):
        rule = by_place.get(place)
        if coupon_field(place) not in told and (rule is None or rule.code not in taken):
            yield _why_not(coupon_field(place), entered, rule, view, pricer, selection)


def _why_not(
    field: str, entered: EnteredCoupon, rule: DiscountRule | None, view: PageView, pricer: Priced, selection: Selection
) -> Problem:
    name = entered.name
    if rule is None:
        return Problem(code=Code.PROMO_INVALID, message=f"{name} is no coupon that can be used here now", field=field)
    (far,) = pricer.progress(selection, [replace(rule, shows_progress=True)])
    if not far.gap:
        message = f"{name} takes nothing here: another promotion stands in its place, or nothing is left to take it off"
        return Problem(code=Code.PROMO_INVALID, message=message, field=field)
    money = view.rate.quote
    return Problem(
        code=Code.PROMO_THRESHOLD_LOST,
        message=f"{name} needs {money.code} {money.format(far.gap)} more of the goods that it is for",
        field=field,
        value=str(far.gap),
        alternatives=(Action.REMOVE_COUPON,),
    )
