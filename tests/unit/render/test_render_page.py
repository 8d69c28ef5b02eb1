"""What a page says of carts that are whole, and of those that are not (design 3, domain rules 7)."""

import time
from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.domain.address import Delivery
from orderpage.domain.buyer import Buyer
from orderpage.domain.page import ForbidMethod, WantedLine
from orderpage.domain.problem import Action, Code, Problem, Refusal
from orderpage.domain.shipping import Fee, Split
from orderpage.engine.faults import Fault
from orderpage.ports import Unavailable


def codes(page: Any) -> list[Code]:
    return [problem.code for problem in page.problems]


async def test_the_demo_cart_of_hong_kong(world: Any, demo: Any) -> None:
    goods = ("tea-gaiwan-white", 1), ("dig-earbuds-lite", 1), ("bty-shampoo-400", 2)
    request = world.cart("HK", *goods, address=demo.address("HK", district="西貢"), language="zh-Hant")
    page = (await world.render(request, "b-mei")).page
    (parcel,) = page.parcels
    assert (page.split, parcel.selected) == ("merged", "HK_DM_LAND")
    assert [out.method.code for out in parcel.excluded] == ["HK_DM_FAST"]
    assert parcel.excluded[0].reasons[0].code is Code.LOGI_CLASS_FORBIDDEN
    assert [fee.code for fee in parcel.choice.priced.option.fees] == ["REMOTE_AREA"]
    assert page.saving > 0
    assert parcel.choice.label == "官方直郵 陸運"
    assert [a.code for a in page.adjustments] == ["DIRECT_MAIL_INSTANT_DISCOUNT"]


async def test_a_fast_parcel_of_two_shops_is_two_shipments_each_with_its_fees(world: Any) -> None:
    page = (await world.render(world.cart("HK", ("dig-earbuds-lite", 1), ("tea-gaiwan-white", 1)))).page
    fast = {o.priced.option.method.code: o.priced.option for p in page.parcels for o in p.options}["HK_DM_FAST"]
    assert [len(shipment.items) for shipment in fast.shipments] == [1, 1]
    convert = page.view.rate.convert
    assert fast.freight == 2 * convert(1800)
    assert fast.fee_total == 2 * convert(800)


async def test_a_line_that_is_blocked_says_why_and_leaves_the_totals(world: Any) -> None:
    world.ports.sell("gone", offline=True)
    world.ports.sell("few", stock=2)
    world.ports.sell("out", stock=0)
    world.ports.sell("limited", max_quantity=3)
    lines = (
        ("dig-earbuds-lite", 1),
        ("gone", 1),
        ("few", 3),
        ("out", 1),
        ("limited", 4),
        ("unknown", 1),
        ("spirit-sorghum-500", 1),
    )
    rendered = await world.render(world.cart("HK", *lines))
    page = rendered.page
    found = {line.wanted.sku_id: [(p.code, p.value) for p in line.problems] for line in page.blocked}
    assert found == {
        "gone": [(Code.ITEM_OFFLINE, "")],
        "few": [(Code.INV_INSUFFICIENT, "2")],
        "out": [(Code.INV_OUT_OF_STOCK, "")],
        "limited": [(Code.ITEM_QTY_LIMIT, "3")],
        "unknown": [(Code.ITEM_SKU_INVALID, "")],
        "spirit-sorghum-500": [(Code.RESTRICT_IMPORT_PROHIBITED, "")],
    }
    assert [line.sku.sku_id for line in page.lines] == ["dig-earbuds-lite"]
    assert page.totals.goods == page.lines[0].amount
    assert not page.orderable
    assert (rendered.quote_token, rendered.expires_at) == ("", None)


async def test_without_an_address_the_goods_show_and_the_page_asks_for_one(world: Any) -> None:
    rendered = await world.render(world.cart("HK", ("dig-earbuds-lite", 2), address=None))
    page = rendered.page
    assert codes(page) == [Code.ADDR_MISSING]
    assert page.problems[0].remedy is Action.OPEN_ADDRESS_FORM
    assert page.totals.payable == page.totals.goods == 2 * 23_482
    assert (page.parcels, page.net_by_line, rendered.quote_token) == ((), {"1": 46_964}, "")


async def test_an_address_elsewhere_is_refused_on_the_page(world: Any, demo: Any) -> None:
    page = (await world.render(world.cart("HK", ("dig-earbuds-lite", 1), address=demo.address("SG")))).page
    assert codes(page) == [Code.ADDR_REGION_UNSUPPORTED]
    assert page.parcels == ()


async def test_goods_that_nothing_carries_are_stuck_and_the_rest_has_options(world: Any) -> None:
    rendered = await world.render(world.cart("HK", ("dig-earbuds-lite", 1), ("dig-powerbank-10k", 1)))
    page = rendered.page
    assert codes(page) == [Code.LOGI_NO_METHOD]
    stuck, free = sorted(page.parcels, key=lambda parcel: len(parcel.options))
    assert (stuck.options, stuck.selected) == ((), "")
    assert page.problems[0].parcel_id == stuck.parcel.parcel_id
    assert len(stuck.excluded) == 3
    assert page.net_by_line == {line.line_id: line.amount for line in page.lines}
    assert free.selected
    assert rendered.quote_token == ""


async def test_a_unit_heavier_than_every_card_is_stuck_with_the_weight_as_reason(world: Any) -> None:
    world.ports.sell("anvil", weight_g=60_000)
    page = (await world.render(world.cart("HK", ("anvil", 1)))).page
    reasons = {reason.code for out in page.parcels[0].excluded for reason in out.reasons}
    assert reasons == {Code.LOGI_OVERWEIGHT}


async def test_a_cart_above_every_weight_cap_is_divided(world: Any) -> None:
    world.ports.sell("brick", weight_g=4_000)
    page = (await world.render(world.cart("SG", ("brick", 20)))).page
    assert page.orderable
    assert len(page.parcels) > 1
    assert sum(item.quantity for parcel in page.parcels for item in parcel.parcel.items) == 20
    assert page.totals.goods == page.lines[0].amount


async def test_an_empty_cart_is_a_page_that_cannot_be_ordered(world: Any) -> None:
    rendered = await world.render(world.cart("HK"))
    assert (rendered.page.totals.payable, rendered.quote_token) == (0, "")


async def test_line_ids_chosen_by_a_client_cannot_mix_parcels_up(world: Any) -> None:
    """Parcels are compared by their names, and a client chooses the names of lines."""
    world.ports.sell("light", "10.00", shop="s-a", weight_g=29_000)
    world.ports.sell("other", "20.00", shop="s-b", weight_g=29_000)
    lines = WantedLine("1", "light", 1), WantedLine("2", "light", 1), WantedLine("1*1", "other", 1)
    page = (await world.render(world.cart("HK", *lines))).page
    names = [parcel.parcel.parcel_id for parcel in page.parcels]
    assert len(set(names)) == len(names)
    assert page.totals.goods == sum(line.amount for line in page.lines)


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"site": "XX"}, "site", "XX"),
        ({"site": "*"}, "site", "'*'"),
        ({"client": "fridge"}, "client", "fridge"),
        ({"business": ""}, "business", "''"),
    ],
)
async def test_an_unknown_scenario_is_refused_naming_the_known_values(
    world: Any, demo: Any, fields: dict[str, str], field: str, value: str
) -> None:
    request = world.cart("HK", ("dig-earbuds-lite", 1))
    with pytest.raises(Refusal, match="known: ") as refused:
        await world.render(replace(request, **fields))
    (problem,) = refused.value.problems
    assert (problem.code, problem.field) == (Code.SCENARIO_UNKNOWN, field)
    assert value in problem.message


async def test_more_lines_than_a_page_takes_are_refused_with_the_limit(world: Any) -> None:
    with pytest.raises(Refusal) as refused:
        await world.render(world.cart("HK", *[("dig-earbuds-lite", 1)] * 501))
    (problem,) = refused.value.problems
    assert (problem.code, problem.value) == (Code.CART_TOO_LARGE, "500")


async def test_a_crowd_that_nobody_configured_is_the_default_one(world: Any) -> None:
    world.ports.buyers["b-odd"] = Buyer(buyer_id="b-odd", crowd="astronauts")
    page = (await world.render(world.cart("HK", ("dig-earbuds-lite", 1)), "b-odd")).page
    assert page.view.cell.crowd == "everyone"


async def test_a_language_that_the_site_lacks_is_its_first_one(world: Any) -> None:
    page = (await world.render(world.cart("HK", ("dig-earbuds-lite", 1), language="fr"))).page
    assert page.view.language == "zh-Hans"


async def test_a_deadline_that_is_over_ends_the_call(world: Any) -> None:
    with pytest.raises(TimeoutError):
        await world.renderer.render(world.cart("HK", ("dig-earbuds-lite", 1)), "b-1", time.monotonic() - 1)


async def test_stock_is_shared_by_the_lines_of_one_sku(world: Any) -> None:
    world.ports.sell("few", stock=3)
    page = (await world.render(world.cart("HK", ("few", 2), ("few", 2)))).page
    assert [line.line_id for line in page.lines] == ["1"]
    assert [(line.wanted.line_id, line.problems[0].value) for line in page.blocked] == [("2", "1")]


async def test_the_catalogue_may_be_cached_at_render(world: Any) -> None:
    await world.render(world.cart("HK", ("dig-earbuds-lite", 1)))
    assert world.ports.fresh == [False]


# ---- what a failure costs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ("admit", Code.UP_DEGRADED),
        ("parcel", Code.ORDER_SPLIT_FAILED),
        ("discount", Code.UP_TIMEOUT_PROMO),
        ("tax", Code.TAX_CALC_UNAVAILABLE),
    ],
)
async def test_a_fault_at_a_closed_point_fails_the_page_with_a_code(
    lab: Any, lab_world: Any, point: str, code: Code
) -> None:
    lab.fail(point)
    with pytest.raises(Fault) as fault:
        await lab_world.render(lab_world.cart("SG", ("bok-notebook-a5", 1)))
    assert fault.value.code == code


@pytest.mark.parametrize("point", ["offer", "promise", "rank", "present"])
async def test_a_fault_at_an_open_point_leaves_the_rest_of_the_page_and_says_so(
    lab: Any, lab_world: Any, point: str
) -> None:
    request = lab_world.cart("SG", ("bok-notebook-a5", 1))
    whole = (await lab_world.render(request)).page
    lab.fail(point)
    page = (await lab_world.render(request)).page
    assert [(d.point, d.extension) for d in page.degraded] == [(point, "test.lab")]
    assert "secret" not in str(page.degraded)
    assert page.totals == whole.totals
    assert page.parcels == whole.parcels
    assert page.orderable


async def test_a_fault_in_a_surcharge_loses_that_option_only(lab: Any, lab_world: Any) -> None:
    def only_sea(shipment: Any) -> Fee | None:
        if shipment.method.code == "SG_CONSO_SEA":
            raise ZeroDivisionError("secret detail")
        return None

    lab.at["surcharge"] = only_sea
    page = (await lab_world.render(lab_world.cart("SG", ("bok-notebook-a5", 1)))).page
    (parcel,) = page.parcels
    assert {o.priced.option.method.code for o in parcel.options} == {"SG_DM_AIR", "SG_CONSO_AIR"}
    (out,) = parcel.excluded
    assert (out.method.code, out.reasons[0].code) == ("SG_CONSO_SEA", Code.UP_TIMEOUT_LOGI)
    assert "secret" not in out.reasons[0].message


async def test_a_split_that_loses_goods_fails_the_page(lab: Any, lab_world: Any) -> None:
    lab.at["parcel"] = lambda page: (Split((), "nothing at all"),)
    with pytest.raises(Refusal, match="nothing at all") as refused:
        await lab_world.render(lab_world.cart("SG", ("bok-notebook-a5", 1)))
    assert refused.value.problems[0].code is Code.ORDER_SPLIT_FAILED


async def test_a_forbidden_method_is_excluded_on_the_page(lab: Any, lab_world: Any) -> None:
    problem = Problem(code=Code.LOGI_CLASS_FORBIDDEN, message="not by sea", line_id="1")
    lab.at["admit"] = lambda page: (ForbidMethod("1", frozenset({"SG_CONSO_SEA"}), problem),)
    (parcel,) = (await lab_world.render(lab_world.cart("SG", ("bok-notebook-a5", 1)))).page.parcels
    assert [(out.method.code, out.reasons[0].line_ids) for out in parcel.excluded] == [("SG_CONSO_SEA", ("1",))]


async def test_a_catalogue_that_is_away_fails_the_page_with_its_own_code(world: Any) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("connection refused")

    world.ports.skus = away
    with pytest.raises(Fault) as fault:
        await world.render(world.cart("HK", ("dig-earbuds-lite", 1)))
    assert fault.value.code == Code.UP_TIMEOUT_ITEM


async def test_without_a_published_rate_there_is_no_page(world: Any) -> None:
    world.ports.rates.clear()
    with pytest.raises(Fault) as fault:
        await world.render(world.cart("HK", ("dig-earbuds-lite", 1)))
    assert fault.value.code == Code.FX_RATE_MISSING


async def test_explaining_a_page_does_not_change_it(world: Any) -> None:
    request = world.cart("SG", ("bok-notebook-a5", 1))
    plain, explained = await world.render(request), await world.render(replace(request, explain=True))
    assert explained.page == plain.page
    assert plain.steps == ()
    assert {"load", "offer", "tax", "rank"} <= {step.point for step in explained.steps}


async def test_an_explanation_counts_what_a_rule_was_asked_about_and_says_where_it_had_nothing_to_do(
    world: Any, demo: Any
) -> None:
    home = world.cart("SG", ("bok-notebook-a5", 1), explain=True)
    collected = demo.address("SG", delivery=Delivery.PICKUP_POINT, pickup_point="PU-1")
    said = []
    for request in (home, replace(home, address=collected)):
        steps = (await world.render(request)).steps
        (step,) = [step for step in steps if step.slot == "home_delivery"]
        said.append((step.calls, step.decided))
    assert said == [(3, "HOME_DELIVERY 10.00 CNY"), (0, "nothing to do on this page")]


async def test_an_explanation_names_the_lines_of_its_own_scenario_even_where_another_has_the_same_plan(
    demo: Any,
) -> None:
    layers = "\n---\n".join(
        f"package: tea-{client}\nwhen: {{site: SG, client: {client}}}\n"
        "discount:\n  add:\n    - use: promotion.reduction\n      as: tea\n      settings:\n"
        "        {code: TEA, name: {en: Tea}, lane: 3, target: GOODS, funder: PLATFORM, amount: '1.00'}"
        for client in ("h5", "native")
    )
    world = demo.world(demo.compile_with(layers))
    pages = [
        await world.render(replace(demo.cart("SG", ("bok-notebook-a5", 1)), client=client, explain=True))
        for client in ("h5", "native")
    ]
    assert pages[0].page.plan_digest == pages[1].page.plan_digest
    origins = [next(step.origin.package for step in page.steps if step.slot == "tea") for page in pages]
    assert origins == ["tea-h5", "tea-native"]
