"""The four calls about a booking, in a carrier's own words: create, label, cancel, track.

Each raises ``Refused`` where the carrier says for good that it will not, and did not, and ``Barred`` where it does not
accept our credentials. Whatever else is raised leaves open what it did: the call is to be repeated with the same key.

A carrier may repeat who buys and where to, so nothing of what it answered is in a message, only what kind it is.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Protocol

import msgspec

from crossborder.carrier.v1 import carrier_pb2
from orderpage.domain.address import Address
from orderpage.domain.money import Currency
from orderpage.ports import RemotePort, Unavailable
from orderpage_carriers.connection import Barred, NoAnswer, Refused, Wire
from orderpage_carriers.description import BookingCall, BookingCalls, Connection
from orderpage_carriers.mapping import (
    BOOKING_NAMES,
    REQUEST_NAMES,
    Template,
    destination_values,
    places,
    refused_at,
    text_at,
    truth_at,
)
from orderpage_carriers.places import Node, Place, WrongAnswer

ABOUT_NAMES = ("key", "reference", "service")
"""Our names in a call about a booking that was made."""

CREATE_NAMES = (*REQUEST_NAMES, "parcel_id", "weight", "value", *BOOKING_NAMES, "contents")
"""Our names in the call that books. ``value`` is what the goods cost after discounts, in hundredths of ``currency``;
``contents`` a list of what is in it, a line each."""

_ANSWERED = ("reference", "tracking_number", "label_url", "cancelled", "status", "delivered")

_RETRIED = frozenset({408, 409, 425, 429})
"""Of the client's mistakes in HTTP: those that time mends. 409 is also said of a key that is being worked on."""

_BARRED = frozenset({401, 403})
_BARRED_GRPC = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED"})
_FOR_GOOD = frozenset({"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED"})
"""In gRPC. ALREADY_EXISTS is none of them: it is what HTTP says by 409, and then there is a booking."""

_TRACKING = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}", re.ASCII)
_URL = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)

_HUNDREDTHS = 2


class ToBook(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel to be booked. ``value`` is what its goods cost after discounts, in minor units of ``currency``."""

    parcel_id: str
    service: str
    weight_g: int
    value: int
    currency: Currency
    contents: tuple[str, ...]
    address: Address

    @property
    def hundredths(self) -> int:
        """The value in hundredths of a unit, HALF_UP: so it is written over HTTP, whatever the smallest unit is."""
        exponent = self.currency.exponent
        if exponent <= _HUNDREDTHS:
            return self.value * int(10 ** (_HUNDREDTHS - exponent))
        scale = int(10 ** (exponent - _HUNDREDTHS))
        return (2 * self.value + scale) // (2 * scale)


class Booked(msgspec.Struct, frozen=True):
    """What the carrier calls the booking, and what the buyer tracks it by, where that is known."""

    reference: str
    tracking_number: str = ""
    label_url: str = ""


class Seen(msgspec.Struct, frozen=True):
    """The carrier's own word for where a parcel is."""

    status: str
    delivered: bool = False


class Clerk(Protocol):
    """Makes the calls. All raise ``Refused``, ``Barred``, ``Unavailable``, ``NoAnswer``, ``WrongAnswer`` or
    ``LookupError``.
    """

    async def create(self, booking: ToBook, key: str) -> Booked:
        """Book it, once for the key."""

    async def label(self, reference: str, key: str) -> Booked:
        """Where its label is, with what is new."""

    async def cancel(self, reference: str, key: str) -> None:
        """Cancel it, once for the key."""

    async def track(self, reference: str, key: str) -> Seen:
        """Where it is."""


class HttpClerk:
    """Over HTTP, as described field by field. Raises ``ValueError`` for names and places that cannot be meant."""

    def __init__(self, remote: RemotePort, connection: Connection, calls: BookingCalls) -> None:
        self._create = _Described(remote, connection, calls.create, CREATE_NAMES, needs=("reference",))
        self._label = _Described.of(remote, connection, calls.label, needs=("label_url",))
        self._cancel = _Described.of(remote, connection, calls.cancel)
        self._track = _Described.of(remote, connection, calls.track, needs=("status",))

    async def create(self, booking: ToBook, key: str) -> Booked:
        """As ``Clerk.create``."""
        address = booking.address
        values = destination_values(address) | {
            "currency": booking.currency.code,
            "parcel_id": booking.parcel_id,
            "weight": booking.weight_g or None,
            "value": booking.hundredths,
            "key": key,
            "service": booking.service,
            "recipient": address.recipient,
            "phone": address.phone,
            "street": list(address.street),
            "pickup_point": address.pickup_point,
            "contents": list(booking.contents),
        }
        answer = await self._create.ask(values, key)
        return Booked(answer.text("reference"), answer.tracking_number(), answer.url())

    async def label(self, reference: str, key: str) -> Booked:
        """As ``Clerk.label``."""
        answer = await _there(self._label, "label").ask({"reference": reference, "key": key}, key)
        return Booked(reference, answer.tracking_number(), answer.url(needed=True))

    async def cancel(self, reference: str, key: str) -> None:
        """As ``Clerk.cancel``."""
        answer = await _there(self._cancel, "cancel").ask({"reference": reference, "key": key}, key)
        if not answer.truth("cancelled", default=True):
            raise Refused("the carrier says that it is not cancelled")

    async def track(self, reference: str, key: str) -> Seen:
        """As ``Clerk.track``."""
        answer = await _there(self._track, "track").ask({"reference": reference, "key": key}, key)
        return Seen(answer.text("status"), answer.truth("delivered", default=False))


class GrpcClerk:
    """Over gRPC, by ``crossborder.carrier.v1``."""

    def __init__(self, remote: RemotePort, connection: Connection) -> None:
        self._remote = remote
        self._wire = Wire(connection)

    async def create(self, booking: ToBook, key: str) -> Booked:
        """As ``Clerk.create``."""
        address = booking.address
        to = destination_values(address)
        request = carrier_pb2.CreateRequest(
            key=key,
            parcel=carrier_pb2.Parcel(parcel_id=booking.parcel_id, weight_g=booking.weight_g, value=booking.value),
            currency=booking.currency.code,
            contents=booking.contents,
            service=booking.service,
            destination=carrier_pb2.Destination(**to),
            recipient=address.recipient,
            phone=address.phone,
            street=address.street,
            pickup_point=address.pickup_point,
        )
        answer = await self._ask("Create", request, carrier_pb2.CreateResponse)
        if not answer.reference:
            raise WrongAnswer("reference: nothing")
        return Booked(answer.reference, _tracking_number(answer.tracking_number))

    async def label(self, reference: str, key: str) -> Booked:
        """As ``Clerk.label``."""
        answer = await self._ask("Label", carrier_pb2.LabelRequest(reference=reference), carrier_pb2.LabelResponse)
        return Booked(reference, _tracking_number(answer.tracking_number), _url(answer.label_url))

    async def cancel(self, reference: str, key: str) -> None:
        """As ``Clerk.cancel``."""
        request = carrier_pb2.CancelRequest(key=key, reference=reference)
        if not (await self._ask("Cancel", request, carrier_pb2.CancelResponse)).cancelled:
            raise Refused("the carrier says that it is not cancelled: it was handed over already")

    async def track(self, reference: str, key: str) -> Seen:
        """As ``Clerk.track``."""
        answer = await self._ask("Track", carrier_pb2.TrackRequest(reference=reference), carrier_pb2.TrackResponse)
        return Seen(answer.status[:200], answer.delivered)

    async def _ask(self, method: str, request: Any, answer: type[Any]) -> Any:
        try:
            return await self._wire.grpc(self._remote, method, request, answer)
        except Unavailable as error:
            if error.status in _BARRED_GRPC:
                raise Barred(f"our credentials are not accepted: {error}") from error
            if error.status in _FOR_GOOD:
                raise Refused(str(error)) from error
            raise


def clerk_of(remote: RemotePort, connection: Connection, calls: BookingCalls | None) -> Clerk:
    """Who speaks the carrier's protocol: ``calls`` describe HTTP. Raises ``ValueError``, at once, for a mistake."""
    return GrpcClerk(remote, connection) if calls is None else HttpClerk(remote, connection, calls)


class _Described:
    """One described call."""

    def __init__(
        self,
        remote: RemotePort,
        connection: Connection,
        call: BookingCall,
        names: Collection[str],
        needs: Collection[str] = (),
    ) -> None:
        self._remote, self._connection, self._call = remote, connection, call
        self._template = Template(call, names)
        self._places = places(call.answer, _ANSWERED)
        self._error = Place(call.error) if call.error else None
        for name in needs:
            if name not in self._places:
                raise ValueError(f"`answer` of {call.method} {call.path} must say where {name!r} stands")

    @classmethod
    def of(
        cls, remote: RemotePort, connection: Connection, call: BookingCall | None, needs: Collection[str] = ()
    ) -> "_Described | None":
        """One about a booking; None where the carrier has none."""
        return None if call is None else cls(remote, connection, call, ABOUT_NAMES, needs)

    async def ask(self, values: Mapping[str, Any], key: str) -> "_Answer":
        """What it answered; the key goes as a header too."""
        headers = {**self._connection.headers, "Idempotency-Key": key}
        wire = Wire(msgspec.structs.replace(self._connection, headers=headers), discreet=True)
        try:
            raw = await wire.http(self._remote, self._call, self._template.path(values), self._template.body(values))
        except NoAnswer as none:
            if none.status in _BARRED:
                raise Barred(f"our credentials are not accepted: {none}") from none
            if 400 <= none.status < 500 and none.status not in _RETRIED:
                raise Refused(str(none)) from none
            if not 200 <= none.status < 300 or self._places:
                raise
            raw = {}  # done, and nothing to say
        node = Node([raw], discreet=True)
        if self._error is not None:
            refused_at(node, self._error)
        return _Answer(node, self._places)


class _Answer(msgspec.Struct, frozen=True):
    node: Node
    places: Mapping[str, Place]

    def text(self, name: str) -> str:
        return text_at(self.node, self.places[name])

    def truth(self, name: str, *, default: bool) -> bool:
        return truth_at(self.node, self.places[name]) if name in self.places else default

    def tracking_number(self) -> str:
        place = self.places.get("tracking_number")
        return _tracking_number(text_at(self.node, place, optional=True)) if place else ""

    def url(self, *, needed: bool = False) -> str:
        place = self.places.get("label_url")
        found = self.node.get(place) if place else None
        return "" if found is None and not needed else _url(found)


def _there(call: _Described | None, name: str) -> _Described:
    if call is None:
        raise Refused(f"its description has no call to {name}")
    return call


def _tracking_number(text: str) -> str:
    """It is shown to buyers."""
    if text and not _TRACKING.fullmatch(text):
        raise WrongAnswer(
            f"tracking_number: 1 to 64 letters, digits and . / _ - are expected, found {len(text)} characters"
        )
    return text


def _url(found: Any) -> str:
    if not isinstance(found, str) or not _URL.fullmatch(found):
        raise WrongAnswer("label_url: an address of http or https is expected, and what is there is none")
    return found
