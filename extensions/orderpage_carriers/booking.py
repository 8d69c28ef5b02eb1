"""After an order is confirmed its parcels are to be booked at their carrier. The outbox carries what that needs.

The event of a parcel holds who and where to, because the carrier has to know; its ``__str__`` never shows that. What
later steps need, and people see, is apart: ``booking``, without personal data and without secrets.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
import phonenumbers
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.money import Currency, allocate
from orderpage.domain.order import Event, Order, OrderLine, OrderParcel, PlacedOrder
from orderpage.domain.shipment import ShipmentState, shipment_key
from orderpage.ports import Nobody, RemotePort
from orderpage_carriers.booking_calls import Clerk, ToBook, clerk_of
from orderpage_carriers.description import BookingCalls, Carrier, Connection, Protocol

CREATE = "carrier.create"
"""Its topic. The first part is the name of the deliverer, which makes the other steps out of it."""


class Desk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a carrier's parcels are followed once they are booked.

    ``states`` are the carrier's words for where a parcel is, those that say more than that nothing changed; where its
    answer says ``delivered``, it needs no word for that. It is asked every ``track_minutes``, for ``track_days`` at
    most. A call may take ``timeout_ms``. A carrier without labels or without tracking says so.
    """

    states: Mapping[str, ShipmentState] = {}
    labels: bool = True
    tracking: bool = True
    track_minutes: Annotated[int, Meta(ge=1, le=10_080)] = 240
    track_days: Annotated[int, Meta(ge=1, le=365)] = 45
    timeout_ms: Annotated[int, Meta(ge=100, le=15_000)] = 8_000


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk has to know of a carrier, as it goes with every event: no secret, only a secret's name."""

    connection: Connection
    calls: BookingCalls | None
    desk: Desk

    def clerk(self, remote: RemotePort) -> Clerk:
        """Who makes its calls. Raises ``ValueError`` for a mistake in the description."""
        return clerk_of(remote, self.connection, self.calls)

    @property
    def makes_labels(self) -> bool:
        """Whether a label is to be asked for."""
        return self.desk.labels and (self.calls is None or self.calls.label is not None)

    @property
    def tells(self) -> bool:
        """Whether it can be asked where a parcel is."""
        return self.desk.tracking and (self.calls is None or self.calls.track is not None)


class Bookings(Settings, frozen=True, kw_only=True):
    """Settings of ``carriers.booking``. ``name`` is what buyers and people know the carrier by, ``carrier`` the same
    description as in ``carriers.quotes``, ``services`` which of our methods are its, and what it calls them.
    """

    name: Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]{0,31}$")]
    carrier: Carrier
    services: Annotated[Mapping[str, str], Meta(min_length=1)]
    desk: Desk = Desk()

    def __post_init__(self) -> None:
        if self.carrier.connection.protocol is Protocol.HTTP and self.carrier.booking is None:
            raise ValueError("`carrier.booking` says nothing, so nothing can be booked: describe at least `create`")


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """An event's payload: texts and whole numbers. ``address`` and ``contents`` are JSON; the ones before ``address``
    are kept with the shipment.
    """

    order_id: str
    parcel_id: str
    carrier: str
    method: str
    service: str
    described: str
    address: str
    contents: str
    weight_g: int
    value: int
    currency: str
    exponent: int

    def to_book(self) -> ToBook:
        """What the carrier is told. Raises ``msgspec.DecodeError``."""
        return ToBook(
            parcel_id=self.parcel_id,
            service=self.service,
            weight_g=self.weight_g,
            value=self.value,
            currency=Currency(self.currency, self.exponent),
            contents=msgspec.json.decode(self.contents, type=tuple[str, ...]),
            address=msgspec.json.decode(self.address, type=Address),
        )

    def kept(self) -> dict[str, str | int]:
        """What the next steps need: no personal data."""
        return {"method": self.method, "described": self.described}


@extension("carriers.booking", settings=Bookings)
class Booking:
    """An event for each parcel that goes by one of the carrier's methods."""

    def __init__(self, settings: Bookings) -> None:
        carrier = settings.carrier
        self.name, self.services = settings.name, settings.services
        self.secrets = carrier.connection.secrets
        described = Described(connection=carrier.connection, calls=carrier.booking, desk=settings.desk)
        described.clerk(Nobody())  # a mistake in it is said when the plans compile, not when a parcel waits
        self.described = msgspec.json.encode(described).decode()

    @extends(points.AFTER)
    def after(self, placed: PlacedOrder) -> Iterator[Event]:
        """One for each such parcel. Its key makes the booking unique, in the outbox and at the carrier."""
        order = placed.order
        for parcel in order.parcels:
            if (service := self.services.get(parcel.method)) is not None:
                payload = self._payload(order, parcel, service)
                key = shipment_key(order.order_id, parcel.parcel_id)
                yield Event(CREATE, key, msgspec.structs.asdict(payload))

    def _payload(self, order: Order, parcel: OrderParcel, service: str) -> Payload:
        lines = {line.line_id: line for line in order.lines}
        packed = [(lines[line_id], units) for line_id, units in parcel.contents]
        address = order.address
        told = msgspec.structs.replace(address, phone=_international(address.phone, address.country))
        return Payload(
            order_id=order.order_id,
            parcel_id=parcel.parcel_id,
            carrier=self.name,
            method=parcel.method,
            service=service,
            described=self.described,
            address=msgspec.json.encode(told).decode(),
            contents=msgspec.json.encode([f"{units} x {line.name}" for line, units in packed]).decode(),
            weight_g=parcel.weight_g,
            value=sum(_net(line, units) for line, units in packed),
            currency=order.currency.code,
            exponent=order.currency.exponent,
        )


def _net(line: OrderLine, units: int) -> int:
    """The units' share of the line, after discounts, in minor units: declared to the carrier, charged to nobody."""
    return allocate(line.net, [units, line.quantity - units])[0]


def _international(phone: str, country: str) -> str:
    """As E.164; as it was typed where it is no number."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
