"""The page of Singapore's marketplace, from request to wire. Read ``LegacyPages.fill`` top to bottom."""

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from uuid import uuid4

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.problem import Code, Problem, refuse
from orderpage.ports import Ports
from orderpage.render import RenderRequest
from orderpage_legacy import wire
from orderpage_legacy.cart import Blocked, Item, address_problems, discount_goods, divide, name_of, read_cart
from orderpage_legacy.dates import SINGAPORE, shipping_day
from orderpage_legacy.prices import Choice, Parcel, Place, Prices, Selection, find_options

SGD = Currency("SGD", 2)
BEST = 1_000_000
COST, SPEED, CERTAINTY, HABIT = 450, 300, 150, 100


class LegacyPages:
    """Answers Render. ``key`` signs quotes."""

    def __init__(self, ports: Ports, key: bytes) -> None:
        self._ports = ports
        self._key = key

    async def fill(
        self, response: RenderResponse, request: RenderRequest, buyer_id: str, now: datetime, deadline: float
    ) -> None:
        """Write the page for a checked request. ``deadline`` is on ``time.monotonic``.

        Raises ``Refusal`` where there is none, ``TimeoutError`` at the deadline.
        """
        if request.site != "SG" or request.business != "marketplace" or request.client != "h5":
            raise refuse(Code.SCENARIO_UNKNOWN, f"no page for {request.site}, {request.business}, {request.client}")
        if len(request.lines) > 500:
            raise refuse(Code.CART_TOO_LARGE, f"{len(request.lines)} lines; a page takes at most 500")
        language = request.language if request.language in wire.LANGUAGES else "en"

        sku_ids = list({line.sku_id: None for line in request.lines})
        async with asyncio.timeout(deadline - time.monotonic()):
            buyer, skus, stock, rate = await asyncio.gather(
                self._ports.buyers.buyer(buyer_id),
                self._ports.catalogue.skus(sku_ids, fresh=False),
                self._ports.catalogue.stock(sku_ids),
                self._ports.rates.rate(CNY, SGD, now),
            )
        if rate is None:
            raise refuse(Code.FX_RATE_EXPIRED, "no rate of exchange from CNY to SGD is in force")

        items, blocked = read_cart(request.lines, skus, stock, rate)
        page = response.page
        wire.fill_head(page, rate, now)
        response.checkout_id = uuid4().hex
        problems = address_problems(request.address)
        if problems or request.address is None or not items:
            _fill_without_parcels(response, items, blocked, problems, language)
            return

        bundles = divide(items)
        coupon, autumn, counted = discount_goods(bundles, rate)
        parcels = [Parcel(name_of(bundle), bundle) for bundle in bundles]
        home, remote, shipped = request.address.home_delivery, _is_remote(request.address), shipping_day(now)
        for parcel in parcels:
            find_options(parcel, rate, home, remote, shipped)
            if not parcel.options:
                raise refuse(Code.LOGI_NO_METHOD, "no method can take this parcel")
        relief = rate.convert(1_500) if sum(counted) >= rate.convert(30_000) else 0
        prices = Prices(parcels, relief)

        today = now.astimezone(SINGAPORE).date()
        cheapest = prices.cheapest()
        selection, rankings, gone = cheapest, [], []
        for index, parcel in enumerate(parcels):
            places = _rank(prices.choices(cheapest, index), today.toordinal(), buyer)
            wanted = request.selections.get(parcel.parcel_id, "")
            chosen = _select(parcel, places, wanted, buyer.last_method)
            selection = (*selection[:index], chosen, *selection[index + 1 :])
            rankings.append(places)
            if wanted and wanted not in [option.code for option in parcel.options]:
                gone.append(_gone(parcel, wanted, parcel.options[chosen].code))

        total, _, cuts = prices.page(selection)
        wire.fill_shops(page, items, language)
        wire.fill_blocked(page, blocked, language)
        tax = border = freight = fees = 0
        for index, (parcel, places) in enumerate(zip(parcels, rankings, strict=True)):
            choices = prices.choices(selection, index)
            wire.fill_parcel(page, parcel, choices, places, selection[index], home, language)
            choice = choices[selection[index]]
            tax, border = tax + choice.tax, border + choice.border
            freight, fees = freight + choice.option.freight, fees + choice.option.fee
        page.split_reason = "one parcel per shop"
        if coupon:
            wire.fill_adjustment(page, "SHOP_COUPON", coupon, language)
        if autumn:
            wire.fill_adjustment(page, "AUTUMN", autumn, language)
        if sum(cuts):
            bearers = [(parcel.parcel_id, cut) for parcel, cut in zip(parcels, cuts, strict=True)]
            wire.fill_adjustment(page, "FREIGHT_RELIEF", bearers, language)
        goods = sum([item.amount for item in items])
        off = sum([item.net for item in items]) - goods
        wire.fill_totals(page.totals, goods, off, freight, -sum(cuts), fees, tax, border, total)
        wire.fill_payment(page, language, 0 if blocked else total)
        for notice in gone:
            wire.fill_problem(page.notices.add(), notice)
        wire.fill_blocks(page, parcels, selection, language)
        if not blocked:
            self._quote(response, request, buyer, rate, now, parcels, selection, total)

    def _quote(
        self,
        response: RenderResponse,
        request: RenderRequest,
        buyer: Buyer,
        rate: ExchangeRate,
        now: datetime,
        parcels: Sequence[Parcel],
        selection: Selection,
        total: int,
    ) -> None:
        """A signed promise: who, what for, by which methods, at which rate and total, until when."""
        expires = now + timedelta(minutes=15)
        lines = [(line.line_id, line.sku_id, line.quantity) for line in request.lines]
        address = request.address
        place = (address.country, address.postcode, address.street, address.delivery) if address else ()
        promise = {
            "checkout": response.checkout_id,
            "buyer": buyer.buyer_id,
            "content": blake2b(json.dumps([lines, place]).encode(), digest_size=16).hexdigest(),
            "methods": {p.parcel_id: p.options[chosen].code for p, chosen in zip(parcels, selection, strict=True)},
            "rate": [rate.rate_id, rate.numerator, rate.denominator],
            "priced": now.timestamp(),
            "expires": expires.timestamp(),
            "total": total,
        }
        payload = urlsafe_b64encode(json.dumps(promise, separators=(",", ":")).encode())
        signature = urlsafe_b64encode(hmac.new(self._key, payload, sha256).digest())
        response.quote_token = f"{payload.decode()}.{signature.decode()}"
        response.quote_expires_at.FromDatetime(expires)


def _fill_without_parcels(
    response: RenderResponse, items: list[Item], blocked: list[Blocked], problems: list[Problem], language: str
) -> None:
    """The goods, and what is needed before they can be delivered."""
    page, goods = response.page, sum(item.amount for item in items)
    wire.fill_shops(page, items, language)
    wire.fill_blocked(page, blocked, language)
    wire.fill_totals(page.totals, goods, 0, 0, 0, 0, 0, 0, goods)
    wire.fill_payment(page, language, 0)
    for problem in problems:
        wire.fill_problem(page.problems.add(), problem)


def _is_remote(address: Address) -> bool:
    """The western islands."""
    return "".join(address.postcode.split()).startswith(("49", "50"))


def _rank(choices: list[Choice], today: int, buyer: Buyer) -> list[Place]:
    """Best first: cost .45, speed .30, certainty of tax .15, habit .10; by code on ties."""
    costs = _normalised([choice.landed + choice.border for choice in choices], lower=True)
    days = [choice.option.window[1].toordinal() - today if choice.option.window else None for choice in choices]
    speeds = _normalised(days, lower=True)
    certain = _normalised([0 if choice.border else 1 for choice in choices], lower=False)
    orders = buyer.orders_by_method
    habits = _normalised([orders.get(choice.option.code, 0) for choice in choices], lower=False)
    counted = [
        (values, reason)
        for values, reason in (
            (costs, "CHEAPEST"),
            (speeds, "FASTEST"),
            (certain, "TAX_SETTLED"),
            (habits, "YOUR_USUAL"),
        )
        if min(values) < BEST
    ]
    places = []
    for index in range(len(choices)):
        points = COST * costs[index] + SPEED * speeds[index] + CERTAINTY * certain[index] + HABIT * habits[index]
        places.append((index, points // 1000, [reason for values, reason in counted if values[index] == BEST]))
    places.sort(key=lambda place: (-place[1], choices[place[0]].option.code))
    return places


def _normalised(values: Sequence[int | None], *, lower: bool) -> list[int]:
    """Parts per million between the worst and the best; equal ones are all the best, unknown ones the worst."""
    known = [value for value in values if value is not None]
    if not known:
        return [0] * len(values)
    low, high = min(known), max(known)
    if low == high:
        return [0 if value is None else BEST for value in values]
    worst, spread = (high if lower else low), high - low
    return [0 if v is None else (2 * abs(v - worst) * BEST + spread) // (2 * spread) for v in values]


def _select(parcel: Parcel, places: list[Place], wanted: str, usual: str) -> int:
    codes = [option.code for option in parcel.options]
    if wanted in codes:
        return codes.index(wanted)
    if usual in codes:
        return codes.index(usual)
    return places[0][0]


def _gone(parcel: Parcel, wanted: str, instead: str) -> Problem:
    message = f"{wanted} no longer takes this parcel; {instead} is selected instead"
    return Problem(code=Code.LOGI_METHOD_GONE, message=message, parcel_id=parcel.parcel_id, value=instead)
