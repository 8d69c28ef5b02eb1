"""A tax as it is written in a layer: dated rows, by area where areas differ."""

from datetime import date
from typing import Any

import pytest

from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import Currency, Percent
from orderpage.domain.page import BlockPage
from orderpage.domain.problem import Code
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.tax import Collector, Combine, FlatPer, TaxRule, Unit, Valuation
from orderpage_tax.areas import ProvinceAsked, Provinces
from orderpage_tax.law import (
    ComponentSettings,
    TaxLaw,
    TaxRow,
    ThresholdSettings,
    TreatmentSettings,
)
from orderpage_tax.rule import TaxByLaw

SGD = Currency("SGD", 2)
ITEM = ThresholdSettings(unit=Unit.ITEM, limit="400.00")


def collected(*components: ComponentSettings, collector: Collector = Collector.MARKETPLACE) -> TreatmentSettings:
    return TreatmentSettings(
        collector=collector, components=components, freight_kinds=frozenset({MethodKind.DIRECT_MAIL})
    )


def row(since: str, until: str | None = None, rate: str = "9", **fields: Any) -> TaxRow:
    within = collected(ComponentSettings(code="SG_GST", rate=Percent(rate)))
    last = date.fromisoformat(until) if until else None
    return TaxRow(
        effective_from=date.fromisoformat(since),
        effective_to=last,
        **{"threshold": ITEM, "within": within, **fields},
    )


ROWS = (row("2023-01-01", "2023-12-31", "8"), row("2024-01-01"))


def law(**fields: Any) -> TaxLaw:
    defaults = {
        "code": "SG_GST",
        "name": {"en": "GST"},
        "currency": SGD,
        "rows": ROWS,
        "modes": frozenset({Mode.AIR}),
        "excluded": frozenset({GoodsClass.DUTIABLE}),
    }
    return TaxLaw(**{**defaults, **fields})


def rule_on(make: Any, day: date, settings: TaxLaw | None = None, **view: Any) -> TaxRule:
    page = make.view(rate=make.rate(SGD, "0.1920"), today=day, **view)
    (rule,) = TaxByLaw(settings or law()).tax(page, {}, {})
    return rule


def rate_of(rule: TaxRule) -> int:
    assert rule.within is not None
    return rule.within.components[0].rate_ppm


def test_the_rate_is_that_of_the_buyers_day(make: Any) -> None:
    assert rate_of(rule_on(make, date(2023, 12, 31))) == 80_000
    assert rate_of(rule_on(make, date(2024, 1, 1))) == 90_000


def test_the_rule_says_what_it_covers_and_which_row_it_is(make: Any) -> None:
    rule = rule_on(make, date(2026, 11, 23))
    assert rule.threshold is not None
    assert (rule.threshold.unit, rule.threshold.limit) == (Unit.ITEM, 40_000)
    assert (rule.modes, rule.excluded) == (frozenset({Mode.AIR}), frozenset({GoodsClass.DUTIABLE}))
    assert rule.within is not None
    assert rule.within.freight_kinds == {MethodKind.DIRECT_MAIL}
    assert rule.beyond is None
    assert rule.row == "SG_GST from 2024-01-01"


def test_a_day_without_a_row_is_a_fault(make: Any) -> None:
    with pytest.raises(LookupError, match="no row for 2022-12-31"):
        rule_on(make, date(2022, 12, 31))


def test_what_a_day_lacks_can_be_asked_beforehand() -> None:
    ending = TaxByLaw(law(rows=(row("2023-01-01", "2023-12-31"),)))
    assert ending.data_until == date(2023, 12, 31)
    assert ending.lacks_on(date(2023, 12, 31)) == ""
    assert ending.lacks_on(date(2024, 1, 1)) == "SG_GST has no row for 2024-01-01; add one to its settings"
    assert TaxByLaw(law()).data_until is None


def test_a_page_in_another_currency_is_a_fault(make: Any) -> None:
    with pytest.raises(ValueError, match=r"declared in SGD, the page is in HKD; put tax\.rate for SGD at load"):
        TaxByLaw(law()).tax(make.view(), {}, {})


PROVINCES = {"ON": ("Ontario",), "QC": ("Quebec", "Québec")}
BY_PROVINCE = (
    row("2025-01-01", "2025-03-31", "15", areas=("ON",)),
    row("2025-04-01", None, "14", areas=("ON",)),
    row("2025-01-01", None, "5", areas=("QC",)),
)


@pytest.mark.parametrize(
    ("subdivision", "day", "ppm"),
    [
        ("ON", "2025-03-31", 150_000),
        ("Ontario", "2025-04-01", 140_000),
        (" ontario ", "2025-04-01", 140_000),
        ("québec", "2025-04-01", 50_000),
    ],
)
def test_a_province_has_rows_of_its_own(make: Any, subdivision: str, day: str, ppm: int) -> None:
    settings = law(areas=PROVINCES, rows=BY_PROVINCE)
    where = make.address(subdivision=subdivision)
    assert rate_of(rule_on(make, date.fromisoformat(day), settings, address=where)) == ppm


def test_what_a_province_lacks_is_said_with_its_name() -> None:
    tax = TaxByLaw(law(areas=PROVINCES, rows=(*BY_PROVINCE[:1], BY_PROVINCE[2])))
    assert tax.data_until == date(2025, 3, 31)
    assert "no row for 2026-01-01 in ON" in tax.lacks_on(date(2026, 1, 1))


def test_a_row_that_treats_nothing_is_no_row() -> None:
    with pytest.raises(ValueError, match="taxes nothing; say at least one"):
        row("2024-01-01", within=None)


def test_the_province_is_asked_for_where_it_decides(make: Any) -> None:
    asked = ProvinceAsked(Provinces(areas=PROVINCES))
    assert not list(asked.admit(make.view(address=make.address(subdivision="Québec"))))
    assert not list(asked.admit(make.view(address=None)))
    (blocked,) = asked.admit(make.view(address=make.address(subdivision="Bavaria")))
    assert isinstance(blocked, BlockPage)
    assert blocked.problem.code is Code.TAX_PROVINCE_UNRESOLVED
    assert blocked.problem.field == "address.subdivision"


def test_everything_a_layer_may_say_reaches_the_rule(make: Any) -> None:
    duty = ComponentSettings(code="DUTY", by_hs={"61": Percent("18"), "6109": Percent("12.5")})
    vat = ComponentSettings(code="VAT", rate=Percent("5"), on=("DUTY",))
    handling = ComponentSettings(code="HANDLING", flat="9.95", flat_per=FlatPer.DUE)
    consignment = ThresholdSettings(
        unit=Unit.CONSIGNMENT, limit="20.00", tested=Valuation.CIF, combine=Combine.ADDRESSEE_DAY
    )
    beyond = collected(duty, vat, handling, collector=Collector.BORDER)
    settings = law(rows=(row("2024-01-01", threshold=consignment, within=None, beyond=beyond),))
    rule = rule_on(make, date(2026, 11, 23), settings)
    assert rule.combines
    assert rule.within is None
    assert rule.beyond is not None
    made = rule.beyond.components
    assert [made[0].ppm_of(code) for code in ("610910", "610510", "850000", "")] == [125_000, 180_000, 0, 0]
    assert (made[1].rate_ppm, made[1].on, made[2].flat) == (50_000, ("DUTY",), 995)


NEGATIVE = ComponentSettings(code="V", flat="-3")
DOTTED = ComponentSettings(code="V", by_hs={"61.09": Percent("2")})
GST = ComponentSettings(code="GST", rate=Percent("5"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rows": ()}, "at least one dated row"),
        ({"rows": (ROWS[1], ROWS[1])}, "overlap"),
        (
            {"rows": (row("2023-01-01", "2023-12-30"), row("2024-01-01"))},
            "SG_GST: no row holds from 2023-12-31 to 2023-12-31; add one",
        ),
        ({"rows": (row("2024-01-01", "2023-12-31"),)}, "ends before it begins"),
        ({"rows": (row("2024-01-01", threshold=ThresholdSettings(unit=Unit.ITEM, limit="400.001")),)}, "decimals of"),
        ({"rows": (row("2024-01-01", threshold=ThresholdSettings(unit=Unit.ITEM, limit="-1")),)}, "below zero"),
        (
            {
                "rows": (
                    row("2024-01-01", threshold=ThresholdSettings(unit=Unit.ITEM, limit="1", tested=Valuation.CIF)),
                )
            },
            "tested on the price alone",
        ),
        ({"rows": (row("2024-01-01", within=collected()),)}, "at least one component"),
        ({"rows": (row("2024-01-01", within=collected(GST, GST)),)}, "stands twice"),
        (
            {"rows": (row("2024-01-01", within=collected(ComponentSettings(code="V", on=("DUTY",)))),)},
            "DUTY, which does not stand before it",
        ),
        (
            {"rows": (row("2024-01-01", within=collected(ComponentSettings(code="V", flat="1", rate=Percent("2")))),)},
            "can have no rate",
        ),
        (
            {
                "rows": (
                    row("2024-01-01", within=collected(ComponentSettings(code="V", by_hs={"61.09": Percent("2")}))),
                )
            },
            "not the beginning of a six-digit HS code",
        ),
        (
            {"rows": (row("2024-01-01", within=collected(ComponentSettings(code="V", flat="-3"))),)},
            "a tax is above zero",
        ),
        ({"code": ""}, "a law needs a code"),
        ({"name": {}}, "a law needs a code"),
        ({"excluded_hs": ("49.01",)}, "not the beginning of a six-digit HS code"),
        ({"rows": (row("2024-01-01", rate="100.0001"),)}, r"takes 100\.0001%; a rate is at most 100 percent"),
        ({"rows": (row("2024-01-01", areas=("ON",)),)}, "`areas` does not say"),
        ({"rows": (row("2024-01-01", areas=("XX",)),), "areas": PROVINCES}, "not one of `areas`: ON, QC"),
        ({"rows": BY_PROVINCE[:2], "areas": PROVINCES}, "SG_GST in QC has no row"),
        ({"rows": (BY_PROVINCE[0], *BY_PROVINCE), "areas": PROVINCES}, "SG_GST in ON: the rows .* overlap"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TaxByLaw(law(**fields))
