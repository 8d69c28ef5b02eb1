"""Render: from a request to a page, point by point. Read ``make_page`` top to bottom; ``points.py`` says what each
is.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog

from orderpage import facts, points
from orderpage.admission import Admitted, apply_admission
from orderpage.domain.coupon import EnteredCoupon, unchecked
from orderpage.domain.discount import DiscountRule, uses_of
from orderpage.domain.money import CNY
from orderpage.domain.order import Order
from orderpage.domain.page import (
    BlockedLine,
    Degraded,
    Page,
    PageView,
    PaymentMethod,
)
from orderpage.domain.problem import NO_RATE, Code, Problem, refuse
from orderpage.domain.scenario import Profile
from orderpage.domain.shipping import Excluded, Offer, Option, Parcel
from orderpage.domain.stage import PayTerms
from orderpage.domain.tax import TaxRule
from orderpage.engine.bound import Bound
from orderpage.engine.plan import Plan
from orderpage.engine.run import Run
from orderpage.ports import AskView, LoadView, Ports
from orderpage.presentation import present
from orderpage.pricing.bought import as_bought, as_given, bought_lines
from orderpage.pricing.choice import choose_options
from orderpage.pricing.division import Division, check_splits, choose_division, saving_against
from orderpage.pricing.lines import price_lines
from orderpage.pricing.options import OptionBuilder, PricedParcel
from orderpage.pricing.schedule import kept_apart, presold_lines, schedule_of
from orderpage.pricing.selection import Selection
from orderpage.promoting.coupons import coupon_notices, divided
from orderpage.promoting.progress import progress_on
from orderpage.request import RenderRequest, Terms
from orderpage.telemetry import tracing
from orderpage.unserved import no_method, stuck, undelivered

log = structlog.get_logger(__name__)

_WANTED = (facts.CATALOGUE, facts.RATE, facts.ADD_ONS, facts.COUPONS)
"""What the host itself reads; the last two only where a slot fills them."""

_USUAL = PayTerms()


async def make_page(run: Run, request: RenderRequest, terms: Terms, ports: Ports) -> Page:
    """The page as a function of request, facts and plan: nothing but the two waves of facts does I/O."""
    with tracing.timed(tracing.LOAD):
        await run.fill(points.LOAD, _load_view(request, terms, ports), wanted=_WANTED)
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
    distinct = {parcel.parcel_id: parcel for split in splits for parcel in split.parcels}
    with tracing.timed(tracing.ASK):
        await run.fill(points.ASK, AskView(ports=ports, page=view, parcels=tuple(distinct.values())))

    discounts, refused = divided(run.collect(points.DISCOUNT, view))
    if terms.bought is not None:
        discounts = as_given(discounts, terms.bought)
    offers = run.bind(points.OFFER, view)
    priced = _price_parcels(run, view, admitted, distinct, discounts, offers, dated=not presold)
    taxes = run.collect(points.TAX, view)
    division, apart = choose_division(splits, lambda parcel: priced[parcel.parcel_id], discounts, taxes)

    chosen = choose_options(division, view, terms.selections, run.bind(points.RANK, view).scores)
    net = _listed(view) | division.pricer.net_by_line(chosen.selection)
    totals = division.totals(chosen.selection)
    if totals.payable < 0:  # discounts stop at their base, so only a tax below zero comes here
        raise refuse(Code.TAX_CALC_UNAVAILABLE, "what is to be paid came out below zero; a tax of this site is wrong")
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
        promises=division.pricer.promises(chosen.selection),
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
        capped=_said(terms.plan, points.DISCOUNT.name, "capped"),
        held=_held(terms.bought) if terms.bought is not None else frozenset(),
    )


def _held(order: Order) -> frozenset[str]:
    """What an order took of what there is only so much of."""
    return frozenset([use.cap.name for use in uses_of(order.given) if use.cap is not None])


def _view(run: Run, request: RenderRequest, terms: Terms) -> tuple[PageView, tuple[BlockedLine, ...]]:
    """What pure extensions see, with every line of a known SKU; and the lines of unknown ones."""
    profile: Profile = terms.plan.profile
    rate = run.fact(facts.RATE)
    if rate.base != CNY or rate.quote != profile.currency:
        log.warning("rate.wrong", rate=str(rate), currency=profile.currency.code)
        raise refuse(Code.FX_RATE_MISSING, NO_RATE)
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
        loads=_said(run.plan, points.OFFER.name, "loads"),
        coupons=_entered(run, request) if request.coupons else (),
    )
    return view, unknown


def _entered(run: Run, request: RenderRequest) -> tuple[EnteredCoupon, ...]:
    """What a slot knows of the coupons; as they were entered where none does."""
    known = run.facts.get(facts.COUPONS, {})
    return next((found for found in known.values() if found), tuple(map(unchecked, request.coupons)))


@lru_cache(maxsize=4096)
def _said(plan: Plan, point: str, attribute: str) -> tuple[Any, ...]:
    """What the extensions at a point say in the attribute, each once: what methods carry, what discounts are capped."""
    stage = plan.stages.get(point)
    slots = stage.compiled if stage is not None else ()
    return tuple(dict.fromkeys(each for slot in slots for each in getattr(slot.instance, attribute, ())))


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
