"""The old page, from request to wire. Read ``LegacyPages.fill``, then ``make_page``, top to bottom."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import mmh3

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.page_pb2 import Page
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.problem import Action, Code, Problem, refuse
from orderpage.ports import Ports
from orderpage.request import RenderRequest
from orderpage_legacy import wire
from orderpage_legacy.cart import Blocked, Item, address_problems, read_cart
from orderpage_legacy.dates import SINGAPORE, shipping_day
from orderpage_legacy.methods import is_remote
from orderpage_legacy.pinned import PinnedPrices
from orderpage_legacy.priced import Division, choose_division, price_pinned, saving_against
from orderpage_legacy.prices import Choice, Journey, Parcel, Place, Selection
from orderpage_legacy.progress import ADD_ONS, find_progress, on_sale
from orderpage_legacy.promotions import COUPON, Adjustments, coupon_notices, coupon_refusals
from orderpage_legacy.quotes import MINUTES, Promise, content_of, read_token, write_token
from orderpage_legacy.ranking import gone, rank, select
from orderpage_legacy.texts import LANGUAGES

HKD, SGD = Currency("HKD", 2), Currency("SGD", 2)
NONE: frozenset[str] = frozenset()


class Facts(NamedTuple):
    """What a page is made from beside the request; ``coupon_used`` is how often the buyer's orders used the coupon."""

    buyer: Buyer
    skus: Catalogue
    stock: Stock
    rate: ExchangeRate | None
    coupon_used: int


class Made(NamedTuple):
    """A page that is on the wire, and what an order needs of it beside that."""

    facts: Facts
    rate: ExchangeRate
    language: str
    items: list[Item]
    blocked: list[Blocked]
    problems: list[Problem]
    parcels: list[Parcel]
    choices: list[Choice]
    adjustments: Adjustments
    total: int

    @property
    def orderable(self) -> bool:
        """Whether it can become an order."""
        return bool(self.choices) and not self.blocked and not self.problems

    @property
    def methods(self) -> dict[str, str]:
        """The selected method of each parcel."""
        return {p.parcel_id: choice.option.code for p, choice in zip(self.parcels, self.choices, strict=True)}


class LegacyPages:
    """Answers Render. ``key`` signs quotes; ``bugs`` are names of ``bugs.BUGS``."""

    def __init__(self, ports: Ports, key: bytes, bugs: frozenset[str] = NONE) -> None:
        self._ports = ports
        self.key = key
        self._bugs = bugs

    async def fill(
        self,
        response: RenderResponse,
        request: RenderRequest,
        buyer_id: str,
        now: datetime,
        deadline: float,
        *,
        fresh: bool = False,
    ) -> Made:
        """Write the page for a checked request. ``deadline`` is on ``time.monotonic``; ``fresh`` reads past caches.

        Raises ``Refusal`` where there is none, ``TimeoutError`` at the deadline.
        """
        prior = read_token(self.key, request.prior_quote_token, buyer_id) if request.prior_quote_token else None
        facts = await self.ask(request, buyer_id, now, deadline, fresh=fresh)
        wanted, rate, expires = request.selections, facts.rate, now + timedelta(minutes=MINUTES)
        if prior:
            wanted = {**prior.methods, **wanted}
            if now < prior.expires_at and prior.rate.quote == currency_of(request.site):
                rate, expires = prior.rate, min(expires, prior.expires_at)
        made = make_page(response.page, request, facts, rate, now, wanted, self._bugs)
        response.checkout_id = prior.checkout_id if prior else uuid4().hex
        if made.orderable:
            content, methods = content_of(request), made.methods
            promise = Promise(response.checkout_id, buyer_id, content, methods, made.rate, now, expires, made.total)
            response.quote_token = write_token(self.key, promise)
            response.quote_expires_at.FromDatetime(expires)
        return made

    async def again(self, request: RenderRequest, promise: Promise, deadline: float) -> tuple[Page, Made]:
        """The page as it was promised, on catalogue and stock as they are now."""
        page, now = Page(), promise.priced_at
        facts = await self.ask(request, promise.buyer_id, now, deadline, fresh=True)
        return page, make_page(page, request, facts, promise.rate, now, promise.methods, self._bugs)

    async def ask(self, request: RenderRequest, buyer_id: str, now: datetime, deadline: float, *, fresh: bool) -> Facts:
        """Everything that is not in the request."""
        if request.site not in ("HK", "SG"):
            raise refuse(Code.SCENARIO_UNKNOWN, f"there is no page for site {request.site!r}", field="site")
        if request.business not in ("marketplace", "supermarket", "hk_local", "saas", "pinned"):
            message = f"there is no page for business {request.business!r}"
            raise refuse(Code.SCENARIO_UNKNOWN, message, field="business")
        if request.client not in ("h5", "native", "mini_program"):
            raise refuse(Code.SCENARIO_UNKNOWN, f"there is no page for client {request.client!r}", field="client")
        if len(request.lines) > 500:
            message = f"{len(request.lines)} lines; a page takes at most 500, order the rest separately"
            raise refuse(Code.CART_TOO_LARGE, message, field="cart.lines", value="500")
        sku_ids = list({line.sku_id: None for line in request.lines})
        if request.business == "pinned" and not fresh:  # nobody looks at what tops up an order that is placed
            sku_ids += [sku_id for sku_id in ADD_ONS if sku_id not in sku_ids]
        async with asyncio.timeout(deadline - time.monotonic()):
            return Facts(
                *await asyncio.gather(
                    self._ports.buyers.buyer(buyer_id),
                    self._ports.catalogue.skus(sku_ids, fresh=fresh),
                    self._ports.catalogue.stock(sku_ids),
                    self._ports.rates.rate(CNY, currency_of(request.site), now),
                    self._coupon_used(request, buyer_id),
                )
            )

    async def _coupon_used(self, request: RenderRequest, buyer_id: str) -> int:
        """How often; 0 where it was not entered."""
        if request.business != "pinned" or COUPON not in request.coupons:
            return 0
        name = f"coupon:{COUPON}"
        return (await self._ports.usages.used(buyer_id, [name]))[name]


def currency_of(site: str) -> Currency:
    """What the site's pages are in."""
    return HKD if site == "HK" else SGD


def make_page(
    page: Page,
    request: RenderRequest,
    facts: Facts,
    rate: ExchangeRate | None,
    now: datetime,
    wanted: Mapping[str, str],
    bugs: frozenset[str],
) -> Made:
    """Write the page. ``wanted`` is the buyer's choice, parcel id to method."""
    site, pinned = request.site, request.business == "pinned"
    if rate is None:
        raise refuse(Code.FX_RATE_EXPIRED, f"no rate of exchange from CNY to {currency_of(site).code} is in force")
    language = request.language if request.language in LANGUAGES else "en" if pinned else "zh-Hans"
    buyer, address = facts.buyer, request.address
    items, blocked = read_cart(request.lines, facts.skus, facts.stock, rate, round_line="round-line" in bugs)
    wire.fill_head(page, rate, now)
    problems = address_problems(address, site)
    if problems or address is None or not items:
        _fill_without_parcels(page, site, items, blocked, problems, language)
        goods = sum([item.amount for item in items])
        return Made(facts, rate, language, items, blocked, problems, [], [], [], goods)

    today = now.astimezone(SINGAPORE).date()
    shipped = shipping_day(now, late_at_cutoff="late-at-cutoff" in bugs)
    remote = is_remote(address, site, pinned, today)
    journey = Journey(site, pinned, rate, address.home_delivery, remote, shipped, today, bugs)
    refused: list[Problem] = []
    apart: Division | None = None
    if pinned:
        refused = coupon_refusals(request.coupons, facts.coupon_used, today)
        best = price_pinned(items, journey, coupon=COUPON in request.coupons and not refused)
    else:
        best, apart = choose_division(items, journey, buyer.crowd)
    parcels, prices = best.parcels, best.prices
    selection, rankings, notices = _choose_methods(best, journey, buyer, wanted)

    total, _, cuts = prices.page(selection)
    total += best.stuck_goods
    wire.fill_shops(page, items, language)
    wire.fill_blocked(page, blocked, language)
    tax = border = freight = fees = 0
    picked = []
    for index, (parcel, places) in enumerate(zip(parcels, rankings, strict=True)):
        choices = prices.choices(selection, index)
        wire.fill_parcel(page, parcel, choices, places, selection[index], journey, language)
        made = choices[selection[index]]
        picked.append(made)
        tax, border = tax + made.tax, border + made.border
        freight, fees = freight + made.option.freight, fees + made.option.fee
    for parcel in best.stuck:
        wire.fill_parcel(page, parcel, [], [], -1, journey, language)
        problems.append(_no_method(parcel))
        wire.fill_problem(page.problems.add(), problems[-1])
    page.split_reason = best.reason
    if apart and (saving := saving_against(apart, best, selection)):
        page.split_saving = saving
    adjustments = [*best.adjustments, *prices.freight_adjustments(selection)]
    for code, bearers in adjustments:
        wire.fill_adjustment(page, code, bearers, language)
    goods = sum([item.amount for item in items])
    off = sum([part for _, bearers in best.adjustments for _, part in bearers])
    wire.fill_totals(page.totals, goods, -off, freight, -sum(cuts), fees, tax, border, total)
    wire.fill_blocks(page, site, parcels, selection, language)
    if isinstance(prices, PinnedPrices):
        notices += [*refused, *coupon_notices(request.coupons, prices.counted, rate, usable=not refused)]
        add_ons = on_sale(facts.skus, facts.stock, {line.sku_id for line in request.lines})
        taken = [code for code, _ in adjustments]
        for progress in find_progress(prices, selection, best.cheapest, taken, add_ons):
            wire.fill_progress(page, progress, language)
    for notice in notices:
        wire.fill_problem(page.notices.add(), notice)
    found = Made(facts, rate, language, items, blocked, problems, parcels, picked, adjustments, total)
    wire.fill_payment(page, site, language, total if found.orderable else None)
    return found


def _fill_without_parcels(
    page: Page, site: str, items: list[Item], blocked: list[Blocked], problems: list[Problem], language: str
) -> None:
    """The goods, and what is needed before they can be delivered."""
    goods = sum(item.amount for item in items)
    wire.fill_shops(page, items, language)
    wire.fill_blocked(page, blocked, language)
    wire.fill_totals(page.totals, goods, 0, 0, 0, 0, 0, 0, goods)
    wire.fill_payment(page, site, language, None)
    for problem in problems:
        wire.fill_problem(page.problems.add(), problem)


def _choose_methods(
    best: Division, journey: Journey, buyer: Buyer, wanted: Mapping[str, str]
) -> tuple[Selection, list[list[Place]], list[Problem]]:
    """What is selected, how each parcel's options stand, and which of the buyer's choices are gone."""
    cost, speed = (300, 450) if not journey.pinned and _in_trial(buyer.buyer_id) else (450, 300)
    selection, rankings, lost = best.cheapest, [], []
    for index, parcel in enumerate(best.parcels):
        choices = best.prices.choices(best.cheapest, index)
        places = rank(choices, journey.today.toordinal(), buyer, cost, speed)
        choice = wanted.get(parcel.parcel_id, "")
        chosen = select(parcel, places, choice, buyer.last_method)
        selection = (*selection[:index], chosen, *selection[index + 1 :])
        rankings.append(places)
        if choice and choice not in [option.code for option in parcel.options]:
            lost.append(gone(parcel, choice, parcel.options[chosen].code))
    return selection, rankings, lost


def _no_method(parcel: Parcel) -> Problem:
    reasons = sorted({f"{code}: {text}" for code, found in parcel.excluded for _, text, _ in found})
    message = f"no method can take this parcel ({'; '.join(reasons)})"
    lines = {item.line_id for item in parcel.items}
    others: tuple[Action, ...] = (Action.REMOVE_LINE,)
    codes = {code for _, found in parcel.excluded for code, _, _ in found}
    if len(lines) > 1 and codes & {"LOGI_CLASS_FORBIDDEN", "LOGI_OVERWEIGHT"}:
        others = (Action.SEPARATE_LINE, Action.REMOVE_LINE)
    alone = lines.pop() if len(lines) == 1 else ""
    return Problem(
        code=Code.LOGI_NO_METHOD, message=message, parcel_id=parcel.parcel_id, line_id=alone, alternatives=others
    )


def _in_trial(buyer_id: str) -> bool:
    """A tenth of the buyers see faster methods first."""
    return mmh3.hash(f"2026-11:{buyer_id}", signed=False) % 10_000 >= 9_000
