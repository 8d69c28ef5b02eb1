"""The old page, from request to wire. Read ``LegacyPages.fill``, then ``make_page``, top to bottom."""

import asyncio
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
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
from orderpage_legacy.cart import (
    Applied,
    Blocked,
    Item,
    address_problems,
    discount_newcomer,
    discount_pinned,
    read_cart,
)
from orderpage_legacy.dates import SINGAPORE, shipping_day
from orderpage_legacy.divisions import Bundles, by_shop, divide, name_of
from orderpage_legacy.methods import DIRECT, KIND, is_remote
from orderpage_legacy.prices import Choice, Journey, Parcel, Place, Prices, Selection, find_options
from orderpage_legacy.quotes import MINUTES, Promise, content_of, read_token, write_token
from orderpage_legacy.ranking import gone, rank, select
from orderpage_legacy.texts import LANGUAGES

HKD, SGD = Currency("HKD", 2), Currency("SGD", 2)
NONE: frozenset[str] = frozenset()


class Facts(NamedTuple):
    """What a page is made from beside the request."""

    buyer: Buyer
    skus: Catalogue
    stock: Stock
    rate: ExchangeRate | None


class Division:
    """One way to divide the cart, priced. ``stuck`` parcels have no method."""

    __slots__ = ("adjustments", "cheapest", "parcels", "prices", "reason", "stuck")

    def __init__(
        self, reason: str, parcels: list[Parcel], stuck: list[Parcel], prices: Prices, adjustments: "Adjustments"
    ) -> None:
        self.reason = reason
        self.parcels = parcels
        self.stuck = stuck
        self.prices = prices
        self.adjustments = adjustments
        self.cheapest: Selection = prices.cheapest()

    @property
    def stuck_goods(self) -> int:
        """What nothing carries, in cents."""
        return sum([item.amount for parcel in self.stuck for item in parcel.items])


Adjustments = list[tuple[str, Applied]]
"""Discounts by code, in the order applied, with what each line or parcel bears."""


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
        async with asyncio.timeout(deadline - time.monotonic()):
            return Facts(
                *await asyncio.gather(
                    self._ports.buyers.buyer(buyer_id),
                    self._ports.catalogue.skus(sku_ids, fresh=fresh),
                    self._ports.catalogue.stock(sku_ids),
                    self._ports.rates.rate(CNY, currency_of(request.site), now),
                )
            )


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
    best, apart = _choose_division(items, journey, buyer.crowd)
    parcels, prices = best.parcels, best.prices
    selection, rankings, lost = _choose_methods(best, journey, buyer, wanted)

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
    if apart and (saving := _saving(apart, best, selection)):
        page.split_saving = saving
    adjustments = best.adjustments
    if sum(cuts):
        adjustments = [*adjustments, _relief_of(parcels, picked, cuts, pinned)]
    for code, bearers in adjustments:
        wire.fill_adjustment(page, code, bearers, language)
    goods = sum([item.amount for item in items])
    off = sum([part for _, bearers in best.adjustments for _, part in bearers])
    wire.fill_totals(page.totals, goods, -off, freight, -sum(cuts), fees, tax, border, total)
    for notice in lost:
        wire.fill_problem(page.notices.add(), notice)
    wire.fill_blocks(page, site, parcels, selection, language)
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


def _choose_division(items: list[Item], journey: Journey, crowd: str) -> tuple[Division, Division | None]:
    """The cheapest, and the one with a parcel per shop to compare it with. The pinned page knows only that one."""
    if journey.pinned:
        return _price_pinned(by_shop(items), journey), None
    divisions = [_price(reason, bundles, journey, crowd) for reason, bundles in divide(items, journey.site)]
    best = min(divisions, key=lambda d: (d.stuck_goods, d.prices.cost(d.cheapest), len(d.parcels) + len(d.stuck)))
    _note_nets(items, best)
    return best, next((division for division in divisions if _one_shop_each(division)), None)


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


def _price_pinned(bundles: Bundles, journey: Journey) -> Division:
    adjustments, counted = discount_pinned(bundles, journey.rate)
    parcels = [Parcel(name_of(bundle), bundle) for bundle in bundles]
    for parcel in parcels:
        find_options(parcel, journey)
        if not parcel.options:
            raise refuse(Code.LOGI_NO_METHOD, "no method can take this parcel")
    relief = journey.rate.convert(1_500) if counted >= journey.rate.convert(30_000) else 0
    return Division("one parcel per shop", parcels, [], Prices(parcels, relief, "SG", pinned=True), adjustments)


def _price(reason: str, bundles: Bundles, journey: Journey, crowd: str) -> Division:
    parcels: list[Parcel] = []
    stuck: list[Parcel] = []
    seen: dict[str, int] = {}
    for bundle in bundles:
        name = name_of(bundle)
        again = seen[name] = seen.get(name, 0) + 1
        parcel = Parcel(name if again == 1 else f"{name}-{again}", bundle)
        find_options(parcel, journey)
        (parcels if parcel.options else stuck).append(parcel)
    adjustments: Adjustments = []
    if crowd == "newcomer" and date(2026, 11, 1) <= journey.today <= date(2026, 12, 31):
        adjustments = discount_newcomer([item for parcel in parcels for item in parcel.items], journey.rate)
    relief = journey.rate.convert(500) if crowd == "member" and journey.site == "HK" else 0
    return Division(reason, parcels, stuck, Prices(parcels, relief, journey.site, pinned=False), adjustments)


def _one_shop_each(division: Division) -> bool:
    shops = [{item.sku.shop.shop_id for item in parcel.items} for parcel in division.parcels]
    return all(len(names) == 1 for names in shops) and len(set().union(*shops)) == len(shops)


def _note_nets(items: list[Item], best: Division) -> None:
    """What each line costs after discounts: that of its parts. Lines that nothing carries keep their price."""
    nets: dict[str, int] = {}
    for parcel in best.parcels:
        for part in parcel.items:
            nets[part.line_id] = nets.get(part.line_id, 0) + part.net
    for item in items:
        item.net = nets.get(item.line_id, item.amount)


def _saving(apart: Division, best: Division, selection: Selection) -> int:
    """What the division saves against one parcel per shop by the same method."""
    codes = {parcel.options[index].code for parcel, index in zip(best.parcels, selection, strict=True)}
    if apart.stuck or best.stuck or len(codes) != 1:
        return 0
    (code,) = codes
    same = [[option.code for option in parcel.options] for parcel in apart.parcels]
    if any(code not in known for known in same):
        return 0
    alike = tuple([known.index(code) for known in same])
    return max(0, apart.prices.cost(alike) - best.prices.cost(selection))


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


def _relief_of(parcels: list[Parcel], picked: list[Choice], cuts: list[int], pinned: bool) -> tuple[str, Applied]:
    """Who bears what of the reduction of freight."""
    if pinned:
        return "FREIGHT_RELIEF", [(parcel.parcel_id, cut) for parcel, cut in zip(parcels, cuts, strict=True)]
    bearers = [
        (parcel.parcel_id, cut)
        for parcel, choice, cut in zip(parcels, picked, cuts, strict=True)
        if KIND[choice.option.code] == DIRECT
    ]
    return "DIRECT_MAIL_INSTANT_DISCOUNT", bearers


def _in_trial(buyer_id: str) -> bool:
    """A tenth of the buyers see faster methods first."""
    return mmh3.hash(f"2026-11:{buyer_id}", signed=False) % 10_000 >= 9_000
