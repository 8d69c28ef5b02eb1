"""``carriers.quotes``: what one carrier asks for the page's parcels, asked in time, checked, and kept for a while.

A failure fails the slot: the page goes on with the methods' fall-back rates, says so in ``degraded``, and the slot's
circuit breaker counts it. Where the carrier isn't asked on purpose (``share``, ``shielded``, ``max_per_second``)
nothing has failed and nothing is said; the fall-back rates stand all the same.

Prices kept, the rate and the circuit breaker are of one process and of one set of settings; a reload begins anew.
"""

import asyncio
from collections.abc import Hashable, Sequence

from orderpage import extends, extension, points
from orderpage.domain.money import CNY
from orderpage.domain.shipping import Parcel
from orderpage.ports import AskView, RemotePort
from orderpage_carriers.description import Carrier
from orderpage_carriers.facts import CARRIER_QUOTES, ParcelQuotes, ServiceQuote
from orderpage_carriers.mapping import Values, destination_values, parcel_values
from orderpage_carriers.quoting import quoter_of
from orderpage_carriers.steering import Kept, Steering

Prices = tuple[ServiceQuote, ...]

_TURNS = 2
"""How often a page may make all its calls at a time: what divides in many ways is asked for in part."""


@extension("carriers.quotes", settings=Carrier)
class CarrierQuotes:
    """One carrier's prices."""

    def __init__(self, settings: Carrier) -> None:
        self.budget_ms = settings.budget_ms
        self.protocols = frozenset({settings.connection.protocol.lower()})
        self.secrets = settings.connection.secrets
        self.carrier = settings
        self.quoter = quoter_of(settings)
        self._steering = Steering(settings)
        self._kept: Kept[Prices] = Kept(settings.cache_seconds)

    @extends(points.ASK, fills=CARRIER_QUOTES)
    async def quotes(self, view: AskView) -> ParcelQuotes:
        """The prices of the distinct parcels. Raises where the carrier gave no answer, or a wrong one."""
        address = view.page.address
        if address is None or not self._steering.serves(view.page.buyer.buyer_id):
            return {}
        where = {**destination_values(address), "currency": CNY.code}
        found: dict[str, Prices] = {}
        wanted: list[_Wanted] = []
        for parcel in view.parcels:
            if not priceable(parcel):
                continue
            want = _Wanted(where, parcel_values(parcel))
            kept = self._kept.get(want.key)
            if kept is None:
                wanted.append(want)
            else:
                found[parcel.parcel_id] = kept
        most = self.carrier.parcels_per_call * self.carrier.concurrency * _TURNS
        await self._ask(view.ports.remote, where, wanted[:most], found)
        return found

    async def _ask(
        self, remote: RemotePort, where: Values, wanted: Sequence["_Wanted"], found: dict[str, Prices]
    ) -> None:
        size = self.carrier.parcels_per_call
        calls = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        allowed = [call for call in calls if self._steering.take()]
        if len(allowed) == 1:
            return await self._call(remote, where, allowed[0], found)
        free = asyncio.Semaphore(self.carrier.concurrency)

        async def one(call: Sequence[_Wanted]) -> None:
            async with free:
                await self._call(remote, where, call, found)

        try:
            async with asyncio.TaskGroup() as group:
                for call in allowed:
                    group.create_task(one(call))
        except ExceptionGroup as failures:  # the first says what is wrong; the others were cancelled
            raise failures.exceptions[0] from None

    async def _call(
        self, remote: RemotePort, where: Values, wanted: Sequence["_Wanted"], found: dict[str, Prices]
    ) -> None:
        reading = await self.quoter.ask(remote, where, [want.values for want in wanted])
        for want in wanted:
            quotes = reading.quotes[want.values["parcel_id"]]
            prices = tuple(quotes[service] for service in sorted(quotes))
            found[want.values["parcel_id"]] = prices
            self._kept.keep(want.key, prices)


class _Wanted:
    """A parcel to ask about. ``key`` is what a price depends on: content and destination, not the buyer."""

    __slots__ = ("key", "values")

    def __init__(self, where: Values, values: Values) -> None:
        self.values = values
        self.key: Hashable = (
            tuple(where.values()),
            tuple(tuple(it) if isinstance(it, list) else it for name, it in values.items() if name != "parcel_id"),
        )


def priceable(parcel: Parcel) -> bool:
    """Whether a carrier can say a price: it weighs something, and is collected in one place."""
    return parcel.weight_g > 0 and len(parcel.origins) == 1
