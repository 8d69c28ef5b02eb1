"""Why lines cost what they cost, and what discounts take off."""

from collections.abc import Iterator

from orderpage.domain.discount import Adjustment, DiscountRule, Target
from orderpage.domain.goods import Line
from orderpage.domain.money import CNY
from orderpage.domain.page import Page
from orderpage.domain.why import Why
from orderpage.why.sources import Sources, money, rate_text, said_by


def explain_lines(page: Page) -> Iterator[Why]:
    """Unit prices are converted, then multiplied (domain rules, section 12)."""
    for line in page.lines:
        path = f"lines[{line.line_id}]"
        yield _unit(page, line, path)
        yield Why(
            path=f"{path}.amount",
            amount=line.amount,
            rule="unit_amount × quantity",
            inputs=(("unit_amount", money(line.unit_amount, page.currency)), ("quantity", str(line.quantity))),
        )
        off = tuple(
            part_path(adjustment, bearer)
            for adjustment in page.adjustments
            if adjustment.target is Target.GOODS
            for bearer, _ in adjustment.parts
            if bearer == line.line_id
        )
        net = page.net_by_line[line.line_id]
        yield Why(path=f"{path}.net_amount", amount=net, rule="sum", parts=(f"{path}.amount", *off))


def _unit(page: Page, line: Line, path: str) -> Why:
    rate = page.view.rate
    inputs = ("price", money(line.sku.unit_price, CNY)), ("rate", rate_text(rate)), ("rate_id", rate.rate_id)
    return Why(
        path=f"{path}.unit_amount",
        amount=line.unit_amount,
        rule="price converted, half up",
        version=f"{line.sku.sku_id} version {line.sku.version}",
        inputs=inputs,
    )


def part_path(adjustment: Adjustment, bearer: str) -> str:
    """Of what one line or parcel bears."""
    return f"adjustments[{adjustment.code}].parts[{bearer}].amount"


def _limited(rule: DiscountRule, adjustment: Adjustment, page: Page) -> Iterator[tuple[str, str]]:
    """That a rule by amount took less than it might have."""
    if rule.amount > -adjustment.amount:
        yield "at most", money(rule.amount, page.currency)
        yield "limited to", f"what the {rule.target.lower()} that it is off still cost"


def explain_adjustments(page: Page, sources: Sources) -> Iterator[Why]:
    """Each discount with its rule, and what each bearer and funder bears of it."""
    for adjustment in page.adjustments:
        slot, rule = sources.discount(adjustment.code)
        inputs: tuple[tuple[str, str], ...] = ()
        if rule is not None:
            inputs = (
                ("rule", str(rule)),
                ("lane", rule.lane.name),
                ("threshold", money(rule.threshold, page.currency)),
                *_limited(rule, adjustment, page),
                ("funded by", ", ".join(f"{funder} {weight}" for funder, weight in rule.funding)),
            )
        parts = tuple(part_path(adjustment, bearer) for bearer, _ in adjustment.parts)
        path = f"adjustments[{adjustment.code}]"
        amount = adjustment.amount
        why = Why(path=f"{path}.amount", amount=amount, rule=adjustment.code, inputs=inputs, parts=parts)
        yield said_by(slot, why)
        for bearer, part in adjustment.parts:
            share = "share of the amount, by what each is left with: largest remainder"
            yield Why(path=part_path(adjustment, bearer), amount=part, rule=share)
        if len(adjustment.shares) > 1:
            for funder, part in adjustment.shares:
                yield Why(
                    path=f"{path}.shares[{funder}].amount",
                    amount=part,
                    rule="share of the amount, by the rule's funding",
                )
