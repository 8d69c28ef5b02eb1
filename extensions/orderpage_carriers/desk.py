"""Books parcels at carriers and follows them: the deliverer of the outbox's ``carrier.…`` events.

==========  =====================================  ============================================================
step        what it does                           next
==========  =====================================  ============================================================
``create``  books the parcel                       ``label``, and ``track`` after a while
``label``   asks where its label is                –
``track``   asks where it is, again and again      itself, until the parcel's end is known or its days are over
``cancel``  cancels it, once it is clear that      –
            it was booked
==========  =====================================  ============================================================

A carrier that refuses for good ends the step: the event is parked until a person looks. A booking has FAILED then,
unless the answer to an earlier attempt was lost: that one may have booked it, so it stays REQUESTED. Anything else that
goes wrong leaves open what the carrier did: the relay has the step repeated, with the same key, so that it is done
once. What a step made is written together with the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar

import msgspec
import structlog

from orderpage.delivering import LONGEST_DELIVERY, DueEvent, Later, ShipmentsPort, Undeliverable
from orderpage.domain.order import Event
from orderpage.domain.shipment import CANCEL, TRACK, Shipment, ShipmentNews, ShipmentState, step_key
from orderpage.ports import OutboxRow, RemotePort, Unavailable
from orderpage_carriers.booking import Described, Payload
from orderpage_carriers.booking_calls import Booked, Clerk
from orderpage_carriers.connection import Barred, NoAnswer, Refused
from orderpage_carriers.places import WrongAnswer

_LOOK_AGAIN = timedelta(seconds=10)
"""How long a cancellation waits before it looks again whether the parcel was booked."""

_UNCLEAR = (Unavailable, NoAnswer, WrongAnswer)
"""After these nobody knows what the carrier did."""

_NOT_DONE = (Barred, LookupError)
"""After these it did nothing: it does not know us, or was not asked."""

_MOST_STATUS = 500

T = TypeVar("T")
log = structlog.get_logger(__name__)


class CarrierDesk:
    """``EventSink`` of the topics ``carrier.…``."""

    def __init__(self, remote: RemotePort, shipments: ShipmentsPort, clock: Callable[[], datetime]) -> None:
        self._remote = remote
        self._shipments = shipments
        self._clock = clock
        self._steps: dict[str, Callable[[Event], Awaitable[None]]] = {
            "create": self._create,
            "label": self._label,
            "track": self._track,
            "cancel": self._cancel,
        }

    async def deliver(self, row: OutboxRow) -> None:
        """Do the step. Raises ``Undeliverable``, ``Later``, and anything else to have it done again."""
        step = self._steps.get(row.event.topic.partition(".")[2])
        if step is None:
            raise Undeliverable(f"{row.event.topic!r} is no step; there are {', '.join(self._steps)}")
        await step(row.event)

    # ---- the steps ---------------------------------------------------------------------------------------------

    async def _create(self, event: Event) -> None:
        payload = _read(event.payload, Payload)
        shipment = await self._shipments.request(_requested(payload, self._clock()))
        if shipment.state is ShipmentState.FAILED:  # said before, but the event was not parked yet
            raise Undeliverable(shipment.status)
        if shipment.state is not ShipmentState.REQUESTED:
            return
        described, to_book = _described(shipment), payload.to_book()
        try:
            booked = await self._ask(described, lambda clerk: clerk.create(to_book, shipment.key))
        except Refused as refusal:
            await self._refused(shipment, refusal)
        except _NOT_DONE as cause:
            await self._note(shipment, ShipmentState.REQUESTED, f"not asked yet: {cause}", unclear=shipment.unclear)
            raise
        except _UNCLEAR as cause:
            await self._note(shipment, ShipmentState.REQUESTED, f"not clear yet: {cause}")
            raise
        state = ShipmentState.LABELLED if booked.label_url else ShipmentState.CREATED
        then = self._after(shipment, described, state)
        await self._note(shipment, state, "booked", booked, then, unclear=False)

    async def _refused(self, shipment: Shipment, refusal: Refused) -> NoReturn:
        """Of a booking. An attempt before, whose answer was lost, may have made it all the same."""
        if shipment.unclear:
            says = (
                f"the carrier refuses the parcel now ({refusal}), and an earlier attempt may have booked it: "
                f"ask the carrier about the key {shipment.key}"
            )
            await self._note(shipment, ShipmentState.REQUESTED, f"not clear: {says}")
            raise Undeliverable(says) from refusal
        await self._note(shipment, ShipmentState.FAILED, f"refused: {refusal}", unclear=False)
        raise Undeliverable(f"the carrier refuses the parcel: {refusal}") from refusal

    async def _label(self, event: Event) -> None:
        shipment = await self._known(event)
        if shipment.state is not ShipmentState.CREATED:
            return
        key = f"{shipment.key}:label"
        try:
            made = await self._ask(_described(shipment), lambda clerk: clerk.label(shipment.reference, key))
        except Refused as refusal:
            await self._note(shipment, shipment.state, f"no label: {refusal}")
            raise Undeliverable(f"the carrier makes no label: {refusal}") from refusal
        await self._note(shipment, ShipmentState.LABELLED, "its label is made", made)

    async def _cancel(self, event: Event) -> None:
        shipment = await self._known(event)
        if shipment.state in {ShipmentState.CANCELLED, ShipmentState.DELIVERED}:
            return
        if shipment.state is ShipmentState.REQUESTED:
            raise Later(self._clock() + _LOOK_AGAIN)  # an answer may be on its way: then there is something to cancel
        if shipment.state is ShipmentState.FAILED:
            await self._note(shipment, ShipmentState.CANCELLED, "cancelled; it was never booked")
            return
        key = step_key(shipment.key, CANCEL)
        try:
            await self._ask(_described(shipment), lambda clerk: clerk.cancel(shipment.reference, key))
        except Refused as refusal:
            await self._note(shipment, shipment.state, f"not cancelled: {refusal}")
            raise Undeliverable(f"the carrier does not cancel it: {refusal}") from refusal
        await self._note(shipment, ShipmentState.CANCELLED, "cancelled")

    async def _track(self, event: Event) -> None:
        """Never fails: whatever goes wrong, it is asked again when its time comes, until its days are over."""
        shipment = await self._known(event)
        desk = _described(shipment).desk
        if shipment.state.ended:
            return
        if self._clock() > shipment.requested_at + timedelta(days=desk.track_days):
            await self._note(shipment, shipment.state, f"asked after no more: {desk.track_days} days are over")
            log.warning("shipment.lost", order_id=shipment.order_id, parcel_id=shipment.parcel_id)
            return
        try:
            state = await self._look(shipment)
        except Exception as cause:  # the next look mends it
            state = shipment.state
            log.warning("shipment.unseen", order_id=shipment.order_id, parcel_id=shipment.parcel_id, cause=str(cause))
        if not state.ended:
            raise Later(self._clock() + timedelta(minutes=desk.track_minutes))

    async def _look(self, shipment: Shipment) -> ShipmentState:
        """The state it has now."""
        described, key = _described(shipment), step_key(shipment.key, TRACK)
        seen = await self._ask(described, lambda clerk: clerk.track(shipment.reference, key))
        said = ShipmentState.DELIVERED if seen.delivered else described.desk.states.get(seen.status, shipment.state)
        state = said if shipment.state.may_become(said) else shipment.state
        await self._note(shipment, state, seen.status)
        return state

    # ---- what they have in common ------------------------------------------------------------------------------

    async def _known(self, event: Event) -> Shipment:
        about = _read(event.payload, _About)
        shipment = await self._shipments.shipment(about.order_id, about.parcel_id)
        if shipment is None:
            raise Undeliverable(f"there is no shipment of parcel {about.parcel_id} of order {about.order_id}")
        return shipment

    async def _ask(self, described: Described, call: Callable[[Clerk], Awaitable[T]]) -> T:
        """One call, in its time."""
        seconds = min(described.desk.timeout_ms / 1000, LONGEST_DELIVERY)
        try:
            async with asyncio.timeout(seconds):
                return await call(described.clerk(self._remote))
        except TimeoutError:
            raise Unavailable(f"no answer within {seconds:g} s") from None

    async def _note(
        self,
        shipment: Shipment,
        state: ShipmentState,
        status: str,
        booked: Booked | None = None,
        then: Sequence[DueEvent] = (),
        unclear: bool | None = None,
    ) -> None:
        texts = msgspec.structs.asdict(booked) if booked else {}
        news = ShipmentNews(state=state, at=self._clock(), status=status[:_MOST_STATUS], unclear=unclear, **texts)
        await self._shipments.report(shipment, news, then)

    def _after(self, shipment: Shipment, described: Described, state: ShipmentState) -> list[DueEvent]:
        """What follows a booking."""
        now, about = self._clock(), {"order_id": shipment.order_id, "parcel_id": shipment.parcel_id}
        then = []
        if described.makes_labels and state is ShipmentState.CREATED:
            then.append(DueEvent(Event("carrier.label", shipment.key, {**about}), now))
        if described.tells:
            due = now + timedelta(minutes=described.desk.track_minutes)
            then.append(DueEvent(Event("carrier.track", step_key(shipment.key, TRACK), {**about}), due))
        return then


class _About(msgspec.Struct, frozen=True):
    """The payload of the later steps."""

    order_id: str
    parcel_id: str


def _read(payload: dict[str, str | int], kind: type[T]) -> T:
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as error:
        raise Undeliverable(f"its payload is no {kind.__name__.strip('_')}: {error}") from error


def _requested(payload: Payload, now: datetime) -> Shipment:
    return Shipment(
        order_id=payload.order_id,
        parcel_id=payload.parcel_id,
        carrier=payload.carrier,
        service=payload.service,
        state=ShipmentState.REQUESTED,
        booking=payload.kept(),
        requested_at=now,
        updated_at=now,
    )


def _described(shipment: Shipment) -> Described:
    return msgspec.json.decode(str(shipment.booking["described"]), type=Described)
