"""The worked cases of Hong Kong and Singapore, from a request to a page (domain rules 2.4 and 3.5)."""

from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.domain.address import Delivery
from orderpage.domain.buyer import Buyer
from orderpage.domain.discount import Funder
from orderpage.domain.money import Currency
from orderpage.domain.page import Page
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.tax import Collector

SGD = Currency("SGD", 2)


def option(page: Page, code: str) -> Any:
    found = [o.priced for p in page.parcels for o in p.options if o.priced.option.method.code == code]
    assert len(found) == 1
    return found[0]


def case_of(cases: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    return next(case for case in cases[kind] if case["id"] == name)


@pytest.mark.parametrize(("name", "site", "district"), [("Q1", "HK", "Sai Kung"), ("Q2a", "SG", ""), ("Q2b", "SG", "")])
async def test_the_quotes(world: Any, demo: Any, cases: dict[str, Any], name: str, site: str, district: str) -> None:
    case = case_of(cases, "quotes", name)
    world.ports.sell("thing", weight_g=case["actual_g"], sides_cm=tuple(case["dims_cm"]))
    address = demo.address(site, district=district) if district else demo.address(site)
    page = (await world.render(world.cart(site, ("thing", 1), address=address))).page
    priced, convert = option(page, case["method"]), page.view.rate.convert
    (shipment,) = priced.option.shipments
    assert shipment.chargeable_g == case["chargeable_g"]
    assert priced.option.freight == convert(case["freight"])
    assert priced.option.fee_total == convert(case["surcharge"])
    codes = [fee.code for fee in priced.option.fees]
    assert codes == ({"Q1": ["REMOTE_AREA"], "Q2a": [], "Q2b": ["HOME_DELIVERY"]}[name])


async def test_collecting_a_parcel_costs_no_home_delivery_but_a_remote_point_its_fee(world: Any, demo: Any) -> None:
    pickup = {"delivery": Delivery.PICKUP_POINT, "pickup_point": "pp-1"}
    for district, fee in (("Mong Kok", 0), ("Sai Kung", 2360)):
        address = demo.address("HK", district=district, **pickup)
        page = (await world.render(world.cart("HK", ("dig-earbuds-lite", 1), address=address))).page
        assert option(page, "HK_DM_LAND").option.fee_total == fee


async def singapore(lab: Any, world: Any, prices: list[int], freight: int, mode: Mode, kind: MethodKind) -> Page:
    """A page of goods at these prices in cents, going by FLAT."""
    lab.flat(freight, mode, kind)
    for i, cents in enumerate(prices):
        world.ports.sell(f"g{i}")
        world.ports.known[f"g{i}"] = replace(world.ports.known[f"g{i}"], unit_price=lab.fen(cents))
    world.ports.buyers["b-1"] = Buyer(buyer_id="b-1", crowd="everyone", last_method="FLAT")
    page: Page = (await world.render(world.cart("SG", *((f"g{i}", 1) for i in range(len(prices)))))).page
    assert [line.amount for line in page.lines] == prices
    assert [parcel.selected for parcel in page.parcels] == ["FLAT"]
    assert page.totals.freight == freight
    return page


@pytest.mark.parametrize("name", ["SG-2", "SG-3", "SG-5"])
async def test_the_tax_cases(lab: Any, lab_world: Any, cases: dict[str, Any], name: str) -> None:
    case = case_of(cases, "tax_cases", name)
    prices = [SGD.parse(price) for price in case["lines"]]
    page = await singapore(
        lab, lab_world, prices, SGD.parse(case["freight"]), Mode(case["mode"]), MethodKind.DIRECT_MAIL
    )
    assert SGD.format(page.totals.tax) == case["collect"]
    if "border_estimate" in case:
        assert SGD.format(page.totals.border) == case["border_estimate"]
    if "freight_alloc" in case:
        bases = {line.line_id: line.base for line in page.parcels[0].choice.tax_lines}  # type: ignore[union-attr]
        assert [SGD.format(bases[line.line_id] - line.amount) for line in page.lines] == case["freight_alloc"]


async def test_sg_1_with_its_coupon(lab: Any, lab_world: Any, build: Any) -> None:
    lab.discounts(build.rule("COUPON", 960, funding=((Funder.SELLER, 1),)))
    page = await singapore(lab, lab_world, [19_200], 500, Mode.AIR, MethodKind.DIRECT_MAIL)
    assert (page.net_by_line, page.totals.tax, page.totals.payable) == ({"1": 18_240}, 1687, 20_427)


async def test_sg_2_in_all(lab: Any, lab_world: Any) -> None:
    page = await singapore(lab, lab_world, [25_000, 22_000], 800, Mode.AIR, MethodKind.DIRECT_MAIL)
    assert page.totals.payable == 52_102
    lines = page.parcels[0].choice.tax_lines  # type: ignore[union-attr]
    assert {line.collector for line in lines} == {Collector.MARKETPLACE}


@pytest.mark.parametrize(("deemed_supplier", "collected"), [(True, 3510), (False, 0)])
async def test_sg_4(lab: Any, lab_world: Any, build: Any, deemed_supplier: bool, collected: int) -> None:
    lab.discounts(build.rule("VOUCHER", 3000, reduces_tax_base=deemed_supplier))
    page = await singapore(lab, lab_world, [42_000], 800, Mode.AIR, MethodKind.CONSO_OFFICIAL)
    assert page.totals.tax == collected


async def test_sg_5_says_that_tax_is_due_at_the_border(lab: Any, lab_world: Any) -> None:
    page = await singapore(lab, lab_world, [25_000, 22_000], 800, Mode.SEA, MethodKind.DIRECT_MAIL)
    assert (page.totals.tax, page.totals.border) == (0, 4302)
    assert any(block.kind == "tax_notice" or "tax" in block.slot for block in page.blocks)


@pytest.mark.parametrize(("price", "taxed"), [("2083.34", True), ("2083.36", False)])
async def test_the_threshold_is_tested_on_the_rounded_amount(world: Any, price: str, taxed: bool) -> None:
    world.ports.sell("thing", price)
    page = (await world.render(world.cart("SG", ("thing", 1)))).page
    air = option(page, "SG_DM_AIR")
    assert (air.tax > 0, air.border > 0) == (taxed, not taxed)


async def test_hong_kong_taxes_nothing(world: Any) -> None:
    world.ports.sell("thing", "2083.34")
    page = (await world.render(world.cart("HK", ("thing", 1)))).page
    assert {(o.priced.tax, o.priced.border) for o in page.parcels[0].options} == {(0, 0)}


@pytest.mark.parametrize(
    ("minute", "window"), [("07:59", ("2026-11-27", "2026-11-30")), ("08:01", ("2026-11-28", "2026-11-30"))]
)
async def test_arrival_windows_by_the_cut_off(world: Any, minute: str, window: tuple[str, str]) -> None:
    """Paid 2026-11-23 at 15:59 and 16:01 in Shanghai, handling 1, transit 3–5 (domain rules 3.4)."""
    hour, minutes = map(int, minute.split(":"))
    world.clock.now = world.clock.now.replace(hour=hour, minute=minutes)
    page = (await world.render(world.cart("HK", ("dig-earbuds-lite", 1)))).page
    promised = option(page, "HK_DM_LAND").option.window
    assert (promised.earliest.isoformat(), promised.latest.isoformat()) == window
