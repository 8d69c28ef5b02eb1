"""Renders pages in their envelope, and renders them again as they were quoted: terms before, quotes after.

What happens in between is ``render.make_page``.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import structlog

from orderpage import facts
from orderpage.domain.buyer import Buyer
from orderpage.domain.order import Order
from orderpage.domain.page import (
    Page,
)
from orderpage.domain.problem import NO_RATE, Code, refuse
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.why import Why
from orderpage.engine.faults import Degradation
from orderpage.engine.plan import Plan, PlanSource, Slot, UnknownScenario
from orderpage.engine.point import Fact
from orderpage.engine.run import Run
from orderpage.engine.trace import Step
from orderpage.ordered import methods_of, refuse_elsewhere, refuse_unless_due, wanted_lines
from orderpage.ports import Ports
from orderpage.pricing.bought import reserved
from orderpage.quote import NEW, Quote, QuoteSigner, given_of
from orderpage.render import make_page
from orderpage.request import Identity, RenderRequest, Terms, content_of
from orderpage.telemetry import tracing
from orderpage.why import explain_amounts

log = structlog.get_logger(__name__)


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A page in its envelope. ``quote_token`` is empty, and ``expires_at`` None, when the page cannot be ordered."""

    page: Page
    checkout_id: str
    quote_token: str
    expires_at: datetime | None
    steps: tuple[Step, ...]
    amounts: tuple[Why, ...] = ()


class Prepared(NamedTuple):
    """A page to be made; afterwards, what it was made from."""

    request: RenderRequest
    terms: Terms
    run: Run


class Renderer:
    """Renders pages, and renders them again as they were quoted. Deadlines are on ``time.monotonic``."""

    def __init__(
        self,
        plans: PlanSource,
        ports: Ports,
        bucket_of: Callable[[str], str],
        signer: QuoteSigner,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.plans = plans
        self._ports = ports
        self._bucket_of = bucket_of
        self.signer = signer
        self.clock = clock

    async def identify(self, request: RenderRequest, buyer_id: str) -> Identity:
        """Who asks and for which scenario. Raises ``Unavailable``."""
        return self.identity_of(request, await self._ports.buyers.buyer(buyer_id))

    def identity_of(self, request: RenderRequest, buyer: Buyer) -> Identity:
        """The same for a buyer who is known. A crowd that nobody configured is not the client's fault."""
        crowds = self.plans.current.dimensions["crowd"]
        crowd = buyer.crowd if buyer.crowd in crowds else crowds[0]
        bucket = self._bucket_of(buyer.buyer_id)
        return Identity(buyer, Cell(request.site, request.business, request.client, crowd, bucket))

    async def render(
        self,
        request: RenderRequest,
        buyer_id: str,
        deadline: float,
        *,
        fresh: bool = False,
        identity: Identity | None = None,
    ) -> Rendered:
        """The page and its quote. ``identity`` is given by who has looked already.

        Raises ``Refusal`` when no page can be made, ``Fault`` when an extension failed that the page cannot do
        without, ``TimeoutError`` at the deadline.
        """
        prior = self.signer.open(request.prior_quote_token, buyer_id) if request.prior_quote_token else None
        async with asyncio.timeout(deadline - time.monotonic()):
            identity = identity or await self.identify(request, buyer_id)
            bought = await self._bought(request, buyer_id) if request.order_id else None
            request = _of_order(request, bought)
            terms = self._terms(request, identity, prior, self.clock(), fresh, bought)
            run = self._run(terms, deadline, explain=request.explain or tracing.sampled())
            tracing.note_run(terms.cell, NEW, run)
            page = await make_page(run, request, terms, self._ports)
        tracing.note_page(page)
        rendered = self._envelope(page, request, terms, prior, run)
        if not request.explain_amounts:
            return rendered
        return msgspec.structs.replace(rendered, amounts=explain_amounts(page, run, self._own_slots(terms) or {}))

    def prepare(
        self, request: RenderRequest, identity: Identity, prior: Quote | None, at: datetime, deadline: float
    ) -> Prepared:
        """A page as it would be answered at ``at``, still to be made, patiently: nobody waits for it.

        Raises ``Refusal`` where none is.
        """
        terms = self._terms(request, identity, prior, at, fresh=False)
        return Prepared(request, terms, self._run(terms, deadline, explain=False, patient=True))

    async def make(self, prepared: Prepared) -> Page:
        """Make it, with no quote. Raises as ``render``."""
        return await make_page(prepared.run, prepared.request, prepared.terms, self._ports)

    async def requote(
        self, request: RenderRequest, quote: Quote, deadline: float, *, recount: bool = False
    ) -> tuple[Page, Run]:
        """The page at the quote's instant, rate and selections, on catalogue and stock as they are now; with
        ``recount``, on what is left of what there is only so much of, too, as no transaction will decide that.

        A plan that this process does not know (a restart, another replica, several reloads ago) is replaced by its own
        for the same cell: the amounts decide then whether the quote is honoured.
        """
        plans = self.plans.current
        try:
            plan = self.plans.by_digest(quote.plan_digest) or plans.plan(quote.cell, quote.priced_at)
        except UnknownScenario as unknown:
            message = f"the scenario of this quote is not offered any more ({unknown}); render the page again"
            raise refuse(Code.QUOTE_EXPIRED, message) from None
        await self._refuse_drift(quote, plan.profile)
        bought = await self._bought(request, quote.buyer_id) if request.order_id else None
        request = _of_order(request, bought)
        terms = Terms(
            plan=plan,
            cell=quote.cell,
            buyer=await self._ports.buyers.buyer(quote.buyer_id),
            priced_at=quote.priced_at,
            rate=quote.rate,
            selections=quote.selections,
            fresh=True,
            pinned=_kept(quote, plan) if recount else quote.pinned,
            lost=quote.lost,
            bought=bought,
        )
        run = self._run(terms, deadline, explain=tracing.sampled())
        tracing.note_run(terms.cell, quote.stack, run)
        return await make_page(run, request, terms, self._ports), run

    async def _refuse_drift(self, quote: Quote, profile: Profile) -> None:
        """Raises ``Refusal`` where the site does not honour a rate that has moved too far (FX_RATE_EXPIRED: the page
        rendered again has the new one), or where there is none to compare it with (FX_RATE_MISSING).
        """
        if profile.rate_drift_ppm is None:
            return
        now = await self._ports.rates.rate(quote.rate.base, quote.rate.quote, self.clock())
        if now is None:
            log.warning("rate.missing", currency=quote.rate.quote.code, remedy="orderpage load rates.yaml")
            raise refuse(Code.FX_RATE_MISSING, NO_RATE)
        if quote.rate.drifted(now, profile.rate_drift_ppm):
            message = "the rate of exchange of this quote has moved too far; render the page again"
            raise refuse(Code.FX_RATE_EXPIRED, message)

    async def _bought(self, request: RenderRequest, buyer_id: str) -> Order:
        """The order whose balance is asked for. Raises ``Refusal`` where there is none to be paid."""
        placed = await self._ports.bought.order(request.order_id, buyer_id)
        if placed is None:
            raise refuse(Code.ORDER_NOT_FOUND, f"you have no order {request.order_id!r}", field="order_stage.order_id")
        refuse_unless_due(placed.order)
        refuse_elsewhere(placed.order, request.site, request.business)
        return placed.order

    def _terms(
        self,
        request: RenderRequest,
        identity: Identity,
        prior: Quote | None,
        now: datetime,
        fresh: bool,
        bought: Order | None = None,
    ) -> Terms:
        """What holds for the page. A prior quote keeps its choices, and its rate of exchange until it expires."""
        plans, cell = self.plans.current, identity.cell
        try:
            plan = plans.plan(cell, now)
        except UnknownScenario as unknown:
            raise refuse(Code.SCENARIO_UNKNOWN, str(unknown), field=unknown.dimension) from None
        profile: Profile = plan.profile
        if len(request.lines) > profile.max_lines:
            message = f"{len(request.lines)} lines; a page takes at most {profile.max_lines}, order the rest separately"
            raise refuse(Code.CART_TOO_LARGE, message, field="cart.lines", value=str(profile.max_lines))
        standing = prior if prior and now < prior.expires_at else None
        same = standing if standing and standing.content == content_of(request) else None
        return Terms(
            plan=plan,
            cell=cell,
            buyer=identity.buyer,
            priced_at=now,
            rate=standing.rate if standing and standing.rate.quote == profile.currency else None,
            selections={**methods_of(bought), **(prior.selections if prior else {}), **request.selections},
            fresh=fresh,
            bought=bought,
            pinned=_kept(same, plan) if same else {},
            again=frozenset([(missed.point, missed.slot) for missed in same.lost]) if same else frozenset(),
        )

    def _run(self, terms: Terms, deadline: float, *, explain: bool, patient: bool = False) -> Run:
        slots = self._own_slots(terms) if explain else None
        given = _given(terms)
        run = Run(
            terms.plan,
            facts=given,
            deadline=deadline,
            explain=explain,
            slots=slots,
            again=terms.again,
            patient=patient,
        )
        run.degraded += terms.lost
        return run

    def _own_slots(self, terms: Terms) -> Mapping[str, Sequence[Slot]] | None:
        """As the scenario's own layers put them: the plan may be shared, and then names another scenario's lines."""
        try:
            scenario = self.plans.current.cell(terms.cell, terms.priced_at)
        except UnknownScenario:  # a quote outlived its scenario
            return None
        return scenario.resolution.slots if scenario.plan is terms.plan else None

    def _envelope(self, page: Page, request: RenderRequest, terms: Terms, prior: Quote | None, run: Run) -> Rendered:
        steps = tuple(run.explanation) if request.explain else ()
        checkout_id = terms.bought.checkout_id if terms.bought else prior.checkout_id if prior else uuid4().hex
        if not page.orderable:
            return Rendered(page=page, checkout_id=checkout_id, quote_token="", expires_at=None, steps=steps)
        expires_at = terms.priced_at + timedelta(minutes=page.view.profile.quote_minutes)
        if prior and terms.rate:  # adjusting does not stretch the time for which a rate is locked
            expires_at = min(expires_at, prior.expires_at)
        quote = Quote(
            checkout_id=checkout_id,
            buyer_id=terms.buyer.buyer_id,
            stack=NEW,
            cell=terms.cell,
            content=content_of(request),
            plan_digest=terms.plan.digest,
            selections={parcel.parcel.parcel_id: parcel.selected for parcel in page.parcels},
            rate=page.view.rate,
            priced_at=terms.priced_at,
            expires_at=expires_at,
            totals=page.totals,
            pinned=_pinned(run),
            lost=_lost(run),
            schedule=page.schedule if page.staged else (),
            given=given_of(page.given),
            order_id=request.order_id,
        )
        token = self.signer.sign(quote)
        return Rendered(page=page, checkout_id=checkout_id, quote_token=token, expires_at=expires_at, steps=steps)


def _of_order(request: RenderRequest, bought: Order | None) -> RenderRequest:
    """With the lines and the address of the order whose balance is asked for."""
    if bought is None:
        return request
    return msgspec.structs.replace(request, lines=wanted_lines(bought), address=bought.address)


def _given(terms: Terms) -> dict[Fact[Any], Any]:
    given: dict[Fact[Any], Any] = {facts.BUYER: terms.buyer}
    if terms.rate is not None:
        given[facts.RATE] = terms.rate
    if terms.bought is not None:
        given[facts.STOCK] = reserved(terms.bought)
    for fact in terms.plan.pinned:
        if fact.name in terms.pinned:
            with suppress(msgspec.MsgspecError):  # another version's: then it is asked for again
                given[fact] = msgspec.msgpack.decode(terms.pinned[fact.name], type=fact.type)
    return given


def _kept(quote: Quote, plan: Plan) -> dict[str, bytes]:
    """What a page that is adjusted keeps of its quote's facts."""
    renewed = {fact.name for fact in plan.pinned if fact.renewed}
    return {name: fact for name, fact in quote.pinned.items() if name not in renewed}


def _pinned(run: Run) -> dict[str, bytes]:
    """What the quote carries of the facts: those that hold under it."""
    known = run.facts
    return {fact.name: msgspec.msgpack.encode(known[fact]) for fact in run.plan.pinned if fact in known}


def _lost(run: Run) -> tuple[Degradation, ...]:
    """What is missing of those. A cause is for logs: it may repeat anything."""
    names = {fact.name for fact in run.plan.pinned}
    return tuple([msgspec.structs.replace(kept, cause="") for kept in run.degraded if kept.fact in names])
