"""The layers of Hong Kong and Singapore compile in every scenario, and say what the rate card says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orderpage import facts, loaders, points
from orderpage.domain.money import ListingAmount
from orderpage.domain.scenario import Profile
from orderpage.domain.shipping import Excluded, Offer
from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import offer
from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.plan import Plan, PlanSet
from orderpage.engine.scenarios import SourceText
from orderpage_blocks import blocks
from orderpage_checkout import address, admission, ordering, validation
from orderpage_logistics import arrival, methods, parcels, surcharges
from orderpage_promotions import reduction
from orderpage_ranking import scores
from orderpage_tax import low_value_goods

SITES = Path(__file__).parents[3] / "extensions" / "orderpage_sites"
OFFERED = offer(
    loaders.CatalogueLoader,
    loaders.StockLoader,
    loaders.RateLoader,
    methods.DirectMail,
    methods.Consolidation,
    surcharges.HomeDelivery,
    surcharges.ZoneFee,
    parcels.Merged,
    parcels.ByShop,
    parcels.ByClass,
    parcels.ByWeight,
    arrival.ArrivalPromise,
    low_value_goods.LowValueGoodsTax,
    reduction.ReductionRule,
    scores.Cost,
    scores.Speed,
    scores.TaxCertainty,
    scores.History,
    admission.Saleable,
    admission.InStock,
    admission.ImportProhibited,
    address.DeliveryAddress,
    validation.Contact,
    validation.AllowedBuyer,
    validation.AcceptedPayment,
    ordering.PaymentMethods,
    ordering.ServiceOrders,
    ordering.OrderConfirmed,
    blocks.ArrivalBlock,
    blocks.LandedCostBlock,
    blocks.TaxNotice,
    blocks.Recommended,
    blocks.SavingBlock,
)
AUTUMN, SPRING = datetime(2026, 11, 23, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


def source(path: Path) -> SourceText:
    return SourceText(path.name, path.read_text(encoding="utf-8"))


def listing_amount(kind: type, raw: Any) -> Any:
    if kind is ListingAmount:
        return ListingAmount(raw)
    raise NotImplementedError


@pytest.fixture(scope="module")
def plans() -> PlanSet:
    layers = tuple(map(source, sorted((SITES / "layers").glob("*.yaml"))))
    packages = read_packages(PackageFiles((source(SITES / "scenarios.yaml"),), layers), points.ALL)
    return compile_plans(
        points=points.ALL,
        dimensions=packages.scenarios.dimensions,
        layers=packages.layers,
        extensions=OFFERED,
        profile_type=Profile,
        host_facts=(facts.BUYER,),
        host_needs=(facts.CATALOGUE, facts.RATE),
        dec_hook=listing_amount,
    )


def plan(plans: PlanSet, site: str, crowd: str = "everyone", bucket: str = "control", at: datetime = AUTUMN) -> Plan:
    return plans.plan((site, "marketplace", "h5", crowd, bucket), at)


def slots(plan: Plan, point: str) -> dict[str, Any]:
    stage = plan.stages.get(point)
    return {slot.name: slot for slot in stage.slots} if stage else {}


def test_every_scenario_of_both_sites_has_a_plan_with_what_a_page_needs(plans: PlanSet) -> None:
    cells = list(plans.cells())
    assert len({cell.values for cell in cells}) == 2 * 4 * 3 * 3 * 2
    needed = {"load", "admit", "parcel", "offer", "surcharge", "promise", "rank", "pay", "present"}
    for cell in cells:
        assert needed | {"validate", "enrich", "after"} <= set(cell.plan.stages)
        assert isinstance(cell.plan.profile, Profile)


def test_a_site_has_its_own_currency_country_and_clock(plans: PlanSet) -> None:
    profiles = [plan(plans, site).profile for site in ("HK", "SG")]
    assert [(one.currency.code, one.countries, one.timezone) for one in profiles] == [
        ("HKD", ("HK",), "Asia/Hong_Kong"),
        ("SGD", ("SG",), "Asia/Singapore"),
    ]


def test_only_singapore_collects_tax(plans: PlanSet) -> None:
    assert not slots(plan(plans, "HK"), "tax")
    assert list(slots(plan(plans, "SG"), "tax")) == ["gst"]


@pytest.mark.parametrize("site", ["HK", "SG"])
def test_methods_and_prices_are_those_of_the_rate_card(make: Any, plans: PlanSet, site: str) -> None:
    card = {row["code"]: row for row in make.cases["rate_card"] if row["site"] == site and row["kind"] != "LOCAL"}
    stage = plan(plans, site).stages["offer"]
    assert {slot.name for slot in stage.slots} == set(card)
    for slot in stage.compiled:
        row = card[slot.name]
        answer = slot.call(make.view())(make.parcel())
        assert isinstance(answer, Offer)
        tariff, method = answer.tariff, answer.method
        assert {name: getattr(tariff, name) for name in ("first_g", "first_fee", "step_g", "step_fee", "divisor")} == {
            name: row[name] for name in ("first_g", "first_fee", "step_g", "step_fee", "divisor")
        }
        assert (str(tariff.basis), tariff.round_g) == (row["basis"], row["round_g"])  # type: ignore[union-attr]
        assert (method.code, method.kind, method.mode) == (row["code"], row["kind"], row["mode"])
        fees = {"HOME": row["home_fee"], "REMOTE": row["remote_fee"]}
        assert method.last_mile == {zone: fee for zone, fee in fees.items() if fee is not None}
        assert method.mergeable is row["mergeable"]
        assert method.transit
        assert (method.transit.minimum, method.transit.maximum) == (row["transit_min"], row["transit_max"])
        assert set(method.name) == {"zh-Hans", "zh-Hant", "en"}


@pytest.mark.parametrize("site", ["HK", "SG"])
def test_limits_and_classes_are_those_of_the_rate_card(make: Any, plans: PlanSet, site: str) -> None:
    card = {row["code"]: row for row in make.cases["rate_card"] if row["site"] == site}
    for slot in plan(plans, site).stages["offer"].compiled:
        row, answer = card[slot.name], slot.call(make.view())
        assert isinstance(answer(make.parcel(make.line(weight_g=row["max_g"]))), Offer)
        assert isinstance(answer(make.parcel(make.line(weight_g=row["max_g"] + 1))), Excluded)
        for goods_class in ("GENERAL", "BATTERY_BUILTIN", "LIQUID", "COSMETIC", "POWDER", "BATTERY_ALONE"):
            taken = isinstance(answer(make.parcel(make.line(goods_class=goods_class))), Offer)
            assert taken is (goods_class in row["classes"])


def test_remote_areas_of_hong_kong_change_on_their_day(make: Any, plans: PlanSet) -> None:
    (slot,) = (slot for slot in plan(plans, "HK").stages["surcharge"].compiled if slot.name == "remote_area")
    stanley, sai_kung = make.address(district="Stanley"), make.address(district="西貢")
    before, after = datetime(2026, 6, 30, tzinfo=UTC).date(), datetime(2026, 7, 1, tzinfo=UTC).date()
    assert slot.call(make.view(address=stanley, today=before)) is None
    assert slot.call(make.view(address=stanley, today=after)) is not None
    assert slot.call(make.view(address=sai_kung, today=before)) is not None
    assert slot.call(make.view(address=make.address(district="Central"), today=after)) is None


def test_at_most_eight_divisions_are_ever_proposed(make: Any, plans: PlanSet) -> None:
    lines = [
        make.line("1", 9, shop="a", weight_g=9_000, goods_class="BATTERY_BUILTIN"),
        make.line("2", 9, shop="b", weight_g=9_000, goods_class="LIQUID"),
        make.line("3", 9, shop="c", weight_g=9_000, goods_class="POWDER"),
    ]
    for site in ("HK", "SG"):
        page = make.view(*lines)
        splits = [split for slot in plan(plans, site).stages["parcel"].compiled for split in slot.call(page)]
        assert 1 < len(splits) <= 8


def test_a_member_in_hong_kong_gets_the_direct_mail_reduction(plans: PlanSet) -> None:
    assert list(slots(plan(plans, "HK", "member"), "discount")) == ["direct_mail_instant"]
    assert not slots(plan(plans, "SG", "member"), "discount")
    assert not slots(plan(plans, "HK"), "discount")


def test_newcomers_are_welcomed_in_autumn_only(plans: PlanSet) -> None:
    assert list(slots(plan(plans, "SG", "newcomer"), "discount")) == ["newcomer_welcome"]
    assert not slots(plan(plans, "SG", "newcomer", at=SPRING), "discount")


def test_a_trial_ranks_speed_first_and_changes_nothing_else(plans: PlanSet) -> None:
    control, trial = plan(plans, "HK"), plan(plans, "HK", bucket="trial")
    weights = {bucket: {name: slot.weight for name, slot in slots(one, "rank").items()} for bucket, one in
               (("control", control), ("trial", trial))}  # fmt: skip
    assert weights["control"] == {"cost": 450, "speed": 300, "tax_certainty": 150, "history": 100}
    assert weights["trial"] == {"cost": 300, "speed": 450, "tax_certainty": 150, "history": 100}
    assert {name for name in control.stages if control.stages[name].digest != trial.stages[name].digest} == {"rank"}


def test_blocks_come_in_the_order_of_the_default_layer(plans: PlanSet) -> None:
    order = ["arrival", "landed_cost", "tax_notice", "recommended", "saving"]
    assert [list(slots(plan(plans, site), "present")) for site in ("HK", "SG")] == [order, order]
