"""Asking a carrier for prices, over HTTP as its file describes or over gRPC, and reading what it answers.

Whatever casts doubt on the whole answer raises: a status, no JSON, a missing list, another currency, a parcel that
nobody asked about, an amount that is negative, no number or beyond belief, one service priced twice. What is merely
not there is left out, and said in ``remarks``: a price without an amount is a service not offered, and a transit that
is no span of days leaves the price, whose method then keeps the transit of its own settings.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from crossborder.carrier.v1 import carrier_pb2
from orderpage.domain.money import CNY
from orderpage.domain.shipping import Transit
from orderpage.ports import RemotePort
from orderpage_carriers import description
from orderpage_carriers.connection import Wire
from orderpage_carriers.description import Carrier, QuoteCall
from orderpage_carriers.facts import ServiceQuote
from orderpage_carriers.mapping import (
    PARCEL_NAMES,
    REQUEST_NAMES,
    Template,
    Values,
    amount_at,
    believable,
    days_between,
    listed_currency,
    refused_at,
    text_at,
)
from orderpage_carriers.places import Node, Place, WrongAnswer, said

_MOST_SERVICES = 12
"""Of one parcel: they travel in the quote token."""


class Reading:
    """The prices of an answer, and what was left out of it. ``asked`` are the parcels' ids."""

    def __init__(self, asked: Sequence[str], services: frozenset[str]) -> None:
        self.quotes: dict[str, dict[str, ServiceQuote]] = {parcel_id: {} for parcel_id in asked}
        self.remarks: list[str] = []
        self._services = services

    def keep(self, parcel_id: str, quote: ServiceQuote, where: str) -> None:
        """One price. Raises ``WrongAnswer``."""
        of_parcel = self.quotes.get(parcel_id)
        if of_parcel is None:
            raise WrongAnswer(f"{where}: nobody asked about {said(parcel_id)}")
        if self._services and quote.service not in self._services:
            return
        if of_parcel.setdefault(quote.service, quote).amount != quote.amount:
            amounts = sorted((of_parcel[quote.service].amount, quote.amount))
            both = " and ".join(map(CNY.format, amounts))
            raise WrongAnswer(f"{where}: {quote.service} is priced twice, {both} CNY")
        if len(of_parcel) > _MOST_SERVICES:
            raise WrongAnswer(f"{where}: more than {_MOST_SERVICES} services of one parcel; list yours in `services`")


class Quoter(Protocol):
    """Asks one carrier."""

    async def ask(self, remote: RemotePort, where: Values, parcels: Sequence[Values]) -> Reading:
        """Prices of these parcels sent to ``where``. Raises ``Unavailable``, ``NoAnswer``, ``WrongAnswer`` or
        ``LookupError``.
        """


def quoter_of(carrier: Carrier) -> Quoter:
    """The one for the carrier's protocol. Raises ``ValueError`` for a description that can't work."""
    if carrier.connection.protocol is description.Protocol.GRPC:
        return _GrpcQuoter(carrier)
    if carrier.quote is None:
        raise ValueError("this carrier has no `quote`: how it is asked for prices, and where they stand")
    return _HttpQuoter(carrier, carrier.quote)


class _HttpQuoter:
    def __init__(self, carrier: Carrier, call: QuoteCall) -> None:
        self._carrier, self._call, self._wire = carrier, call, Wire(carrier.connection)
        self._parcels = Place(call.parcels) if call.parcels else None
        if self._parcels is None:
            both = msgspec.structs.replace(call, fields={**call.fields, **call.parcel_fields})
            self._whole, self._each = Template(both, REQUEST_NAMES + PARCEL_NAMES), None
        elif call.in_query:
            raise ValueError(f"a {call.method} has no body for a list of parcels; leave `parcels` out")
        else:
            self._whole = Template(call, REQUEST_NAMES, {"the list of parcels": call.parcels})
            self._each = Template(
                msgspec.structs.replace(call, path="/", fields=call.parcel_fields, constants={}), PARCEL_NAMES
            )
        self._prices = _Prices(carrier, call)

    async def ask(self, remote: RemotePort, where: Values, parcels: Sequence[Values]) -> Reading:
        if self._each is None:
            values = {**where, **parcels[0]}
            body = self._whole.body(values)
        else:
            values = dict(where)
            body = self._whole.body(where, self._parcels, [self._each.body(parcel) for parcel in parcels])
        answer = await self._wire.http(remote, self._call, self._whole.path(values), body)
        return self._prices.read(answer, [parcel["parcel_id"] for parcel in parcels])


class _Prices:
    """Reads the prices of an HTTP answer."""

    def __init__(self, carrier: Carrier, call: QuoteCall) -> None:
        self._within = (int(carrier.smallest), int(carrier.largest))
        self._services, self._money = carrier.services, call.units.money
        answer = call.answer
        self._list = Place(answer.prices)
        if not self._list.spread or self._list.absolute or self._list.climbs:
            raise ValueError(f"`prices` is {answer.prices!r}; it must name each element of a list, as 'data.rates[*]'")
        self._service, self._amount, self._currency = map(Place, (answer.service, answer.amount, answer.currency))
        self._parcel, self._least, self._most, self._error = (
            Place(text) if text else None
            for text in (answer.parcel_id, answer.transit_minimum, answer.transit_maximum, answer.error)
        )

    def read(self, answer: object, asked: Sequence[str]) -> Reading:
        reading, root = Reading(asked, self._services), Node((answer,))
        if self._error is not None:
            refused_at(root, self._error)
        for number, node in enumerate(root.each(self._list)):
            try:
                self._one(node, reading, asked)
            except WrongAnswer as wrong:
                raise WrongAnswer(f"price {number + 1} of {self._list}: {wrong}") from None
        return reading

    def _one(self, node: Node, reading: Reading, asked: Sequence[str]) -> None:
        service = text_at(node, self._service)
        if node.get(self._amount) is None:
            reading.remarks.append(f"{service}: no amount at {self._amount}, taken as not offered")
            return
        listed_currency(text_at(node, self._currency), str(self._currency))
        amount = amount_at(node, self._amount, self._money, self._within)
        parcel_id = text_at(node, self._parcel) if self._parcel else asked[0]
        transit = self._transit(node, service, reading)
        reading.keep(parcel_id, ServiceQuote(service, amount, transit), str(self._parcel or self._list))

    def _transit(self, node: Node, service: str, reading: Reading) -> Transit | None:
        if self._least is None or self._most is None:
            return None
        try:
            days = days_between(node.get(self._least), node.get(self._most), f"{self._least}, {self._most}")
        except WrongAnswer as wrong:
            reading.remarks.append(f"{service}: {wrong}; the method's own transit stands")
            return None
        return Transit(*days) if days else None


class _GrpcQuoter:
    def __init__(self, carrier: Carrier) -> None:
        self._wire = Wire(carrier.connection)
        self._within = (int(carrier.smallest), int(carrier.largest))
        self._services = carrier.services

    async def ask(self, remote: RemotePort, where: Values, parcels: Sequence[Values]) -> Reading:
        request = carrier_pb2.QuoteRequest(
            parcels=[parcel_message(parcel) for parcel in parcels],
            destination=destination_message(where),
            currency=CNY.code,
        )
        answer = await self._wire.grpc(remote, "Quote", request, carrier_pb2.QuoteResponse)
        reading = Reading([parcel["parcel_id"] for parcel in parcels], self._services)
        if answer.prices:
            listed_currency(answer.currency, "currency")
        for number, price in enumerate(answer.prices):
            self._one(price, f"price {number + 1}", reading)
        return reading

    def _one(self, price: carrier_pb2.Price, where: str, reading: Reading) -> None:
        if not price.service:
            raise WrongAnswer(f"{where}: service is empty")
        amount = believable(price.amount, self._within, f"{where}: amount")
        transit = None
        if price.transit_minimum or price.transit_maximum:
            try:
                transit = days_between(price.transit_minimum, price.transit_maximum, f"{where}: transit")
            except WrongAnswer as wrong:
                reading.remarks.append(f"{price.service}: {wrong}; the method's own transit stands")
        quote = ServiceQuote(price.service, amount, Transit(*transit) if transit else None)
        reading.keep(price.parcel_id, quote, f"{where}: parcel_id")


def destination_message(values: Values) -> carrier_pb2.Destination:
    """Where to, as the protocol says it."""
    return carrier_pb2.Destination(
        country=values["country"],
        subdivision=values["subdivision"],
        postcode=values["postcode"],
        city=values["city"],
        district=values["district"],
        pickup=values["pickup"],
    )


def parcel_message(values: Values) -> carrier_pb2.Parcel:
    """A parcel, as the protocol says it."""
    return carrier_pb2.Parcel(
        parcel_id=values["parcel_id"],
        weight_g=values["weight"],
        volume_cm3=values["volume"],
        longest_side_cm=values["longest_side"],
        goods_classes=values["classes"],
        origin=values["origin"],
        value=values["value"],
    )
