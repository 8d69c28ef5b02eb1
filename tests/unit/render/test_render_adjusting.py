"""Adjusting a page: selections and the prior quote (design 3 and 6)."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.domain.buyer import Buyer
from orderpage.domain.money import CNY, ExchangeRate
from orderpage.domain.problem import Code, Refusal

CART = (("tea-pot-master", 1), ("bok-notebook-a5", 2))


def parcel_id(rendered: Any) -> str:
    found: str = rendered.page.parcels[0].parcel.parcel_id
    return found


def landed(rendered: Any) -> dict[str, int]:
    return {o.priced.option.method.code: o.priced.landed for o in rendered.page.parcels[0].options}


def publish(world: Any, rate: str) -> None:
    world.ports.rates["SGD"] = ExchangeRate.of(f"new-{rate}", CNY, world.ports.rates["SGD"].quote, rate)


async def test_a_selection_is_honoured_and_moves_the_tax_and_the_total(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART), "b-jun")
    assert first.page.parcels[0].selected == "SG_DM_AIR"
    assert first.page.totals.tax > 0
    request = world.cart("SG", *CART, selections={parcel_id(first): "SG_CONSO_SEA"})
    second = await world.render(request, "b-jun")
    assert second.page.parcels[0].selected == "SG_CONSO_SEA"
    assert (second.page.totals.tax, second.page.totals.border > 0) == (0, True)
    moved = second.page.totals.payable - first.page.totals.payable
    assert moved == landed(first)["SG_CONSO_SEA"] - landed(first)["SG_DM_AIR"]
    assert landed(second)["SG_CONSO_SEA"] == second.page.totals.payable


async def test_a_selection_is_kept_through_the_prior_quote_and_overlaid_by_a_new_one(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART), "b-jun")
    sea = world.cart("SG", *CART, selections={parcel_id(first): "SG_CONSO_SEA"}, prior_quote_token=first.quote_token)
    second = await world.render(sea, "b-jun")
    third = await world.render(world.cart("SG", *CART, prior_quote_token=second.quote_token), "b-jun")
    assert third.page.parcels[0].selected == "SG_CONSO_SEA"
    air = replace(sea, selections={parcel_id(first): "SG_CONSO_AIR"}, prior_quote_token=third.quote_token)
    assert (await world.render(air, "b-jun")).page.parcels[0].selected == "SG_CONSO_AIR"


async def test_adjusting_goes_on_with_the_same_checkout(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART))
    again = await world.render(world.cart("SG", *CART, prior_quote_token=first.quote_token))
    assert again.checkout_id == first.checkout_id
    assert (await world.render(world.cart("SG", *CART))).checkout_id != first.checkout_id


async def test_the_rate_is_pinned_until_the_quote_expires_and_adjusting_does_not_stretch_it(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART))
    assert first.expires_at == world.clock.now + timedelta(minutes=15)
    publish(world, "0.2500")
    token = first.quote_token
    for _ in range(3):
        world.clock.advance(minutes=4)
        again = await world.render(world.cart("SG", *CART, prior_quote_token=token))
        assert again.page.view.rate == first.page.view.rate
        assert again.page.totals == first.page.totals
        assert again.expires_at == first.expires_at
        token = again.quote_token
    world.clock.advance(minutes=3)
    late = await world.render(world.cart("SG", *CART, prior_quote_token=token))
    assert late.page.view.rate.rate_id == "new-0.2500"
    assert late.expires_at == world.clock.now + timedelta(minutes=15)
    assert late.checkout_id == first.checkout_id


async def test_without_a_prior_quote_the_rate_in_force_holds(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART))
    publish(world, "0.2500")
    second = await world.render(world.cart("SG", *CART))
    assert second.page.totals.goods > first.page.totals.goods


async def test_an_expired_quote_still_keeps_the_choices(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART))
    chosen = world.cart("SG", *CART, selections={parcel_id(first): "SG_CONSO_SEA"})
    token = (await world.render(chosen)).quote_token
    world.clock.advance(hours=2)
    late = await world.render(world.cart("SG", *CART, prior_quote_token=token))
    assert late.page.parcels[0].selected == "SG_CONSO_SEA"


async def test_a_method_that_is_gone_gives_a_notice_and_another_choice(lab: Any, lab_world: Any) -> None:
    world = lab_world
    lab.flat(100)
    first = await world.render(world.cart("SG", ("bok-notebook-a5", 1)))
    chosen = world.cart(
        "SG", ("bok-notebook-a5", 1), selections={parcel_id(first): "FLAT"}, prior_quote_token=first.quote_token
    )
    second = await world.render(chosen)
    assert second.page.parcels[0].selected == "FLAT"
    assert second.page.notices == ()
    lab.at.clear()
    third = await world.render(world.cart("SG", ("bok-notebook-a5", 1), prior_quote_token=second.quote_token))
    (notice,) = third.page.notices
    assert (notice.code, notice.parcel_id) == (Code.LOGI_METHOD_GONE, parcel_id(third))
    assert notice.value == third.page.parcels[0].selected != "FLAT"
    assert third.page.orderable


async def test_a_choice_for_a_parcel_that_is_not_there_is_passed_over(world: Any) -> None:
    page = (await world.render(world.cart("SG", *CART, selections={"p-none": "SG_CONSO_SEA"}))).page
    assert page.orderable
    assert page.notices == ()


async def test_another_buyers_prior_quote_is_refused(world: Any) -> None:
    first = await world.render(world.cart("SG", *CART), "b-jun")
    with pytest.raises(Refusal) as refused:
        await world.render(world.cart("SG", *CART, prior_quote_token=first.quote_token), "b-siti")
    assert refused.value.problems[0].code is Code.QUOTE_INVALID


async def test_the_usual_method_is_preselected_and_the_order_of_the_list_stays(world: Any) -> None:
    stranger = (await world.render(world.cart("SG", *CART), "b-1")).page.parcels[0]
    best = stranger.options[0].priced.option.method.code
    assert stranger.selected == best
    usual = next(o.priced.option.method.code for o in stranger.options[1:])
    world.ports.buyers["b-1"] = Buyer(buyer_id="b-1", crowd="everyone", last_method=usual)
    regular = (await world.render(world.cart("SG", *CART), "b-1")).page.parcels[0]
    assert regular.selected == usual
    codes = [[o.priced.option.method.code for o in p.options] for p in (stranger, regular)]
    assert codes[0] == codes[1]
