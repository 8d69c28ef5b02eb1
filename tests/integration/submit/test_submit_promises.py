"""What is promised off freight that is charged once a parcel was weighed: kept with the order, counted, and revoked by
a refund that breaks its condition (domain rules, sections 1 and 5.3, rule 15).
"""

from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.accounting.refunds import refund_of
from orderpage.adapters.sql.usages import SqlUsages
from orderpage.changed import QuoteChanged
from orderpage.domain.problem import Code
from orderpage.domain.refund import Cause, RefundCase, Revoked
from orderpage.engine.plan import PlanSource
from orderpage.renderer import Renderer

METHOD = "HK_CONSO_LAND"
LAYER = """
package: weighed
when: {site: HK, client: h5}
profile: {refund_policy: CLAWBACK}
load: {add: [{use: promotion.caps, as: caps}]}
offer: {set: {HK_CONSO_LAND: {charging: AFTER_WEIGHING}}}
discount:
  add:
    - use: promotion.free_shipping
      as: leg2
      settings:
        {code: LEG2, name: {en: Leg 2 free}, funder: PLATFORM, min_shops: 2, charged_later: true, first_orders: 1}
"""


@pytest.fixture(scope="module")
def plans(demo: Any) -> Any:
    return demo.compile_with(LAYER)


@pytest.fixture
def shop(till: Any, plans: Any) -> Any:
    till.ports = replace(till.ports, usages=SqlUsages(till.database))
    till.renderer = Renderer(PlanSource(lambda: plans), till.ports, till.bucket_of, till.signer, till.clock)
    till.use(till.provider)
    return till


async def asked(shop: Any, buyer: str) -> Any:
    """Goods of two shops in one parcel, to be weighed before their freight is charged."""
    cart = shop.cart("HK", ("magic", 1), ("bok-notebook-a5", 6))
    (parcel,) = (await shop.render(cart, buyer)).page.parcels
    cart = replace(cart, selections={parcel.parcel.parcel_id: METHOD})
    return shop.ask(cart, await shop.render(cart, buyer))


async def test_the_order_keeps_what_was_promised_and_a_refund_revokes_it(shop: Any) -> None:
    placed = await shop.submit(await asked(shop, "b-1"), "b-1")
    order = (await shop.orders.order(placed.order.order_id, "b-1")).order
    (parcel,), (promise,) = order.parcels, order.promises
    assert (parcel.method, order.freight, parcel.later) == (METHOD, 0, 944), "home delivery is no freight"
    assert (promise.code, promise.min_shops, promise.parts) == ("LEG2", 2, ((parcel.parcel_id, promise.amount),))
    assert promise.amount < 0
    magic = next(line for line in order.lines if line.sku_id == "magic")
    one_shop_left = RefundCase(lines={magic.line_id: 1})
    assert refund_of(order, one_shop_left).revoked == (Revoked("LEG2", parcel.parcel_id, -promise.amount),)
    assert refund_of(order, replace(one_shop_left, cause=Cause.SELLER)).revoked == ()


async def test_a_promise_to_the_first_orders_is_counted(shop: Any) -> None:
    late = await asked(shop, "b-late")
    await shop.submit(await asked(shop, "b-1"), "b-1")
    with pytest.raises(QuoteChanged) as refused:
        await shop.submit(late, "b-late")
    assert Code.PROMO_LIMIT_REACHED in [problem.code for problem in refused.value.problems]
    page = refused.value.rendered.page
    assert page.promises == ()
    assert page.totals.later > 0
