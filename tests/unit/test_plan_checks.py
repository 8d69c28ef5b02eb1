"""A tax or a commission without a row for today is a mistake at start-up, with file and line."""

from datetime import UTC, datetime

import pytest

from orderpage.engine.matrix import matrix
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
COMMISSION = """
package: own-settlement
when: {site: HK, business: saas}
profile:
  settlement:
    commission:
      - {effective_from: 2026-01-01, effective_to: 2026-12-31, percent: "5"}
    carrier_costs:
      HK_DM_LAND: [{effective_from: 2026-01-01, effective_to: 2026-06-30, percent: "88"}]
"""
NEXT = ENDING.replace("when:", "active: {from: 2027-01-01}\nwhen:")


def packages(text: str, day: datetime) -> Packages:
    return Packages(layers=[SourceText("own.yaml", text)], clock=lambda: day)


def test_a_day_with_a_row_compiles() -> None:
    assert packages(ENDING, datetime(2026, 12, 31, 15, 59, tzinfo=UTC)).plans.current.plans


@pytest.mark.parametrize("day", [datetime(2025, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)])
def test_a_day_without_one_does_not(day: datetime) -> None:
    told = f"own.yaml:6: 'levy': HK_LEVY has no row for {day.date()}; add one to its settings"
    assert told in refusal(ENDING, day).splitlines()


def test_a_campaign_to_come_is_asked_about_its_own_first_day() -> None:
    """It starts on 1 January in Shanghai: a row that ends before that is told now, not then."""
    with pytest.raises(PackageErrors, match="'levy': HK_LEVY has no row for 2027-01-01"):
        packages(NEXT, datetime(2026, 6, 1, tzinfo=UTC))
    renewed = NEXT.replace(
        "effective_from: 2026-01-01\n            effective_to: 2026-12-31", "effective_from: 2027-01-01"
    )
    assert packages(renewed, datetime(2026, 6, 1, tzinfo=UTC)).plans.current.plans


def test_what_stands_today_may_end_some_day() -> None:
    """Other layers begin in 2027, and the row ends before: that is no mistake of today's."""
    begins = "package: later\nwhen: {site: SG}\nactive: {from: 2027-02-01}\nprofile: {quote_minutes: 5}\n"
    layers = [SourceText("own.yaml", ENDING), SourceText("later.yaml", begins)]
    assert Packages(layers=layers, clock=lambda: datetime(2026, 6, 1, tzinfo=UTC)).plans.current.plans


def test_a_campaign_that_is_over_is_not_asked() -> None:
    over = ENDING.replace("when:", "active: {from: 2026-01-01, to: 2026-12-31}\nwhen:")
    assert packages(over, datetime(2027, 6, 1, tzinfo=UTC)).plans.current.plans


MISFITS = {
    "another currency": (
        "currency: {code: HKD, exponent: 2}",
        "currency: {code: USD, exponent: 2}",
        "put tax.rate for",
    ),
    "another exponent": ("currency: {code: HKD, exponent: 2}", "currency: {code: HKD, exponent: 0}", "HKD with 0 dec"),
    "reliefs nobody counts": ("name: {en: Levy}", "name: {en: Levy}\n        reliefs: 6", "nobody counts them"),
}


@pytest.mark.parametrize(("was", "now", "told"), MISFITS.values(), ids=list(MISFITS))
def test_what_does_not_fit_its_scenario_is_told_with_its_line(was: str, now: str, told: str) -> None:
    with pytest.raises(PackageErrors, match=told) as refused:
        packages(ENDING.replace(was, now), datetime(2026, 6, 1, tzinfo=UTC))
    assert str(refused.value).startswith("own.yaml:6: 'levy': ")


def test_one_law_twice_would_tax_twice() -> None:
    twice = ENDING + ENDING.partition("  add:\n")[2].replace("as: levy", "as: again")
    with pytest.raises(PackageErrors, match="HK_LEVY stands twice here"):
        packages(twice, datetime(2026, 6, 1, tzinfo=UTC))


def test_a_law_in_another_currency_fits_with_its_rate() -> None:
    rate = """
load:
  add: [{use: tax.rate, as: usd, settings: {currency: {code: USD, exponent: 2}}}]
"""
    text = ENDING.replace("code: HKD, exponent: 2", "code: USD, exponent: 2") + rate
    assert packages(text, datetime(2026, 6, 1, tzinfo=UTC)).plans.current.plans


@pytest.mark.parametrize(
    ("begins", "told"),
    [
        ("2026-12-31", "the rows from 2026-01-01 and from 2026-12-31 overlap"),
        ("2027-01-02", "no row holds from 2027-01-01 to 2027-01-01; add one"),
    ],
)
def test_rows_of_a_law_that_do_not_meet_are_told_at_the_row(begins: str, told: str) -> None:
    again = ENDING.partition("        rows:\n")[2].replace("2026-12-31", "2028-12-31").replace("2026-01-01", begins)
    with pytest.raises(PackageErrors, match=told) as refused:
        packages(ENDING + again.replace("\n\n", "\n"), datetime(2026, 6, 1, tzinfo=UTC))
    assert str(refused.value).startswith("own.yaml:16: settings of 'levy' (tax.rule) are refused: HK_LEVY: ")


JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def refusal(text: str, day: datetime) -> str:
    with pytest.raises(PackageErrors) as refused:
        packages(text, day)
    return "\n".join(map(str, refused.value.errors))


def test_settlement_with_rows_for_today_compiles() -> None:
    assert packages(COMMISSION, JUNE).plans.current.plans


def test_a_commission_that_has_not_begun_or_is_over_is_refused_at_its_line() -> None:
    told = "own.yaml:6: profile: settlement.commission has no row for {}; add one, or write [] where none is wanted"
    to_come = COMMISSION.replace("2026-01-01, effective_to: 2026-12-31", "2027-01-01")
    assert refusal(to_come, JUNE) == told.format("2026-06-01")
    assert told.format("2027-01-01") in refusal(COMMISSION, datetime(2027, 1, 1, tzinfo=UTC))


def test_what_a_carrier_charges_must_be_known_today() -> None:
    told = refusal(COMMISSION, datetime(2026, 7, 1, tzinfo=UTC))
    assert told.startswith(
        "own.yaml:9: profile: settlement.carrier_costs.HK_DM_LAND has no row for 2026-07-01; add one, or"
    )


@pytest.mark.parametrize(
    ("begins", "told"),
    [
        (
            "2027-01-02",
            "own.yaml:8: profile: settlement.commission[1]: no row holds from 2027-01-01 to 2027-01-01; add one",
        ),
        (
            "2026-12-31",
            "own.yaml:8: profile: settlement.commission[1]: the rows from 2026-01-01 and from 2026-12-31 overlap",
        ),
    ],
)
def test_rows_of_a_commission_that_do_not_meet_are_told_at_the_row(begins: str, told: str) -> None:
    more = f'percent: "5"}}\n      - {{effective_from: {begins}, percent: "4"}}\n    carrier'
    assert refusal(COMMISSION.replace('percent: "5"}\n    carrier', more), JUNE).startswith(told)


def test_no_commission_at_all_is_said_by_an_empty_list() -> None:
    none = COMMISSION.partition("commission:")[0] + "commission: []\n    carrier_costs: {HK_DM_LAND: []}\n"
    profile = packages(none, JUNE).plans.current.plan(("HK", "saas", "h5", "everyone", "control"), JUNE).profile
    assert (profile.settlement.commission, profile.settlement.carrier_costs["HK_DM_LAND"]) == ((), ())


def test_a_campaigns_commission_is_asked_about_its_own_first_day_and_a_standing_one_is_not() -> None:
    begins = COMMISSION.replace("when:", "active: {from: 2026-10-01}\nwhen:")
    assert refusal(begins, JUNE).startswith(
        "own.yaml:10: profile: settlement.carrier_costs.HK_DM_LAND has no row for 2026-10-01"
    )
    later = "package: later\nwhen: {site: HK}\nactive: {from: 2027-02-01}\nprofile: {quote_minutes: 5}\n"
    layers = [SourceText("own.yaml", COMMISSION), SourceText("later.yaml", later)]
    assert Packages(layers=layers, clock=lambda: JUNE).plans.current.plans


def test_the_matrix_says_in_time_when_a_commission_ends() -> None:
    plans = packages(COMMISSION, JUNE).plans.current
    said = [str(ending) for ending in matrix(plans, JUNE).endings if ending.point == "profile"]
    assert [line.partition(", site=")[0] for line in said] == [
        "data end 2026-06-30 at profile: settlement.carrier_costs.HK_DM_LAND, own-settlement own.yaml:9"
    ]
    later = matrix(plans, datetime(2026, 12, 1, tzinfo=UTC))
    assert "data end 2026-12-31 at profile: settlement.commission, own-settlement own.yaml:6" in str(later)


CARD = """
package: own-card
when: {site: HK, business: saas}
offer:
  add:
    - use: logistics.consolidation
      as: HK_FERRY
      settings:
        code: HK_FERRY
        name: {en: By ferry}
        carrier: FERRY
        mode: SEA
        classes: [GENERAL]
        origins: [CN]
        max_g: 20000
        transit: {minimum: 5, maximum: 9}
        rates:
          - &row {effective_from: 2026-01-01, effective_to: 2026-12-31, first_g: 500, first_fee: "9.00", step_g: 500,
                  step_fee: "2.00", divisor: 6000, basis: FULL, round_g: 500}
"""


def test_a_rate_card_that_has_not_begun_is_refused_unless_its_layer_begins_then() -> None:
    to_come = CARD.replace("2026-01-01, effective_to: 2026-12-31", "2027-01-01")
    assert refusal(to_come, JUNE) == (
        "own.yaml:6: 'HK_FERRY': HK_FERRY has no rate on 2026-06-01, its first begins on 2027-01-01; "
        "add one, or let its layer begin then (`active`)"
    )
    assert packages(to_come.replace("when:", "active: {from: 2027-01-01}\nwhen:"), JUNE).plans.current.plans


def test_a_rate_card_with_a_gap_is_refused_at_the_row_after_it() -> None:
    gap = CARD + CARD.partition("rates:\n")[2].replace("&row ", "").replace("2026-12-31", "2028-01-01").replace(
        "2026-01-01", "2027-02-01"
    )
    told = refusal(gap, JUNE)
    assert told.startswith("own.yaml:20: settings of 'HK_FERRY' (logistics.consolidation): rates[1]: no row holds from")
    assert "from 2027-01-01 to 2027-01-31; add one (in HK/saas" in told


def test_a_method_that_stopped_is_no_mistake_and_the_matrix_says_when() -> None:
    over = datetime(2027, 3, 1, tzinfo=UTC)
    ends = "data end 2026-12-31 at offer: HK_FERRY (logistics.consolidation), own-card own.yaml:6, "
    assert ends in str(matrix(packages(CARD, over).plans.current, over))
    assert ends in str(matrix(packages(CARD, JUNE).plans.current, datetime(2026, 11, 29, tzinfo=UTC)))
    assert ends not in str(matrix(packages(CARD, JUNE).plans.current, JUNE)), "not more than 90 days before"


def test_rows_that_another_layer_replaced_are_told_at_that_layer() -> None:
    """A card of ours, and an operator's rates for one kind of client that begin too late."""
    rates = CARD.partition("rates:\n")[2].replace("2026-01-01, effective_to: 2026-12-31", "2027-01-01")
    head = "package: theirs\nwhen: {site: HK, business: saas, client: h5}\noffer:\n  set:\n"
    theirs = f"{head}    HK_FERRY:\n      rates:\n{rates}"
    layers = [SourceText("own.yaml", CARD), SourceText("theirs.yaml", theirs)]
    with pytest.raises(PackageErrors, match=r"^theirs\.yaml:5: 'HK_FERRY': HK_FERRY has no rate on 2026-06-01"):
        Packages(layers=layers, clock=lambda: JUNE)
