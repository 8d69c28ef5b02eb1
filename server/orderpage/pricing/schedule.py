"""What of a page is paid when. Goods in presale have a deposit paid with the order; the rest is the balance.

The stages sum to the page's payable: each takes what the ones before it leave.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orderpage.domain.dated import row_on
from orderpage.domain.goods import Line
from orderpage.domain.money import parts_per_million
from orderpage.domain.page import PageView, Totals
from orderpage.domain.presale import MOST_PPM, Presale
from orderpage.domain.problem import Code, Problem
from orderpage.domain.stage import PayTerms, Stage, StageDue


class PresoldLine(NamedTuple):
    """A line that is in presale, and when its balance can be paid."""

    line: Line
    presale: Presale
    opens_at: datetime
    closes_at: datetime


def presold_lines(view: PageView) -> Sequence[PresoldLine]:
    """The lines in presale on the page's day whose balance can still be paid. They are handed over after that."""
    if not any(line.sku.presale for line in view.lines):
        return ()
    zone, found = ZoneInfo(view.profile.timezone), []
    for line in view.lines:
        presale = row_on(line.sku.presale, view.today)
        if presale is not None:
            opens_at, closes_at = presale.balance.moments(zone)
            if view.priced_at < closes_at:
                found.append(PresoldLine(line, presale, opens_at, closes_at))
    return found


def kept_apart(presold: Sequence[PresoldLine], terms: PayTerms) -> tuple[Problem, ...]:
    """What keeps lines out of one order: balances that can be paid at no common time."""
    if not presold or terms.prepaid or _opens(presold) < _closes(presold):
        return ()
    last = max(presold, key=lambda each: each.opens_at)
    message = (
        f"the balance of {last.line.sku.sku_id} can be paid from {last.opens_at.isoformat(timespec='minutes')}, when "
        "that of other goods in presale is over; order it by itself"
    )
    return (Problem(code=Code.PRESALE_APART, message=message, line_id=last.line.line_id),)


def schedule_of(
    view: PageView, net_by_line: Mapping[str, int], totals: Totals, presold: Sequence[PresoldLine], terms: PayTerms
) -> tuple[StageDue, ...]:
    """FULL alone; or DEPOSIT and BALANCE. The deposit is at most a fifth of what the goods cost after discounts."""
    freight = totals.freight + totals.freight_discount
    whole = StageDue(
        stage=Stage.FULL,
        goods=totals.payable - freight - totals.fees - totals.tax,
        freight=freight,
        fees=totals.fees,
        tax=totals.tax,
    )
    deposits = [(each.line.line_id, _deposit(each, view, net_by_line[each.line.line_id])) for each in presold]
    deposit = sum([amount for _, amount in deposits])
    if not deposit or terms.prepaid or kept_apart(presold, terms):
        return (whole,)
    first = StageDue(
        stage=Stage.DEPOSIT,
        goods=deposit,
        freight=whole.freight if terms.freight is Stage.DEPOSIT else 0,
        fees=whole.fees if terms.freight is Stage.DEPOSIT else 0,
        tax=whole.tax if terms.tax is Stage.DEPOSIT else 0,
        deposits=tuple(deposits),
    )
    return first, rest_of(whole, first, _opens(presold), _closes(presold))


def rest_of(whole: StageDue, first: StageDue, opens_at: datetime | None, due_at: datetime | None) -> StageDue:
    """The balance: all that the first payment leaves."""
    return StageDue(
        stage=Stage.BALANCE,
        goods=whole.goods - first.goods,
        freight=whole.freight - first.freight,
        fees=whole.fees - first.fees,
        tax=whole.tax - first.tax,
        opens_at=opens_at,
        due_at=due_at,
    )


def _opens(presold: Sequence[PresoldLine]) -> datetime:
    return max([each.opens_at for each in presold])


def _closes(presold: Sequence[PresoldLine]) -> datetime:
    return min([each.closes_at for each in presold])


def _deposit(presold: PresoldLine, view: PageView, net: int) -> int:
    line, presale = presold.line, presold.presale
    unit = view.rate.convert(presale.deposit)
    if presale.deposit_ppm:
        unit = parts_per_million([line.unit_amount], presale.deposit_ppm)[0]
    return min(unit * line.quantity, net * MOST_PPM // 1_000_000)
