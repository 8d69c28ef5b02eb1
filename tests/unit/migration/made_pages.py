"""Pages made by the host itself, with what they were made of: for recordings and comparisons."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage import facts
from orderpage.api.to_proto import fill_page
from orderpage.domain.page import Page
from orderpage.domain.scenario import Cell
from orderpage.engine.plan import PlanSet
from orderpage.engine.run import Run
from orderpage.ports import Ports
from orderpage.render import make_page
from orderpage.request import RenderRequest, Terms


class Made(msgspec.Struct, frozen=True):
    """A page, and what it was made of."""

    page: Page
    run: Run
    request: RenderRequest
    terms: Terms


def make(demo: Any, request: RenderRequest, buyer_id: str, plans: PlanSet | None = None, **choices: str) -> Made:
    """The page that the host makes of the demo's data."""
    world, chosen = demo.world(), plans or demo.packages.plans.current
    buyer = asyncio.run(world.ports.buyer(buyer_id))
    cell = Cell(request.site, request.business, request.client, buyer.crowd, demo.packages.bucket_of(buyer_id))
    terms = Terms(
        plan=chosen.plan(cell, demo.NOW),
        cell=cell,
        buyer=buyer,
        priced_at=demo.NOW,
        rate=None,
        selections=choices,
        fresh=False,
    )
    run = Run(terms.plan, facts={facts.BUYER: buyer})
    page = asyncio.run(make_page(run, request, terms, Ports(world.ports, world.ports, world.ports)))
    return Made(page, run, request, terms)


def on_wire(page: Page, token: str = "t") -> RenderResponse:
    """The page in its envelope."""
    response = RenderResponse(quote_token=token if page.orderable else "")
    fill_page(response.page, page)
    return response


def wire_bytes(page: Page) -> bytes:
    """Equal pages make equal bytes."""
    return on_wire(page).page.SerializeToString(deterministic=True)


def carts(data: Any) -> st.SearchStrategy[Mapping[str, Any]]:
    """Site, lines and buyer, over the demo's goods."""
    skus = st.sampled_from(["no-such-sku", *sorted(data.skus)])
    return st.fixed_dictionaries(
        {
            "site": st.sampled_from(["HK", "SG"]),
            "lines": st.lists(st.tuples(skus, st.integers(1, 6)), min_size=1, max_size=6),
            "buyer": st.sampled_from(["b-mei", "b-jun", "b-new", "b-demo"]),
            "address": st.booleans(),
        }
    )


def drawn(demo: Any, cart: Mapping[str, Any]) -> Made:
    """The page of a drawn cart."""
    fields = {} if cart["address"] else {"address": None}
    return make(demo, demo.cart(cart["site"], *cart["lines"], **fields), cart["buyer"])
