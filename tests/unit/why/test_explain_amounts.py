"""Every amount that a page shows says why; what is called a sum is the exact sum of its parts (design 1, idea 3)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from msgspec.structs import replace

from crossborder.checkout.v1 import common_pb2, page_pb2
from crossborder.checkout.v1.order_page_pb2 import RenderRequest, RenderResponse
from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.domain.why import Why
from orderpage.migration.comparison.contract import NUMBERS, Number, fields_of

DEMO = Path(__file__).parents[3] / "extensions" / "orderpage_sites" / "demo"
CARTS = {path.stem: Parse(path.read_text("utf-8"), RenderRequest()) for path in sorted(DEMO.glob("*carts/*.json"))}
NAMED: dict[str, Callable[[str, Any, int], str]] = {
    "Page.shops": lambda _, shop, place: "",  # no step of a path: lines name themselves
    "Shop.lines": lambda path, line, _: f"{path}[{line.line_id}]",
    "Page.parcels": lambda path, parcel, _: f"{path}[{parcel.parcel_id}]",
    "Page.progress": lambda path, progress, _: f"{path}[{progress.code}]",
    "PaymentSchedule.stages": lambda path, stage, _: f"{path}[{said(common_pb2.Stage, stage.stage)}]",
    "Progress.top_ups": lambda path, _, place: f"{path}[{place}]",
    "Page.adjustments": lambda path, adjustment, _: f"{path}[{adjustment.code}]",
    "Adjustment.parts": lambda path, part, _: f"{path}[{part.line_id or part.parcel_id}]",
    "Adjustment.shares": lambda path, share, _: f"{path}[{said(page_pb2.Funder, share.funder)}]",
    "Parcel.options": lambda path, option, _: f"{path}[{option.method}]",
    "Option.fees": lambda path, fee, _: f"{path}[{fee.code}]",
    "Option.tax_lines": lambda path, tax, _: (
        f"{path}[{tax.code},{tax.line_id},{said(page_pb2.Collector, tax.collector)}{tax.rule and ',' + tax.rule}]"
    ),
}
"""How a path names an element of a list."""


def said(enum: Any, value: int) -> str:
    return str(enum.Name(value)).partition("_")[2]


async def explained(world: Any, name: str) -> tuple[RenderResponse, dict[str, Why]]:
    request = replace(render_request(CARTS[name]), explain_amounts=True)
    rendered = await world.render(request, "b-demo")
    amounts = {why.path: why for why in rendered.amounts}
    assert len(amounts) == len(rendered.amounts), "a path names one amount"
    return render_response(rendered), amounts


def shown(message: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Every amount of a message that is not zero, with its path."""
    for field in fields_of(message.DESCRIPTOR):
        value, here = getattr(message, field.name), f"{path}.{field.name}".lstrip(".")
        if field.type is None:
            if NUMBERS.get(field.path) in (Number.PAID, Number.SHOWN) and value:
                yield here, value
        elif field.path in ("Page.totals", "Page.payment_schedule"):
            yield from shown(value, here)
        elif field.path in NAMED:
            for place, each in enumerate(value):
                yield from shown(each, NAMED[field.path](here, each, place))
        else:
            assert field.type.name in WITHOUT, f"{field.path} may hold amounts that nothing explains"


WITHOUT = {
    "Currency", "ExchangeRate", "Timestamp", "BlockedLine", "ParcelItem", "ExcludedMethod", "PaymentMethod", "Problem",
    "Block", "Degraded", "TopUpItem", "ArrivalWindow",
}  # fmt: skip
"""Messages without an amount of the page's own."""


@pytest.mark.parametrize("cart", CARTS)
async def test_every_amount_on_the_wire_says_why(world: Any, cart: str) -> None:
    response, amounts = await explained(world, cart)
    for path, amount in shown(response.page):
        if path.endswith(".base"):
            continue  # an input of its tax line
        assert path in amounts
        assert amounts[path].amount == amount, path


@pytest.mark.parametrize("cart", CARTS)
async def test_a_sum_is_the_sum_of_its_parts(world: Any, cart: str) -> None:
    _, amounts = await explained(world, cart)
    for why in amounts.values():
        if why.parts or why.rule == "sum":
            assert why.amount == sum(amounts[part].amount for part in why.parts), why.path


@pytest.mark.parametrize("cart", CARTS)
async def test_what_a_rule_made_names_it_and_its_line(world: Any, cart: str) -> None:
    _, amounts = await explained(world, cart)
    options = [why for path, why in amounts.items() if path.startswith("parcels[")]
    ruled = [why for why in options if any(name in why.path for name in (".fees[", ".tax_lines[", ".freight"))]
    for why in ruled:
        assert why.extension, why.path
        assert ".yaml:" in why.origin, why.path
        assert why.inputs, why.path


async def test_it_says_what_a_person_can_check(world: Any) -> None:
    """SG: 24.00 CNY of listed freight at 0.192; GST of the row that holds."""
    _, amounts = await explained(world, "sg")
    freight = next(why for path, why in amounts.items() if path.endswith("options[SG_CONSO_SEA].freight"))
    assert dict(freight.inputs)["listed"] == "24.00 CNY"
    assert dict(freight.inputs)["rate"] == "1 CNY = 0.192 SGD"
    assert freight.amount == 461
    tax = next(why for path, why in amounts.items() if "options[SG_DM_AIR].tax_lines[SG_GST,1" in path)
    assert (tax.rule, tax.row, tax.extension) == ("SG_GST", "SG_GST from 2024-01-01", "tax.rule")
    assert dict(tax.inputs)["rate"] == "SG_GST 9%"


async def test_nothing_is_explained_unless_asked(world: Any) -> None:
    request = render_request(CARTS["sg"])
    assert (await world.render(request, "b-demo")).amounts == ()


async def test_a_page_without_an_address_explains_its_goods(world: Any) -> None:
    request = world.cart("SG", ("tea-pot-master", 1), address=None, explain_amounts=True)
    amounts = {why.path: why.amount for why in (await world.render(request)).amounts}
    assert amounts["totals.goods"] == amounts["lines[1].amount"] == 39_936


PROMOTED = """
package: promoted
when: {site: SG, business: marketplace}
discount:
  add:
    - use: promotion.reduction
      as: coupon
      settings: {code: COUPON, name: {en: Coupon}, lane: 3, target: GOODS, funder: SELLER, amount: "50.00"}
    - use: promotion.reduction
      as: instant
      settings:
        {code: INSTANT, name: {en: Instant}, lane: 4, target: FREIGHT, amount: "10.00", methods: [SG_DM_AIR],
         funding: {PLATFORM: 7, SELLER: 3}}
    - use: promotion.free_shipping
      as: bundle
      settings: {code: BUNDLE, name: {en: Bundle}, funder: PLATFORM, threshold: "9999.00", methods: [SG_DM_AIR]}
"""


async def test_discounts_say_their_rule_funders_and_bearers(demo: Any) -> None:
    world = demo.world(demo.compile_with(PROMOTED))
    request = world.cart("SG", ("tea-pot-master", 1), ("bok-notebook-a5", 2))
    page = (await world.render(request)).page
    wanted = {parcel.parcel.parcel_id: "SG_DM_AIR" for parcel in page.parcels}
    rendered = await world.render(replace(request, selections=wanted, explain_amounts=True))
    amounts = {why.path: why for why in rendered.amounts}
    for path, amount in shown(render_response(rendered).page):
        assert path.endswith(".base") or amounts[path].amount == amount, path
    for why in amounts.values():
        if why.parts:
            assert why.amount == sum(amounts[part].amount for part in why.parts), why.path
    instant = amounts["adjustments[INSTANT].amount"]
    assert instant.origin.endswith("more.yaml:9")
    assert dict(instant.inputs)["funded by"] == "PLATFORM 7, SELLER 3"
    funded = [amounts[f"adjustments[INSTANT].shares[{funder}].amount"].amount for funder in ("PLATFORM", "SELLER")]
    assert funded == [-134, -58]
    assert any(path.endswith(".gap") and why.amount for path, why in amounts.items()), "and what is missing"
