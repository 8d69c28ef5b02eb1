"""Render: from a request to a page, point by point. Read ``make_page`` top to bottom; ``points.py`` says what each
is.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import structlog

from orderpage import facts, points
from orderpage.admission import Admitted, apply_admission
from orderpage.couponing import coupon_notices, divided
from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.coupon import EnteredCoupon, unchecked
from orderpage.domain.discount import DiscountRule
from orderpage.domain.money import CNY, ExchangeRate
from orderpage.domain.order import Order
from orderpage.domain.page import (
    BlockedLine,
    Degraded,
    Page,
    PageView,
    PaymentMethod,
    WantedLine,
)
from orderpage.domain.problem import Code, Problem, refuse
from orderpage.domain.scenario import Cell, Profile
from orderpage.domain.shipping import Excluded, Load, Offer, Option, Parcel
from orderpage.domain.stage import PayTerms
from orderpage.domain.tax import TaxRule
from orderpage.domain.why import Why
from orderpage.engine.bound import Bound
from orderpage.engine.faults import Degradation
from orderpage.engine.plan import Plan, PlanSource, Slot, UnknownScenario
from orderpage.engine.point import Fact
from orderpage.engine.run import Run
from orderpage.engine.trace import Step
from orderpage.ordered import methods_of, refuse_elsewhere, refuse_unless_due, wanted_lines
from orderpage.ports import AskView, LoadView, Ports
from orderpage.presentation import present
from orderpage.pricing.bought import as_bought, at_net, bought_lines, on_freight, reserved
from orderpage.pricing.choice import choose_options
from orderpage.pricing.division import Division, check_splits, choose_division, saving_against
from orderpage.pricing.lines import price_lines
from orderpage.pricing.options import OptionBuilder, PricedParcel
from orderpage.pricing.schedule import kept_apart, presold_lines, schedule_of
from orderpage.pricing.total import Selection
from orderpage.progressing import progress_on
from orderpage.quote import NEW, Quote, QuoteSigner, fingerprint
from orderpage.telemetry import tracing
from orderpage.unserved import no_method, stuck, undelivered
from orderpage.why import explain_amounts

log = structlog.get_logger(__name__)

_WANTED = (facts.CATALOGUE, facts.RATE, facts.ADD_ONS, facts.COUPONS)
"""What the host itself reads; the last two only where a slot fills them."""
_USUAL = PayTerms()


class Identity(msgspec.Struct, frozen=True):
    """Who asks, and which scenario that is: what a request is routed by before anything is computed."""

    buyer: Buyer
    cell: Cell


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. ``selections`` is parcel id to method code, laid over those of the prior quote.

    With an ``order_id`` it is the page of that order's balance: lines and address are then the order's.
    """

    site: str
    business: str
    client: str
    client_version: str
    language: str
    lines: tuple[WantedLine, ...]
    address: Address | None
    selections: Mapping[str, str] = {}
    prior_quote_token: str = ""
    explain: bool = False
    explain_amounts: bool = False
    coupons: tuple[str, ...] = ()
    order_id: str = ""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A page in its envelope. ``quote_token`` is empty, and ``expires_at`` None, when the page cannot be ordered."""

    page: Page
    checkout_id: str
    quote_token: str
    expires_at: datetime | None
    steps: tuple[Step, ...]
    amounts: tuple[Why, ...] = ()


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed before a page is made. ``rate`` is None unless a quote pins it; ``fresh`` reads past caches.

    ``pinned`` are facts that hold under the quote, as it carries them. Of what was missing of them, ``lost`` stays so,
    and the slots ``again`` (point and name) are asked once more. ``bought`` is the order whose balance is asked for.
    """

    plan: Plan
    cell: Cell
    buyer: Buyer
    priced_at: datetime
    rate: ExchangeRate | None
    selections: Mapping[str, str]
    fresh: bool
    pinned: Mapping[str, bytes] = {}
    lost: tuple[Degradation, ...] = ()
    again: frozenset[tuple[str, str]] = frozenset()
    bought: Order | None = None


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
        """A page as it would be answered at ``at``, still to be made. Raises ``Refusal`` where none is."""
        terms = self._terms(request, identity, prior, at, fresh=False)
        return Prepared(request, terms, self._run(terms, deadline, explain=False))

    async def make(self, prepared: Prepared) -> Page:
        """Make it, with no quote. Raises as ``render``."""
        return await make_page(prepared.run, prepared.request, prepared.terms, self._ports)

    async def requote(self, request: RenderRequest, quote: Quote, deadline: float) -> tuple[Page, Run]:
        """The page at the quote's instant, rate and selections, on catalogue and stock as they are now.

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
            pinned=quote.pinned,
            lost=quote.lost,
            bought=bought,
        )
        run = self._run(terms, deadline, explain=tracing.sampled())
        tracing.note_run(terms.cell, quote.stack, run)
        return await make_page(run, request, terms, self._ports), run

    async def _refuse_drift(self, quote: Quote, profile: Profile) -> None:
        """Raises ``Refusal`` (FX_RATE_EXPIRED) where the site does not honour a rate that has moved too far."""
        if profile.rate_drift_ppm is None:
            return
        now = await self._ports.rates.rate(quote.rate.base, quote.rate.quote, self.clock())
        if now is None or quote.rate.drifted(now, profile.rate_drift_ppm):
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
            pinned=same.pinned if same else {},
            again=frozenset([(missed.point, missed.slot) for missed in same.lost]) if same else frozenset(),
        )

    def _run(self, terms: Terms, deadline: float, *, explain: bool) -> Run:
        slots = self._own_slots(terms) if explain else None
        given = _given(terms)
        run = Run(terms.plan, facts=given, deadline=deadline, explain=explain, slots=slots, again=terms.again)
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
            order_id=request.order_id,
        )
        token = self.signer.sign(quote)
        return Rendered(page=page, checkout_id=checkout_id, quote_token=token, expires_at=expires_at, steps=steps)


async def make_page(run: Run, request: RenderRequest, terms: Terms, ports: Ports) -> Page:
    """The page as a function of request, facts and plan: nothing but the two waves of facts does I/O."""
    with tracing.timed(tracing.LOAD):
        await run.fill(
            points.LOAD,
            _load_view(request, terms, ports),
            wanted=(facts.CATALOGUE, facts.RATE, facts.ADD_ONS, facts.COUPONS),
        )
    view, unknown = _view(run, request, terms)

    admitted = apply_admission(view.lines, run.collect(points.ADMIT, view))
    view = msgspec.structs.replace(view, lines=admitted.lines)
    blocked = (*unknown, *admitted.blocked)
    payment_methods, pay_terms = _paying(run, view)
    presold = presold_lines(view)
    if admitted.problems or view.address is None or not view.lines:
        page = undelivered(view, terms.plan.digest, blocked, admitted, payment_methods)
        return _finish(run, page if terms.bought is None else as_bought(page, terms.bought, terms.priced_at))

    splits = check_splits(run.collect(points.PARCEL, view), view.lines)
    if terms.bought is not None:
        splits = at_net(splits, terms.bought)
    distinct = {parcel.parcel_id: parcel for split in splits for parcel in split.parcels}
    with tracing.timed(tracing.ASK):
        await run.fill(points.ASK, AskView(ports=ports, page=view, parcels=tuple(distinct.values())))

    discounts, refused = divided(run.collect(points.DISCOUNT, view))
    if terms.bought is not None:
        discounts = on_freight(discounts)
    offers = run.bind(points.OFFER, view)
    priced = _price_parcels(run, view, admitted, distinct, discounts, offers, dated=not presold)
    taxes = run.collect(points.TAX, view)
    division, apart = choose_division(splits, lambda parcel: priced[parcel.parcel_id], discounts, taxes)

    chosen = choose_options(division, view, terms.selections, run.bind(points.RANK, view).scores)
    net = _listed(view) | division.pricer.net_by_line(chosen.selection)
    totals = division.totals(chosen.selection)
    page = Page(
        view=view,
        plan_digest=terms.plan.digest,
        lines=view.lines,
        net_by_line=net,
        blocked=blocked,
        parcels=(*chosen.parcels, *(stuck(parcel) for parcel in division.stuck)),
        split=division.reason,
        saving=saving_against(apart, division, chosen.selection),
        adjustments=division.pricer.adjustments(chosen.selection),
        totals=totals,
        payment_methods=payment_methods,
        problems=(*(no_method(parcel) for parcel in division.stuck), *kept_apart(presold, pay_terms)),
        notices=(*admitted.notices, *chosen.notices, *refused),
        blocks=(),
        degraded=(),
        schedule=schedule_of(view, net, totals, presold, pay_terms),
    )
    if view.coupons or any(rule.shows_progress for rule in discounts):
        page = _told(run, page, division, chosen.selection, discounts, taxes, refused, offers)
    return _finish(run, page if terms.bought is None else as_bought(page, terms.bought, terms.priced_at))


def _paying(run: Run, view: PageView) -> tuple[tuple[PaymentMethod, ...], PayTerms]:
    """Ways to pay, and the terms that were said first."""
    answers = run.collect(points.PAY, view)
    terms = next((answer for answer in answers if isinstance(answer, PayTerms)), _USUAL)
    return tuple([answer for answer in answers if isinstance(answer, PaymentMethod)]), terms


def _of_order(request: RenderRequest, bought: Order | None) -> RenderRequest:
    """With the lines and the address of the order whose balance is asked for."""
    if bought is None:
        return request
    return msgspec.structs.replace(request, lines=wanted_lines(bought), address=bought.address)


def _told(
    run: Run,
    page: Page,
    division: Division,
    selection: Selection,
    discounts: Sequence[DiscountRule],
    taxes: Sequence[TaxRule],
    refused: Sequence[Problem],
    offers: Bound[Offer | Excluded],
) -> Page:
    """The page with what it says of its promotions: coupons that take nothing, and how far the cart is from others."""
    view, add_ons = page.view, run.facts.get(facts.ADD_ONS, {})
    unused = coupon_notices(view, discounts, refused, division.pricer, selection)
    far = progress_on(division, selection, discounts, taxes, view, add_ons, offers.collect)
    return msgspec.structs.replace(page, notices=(*page.notices, *unused), progress=far)


def content_of(request: RenderRequest) -> bytes:
    """A fingerprint of what a page is for: scenario, cart, destination, coupons. Recipient and phone may change."""
    if request.order_id:
        return fingerprint((request.site, request.business, request.client, request.order_id))
    address = request.address
    destination = address and (
        address.country,
        address.subdivision,
        address.city,
        address.district,
        address.postcode,
        address.street,
        address.delivery,
        address.pickup_point,
    )
    content = (request.site, request.business, request.client, request.lines, destination)
    return fingerprint((*content, request.coupons) if request.coupons else content)


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


def _pinned(run: Run) -> dict[str, bytes]:
    """What the quote carries of the facts: those that hold under it."""
    known = run.facts
    return {fact.name: msgspec.msgpack.encode(known[fact]) for fact in run.plan.pinned if fact in known}


def _lost(run: Run) -> tuple[Degradation, ...]:
    """What is missing of those. A cause is for logs: it may repeat anything."""
    names = {fact.name for fact in run.plan.pinned}
    return tuple([msgspec.structs.replace(kept, cause="") for kept in run.degraded if kept.fact in names])


def _load_view(request: RenderRequest, terms: Terms, ports: Ports) -> LoadView:
    return LoadView(
        ports=ports,
        buyer=terms.buyer,
        currency=terms.plan.profile.currency,
        address=request.address,
        sku_ids=tuple(dict.fromkeys(line.sku_id for line in request.lines)),
        priced_at=terms.priced_at,
        fresh=terms.fresh,
        coupons=request.coupons,
    )


def _view(run: Run, request: RenderRequest, terms: Terms) -> tuple[PageView, tuple[BlockedLine, ...]]:
    """What pure extensions see, with every line of a known SKU; and the lines of unknown ones."""
    profile: Profile = terms.plan.profile
    rate = run.fact(facts.RATE)
    if rate.base != CNY or rate.quote != profile.currency:
        raise refuse(Code.FX_RATE_EXPIRED, f"no rate of exchange from CNY to {profile.currency.code} is in force")
    if terms.bought is not None:
        lines, unknown = bought_lines(terms.bought, run.fact(facts.CATALOGUE))
    else:
        lines, unknown = price_lines(request.lines, run.fact(facts.CATALOGUE), rate)
    view = PageView(
        cell=terms.cell,
        profile=profile,
        language=request.language if request.language in profile.languages else profile.languages[0],
        priced_at=terms.priced_at,
        today=terms.priced_at.astimezone(ZoneInfo(profile.timezone)).date(),
        buyer=terms.buyer,
        address=request.address,
        lines=lines,
        rate=rate,
        loads=_loads(run.plan),
        coupons=_entered(run, request) if request.coupons else (),
    )
    return view, unknown


def _entered(run: Run, request: RenderRequest) -> tuple[EnteredCoupon, ...]:
    """What a slot knows of the coupons; as they were entered where none does."""
    known = run.facts.get(facts.COUPONS, {})
    return next((found for found in known.values() if found), tuple(map(unchecked, request.coupons)))


@lru_cache(maxsize=2048)
def _loads(plan: Plan) -> tuple[Load, ...]:
    """What the plan's methods carry, each once: the ``loads`` of the extensions at ``offer``."""
    stage = plan.stages.get(points.OFFER.name)
    slots = stage.compiled if stage is not None else ()
    return tuple(dict.fromkeys(load for slot in slots for load in getattr(slot.instance, "loads", ())))


def _price_parcels(
    run: Run,
    view: PageView,
    admitted: Admitted,
    parcels: Mapping[str, Parcel],
    discounts: Sequence[DiscountRule],
    offers: Bound[Offer | Excluded],
    *,
    dated: bool,
) -> dict[str, PricedParcel]:
    """Each distinct parcel once, however many divisions it stands in. No date is promised unless ``dated``: goods in
    presale are not handed over before their balance can be paid.
    """
    fees, promises = run.bind(points.SURCHARGE, view), run.bind(points.PROMISE, view)
    builder = OptionBuilder(
        rate=view.rate,
        home_delivery=view.address is not None and view.address.home_delivery,
        forbidden=admitted.forbidden,
        fees=fees.collect,
        promise=promises.first if dated else _undated,
        relieves=any(rule.relief for rule in discounts),
    )
    return {parcel_id: builder.build(parcel, offers.collect(parcel)) for parcel_id, parcel in parcels.items()}


def _undated(_: Option) -> None:
    """No promise."""


def _listed(view: PageView) -> dict[str, int]:
    """Each line's amount before discounts: what stands for lines that nothing carries."""
    return {line.line_id: line.amount for line in view.lines}


def _finish(run: Run, page: Page) -> Page:
    """Let extensions present the page, then note what is missing of it."""
    page = present(page, run.collect(points.PRESENT, page))
    for lost in run.degraded:
        log.warning("page.degraded", point=lost.point, slot=lost.slot, reason=lost.reason, cause=lost.cause)
    degraded = tuple(Degraded(lost.point, lost.extension, lost.reason) for lost in run.degraded)
    return msgspec.structs.replace(page, degraded=degraded) if degraded else page
