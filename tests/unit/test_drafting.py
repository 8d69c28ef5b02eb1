"""From an honoured page to the order to be: service orders, stock (design 6, domain rules 5.3)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orderpage.domain.order import (
    AddServiceOrder,
    Covers,
    OrderState,
    ServiceKind,
    ServiceOrderType,
    SetAttribute,
)
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Code, Refusal
from orderpage.drafting import Draft, draft_order
from orderpage.ports import StockNeed

CARTS = [("HK", "b-mei"), ("SG", "b-jun"), ("HK", "b-new")]
GOODS = {
    "HK": (("tea-gaiwan-white", 1), ("dig-earbuds-lite", 1), ("bty-shampoo-400", 2)),
    "SG": (("tea-pot-master", 1), ("bok-notebook-a5", 2)),
}


def quoted(demo: Any, site: str = "HK", buyer: str = "b-mei", *lines: Any, **fields: Any) -> Any:
    """A rendered page and its quote."""
    world = demo.world()
    rendered = asyncio.run(world.render(demo.cart(site, *(lines or GOODS[site]), **fields), buyer))
    assert rendered.page.orderable, rendered.page.problems
    return rendered.page, world.signer.open(rendered.quote_token, buyer)


def draft(demo: Any, page: Any, quote: Any, *operations: Any) -> Draft:
    return draft_order("o-1", page, quote, page.view.address, operations, demo.NOW + timedelta(minutes=1))


def service(page: Any, covers: Covers, kind: ServiceKind = ServiceKind.SHIPPING, **fields: Any) -> AddServiceOrder:
    parcel_id = page.parcels[0].parcel.parcel_id
    return AddServiceOrder(
        **{"kind": kind, "type": ServiceOrderType.DUAL_MAIN, "parcel_id": parcel_id, "covers": covers, **fields}
    )


@pytest.mark.parametrize(("site", "buyer"), CARTS)
def test_an_order_is_its_page(demo: Any, site: str, buyer: str) -> None:
    page, quote = quoted(demo, site, buyer)
    order = draft(demo, page, quote).order
    totals = page.totals
    assert (order.goods, order.freight, order.fees, order.tax) == (
        totals.goods,
        totals.freight,
        totals.fees,
        totals.tax,
    )
    assert order.discount == totals.goods_discount + totals.freight_discount
    assert order.payable == totals.payable == order.goods + order.discount + order.freight + order.fees + order.tax
    assert sum(line.net for line in order.lines) == totals.goods + totals.goods_discount
    assert sum(p.freight + p.discount + p.fees + p.tax for p in order.parcels) + sum(
        line.net for line in order.lines
    ) == (totals.payable)
    assert (order.buyer_id, order.site, order.state) == (buyer, site, OrderState.OPEN)
    assert (order.checkout_id, order.stack, order.plan_digest) == (quote.checkout_id, "new", page.plan_digest)
    assert {parcel.parcel_id: parcel.method for parcel in order.parcels} == quote.selections


def test_a_lines_name_is_as_the_buyer_read_it(demo: Any) -> None:
    page, quote = quoted(demo, "HK", "b-mei", language="zh-Hant")
    assert draft(demo, page, quote).order.lines[0].name == "白瓷蓋碗 150毫升"


def test_the_promised_window_is_kept_on_the_parcel(demo: Any) -> None:
    page, quote = quoted(demo)
    window = page.parcels[0].choice.priced.option.window
    parcel = draft(demo, page, quote).order.parcels[0]
    assert (parcel.earliest, parcel.latest) == (window.earliest.isoformat(), window.latest.isoformat())


def test_one_need_a_sku_however_many_lines_it_stands_on(demo: Any) -> None:
    lines = (
        WantedLine("a", "dig-earbuds-lite", 2),
        WantedLine("b", "dig-case-clear", 1),
        WantedLine("c", "dig-earbuds-lite", 3),
    )
    page, quote = quoted(demo, "HK", "b-mei", *lines)
    assert set(draft(demo, page, quote).stock) == {
        StockNeed("dig-earbuds-lite", 5, 1),
        StockNeed("dig-case-clear", 1, 1),
    }


# ---- service orders ------------------------------------------------------------------------------------------------


def test_service_orders_take_their_amounts_from_the_page(demo: Any) -> None:
    page, quote = quoted(demo, "SG", "b-jun")
    priced = page.parcels[0].choice.priced
    operations = (
        service(page, Covers.FREIGHT_AND_FEES),
        service(page, Covers.TAX, ServiceKind.TAX),
        service(page, Covers.NOTHING, ServiceKind.INSURANCE),
        service(page, Covers.NOTHING, ServiceKind.INSURANCE),
    )
    made = draft(demo, page, quote, *operations).order.service_orders
    freight = priced.option.freight + priced.discount + priced.option.fee_total
    assert [order.amount for order in made] == [freight, priced.tax, 0, 0]
    assert len({order.service_order_id for order in made}) == 4
    assert priced.tax > 0
    assert sum(order.amount for order in made) <= page.totals.payable


@pytest.mark.parametrize("fault", ["twice", "unknown parcel"])
def test_an_amount_is_covered_once_and_of_a_parcel_of_the_page(demo: Any, fault: str) -> None:
    page, quote = quoted(demo)
    freight = service(page, Covers.FREIGHT_AND_FEES)
    operations = [freight, freight] if fault == "twice" else [replace(freight, parcel_id="p-none")]
    with pytest.raises(Refusal) as refused:
        draft(demo, page, quote, *operations)
    assert refused.value.problems[0].code is Code.SVC_ORDER_CREATE_FAILED


def test_attributes_are_noted_in_order(demo: Any) -> None:
    page, quote = quoted(demo)
    order = draft(demo, page, quote, SetAttribute("a", "1"), SetAttribute("b", "2")).order
    assert order.attributes == (("a", "1"), ("b", "2"))


@settings(max_examples=25)
@given(draw=st.data())
def test_any_cart_balances_and_its_service_orders_are_within_payable(demo: Any, draw: st.DataObject) -> None:
    site = draw.draw(st.sampled_from(["HK", "SG"]))
    goods = ["dig-earbuds-lite", "dig-case-clear", "tea-gaiwan-white", "bok-notebook-a5", "app-tee-white-m"]
    lines = draw.draw(
        st.lists(
            st.tuples(st.sampled_from(goods), st.integers(1, 4)), min_size=1, max_size=5, unique_by=lambda line: line[0]
        )
    )
    page, quote = quoted(demo, site, draw.draw(st.sampled_from(["b-mei", "b-new", "b-siti"])), *lines)
    covers = [(Covers.FREIGHT_AND_FEES, ServiceKind.SHIPPING), (Covers.TAX, ServiceKind.TAX)]
    operations = [
        service(page, wanted, kind, parcel_id=parcel.parcel.parcel_id)
        for parcel in page.parcels
        for wanted, kind in covers
    ]
    made = draft(demo, page, quote, *operations)
    assert sum(entry.amount for entry in made.ledger) == 0
    assert 0 <= sum(order.amount for order in made.order.service_orders) <= made.order.payable
