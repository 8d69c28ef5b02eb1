"""What a YAML file says of a carrier: where it is, how it wants to be asked, and how its answers are read.

A carrier speaks HTTP, and then each call is described here field by field; or it speaks gRPC, by
``crossborder/carrier/v1/carrier.proto``, and then there is nothing to describe but where it is.

Booking calls are described as quoting calls are, in a section of their own::

    booking:
      create: {path: /v1/orders, fields: {key: idempotencyKey, service: service, weight: parcel.kg, recipient: to.name},
               units: {weight: KG}, answer: {reference: order.id, tracking_number: order.tracking}}
      label:  {path: "/v1/orders/{reference}/label", method: GET, answer: {label_url: url, tracking_number: tracking}}
      cancel: {path: "/v1/orders/{reference}", method: DELETE, answer: {cancelled: done}}
      track:  {path: "/v1/orders/{reference}", method: GET, answer: {status: state, delivered: delivered}}

``path`` may name values in braces; ``fields`` is our name to the place in the carrier's body (the names that
``mapping.NAMES`` lists), ``answer`` our name to the place in what it answers. The names are those of the messages in
``carrier.proto``, so that both protocols are asked for the same things.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from orderpage import Settings
from orderpage.domain.money import ListingAmount

SecretName = Annotated[str, Meta(pattern="^[A-Z][A-Z0-9_]{0,63}$")]
"""The name of a secret, never the secret."""

Plain = bool | int | str
_HEADER = re.compile(r"[A-Za-z0-9-]+")


class _Described(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is written in a carrier's file."""


class Protocol(StrEnum):
    """How a carrier is spoken to."""

    HTTP = "HTTP"
    GRPC = "GRPC"


class Scheme(StrEnum):
    """How a secret is shown: ``Authorization: Bearer …``, a header of the carrier's own, or HTTP basic."""

    BEARER = "BEARER"
    HEADER = "HEADER"
    BASIC = "BASIC"


class Auth(_Described, frozen=True, kw_only=True):
    """``secret`` names a secret of the server's environment (``ORDERPAGE_SECRET_<NAME>``)."""

    scheme: Scheme = Scheme.BEARER
    secret: SecretName
    header: str = ""
    user: str = ""

    def __post_init__(self) -> None:
        if bool(self.header) != (self.scheme is Scheme.HEADER) or (self.header and not _HEADER.fullmatch(self.header)):
            raise ValueError(f"`header` names the header for scheme HEADER, and for no other; it is {self.header!r}")
        if bool(self.user) != (self.scheme is Scheme.BASIC) or ":" in self.user:
            raise ValueError(f"`user` names the user for scheme BASIC, and for no other; it is {self.user!r}")


class Connection(_Described, frozen=True, kw_only=True):
    """Where a carrier is: ``https://host/base`` for HTTP; ``grpcs://host:port`` for gRPC.

    Without TLS (``http``, ``grpc``) no secret is sent, but to this machine.
    """

    protocol: Protocol
    endpoint: str
    auth: Auth | None = None
    headers: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        known = ("https", "http") if self.protocol is Protocol.HTTP else ("grpcs", "grpc")
        try:
            parts = urlsplit(self.endpoint)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise ValueError(f"endpoint {self.endpoint!r} is no address: {error}") from None
        if parts.scheme not in known or not host:
            raise ValueError(f"endpoint {self.endpoint!r} must begin with {known[0]}:// or {known[1]}:// and a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError(
                "the endpoint holds a user, a query or a fragment; secrets go into `auth`, fields to calls"
            )
        if self.protocol is Protocol.GRPC and (port is None or parts.path.strip("/")):
            raise ValueError(f"endpoint {self.endpoint!r} of a gRPC service is grpcs://host:port and no more")
        if self.auth is not None and parts.scheme == known[1] and not _here(host):
            raise ValueError(f"a secret would be sent to {host} in the clear; write {known[0]}://")
        for name in self.headers:
            if not _HEADER.fullmatch(name) or name.lower() == "authorization":
                raise ValueError(f"{name!r} can't be a plain header; secrets go into `auth`")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of those that calls need."""
        return () if self.auth is None else (self.auth.secret,)


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# ---- calls over HTTP -------------------------------------------------------------------------------------------


class Weight(StrEnum):
    """Units of weight."""

    G = "G"
    KG = "KG"


class Length(StrEnum):
    """Units of length."""

    MM = "MM"
    CM = "CM"
    M = "M"


class Volume(StrEnum):
    """Units of volume."""

    CM3 = "CM3"
    LITRE = "LITRE"
    M3 = "M3"


class Money(StrEnum):
    """How an amount is written: minor units as a number; or major units, as decimal text or as a number."""

    MINOR = "MINOR"
    MAJOR_TEXT = "MAJOR_TEXT"
    MAJOR_NUMBER = "MAJOR_NUMBER"


class Units(_Described, frozen=True, kw_only=True):
    """The units of a call's fields and, for money, of its answer."""

    weight: Weight = Weight.G
    length: Length = Length.CM
    volume: Volume = Volume.CM3
    money: Money = Money.MAJOR_TEXT


class Call(_Described, frozen=True, kw_only=True):
    """One call over HTTP. ``fields`` is our name to a place in the body, ``constants`` a place to a fixed value.

    Places are dotted: ``to.postcode`` is ``{"to": {"postcode": …}}``. A GET or DELETE sends its fields in the query.
    ``words`` are the carrier's own words for our values, by our name: ``words: {classes: {BATTERY_BUILTIN: PI967}}``;
    what is not listed is sent as it is. What is empty is left out.
    """

    path: str
    method: Literal["POST", "PUT", "GET", "DELETE"] = "POST"
    fields: Mapping[str, str] = {}
    constants: Mapping[str, Plain] = {}
    words: Mapping[str, Mapping[str, str]] = {}
    units: Units = Units()

    @property
    def in_query(self) -> bool:
        """Whether there is no body."""
        return self.method in {"GET", "DELETE"}

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError(f"path {self.path!r} must begin with one '/'; the host stands in `endpoint`")


class QuoteAnswer(_Described, frozen=True, kw_only=True):
    """Where prices stand in an answer.

    ``prices`` is the list: ``data.rates[*]``, or ``results[*].services[*]`` where lists are nested. The other places
    begin at one of its elements; ``^.`` climbs to the element of the list around it, and ``$.`` to the whole answer.
    ``parcel_id`` may be left out where each call asks for one parcel. ``transit`` are calendar days from hand-over.
    ``error`` is a place in the whole answer: anything there but null, false, "" and 0 means that it is no answer.
    """

    prices: str
    service: str
    amount: str
    currency: str
    parcel_id: str = ""
    transit_minimum: str = ""
    transit_maximum: str = ""
    error: str = ""

    def __post_init__(self) -> None:
        if bool(self.transit_minimum) != bool(self.transit_maximum):
            raise ValueError("give both transit_minimum and transit_maximum (they may be the same place), or neither")


class QuoteCall(Call, frozen=True, kw_only=True):
    """How prices are asked for. ``parcels`` is the place of the list of parcels in the body, each with
    ``parcel_fields``; where it is left out, each call asks for one parcel, whose fields stand in the body itself.
    """

    parcels: str = ""
    parcel_fields: Mapping[str, str]
    answer: QuoteAnswer


class BookingCall(Call, frozen=True, kw_only=True):
    """A call about one booking. ``answer`` is our name to a place in what the carrier answers."""

    answer: Mapping[str, str] = {}
    error: str = ""


class BookingCalls(_Described, frozen=True, kw_only=True):
    """How parcels are booked. A carrier without labels or tracking leaves those calls out."""

    create: BookingCall
    label: BookingCall | None = None
    cancel: BookingCall | None = None
    track: BookingCall | None = None


# ---- the carrier -----------------------------------------------------------------------------------------------


class Carrier(Settings, frozen=True, kw_only=True):
    """Settings of ``carriers.quotes``: everything about one carrier. Its prices are in CNY, the listing currency.

    ``budget_ms`` is how long a page waits for it at most. A price is kept for ``cache_seconds`` in each process.
    ``parcels_per_call`` parcels are asked for at once, in at most ``concurrency`` calls at a time, and so twice a
    page: a cart that divides in many ways must not look like a slow carrier. The likeliest parcels come first.

    To steer it: ``max_per_second`` calls of each process; ``share`` per cent of the buyers, always the same ones;
    ``shielded`` for none. Who is not asked for is priced by the methods' fall-back rates. A price below ``smallest`` or
    above ``largest`` is not believed. Of the prices only those of ``services`` are kept, where they are named.
    """

    connection: Connection
    quote: QuoteCall | None = None
    booking: BookingCalls | None = None
    budget_ms: Annotated[int, Meta(ge=10, le=5000)] = 400
    cache_seconds: Annotated[int, Meta(ge=0, le=3600)] = 300
    parcels_per_call: Annotated[int, Meta(ge=1, le=100)] = 20
    concurrency: Annotated[int, Meta(ge=1, le=16)] = 4
    max_per_second: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    share: Annotated[int, Meta(ge=0, le=100)] = 100
    shielded: bool = False
    smallest: ListingAmount = ListingAmount("0.01")
    largest: ListingAmount = ListingAmount("20000.00")
    services: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.connection.protocol is Protocol.GRPC and (self.quote or self.booking):
            raise ValueError(
                "a gRPC carrier speaks crossborder.carrier.v1; `quote` and `booking` describe HTTP: leave them out"
            )
        if self.connection.protocol is Protocol.HTTP and not (self.quote or self.booking):
            raise ValueError("an HTTP carrier needs `quote`, how it is asked for prices, or `booking`, or both")
        quote = self.quote
        if quote and not quote.parcels and self.parcels_per_call != 1:
            raise ValueError("`quote.parcels` says no place for a list of parcels; then write `parcels_per_call: 1`")
        if quote and self.parcels_per_call > 1 and not quote.answer.parcel_id:
            raise ValueError("several parcels are asked for at once, so `quote.answer.parcel_id` must say whose price")
        if self.smallest > self.largest:
            raise ValueError(f"`smallest` ({self.smallest} fen) is above `largest` ({self.largest} fen)")
