"""Whole pages without a server: the host's own orchestration over data in memory."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache

from orderpage import facts
from orderpage.domain.order import OrderOperation, Payment, PaymentState, PlacedOrder
from orderpage.domain.page import Page, PageView, WantedLine
from orderpage.drafting import draft_order
from orderpage.engine.plan import Plan
from orderpage.engine.run import Run
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages
from orderpage.quote import NEW, Quote
from orderpage.render import make_page
from orderpage.request import RenderRequest, Terms
from orderpage.testing.examples import example_address, example_view
from orderpage.testing.memory import host_facts, ports_of, wait
from orderpage.testing.plans import compile_uses
from orderpage.testing.stand import USES


def render_with(
    layers: str,
    view: PageView | None = None,
    *,
    extensions: Iterable[type] = (),
    selections: Mapping[str, str] | None = None,
) -> Page:
    """The page of ``view`` (an ``example_view``) by the installed packages, ``layers`` and ``extensions``.

    ``layers`` is YAML text, called ``test.yaml`` in messages; ``extensions`` are classes that no distribution needs to
    offer; ``selections`` is parcel id to method code. Catalogue, stock, buyer and rate are the view's own; language,
    currency and countries are the scenario's.

    Raises ``PackageErrors`` for what a start-up would refuse, ``Fault`` where an extension fails at a closed point, and
    ``Refusal`` where no page can be made.
    """
    asked = view or example_view()
    plan = _installed(layers, tuple(extensions)).plans.current.plan(asked.cell, asked.priced_at)
    return _page_of(plan, asked, selections or {}, Run(plan, facts={facts.BUYER: asked.buyer, facts.RATE: asked.rate}))


def example_page(view: PageView | None = None) -> Page:
    """The page of ``view`` by example methods (land, air, sea), as extensions at ``present`` are given it."""
    asked = view or example_view()
    made = _stand()
    plan = Plan(made.digest, asked.profile, made.stages, made.needs)
    return _page_of(plan, asked, {}, Run(plan, facts=host_facts(asked)))


def example_order(page: Page, operations: Iterable[OrderOperation] = ()) -> PlacedOrder:
    """The order of an orderable page. Raises ``Refusal`` for an operation that does not fit it."""
    view = page.view
    quote = Quote(
        checkout_id="c-example",
        buyer_id=view.buyer.buyer_id,
        stack=NEW,
        cell=view.cell,
        content=b"",
        plan_digest=page.plan_digest,
        selections={parcel.parcel.parcel_id: parcel.selected for parcel in page.parcels},
        rate=view.rate,
        priced_at=view.priced_at,
        expires_at=view.priced_at + timedelta(minutes=view.profile.quote_minutes),
        totals=page.totals,
    )
    order = draft_order("o-example", page, quote, view.address or example_address(), operations, view.priced_at).order
    payment = Payment(
        attempt_id="o-example-p1",
        order_id=order.order_id,
        key="o-example:hold",
        method="card",
        amount=order.payable,
        currency=order.currency,
        state=PaymentState.STARTED,
    )
    return PlacedOrder(order, payment)


@cache
def _installed(layers: str, extensions: tuple[type, ...]) -> Packages:
    return Packages(layers=(SourceText("test.yaml", layers),), extensions=extensions)


@cache
def _stand() -> Plan:
    return compile_uses(USES, host_facts(example_view()).keys())


def _page_of(plan: Plan, view: PageView, selections: Mapping[str, str], run: Run) -> Page:
    cell = view.cell
    request = RenderRequest(
        site=cell.site,
        business=cell.business,
        client=cell.client,
        client_version="",
        language=view.language,
        lines=tuple(WantedLine(line.line_id, line.sku.sku_id, line.quantity) for line in view.lines),
        address=view.address,
    )
    terms = Terms(
        plan=plan,
        cell=cell,
        buyer=view.buyer,
        priced_at=view.priced_at,
        rate=view.rate,
        selections=selections,
        fresh=False,
    )
    return wait(make_page(run, request, terms, ports_of(view)))
