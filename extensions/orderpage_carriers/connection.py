"""Talking to a carrier: the address, the secret, one call and its answer. Used for prices and for bookings alike.

Raises ``Unavailable`` (of the port) where no answer came, ``NoAnswer`` where one came that says nothing, and
``LookupError`` where a secret is not set. Messages never hold a secret, nor more of an answer than a few characters;
and none at all where it may repeat who buys and where to: there a call is ``discreet``.
"""

from base64 import b64encode
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
from google.protobuf.message import DecodeError, Message

from orderpage.ports import GrpcCall, HttpAnswer, HttpCall, RemotePort
from orderpage_carriers.description import Call, Connection, Scheme

SERVICE = "/crossborder.carrier.v1.CarrierService"
LIMIT = 1 << 20
"""Bytes of an answer: what is larger is none."""

_SHOWN = 40
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
Answer = TypeVar("Answer", bound=Message)


class NoAnswer(Exception):
    """The carrier answered with a failure, or with something that is no answer. ``status`` is HTTP's, where it has one.

    A ``status`` from 400 to 499 says that the carrier did not do it this time; any other leaves that open.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Refused(Exception):
    """The carrier will not do it, and did not this time. To ask again would change nothing."""


class Barred(Exception):
    """The carrier does not accept our credentials, and did nothing. Once they are mended it will."""


class Wire:
    """A carrier's address and secret, ready to call. ``discreet``: no message quotes an answer."""

    def __init__(self, connection: Connection, *, discreet: bool = False) -> None:
        self._connection = connection
        self._discreet = discreet
        self._endpoint = connection.endpoint.rstrip("/")
        parts = urlsplit(connection.endpoint)
        self._target, self._secure = parts.netloc, parts.scheme == "grpcs"

    async def http(self, remote: RemotePort, call: Call, path: str, body: dict[str, Any]) -> Any:
        """What the carrier answers, as plain values; its numbers are ``int`` and ``Decimal``, never ``float``."""
        url = f"{self._endpoint}{path}"
        headers = {"Accept": "application/json", **self._connection.headers, **self._shown(remote)}
        sent = b""
        if call.in_query:
            url += f"?{urlencode({name: _in_query(value) for name, value in body.items()})}" if body else ""
        else:
            headers["Content-Type"] = "application/json"
            sent = _ENCODER.encode(body)
        asked = HttpCall(method=call.method, url=url, headers=headers, body=sent, limit=LIMIT)
        return read_json(await remote.http(asked), discreet=self._discreet)

    async def grpc(self, remote: RemotePort, method: str, request: Message, answer: type[Answer]) -> Answer:
        """What the carrier answers to a method of ``CarrierService``."""
        shown = {name.lower(): value for name, value in {**self._connection.headers, **self._shown(remote)}.items()}
        call = GrpcCall(
            target=self._target,
            method=f"{SERVICE}/{method}",
            request=request.SerializeToString(),
            metadata=shown,
            secure=self._secure,
            limit=LIMIT,
        )
        raw = await remote.grpc(call)
        try:
            return answer.FromString(raw)
        except DecodeError:
            raise NoAnswer(f"the answer of {len(raw)} bytes is no {answer.DESCRIPTOR.name}") from None

    def _shown(self, remote: RemotePort) -> dict[str, str]:
        auth = self._connection.auth
        if auth is None:
            return {}
        secret = remote.secret(auth.secret)
        if auth.scheme is Scheme.HEADER:
            return {auth.header: secret}
        if auth.scheme is Scheme.BASIC:
            return {"Authorization": f"Basic {b64encode(f'{auth.user}:{secret}'.encode()).decode()}"}
        return {"Authorization": f"Bearer {secret}"}


def read_json(answer: HttpAnswer, *, discreet: bool = False) -> Any:
    """The answer's value. Raises ``NoAnswer`` for a status that is no success, and for what is not JSON."""
    if not 200 <= answer.status < 300:
        raise NoAnswer(f"status {answer.status}, {_about(answer, discreet)}", answer.status)
    try:
        return _DECODER.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoAnswer(f"status {answer.status}, but not JSON: {_about(answer, discreet)}", answer.status) from None


def _about(answer: HttpAnswer, discreet: bool) -> str:
    kind = answer.content_type or "no content type"
    if not answer.body.strip():
        return f"{kind}, an empty body"
    if discreet:
        return f"{kind}, {len(answer.body)} bytes"
    begins = answer.body[: 4 * _SHOWN].decode("utf-8", "replace").strip()[:_SHOWN]
    return f"{kind}, {len(answer.body)} bytes that begin {begins!r}"


def _in_query(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
