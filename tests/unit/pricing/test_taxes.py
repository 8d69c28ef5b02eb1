"""Low-value-goods tax of a parcel, by the worked cases of Singapore (domain rules 2.1, 2.3, 2.4 and 12)."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.discount import Funder, Lane, Target, WeightRelief
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import Currency
from orderpage.domain.shipping import Charging, Fee, MethodKind, Mode, Option
from orderpage.domain.tax import (
    Collector,
    Component,
    TaxLine,
    TaxRule,
    Threshold,
    Treatment,
    Unit,
    Valuation,
)
from orderpage.pricing.tax_rows import TaxedItem
from orderpage.pricing.taxed_goods import TaxedGoods
from orderpage.pricing.total import Pricer

SGD = Currency("SGD", 2)
SINGAPORE = ("SG-1", "SG-2", "SG-3", "SG-5")


class ParcelTax(NamedTuple):
    collected: int
    border: int
    lines: tuple[TaxLine, ...]


def taxed(build: Any, option: Option, rules: Any = None, cut: int = 0) -> ParcelTax:
    items = [item for shipment in option.shipments for item in shipment.items]
    seen = {id(i): TaxedItem(i, i.amount, i.amount, i.amount, i.quantity) for i in items}
    tax = TaxedGoods(seen, [build.gst()] if rules is None else rules).tax(option)
    due = tax[option.freight + option.fee_total + cut]
    return ParcelTax(due.collected, due.border, due.lines)


def option_of(build: Any, *lines: Any, freight: int = 0, fees: Any = None, **method: Any) -> Option:
    offer = build.offer(freight=freight, **method)
    more = {"fees": lambda _: fees} if fees else {}
    option: Option = build.priced(build.parcel(*lines), offer, **more).options[0]
    return option


def singapore(cases: dict[str, Any], name: str) -> dict[str, Any]:
    return next(case for case in cases["tax_cases"] if case["id"] == name)


def parcel_of(build: Any, case: dict[str, Any]) -> Any:
    lines = [build.line(str(i), SGD.parse(price)) for i, price in enumerate(case["lines"], 1)]
    offer = build.offer(freight=SGD.parse(case["freight"]), mode=Mode(case["mode"]))
    return build.priced(build.parcel(*lines), offer)


@pytest.mark.parametrize("name", SINGAPORE)
def test_the_worked_cases_by_tax_parcel(build: Any, cases: dict[str, Any], name: str) -> None:
    case = singapore(cases, name)
    option = parcel_of(build, case).options[0]
    tax = taxed(build, option)
    assert SGD.format(tax.collected) == case["collect"]
    if "border_estimate" in case:
        assert SGD.format(tax.border) == case["border_estimate"]
    if "freight_alloc" in case:
        amounts = [item.amount for item in option.shipments[0].items]
        assert [SGD.format(t.base - a) for t, a in zip(tax.lines, amounts, strict=True)] == case["freight_alloc"]


@pytest.mark.parametrize("name", SINGAPORE)
def test_the_worked_cases_by_pricer(build: Any, cases: dict[str, Any], name: str) -> None:
    case = singapore(cases, name)
    pricer = Pricer([parcel_of(build, case)], [], [build.gst()])
    totals = pricer.totals((0,))
    assert SGD.format(totals.tax) == case["collect"]
    assert totals.payable == totals.goods + totals.freight + totals.tax


def test_sg_1_a_sellers_coupon_lowers_the_base(build: Any) -> None:
    parcel = build.priced(build.parcel(build.line("1", 19_200)), build.offer(freight=500))
    coupon = build.rule(amount=960, funding=((Funder.SELLER, 1),))  # CNY 50 at 0.1920
    pricer = Pricer([parcel], [coupon], [build.gst()])
    totals = pricer.totals((0,))
    ((line,),) = pricer.tax_lines((0,), 0)
    assert (line.base, totals.tax, totals.payable) == (18_740, 1687, 20_427)


def test_sg_3_what_is_above_the_limit_is_due_at_the_border_with_its_freight(build: Any, cases: dict[str, Any]) -> None:
    tax = taxed(build, parcel_of(build, singapore(cases, "SG-3")).options[0])
    assert [(line.line_id, line.collector, line.base, line.amount) for line in tax.lines] == [
        ("1", Collector.BORDER, 45_711, 4114),
        ("2", Collector.MARKETPLACE, 12_189, 1097),
    ]


@pytest.mark.parametrize(("deemed_supplier", "collected"), [(True, 3510), (False, 0)])
def test_sg_4_a_platform_voucher_counts_only_where_the_platform_is_the_supplier(
    build: Any, deemed_supplier: bool, collected: int
) -> None:
    """Price 420, voucher 30, freight billed separately: 35.10 on 390, or 420 is above the limit and nothing is."""
    parcel = build.priced(
        build.parcel(build.line("1", 42_000)), build.offer(freight=800, kind=MethodKind.CONSO_OFFICIAL)
    )
    voucher = build.rule(amount=3000, reduces_tax_base=deemed_supplier)
    totals = Pricer([parcel], [voucher], [build.gst()]).totals((0,))
    assert totals.tax == collected
    assert totals.payable == 39_000 + 800 + collected


def test_sg_5_by_sea_nothing_is_collected_and_all_is_due_at_the_border(build: Any, cases: dict[str, Any]) -> None:
    tax = taxed(build, parcel_of(build, singapore(cases, "SG-5")).options[0])
    assert (tax.collected, tax.border) == (0, 4302)


@pytest.mark.parametrize(
    ("amount", "collected", "border"), [(40_000, 3600, 0), (40_001, 0, 3600), (1, 0, 0), (5, 0, 0), (6, 1, 0)]
)
def test_the_limit_is_inclusive_and_a_half_cent_of_tax_rounds_up(
    build: Any, amount: int, collected: int, border: int
) -> None:
    tax = taxed(build, option_of(build, build.line("1", amount)))
    assert (tax.collected, tax.border) == (collected, border)


@pytest.mark.parametrize(("amount", "quantity", "collected"), [(120_000, 3, 10_800), (120_003, 3, 0)])
def test_per_item_is_the_average_unit(build: Any, amount: int, quantity: int, collected: int) -> None:
    assert taxed(build, option_of(build, build.line("1", amount, quantity))).collected == collected


@pytest.mark.parametrize(
    ("mode", "kind", "base"),
    [
        (Mode.AIR, MethodKind.DIRECT_MAIL, 10_500),
        (Mode.AIR, MethodKind.CONSO_OFFICIAL, 10_000),
        (Mode.SEA, MethodKind.CONSO_OFFICIAL, 10_500),
        (Mode.LAND, MethodKind.DIRECT_MAIL, 10_500),
    ],
)
def test_leg_2_of_a_consolidation_is_outside_the_taxed_supply_but_inside_the_border_value(
    build: Any, mode: Mode, kind: MethodKind, base: int
) -> None:
    option = option_of(build, build.line("1", 10_000), freight=500, mode=mode, kind=kind)
    assert [line.base for line in taxed(build, option).lines] == [base]


def test_dutiable_goods_are_never_low_value_goods(build: Any) -> None:
    tax = taxed(build, option_of(build, build.line("1", 10_000, goods_class=GoodsClass.DUTIABLE)))
    assert (tax.collected, tax.border) == (0, 900)


def test_freight_in_a_base_includes_last_mile_fees_and_is_after_promotions(build: Any) -> None:
    option = option_of(build, build.line("1", 10_000), freight=500, fees=[Fee("HOME_DELIVERY", 200, "g", 1)])
    assert [line.base for line in taxed(build, option, cut=-300).lines] == [10_400]


def test_freight_that_is_promised_free_is_in_no_base_either(build: Any) -> None:
    """Section 12: freight is in tax bases after promotions, as the buyer pays it, now or once it was weighed."""
    ad_valorem = (Component(code="DUTY", rate_ppm=50_000), Component(code="VAT", rate_ppm=50_000, on=("DUTY",)))
    beyond = Treatment(collector=Collector.BORDER, components=ad_valorem, freight_kinds=frozenset(MethodKind))
    limit = Threshold(unit=Unit.CONSIGNMENT, limit=2000, tested=Valuation.CIF)
    law = TaxRule(code="TW", name={}, within=None, beyond=beyond, threshold=limit)
    leg2 = build.offer("CONSO", 200, kind=MethodKind.CONSO_OFFICIAL, charging=Charging.AFTER_WEIGHING)
    parcel = build.priced(build.parcel(build.line("1", 1900)), build.offer("DM", 200), leg2)
    free = build.rule("FREE", 0, target=Target.FREIGHT, lane=Lane.FREIGHT, relief=WeightRelief(later=True))
    borders = [Pricer([parcel], rules, [law]).totals((index,)).border for rules in ([], [free]) for index in (0, 1)]
    assert borders == [215, 215, 0, 0]


def test_freight_is_shared_within_its_own_shipment(build: Any) -> None:
    lines = build.line("1", 10_000, shop="a"), build.line("2", 10_000, shop="b"), build.line("3", 30_000, shop="b")
    option = option_of(build, *lines, freight=800, mergeable=False)
    bases = {line.line_id: line.base for line in taxed(build, option).lines}
    assert bases == {"1": 10_800, "2": 10_200, "3": 30_600}


def test_what_promotions_take_off_the_freight_is_shared_over_shipments_by_their_freight(build: Any) -> None:
    """Two shipments of 8.00 each, 6.00 off both together: 5.00 is left of each, and enters its own goods' base."""
    lines = build.line("1", 10_000, shop="a"), build.line("2", 10_000, shop="b")
    option = option_of(build, *lines, freight=800, mergeable=False)
    assert (len(option.shipments), option.freight) == (2, 1600)
    bases = {line.line_id: line.base for line in taxed(build, option, cut=-600).lines}
    assert bases == {"1": 10_500, "2": 10_500}


def test_tax_is_rounded_by_line(build: Any) -> None:
    """MY-3: 571.43 and 95.14 at 10% are 57.14 and 9.51, 66.65 by line (66.66 by invoice)."""
    rule = build.gst(rate_ppm=100_000, item_limit=50_000)
    option = option_of(build, build.line("1", 57_143), build.line("2", 9_514))
    two_units = build.gst(rate_ppm=100_000, item_limit=60_000)
    assert taxed(build, option, [two_units]).collected == 6665
    assert taxed(build, option, [rule]).collected == 951


def test_without_a_rule_there_is_no_tax(build: Any) -> None:
    option = option_of(build, build.line("1", 10_000), freight=500)
    assert taxed(build, option, []) == ParcelTax(0, 0, ())


@given(
    amounts=st.lists(st.integers(0, 60_000), min_size=1, max_size=6),
    freight=st.integers(0, 9_000),
    shops=st.integers(1, 3),
    mergeable=st.booleans(),
    cut=st.integers(0, 9_000),
)
def test_the_bases_of_a_parcel_hold_its_goods_and_its_freight_exactly(
    build: Any, amounts: list[int], freight: int, shops: int, mergeable: bool, cut: int
) -> None:
    lines = [build.line(str(i), amount, shop=f"shop-{i % shops}") for i, amount in enumerate(amounts)]
    option = option_of(build, *lines, freight=freight, mergeable=mergeable)
    cut = min(cut, option.freight)
    tax = taxed(build, option, cut=-cut)
    assert sum(line.base for line in tax.lines) == sum(amounts) + option.freight - cut
    assert tax.collected + tax.border == sum(line.amount for line in tax.lines)
    assert all(line.base >= 0 for line in tax.lines)


def test_a_tax_line_says_how_much_of_its_base_is_carriage(build: Any) -> None:
    """Freight 4.00 and fees 1.00 by price. VAT on a duty holds them once: what is on the duty is no carriage, and a
    flat amount is on none.
    """
    components = (
        Component(code="DUTY", rate_ppm=50_000),
        Component(code="VAT", rate_ppm=50_000, on=("DUTY",)),
        Component(code="FLAT", flat=300),
    )
    within = Treatment(
        collector=Collector.MARKETPLACE, components=components, freight_kinds=frozenset({MethodKind.DIRECT_MAIL})
    )
    lines = build.line("1", 6000), build.line("2", 4000)
    option = option_of(build, *lines, freight=400, fees=[Fee("HOME_DELIVERY", 100, "last_mile", 1)])
    found = [
        (line.code, line.line_id, line.base, line.carriage)
        for line in taxed(build, option, [build.gst(within=within)]).lines
    ]
    assert found == [
        ("DUTY", "1", 6300, 300),
        ("VAT", "1", 6615, 300),
        ("FLAT", "1", 6300, 0),
        ("DUTY", "2", 4200, 200),
        ("VAT", "2", 4410, 200),
    ]
    assert [line.carriage for line in taxed(build, option).lines] == [300, 200]
    assert [line.carriage for line in taxed(build, option, [build.gst(freight_kinds=frozenset())]).lines] == [0, 0]


@given(draw=st.data())
def test_the_carriage_in_the_bases_of_any_tax_is_that_of_the_shipment(build: Any, draw: st.DataObject) -> None:
    lines = [build.line(str(n), draw.draw(st.integers(1, 30_000))) for n in range(draw.draw(st.integers(1, 4)))]
    freight = draw.draw(st.integers(0, 5_000))
    found = taxed(build, option_of(build, *lines, freight=freight), [build.gst(item_limit=60_000)]).lines
    assert sum(line.carriage for line in found) == freight
    assert [line.base - line.carriage for line in found] == [line.amount for line in lines]
