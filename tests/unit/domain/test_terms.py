"""What settlement takes: the row of the order's day, and a fault rather than nothing where rows leave the day out."""

from datetime import date

import pytest

from orderpage.domain.dated import WrongRow
from orderpage.domain.money import Percent
from orderpage.domain.problem import Refusal
from orderpage.domain.terms import CommissionRow, CostRow, SettlementTerms

FIVE, FOUR = Percent("5"), Percent("4")
ROWS = (
    CommissionRow(effective_from=date(2026, 1, 1), effective_to=date(2026, 6, 30), percent=FIVE),
    CommissionRow(effective_from=date(2026, 7, 1), effective_to=date(2026, 12, 31), percent=FOUR),
)
TERMS = SettlementTerms(commission=ROWS)


@pytest.mark.parametrize(("day", "expected"), [(date(2026, 6, 30), [500, 1]), (date(2026, 7, 1), [400, 0])])
def test_the_commission_is_that_of_the_day_and_rounded_line_by_line(day: date, expected: list[int]) -> None:
    assert TERMS.commissions([10_000, 10], day) == expected


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2027, 1, 1)])
def test_a_day_that_the_rows_leave_out_is_a_fault_and_not_no_commission(day: date) -> None:
    with pytest.raises(Refusal, match=f"SVC_ORDER_CREATE_FAILED: profile.settlement.commission has no row for {day}"):
        TERMS.commissions([10_000], day)


def test_without_rows_there_is_no_commission() -> None:
    assert SettlementTerms().commissions([10_000, 1], date(2026, 1, 1)) == [0, 0]


def test_a_gap_is_refused_with_the_place_of_its_row() -> None:
    cost = CostRow(effective_from=date(2026, 1, 1), effective_to=date(2026, 6, 30), percent=FIVE)
    later = CostRow(effective_from=date(2026, 8, 1), percent=FIVE)
    with pytest.raises(WrongRow, match="no row holds from 2026-07-01 to 2026-07-31") as refused:
        SettlementTerms(carrier_costs={"A": (cost,), "B": (cost, later)})
    assert refused.value.where == ("carrier_costs", "B", 1)
