"""The bench runs, and what it measures against gives the same page. How long anything takes is never asserted."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.bench.pinned_page import (
    BUYER,
    KEY,
    NOW,
    pinned_memory,
    pinned_plans,
    pinned_renderer,
    pinned_request,
)
from orderpage.bench.render.handwritten import differences, handwritten_page
from orderpage.bench.render.profile import run_profile
from orderpage.cli.commands import app
from orderpage.domain.address import Delivery
from orderpage.domain.buyer import Buyer
from orderpage.domain.page import WantedLine
from orderpage.engine.plan import PlanSet
from orderpage.request import RenderRequest

CARTS = 200
SECONDS = 30.0


@pytest.fixture(scope="module")
def plans() -> PlanSet:
    return pinned_plans()


async def both(
    plans: PlanSet, request: RenderRequest, buyer: Buyer, used: int = 0
) -> tuple[RenderResponse, RenderResponse]:
    memory = replace(pinned_memory((buyer,)), used_up={"coupon:THANKS": used})
    rendered = await pinned_renderer(memory, plans).render(request, buyer.buyer_id, time.monotonic() + SECONDS)
    theirs = RenderResponse()
    page = handwritten_page(memory.ports, KEY)
    await page.fill(theirs, request, buyer.buyer_id, NOW, time.monotonic() + SECONDS)
    return render_response(rendered), theirs


def carts() -> Iterator[tuple[RenderRequest, Buyer]]:
    """Ten lines of three shops, in any language, to any kind of address, by buyers with and without habits."""
    chance = random.Random(20261123)  # the same carts every time
    pinned, skus = render_request(pinned_request()), list(pinned_memory().known.values())
    by_shop = [[sku for sku in skus if sku.shop.shop_id == shop] for shop in ("s-teahouse", "s-digital", "s-apparel")]
    codes = ["SG_DM_AIR", "SG_DM_EXPRESS", "SG_DM_SEA", "SG_CONSO_AIR", "SG_CONSO_ECONOMY", "SG_CONSO_SEA"]
    assert pinned.address is not None
    for _ in range(CARTS):
        chosen = [sku for shop, count in zip(by_shop, (3, 4, 3), strict=True) for sku in chance.sample(shop, count)]
        lines = tuple(
            WantedLine(str(number), sku.sku_id, chance.choice([1, 1, 1, 2, 3, 8]))
            for number, sku in enumerate(chosen, 1)
        )
        address = replace(
            pinned.address,
            postcode=chance.choice(["520123", "498765", "018956"]),
            delivery=chance.choice([Delivery.HOME, Delivery.PICKUP_POINT]),
        )
        buyer = replace(
            BUYER,
            last_method=chance.choice(["", "", *codes]),
            orders_by_method=chance.choice([{}, {chance.choice(codes): 2, chance.choice(codes): 5}]),
        )
        language = chance.choice(["en", "zh-Hans", "zh-Hant"])
        coupons = chance.choice([("THANKS",), (), ("WELCOME", "THANKS")])
        yield replace(pinned, lines=lines, address=address, language=language, coupons=coupons), buyer


async def test_the_hand_written_page_equals_ours_on_the_pinned_cart(plans: PlanSet) -> None:
    ours, theirs = await both(plans, render_request(pinned_request()), BUYER)
    assert differences(ours, theirs) == []
    assert [len(parcel.options) for parcel in ours.page.parcels] == [6, 6, 6]
    assert sum(len(shop.lines) for shop in ours.page.shops) == 10
    assert ours.quote_token


async def test_and_on_two_hundred_carts_of_that_shape_before_and_after_a_choice(plans: PlanSet) -> None:
    chance = random.Random(7)
    for request, buyer in carts():
        ours, theirs = await both(plans, request, buyer)
        assert differences(ours, theirs) == []
        wanted = {p.parcel_id: chance.choice([o.method for o in p.options]) for p in ours.page.parcels}
        ours, theirs = await both(plans, replace(request, selections=wanted), buyer)
        assert differences(ours, theirs) == []


async def test_and_on_carts_of_two_shops_that_reach_little(plans: PlanSet) -> None:
    pinned, skus = render_request(pinned_request()), list(pinned_memory().known.values())
    pairs = [(one, other) for one in skus[::2] for other in skus[1::2] if one.shop != other.shop]
    for place, pair in enumerate(pairs):
        lines = tuple(WantedLine(str(number), sku.sku_id, 1 + place % 3) for number, sku in enumerate(pair))
        ours, theirs = await both(plans, replace(pinned, lines=lines), BUYER)
        assert differences(ours, theirs) == []


@pytest.mark.parametrize(
    ("state", "cart", "methods"),
    [
        ("gap", {"dig-case": 1, "tea-cups": 1}, ("SG_DM_AIR", "SG_DM_AIR")),
        ("met", {"dig-headset": 1, "tea-cups": 1}, ("SG_DM_AIR", "SG_DM_SEA")),
        ("method", {"dig-headset": 1, "tea-cups": 1}, ("SG_DM_SEA", "SG_DM_AIR")),
        ("idle", {"app-socks": 20, "tea-cups": 1}, ("SG_DM_AIR", "SG_DM_SEA")),  # they ship free already
    ],
)
async def test_and_whatever_is_to_be_said_of_the_bundle(
    plans: PlanSet, state: str, cart: dict[str, int], methods: tuple[str, str]
) -> None:
    lines = tuple(WantedLine(sku_id, sku_id, quantity) for sku_id, quantity in cart.items())
    request = replace(render_request(pinned_request()), lines=lines)
    page = (await both(plans, request, BUYER))[0].page
    wanted = {parcel.parcel_id: method for parcel, method in zip(page.parcels, methods, strict=True)}
    ours, theirs = await both(plans, replace(request, selections=wanted), BUYER)
    assert differences(ours, theirs) == []
    assert next(block for block in ours.page.blocks if block.slot == "page.progress").values["state"] == state
    assert [notice.code for notice in ours.page.notices] == ["PROMO_THRESHOLD_LOST"] * (state == "gap")


async def test_and_once_the_coupon_is_used_up(plans: PlanSet) -> None:
    for used in (1, 2, 3):
        ours, theirs = await both(plans, render_request(pinned_request()), BUYER, used)
        assert differences(ours, theirs) == []
        assert [notice.code for notice in ours.page.notices] == ["PROMO_LIMIT_REACHED"] * (used >= 2)


async def test_and_where_lines_are_blocked_or_the_address_is_wrong(plans: PlanSet) -> None:
    request = render_request(pinned_request())
    assert request.address is not None
    blocked = (WantedLine("11", "no-such-sku", 1), WantedLine("12", "tea-cups", 120))
    for changed in (
        replace(request, lines=(*request.lines, *blocked)),
        replace(request, address=None),
        replace(request, address=replace(request.address, country="HK")),
        replace(request, address=replace(request.address, postcode="52012")),
        replace(request, address=replace(request.address, street=())),
    ):
        ours, theirs = await both(plans, changed, BUYER)
        assert differences(ours, theirs) == []
        assert not ours.quote_token


async def test_at_least_twenty_extensions_are_active(plans: PlanSet) -> None:
    (plan,) = plans.plans
    assert sum(len(stage.compiled) for stage in plan.stages.values()) >= 20


def test_the_bench_ends_with_one_line_of_json() -> None:
    ran = CliRunner().invoke(app, ["bench", "render", "--json", "--rounds", "2", "--calls", "8"])
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    positive = ("echo_cpu_us", "floor_cpu_us", "render_cpu_us", "hardcoded_cpu_us", "rps", "p50_ms", "p99_ms")
    assert all(figures[name] > 0 for name in positive)
    assert all(figures[name] > 0 for name in ("render_over_floor", "render_over_hardcoded"))
    assert figures["rounds"] == 2


def test_the_profile_names_the_hosts_stages_and_every_extension(plans: PlanSet) -> None:
    profile = run_profile(2)
    (plan,) = plans.plans
    slots = {f"{point}.{slot.name}" for point, stage in plan.stages.items() for slot in stage.slots}
    assert {row.name for row in profile.extensions} == slots
    stages = {row.name for row in profile.stages}
    assert {"load: facts", "offer: extensions", "fill the response", "serialise"} <= stages
    assert all(row.calls >= 1 for row in profile.stages)
