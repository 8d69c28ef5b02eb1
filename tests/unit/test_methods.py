"""Method codes: each offered once in a scenario, and none spoken of that nobody offers. Said with file and line."""

import pytest

from orderpage.engine.problems import PackageErrors
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages

SECOND = """
package: second
when: {site: HK}
offer:
  add:
    - use: logistics.forwarder
      as: SECOND
      settings: {code: HK_DM_LAND, carrier: X, mode: LAND, name: {en: X}, classes: [GENERAL], origins: [CN]}
"""

FUEL = """
package: fuel
when: {site: HK}
surcharge:
  add:
    - use: logistics.fuel
      as: fuel
      settings: {methods: [HK_DM_LANT], rows: [{effective_from: 2026-01-01, percent: "10"}]}
"""

ELSEWHERE = FUEL.replace("HK_DM_LANT", "SG_DM_AIR")


COSTS = """
package: costs
when: {site: HK, business: saas}
profile:
  settlement:
    carrier_costs:
      SG_DM_AIR: [{effective_from: 2026-01-01, percent: "88"}]
      HK_DM_LNAD: [{effective_from: 2026-01-01, percent: "88"}]
"""


def refusal(text: str) -> str:
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", text)])
    return str(refused.value)


def test_two_slots_of_a_scenario_cannot_offer_one_code() -> None:
    told = refusal(SECOND)
    assert told.startswith("own.yaml:6: 'SECOND' offers method 'HK_DM_LAND', which 'HK_DM_LAND' of orderpage_sites/")
    assert told.endswith("offers too; rename one")


def test_a_code_that_nobody_offers_is_a_mistake_with_what_was_meant() -> None:
    told = refusal(FUEL)
    assert told.startswith("own.yaml:6: 'fuel' speaks of method 'HK_DM_LANT', which nobody offers in any scenario")
    assert "did you mean HK_DM_LAND" in told


def test_a_code_of_another_scenario_is_none() -> None:
    assert Packages(layers=[SourceText("own.yaml", ELSEWHERE)]).plans.current.plans


def test_what_a_carrier_charges_is_for_a_method_that_somebody_offers() -> None:
    told = refusal(COSTS)
    assert told.startswith("own.yaml:8: profile: settlement.carrier_costs speaks of method 'HK_DM_LNAD', which nobody")
    assert "did you mean HK_DM_LAND" in told


def test_a_method_that_is_switched_off_everywhere_may_still_be_spoken_of() -> None:
    off = "package: off\nlast: true\noffer: {remove: [HK_DM_LAND]}\n"
    plans = Packages(layers=[SourceText("own.yaml", off)]).plans.current
    offered = {slot.name for cell in plans.cells() for slot in cell.resolution.slots["offer"]}
    assert "HK_DM_FAST" in offered
    assert "HK_DM_LAND" not in offered
