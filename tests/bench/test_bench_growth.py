"""The bench of growth measures what it says: larger carts, slots that change nothing, scenarios that all differ."""

import json
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.api.from_proto import render_request
from orderpage.api.to_proto import render_response
from orderpage.bench.growth.grown import (
    CELLS,
    KINDS,
    LINES_A_SHOP,
    grown_cart,
    layer_with,
    layer_without_freight_promotions,
    many_scenarios,
)
from orderpage.bench.pinned_page import (
    BUYER,
    Memory,
    compiled,
    pinned_memory,
    pinned_plans,
    pinned_renderer,
    pinned_request,
    pinned_sources,
)
from orderpage.bench.render.handwritten import comparable
from orderpage.cli.commands import app
from orderpage.engine.plan import PlanSet
from orderpage.request import RenderRequest


async def page(plans: PlanSet, request: RenderRequest, memory: Memory) -> RenderResponse:
    rendered = await pinned_renderer(memory, plans).render(request, BUYER.buyer_id, time.monotonic() + 30)
    return comparable(render_response(rendered))


@pytest.mark.parametrize("lines", [10, 50, 500])
async def test_a_grown_cart_is_ordered_whole(lines: int) -> None:
    request, memory = grown_cart(render_request(pinned_request()), lines)
    answer = await page(pinned_plans(), request, memory)
    assert sum(len(shop.lines) for shop in answer.page.shops) == lines
    assert len(answer.page.parcels) == -(-lines // LINES_A_SHOP)
    assert all(len(parcel.options) == 6 for parcel in answer.page.parcels)
    assert answer.quote_token
    assert answer.page.totals.freight_discount < 0  # so every parcel's price depends on all the others


async def test_without_freight_promotions_parcels_are_apart() -> None:
    scenarios, layer = pinned_sources()
    plans = compiled(scenarios, layer, layer_without_freight_promotions())
    answer = await page(plans, render_request(pinned_request()), pinned_memory())
    assert answer.page.totals.freight_discount == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_added_extensions_run_and_change_nothing(kind: str) -> None:
    scenarios, layer = pinned_sources()
    plans, memory = compiled(scenarios, layer, layer_with(kind, 3)), pinned_memory()
    added = [slot for plan in plans.plans for stage in plan.stages.values() for slot in stage.compiled]
    added = [slot for slot in added if slot.name.startswith("growth_")]
    request = render_request(pinned_request())
    assert await page(plans, request, memory) == await page(pinned_plans(), request, memory)
    assert [slot.stats.calls for slot in added] == [1, 1, 1]


def test_every_scenario_has_a_plan_of_its_own() -> None:
    scenarios, layers = many_scenarios()
    plans = compiled(scenarios, *layers)
    assert len(plans.plans) == sum(1 for _ in plans.cells()) == CELLS
    plan = plans.plan(("SG", "business-1", "client-2", "crowd-3", "bucket-4"), datetime(2026, 11, 23, tzinfo=UTC))
    names = {slot.name for stage in plan.stages.values() for slot in stage.compiled}
    assert {"growth_0", "growth_101", "business_1", "growth_2", "crowd_3", "bucket_4"} <= names


def test_the_command_ends_with_one_line_of_figures() -> None:
    ran = CliRunner().invoke(app, ["bench", "growth", "--rounds", "1", "--lines", "10", "--json"])
    assert ran.exit_code == 0, ran.output
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert figures["lines"] == [10, 50, 100, 500]
    assert len(figures["line_us"]) == len(figures["line_apart_us"]) == 4
    assert set(figures["extension_us"]) == set(KINDS)
    assert (figures["unused"], figures["cells"], figures["plans"], figures["rounds"]) == (1000, CELLS, CELLS, 1)
    assert min(*figures["line_us"], figures["unused_over_none"], figures["compile_s"]) > 0
