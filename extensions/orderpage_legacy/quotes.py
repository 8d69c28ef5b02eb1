"""The old page's own token: what it promised, as signed JSON."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import Any

from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.problem import Code, refuse
from orderpage.request import RenderRequest

MINUTES = 15
_write = json.JSONEncoder(separators=(",", ":")).encode


class Promise:
    """Who was promised what, by which methods, at which rate and total, until when. Times are UTC."""

    __slots__ = ("buyer_id", "checkout_id", "content", "expires_at", "methods", "priced_at", "rate", "total")

    def __init__(
        self,
        checkout_id: str,
        buyer_id: str,
        content: str,
        methods: dict[str, str],
        rate: ExchangeRate,
        priced_at: datetime,
        expires_at: datetime,
        total: int,
    ) -> None:
        self.checkout_id = checkout_id
        self.buyer_id = buyer_id
        self.content = content
        self.methods = methods
        self.rate = rate
        self.priced_at = priced_at
        self.expires_at = expires_at
        self.total = total


def content_of(request: RenderRequest) -> str:
    """Names cart, destination, and coupons where the page takes any; recipient and telephone may still change."""
    address = request.address
    place: tuple[Any, ...] = ()
    if address:
        place = (
            address.country,
            address.subdivision,
            address.city,
            address.district,
            address.postcode,
            address.street,
            address.delivery,
            address.pickup_point,
        )
    lines = [(line.line_id, line.sku_id, line.quantity) for line in request.lines]
    coupons = request.coupons if request.business == "pinned" else ()
    content = _write([request.site, request.business, request.client, lines, place, *coupons])
    return blake2b(content.encode(), digest_size=16).hexdigest()


def write_token(key: bytes, promise: Promise) -> str:
    """Payload and signature."""
    rate = promise.rate
    said = {
        "checkout": promise.checkout_id,
        "buyer": promise.buyer_id,
        "content": promise.content,
        "methods": promise.methods,
        "rate": [rate.rate_id, rate.quote.code, rate.numerator, rate.denominator],
        "priced": promise.priced_at.timestamp(),
        "expires": promise.expires_at.timestamp(),
        "total": promise.total,
    }
    payload = urlsafe_b64encode(_write(said).encode())
    return f"{payload.decode()}.{_seal(key, payload)}"


def read_token(key: bytes, token: str, buyer_id: str) -> Promise:
    """Raises ``Refusal`` (QUOTE_INVALID) for a token that is broken, forged or somebody else's."""
    invalid = refuse(Code.QUOTE_INVALID, "the quote token is not one of ours, or not yours; render the page again")
    payload, _, signature = token.partition(".")
    if not token.isascii() or not hmac.compare_digest(_seal(key, payload.encode()), signature):
        raise invalid
    said = json.loads(urlsafe_b64decode(payload))
    if said["buyer"] != buyer_id:
        raise invalid
    rate_id, currency, numerator, denominator = said["rate"]
    return Promise(
        said["checkout"],
        said["buyer"],
        said["content"],
        said["methods"],
        ExchangeRate(rate_id, CNY, Currency(currency, 2), numerator, denominator),
        datetime.fromtimestamp(said["priced"], UTC),
        datetime.fromtimestamp(said["expires"], UTC),
        said["total"],
    )


def _seal(key: bytes, payload: bytes) -> str:
    return urlsafe_b64encode(hmac.new(key, payload, sha256).digest()).decode()
