"""Carriers that book parcels, over HTTP and over gRPC, on loopback. They keep the promise of keys, and can be slow,
broken or unwilling.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import grpc
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from tests.carriers.grpc_carrier import Context, GrpcCarrier

from crossborder.carrier.v1 import carrier_pb2

NEVER = 3600.0

HTTP_CARRIER = """\
connection: {{protocol: HTTP, endpoint: "{url}"}}
booking:
  create:
    path: /v1/orders
    fields: {{key: key, service: service, weight: parcel.kg, value: parcel.worth, currency: parcel.currency,
             contents: parcel.contents, recipient: to.name, phone: to.phone, street: to.lines, postcode: to.postcode,
             country: to.country}}
    units: {{weight: KG}}
    answer: {{reference: order.id, tracking_number: order.tracking}}
  label: {{path: "/v1/orders/{{reference}}/label", method: GET, answer: {{label_url: url}}}}
  cancel: {{path: "/v1/orders/{{reference}}", method: DELETE}}
  track: {{path: "/v1/orders/{{reference}}", method: GET, answer: {{status: state, delivered: delivered}}}}
"""

GRPC_CARRIER = """\
connection: {{protocol: GRPC, endpoint: "{url}"}}
"""

BOOKING = """\
package: booking
when: {{site: SG}}
after:
  add:
    - use: carriers.booking
      as: booking
      settings:
        name: SWIFT
        services: {{SG_DM_AIR: EXPRESS}}
        desk: {{states: {{COLLECTED: HANDED_OVER, LOST: FAILED}}, track_minutes: 60, track_days: 10,
               timeout_ms: {within_ms}}}
        carrier:
"""


class Depot:
    """What a carrier remembers. ``does`` says what the next calls that book or cancel meet, in turn:

    ``well``; ``late``: it is done, and never said; ``broken``: it is done, and a failure is said; ``refuses``: for
    good; ``busy``: not now; ``barred``: not with these credentials; ``garbage``: it is done, and nonsense is said.
    """

    def __init__(self) -> None:
        self.does: deque[str] = deque()
        self.made: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.told: list[dict[str, Any]] = []
        self.cancelled: set[str] = set()
        self.state, self.delivered = "EXPECTED", False

    def calls(self, step: str) -> list[str]:
        """The keys, or references, that a step was asked for with."""
        return [key for name, key in self.asked if name == step]

    def book(self, key: str, told: dict[str, Any]) -> str:
        """Once for each key."""
        self.told.append(told)
        return self.made.setdefault(key, f"S-{len(self.made) + 1}")

    def next(self, step: str, key: str) -> str:
        self.asked.append((step, key))
        return self.does.popleft() if self.does else "well"


class HttpBookings:
    """Speaks HTTP JSON."""

    description = HTTP_CARRIER

    def __init__(self) -> None:
        self.depot = Depot()
        self.url = ""
        app = web.Application()
        app.router.add_post("/v1/orders", self._create)
        app.router.add_get("/v1/orders/{reference}/label", self._label)
        app.router.add_get("/v1/orders/{reference}", self._track)
        app.router.add_delete("/v1/orders/{reference}", self._cancel)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _create(self, request: web.Request) -> web.Response:
        told = await request.json()
        key = request.headers["Idempotency-Key"]
        assert told["key"] == key
        does = self.depot.next("create", key)
        if does == "refuses":
            return web.json_response({"error": "no such street"}, status=422)
        if does in {"busy", "barred"}:
            return web.json_response({}, status=429 if does == "busy" else 401)
        reference = self.depot.book(key, told)
        return await _said(does, {"order": {"id": reference, "tracking": f"SW{reference[2:]:0>6}"}})

    async def _label(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        self.depot.asked.append(("label", reference))
        return web.json_response({"url": f"https://labels.example/{reference}.pdf"})

    async def _track(self, request: web.Request) -> web.Response:
        self.depot.asked.append(("track", request.match_info["reference"]))
        return web.json_response({"state": self.depot.state, "delivered": self.depot.delivered})

    async def _cancel(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        does = self.depot.next("cancel", request.headers["Idempotency-Key"])
        if does == "refuses":
            return web.json_response({"error": "it has left"}, status=410)
        self.depot.cancelled.add(reference)
        return web.Response(status=204) if does == "well" else await _said(does, {})


async def _said(does: str, answer: Mapping[str, Any]) -> web.Response:
    if does == "late":
        await asyncio.sleep(NEVER)
    if does == "broken":
        return web.json_response({}, status=503)
    if does == "garbage":
        return web.Response(text="<html>Welcome</html>", content_type="text/html")
    return web.Response(text=json.dumps(answer), content_type="application/json")


class GrpcBookings:
    """Speaks ``crossborder.carrier.v1``."""

    description = GRPC_CARRIER

    def __init__(self) -> None:
        self.depot = Depot()
        more: dict[str, Callable[[bytes, Context], Awaitable[bytes]]] = {
            "Create": self._create,
            "Label": self._label,
            "Cancel": self._cancel,
            "Track": self._track,
        }
        self._carrier = GrpcCarrier(more=more)

    async def __aenter__(self) -> Self:
        await self._carrier.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._carrier.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        return self._carrier.url

    async def _create(self, raw: bytes, context: Context) -> bytes:
        request = carrier_pb2.CreateRequest.FromString(raw)
        does = self.depot.next("create", request.key)
        if does in _STATUS:
            await context.abort(_STATUS[does], "no")
        told = MessageToDict(request, preserving_proto_field_name=True)
        reference = self.depot.book(request.key, told)
        answer = carrier_pb2.CreateResponse(reference=reference, tracking_number=f"SW{reference[2:]:0>6}")
        return await _answered(does, answer, context)

    async def _label(self, raw: bytes, _: Context) -> bytes:
        reference = carrier_pb2.LabelRequest.FromString(raw).reference
        self.depot.asked.append(("label", reference))
        return carrier_pb2.LabelResponse(label_url=f"https://labels.example/{reference}.pdf").SerializeToString()

    async def _cancel(self, raw: bytes, context: Context) -> bytes:
        request = carrier_pb2.CancelRequest.FromString(raw)
        does = self.depot.next("cancel", request.key)
        if does == "refuses":
            return carrier_pb2.CancelResponse(cancelled=False).SerializeToString()
        self.depot.cancelled.add(request.reference)
        return await _answered(does, carrier_pb2.CancelResponse(cancelled=True), context)

    async def _track(self, raw: bytes, _: Context) -> bytes:
        self.depot.asked.append(("track", carrier_pb2.TrackRequest.FromString(raw).reference))
        answer = carrier_pb2.TrackResponse(status=self.depot.state, delivered=self.depot.delivered)
        return answer.SerializeToString()


_STATUS = {
    "refuses": grpc.StatusCode.INVALID_ARGUMENT,
    "busy": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "barred": grpc.StatusCode.UNAUTHENTICATED,
}


async def _answered(does: str, answer: Any, context: Context) -> bytes:
    if does == "late":
        await asyncio.sleep(NEVER)
    if does == "broken":
        await context.abort(grpc.StatusCode.INTERNAL, "out of order")
    raw: bytes = b"\xff\xff no message" if does == "garbage" else answer.SerializeToString()
    return raw


Carrier = HttpBookings | GrpcBookings


PATIENT_MS = 15_000
"""As long as an answer may take: a busy machine must not look like a carrier that hangs."""


def booking_layer(carrier: Carrier, within_ms: int = PATIENT_MS) -> str:
    """Every parcel of Singapore's direct mail by air is booked at the carrier, which answers within that time."""
    described = carrier.description.format(url=carrier.url)
    return BOOKING.format(within_ms=within_ms) + "".join(f"          {line}\n" for line in described.splitlines())
