"""A tax without a row for today is a mistake at start-up, with file and line."""

from datetime import UTC, datetime

import pytest

from orderpage.engine.problems import PackageErrors
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages

ENDING = """
package: ending-tax
when: {site: HK, business: saas}
tax:
  add:
    - use: tax.rule
      as: levy
      settings:
        code: HK_LEVY
        name: {en: Levy}
        currency: {code: HKD, exponent: 2}
        rows:
          - effective_from: 2026-01-01
            effective_to: 2026-12-31
            within: {collector: MARKETPLACE, components: [{code: HK_LEVY, rate: "1"}]}
"""
NEXT = ENDING.replace("when:", "active: {from: 2027-01-01}\nwhen:")


def packages(text: str, day: datetime) -> Packages:
    return Packages(layers=[SourceText("own.yaml", text)], clock=lambda: day)


def test_a_day_with_a_row_compiles() -> None:
    assert packages(ENDING, datetime(2026, 12, 31, 23, tzinfo=UTC)).plans.current.plans


@pytest.mark.parametrize("day", [datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)])
def test_a_day_without_one_does_not(day: datetime) -> None:
    with pytest.raises(PackageErrors) as refused:
        packages(ENDING, day)
    told = f"own.yaml:6: 'levy': HK_LEVY has no row for {day.date()}; add one to its settings"
    assert str(refused.value).startswith(told)


def test_a_campaign_of_another_time_is_not_asked() -> None:
    assert packages(NEXT, datetime(2026, 6, 1, tzinfo=UTC)).plans.current.plans
