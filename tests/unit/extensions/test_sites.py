"""The layers of the five sites compile in every scenario, and say what the rate card says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.extensions.compiled import SITES, compiled

from orderpage.domain.address import Delivery
from orderpage.domain.money import Currency
from orderpage.domain.scenario import Profile
from orderpage.domain.shipping import Excluded, Item, Offer, Parcel
from orderpage.engine.plan import Plan, PlanSet
from orderpage.pricing.division import MOST_SPLITS

ALL_SITES = ("HK", "TW", "SG", "MY", "CA")
AUTUMN, SPRING = datetime(2026, 11, 23, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def plans() -> PlanSet:
    return compiled(SITES)


def plan(
    plans: PlanSet,
    site: str,
    crowd: str = "everyone",
    bucket: str = "control",
    at: datetime = AUTUMN,
    business: str = "marketplace",
    client: str = "h5",
) -> Plan:
    return plans.plan((site, business, client, crowd, bucket), at)


def last_mile(row: dict[str, Any]) -> dict[str, int]:
    """Fees by zone, as the card has them: what it calls remote is rural in Canada."""
    beyond = "RURAL" if row["site"] == "CA" else "REMOTE"
    fees = {"HOME": row["home_fee"], beyond: row["remote_fee"], "FAR": row.get("far_fee")}
    return {zone: fee for zone, fee in fees.items() if fee is not None}


def carried(plan: Plan, card: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """The slots of the plan's rate card, each with its row."""
    return [(slot, card[slot.name]) for slot in plan.stages["offer"].compiled if slot.name in card]


def sent(make: Any, row: dict[str, Any], **sku: Any) -> Any:
    """A parcel of stock that the method serves."""
    return make.parcel(make.line(origin="HK" if row["kind"] == "LOCAL" else "CN", **sku))


def slots(plan: Plan, point: str) -> dict[str, Any]:
    stage = plan.stages.get(point)
    return {slot.name: slot for slot in stage.slots} if stage else {}


def test_every_scenario_of_all_sites_has_a_plan_with_what_a_page_needs(plans: PlanSet) -> None:
    cells = list(plans.cells())
    assert len({cell.values for cell in cells}) == 5 * 4 * 3 * 3 * 2
    needed = {"load", "admit", "parcel", "offer", "surcharge", "promise", "rank", "pay", "present"}
    for cell in cells:
        assert needed | {"validate", "enrich", "after"} <= set(cell.plan.stages)
        assert isinstance(cell.plan.profile, Profile)


def test_a_site_has_its_own_currency_country_and_clock(plans: PlanSet) -> None:
    profiles = [plan(plans, site).profile for site in ALL_SITES]
    assert [(one.currency.code, one.currency.exponent, one.countries, one.timezone) for one in profiles] == [
        ("HKD", 2, ("HK",), "Asia/Hong_Kong"),
        ("TWD", 0, ("TW",), "Asia/Taipei"),
        ("SGD", 2, ("SG",), "Asia/Singapore"),
        ("MYR", 2, ("MY",), "Asia/Kuala_Lumpur"),
        ("CAD", 2, ("CA",), "America/Toronto"),
    ]


def test_every_site_but_hong_kong_has_its_taxes(plans: PlanSet) -> None:
    assert {site: list(slots(plan(plans, site), "tax")) for site in ALL_SITES} == {
        "HK": [],
        "TW": ["import"],
        "SG": ["gst"],
        "MY": ["lvg"],
        "CA": ["point_of_sale", "import_prepaid", "import_on_delivery"],
    }


@pytest.mark.parametrize("site", ALL_SITES)
def test_methods_and_prices_are_those_of_the_rate_card(make: Any, plans: PlanSet, site: str) -> None:
    card = {row["code"]: row for row in make.cases["rate_card"] if row["site"] == site}
    found = carried(plan(plans, site, business="hk_local" if site == "HK" else "marketplace"), card)
    assert {slot.name for slot, _ in found} == set(card)
    for slot, row in found:
        answer = slot.call(make.view())(sent(make, row))
        assert isinstance(answer, Offer)
        tariff, method = answer.tariff, answer.method
        assert {name: getattr(tariff, name) for name in ("first_g", "first_fee", "step_g", "step_fee", "divisor")} == {
            name: row[name] for name in ("first_g", "first_fee", "step_g", "step_fee", "divisor")
        }
        assert (str(tariff.basis), tariff.round_g) == (row["basis"], row["round_g"])  # type: ignore[union-attr]
        assert (method.code, method.kind, method.mode) == (row["code"], row["kind"], row["mode"])
        assert method.last_mile == last_mile(row)
        assert method.mergeable is row["mergeable"]
        assert method.transit
        assert (method.transit.minimum, method.transit.maximum) == (row["transit_min"], row["transit_max"])
        assert set(method.name) == {"zh-Hans", "zh-Hant", "en"}


@pytest.mark.parametrize("site", ALL_SITES)
def test_limits_and_classes_are_those_of_the_rate_card(make: Any, plans: PlanSet, site: str) -> None:
    card = {row["code"]: row for row in make.cases["rate_card"] if row["site"] == site}
    for slot, row in carried(plan(plans, site), card):
        answer = slot.call(make.view())
        assert isinstance(answer(sent(make, row, weight_g=row["max_g"])), Offer)
        assert isinstance(answer(sent(make, row, weight_g=row["max_g"] + 1)), Excluded)
        for goods_class in ("GENERAL", "BATTERY_BUILTIN", "LIQUID", "COSMETIC", "POWDER", "BATTERY_ALONE"):
            taken = isinstance(answer(sent(make, row, goods_class=goods_class)), Offer)
            assert taken is (goods_class in row["classes"])


def test_a_store_in_taiwan_takes_in_5_kg_45_cm_105_cm_in_all_and_less_than_20000_dollars(
    make: Any, plans: PlanSet
) -> None:
    twd = make.rate(Currency("TWD", 0), "4.4000")
    collected = make.view(rate=twd, address=make.address("TW", delivery=Delivery.PICKUP_POINT))
    for slot in plan(plans, "TW").stages["offer"].compiled:
        if slot.name == "TW_FORWARDER":
            continue
        answer, at_home = slot.call(collected), slot.call(make.view(rate=twd))

        def takes(answer: Any = answer, amount: int = 19_999, **sku: Any) -> bool:
            line = make.line(**sku)
            return isinstance(answer(Parcel.of([Item(line, 1, amount)])), Offer)

        assert takes(weight_g=5_000)
        assert takes(sides_cm=(45, 30, 30))
        assert not takes(weight_g=5_001)
        assert not takes(sides_cm=(46, 10, 10))
        assert not takes(sides_cm=(45, 31, 30))
        assert not takes(amount=20_000)
        assert takes(at_home, weight_g=5_001, sides_cm=(46, 31, 30), amount=20_000)


def test_remote_areas_of_hong_kong_change_on_their_day(make: Any, plans: PlanSet) -> None:
    (slot,) = (slot for slot in plan(plans, "HK").stages["surcharge"].compiled if slot.name == "remote_area")
    stanley, sai_kung = make.address(district="Stanley"), make.address(district="西貢")
    before, after = datetime(2026, 6, 30, tzinfo=UTC).date(), datetime(2026, 7, 1, tzinfo=UTC).date()
    assert slot.call(make.view(address=stanley, today=before)) is None
    assert slot.call(make.view(address=stanley, today=after)) is not None
    assert slot.call(make.view(address=sai_kung, today=before)) is not None
    assert slot.call(make.view(address=make.address(district="Central"), today=after)) is None


def test_no_more_divisions_are_proposed_than_are_priced(make: Any, plans: PlanSet) -> None:
    lines = [
        make.line("1", 9, shop="a", weight_g=9_000, goods_class="BATTERY_BUILTIN"),
        make.line("2", 9, shop="b", weight_g=9_000, goods_class="LIQUID"),
        make.line("3", 9, shop="c", weight_g=9_000, goods_class="POWDER"),
    ]
    for site in ALL_SITES:
        page = make.view(*lines)
        splits = [split for slot in plan(plans, site).stages["parcel"].compiled for split in slot.call(page)]
        assert 1 < len(splits) <= MOST_SPLITS


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


@pytest.mark.parametrize(
    ("site", "business", "client", "crowd", "style"),
    [
        ("HK", "marketplace", "native", "member", "SHORT"),
        ("HK", "supermarket", "h5", "everyone", "COUNTDOWN"),
        ("HK", "hk_local", "h5", "everyone", "COUNTDOWN"),
        ("SG", "marketplace", "native", "member", "SHORT"),
        ("TW", "marketplace", "h5", "everyone", "SHORT"),
        ("TW", "marketplace", "native", "everyone", "COUNTDOWN"),
        ("TW", "marketplace", "h5", "member", "LONG"),
        ("TW", "marketplace", "native", "member", "COUNTDOWN"),  # the client is more decisive than the crowd
        ("MY", "saas", "mini_program", "newcomer", "BEFORE"),
        ("CA", "marketplace", "h5", "member", "LONG"),
    ],
)
def test_how_arrival_is_told_is_the_layers_choice(
    plans: PlanSet, site: str, business: str, client: str, crowd: str, style: str
) -> None:
    arrival_block = slots(plan(plans, site, crowd, business=business, client=client), "present")["arrival"]
    assert arrival_block.settings.get("style", "SHORT") == style


def test_a_forwarder_is_referred_to_where_the_layers_say_so(plans: PlanSet) -> None:
    def forwarders(business: str) -> set[str]:
        return {
            site for site in ALL_SITES if f"{site}_FORWARDER" in slots(plan(plans, site, business=business), "offer")
        }

    assert forwarders("marketplace") == {"TW", "MY", "CA"}
    assert forwarders("saas") == {"HK", "SG"}
    assert forwarders("supermarket") == set()


def test_blocks_come_in_the_order_of_the_default_layer(plans: PlanSet) -> None:
    order = ["arrival", "landed_cost", "tax_notice", "recommended", "saving", "later", "progress", "referral"]
    shown = [[slot for slot in slots(plan(plans, site), "present") if slot != "tax_together"] for site in ALL_SITES]
    assert shown == [order] * 5
