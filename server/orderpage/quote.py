"""The quote token: what a page promised, signed, so that Submit can honour it to the cent without any stored state."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b

import msgspec

from orderpage.domain.discount import Adjustment
from orderpage.domain.money import ExchangeRate
from orderpage.domain.page import Totals
from orderpage.domain.problem import Code, refuse
from orderpage.domain.scenario import Cell
from orderpage.domain.stage import StageDue
from orderpage.engine.faults import Degradation

LEGACY, NEW = "legacy", "new"
"""The stacks: which order page made a quote, and answers its checkout to the end."""

_VERSION = "q1"


class Quote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was promised: to whom, for what (``content`` is a fingerprint), on which plan, at which rate and amounts.

    A quote of the legacy stack is carried in one of ours: ``carried`` is its own token, and there is no plan.
    """

    checkout_id: str
    buyer_id: str
    stack: str
    cell: Cell
    content: bytes
    plan_digest: str
    selections: Mapping[str, str]
    rate: ExchangeRate
    priced_at: datetime
    expires_at: datetime
    totals: Totals
    carried: str = ""
    pinned: Mapping[str, bytes] = {}
    """Facts that hold under the quote (``Fact.pinned``), by name, in MessagePack."""
    lost: tuple[Degradation, ...] = ()
    """What of those facts was missing when the quote was made: it is as missing under the quote."""
    schedule: tuple[StageDue, ...] = ()
    """What is paid when, where it is not all at once."""
    given: bytes | None = None
    """``given_of`` the discounts: amounts can be equal where who pays for them, or what they use up, is not."""
    order_id: str = ""
    """The order whose balance this is of; empty for a cart."""


def fingerprint(value: object) -> bytes:
    """16 bytes that name a msgspec value: equal content, equal bytes, whatever the process or the version of Python."""
    return blake2b(msgspec.msgpack.encode(value, order="deterministic"), digest_size=16).digest()


def given_of(discounts: Iterable[Adjustment]) -> bytes:
    """A fingerprint of what discounts give, who pays for them, and what they use up."""
    said = [(each.code, each.amount, each.shares, each.use.name if each.use else "") for each in discounts]
    return fingerprint(said)


class QuoteSigner:
    """Signs and opens tokens. The first key signs, all keys verify, so that keys can rotate."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """``keys`` by key id, newest first. Raises ``ValueError`` when there is none or one is under 16 bytes."""
        if not keys:
            raise ValueError("at least one quote key is needed")
        short = [name for name, key in keys.items() if len(key) < 16]
        if short:
            raise ValueError(f"quote key {short[0]!r} is shorter than 16 bytes")
        self._keys = dict(keys)
        self._current = next(iter(keys))
        self._decoder = msgspec.msgpack.Decoder(Quote)

    def sign(self, quote: Quote) -> str:
        """The token of a quote: version, key id, payload and signature, dot-separated and URL-safe."""
        head = f"{_VERSION}.{self._current}.{_encode(msgspec.msgpack.encode(quote))}"
        return f"{head}.{_encode(self._mac(self._current, head))}"

    def open(self, token: str, buyer_id: str) -> Quote:
        """The quote of a token. Raises ``Refusal`` (QUOTE_INVALID) for a broken or forged one, or another buyer's.

        Expiry is the caller's to judge: Submit refuses an expired quote, Render only stops honouring its rate.
        """
        invalid = refuse(Code.QUOTE_INVALID, "the quote token is not one of ours, or not yours; render the page again")
        head, _, signature = token.rpartition(".")
        version, _, rest = head.partition(".")
        key_id, _, payload = rest.partition(".")
        if version != _VERSION or key_id not in self._keys:
            raise invalid
        try:
            if not hmac.compare_digest(_decode(signature), self._mac(key_id, head)):
                raise invalid
            quote = self._decoder.decode(_decode(payload))
        except ValueError:
            raise invalid from None
        if quote.buyer_id != buyer_id:
            raise invalid
        return quote

    def _mac(self, key_id: str, head: str) -> bytes:
        return hmac.digest(self._keys[key_id], head.encode(), "sha256")


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Raises ``ValueError`` unless the text is exactly what ``_encode`` writes: a token has one spelling."""
    data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(data) != text:
        raise ValueError("not canonical base 64")
    return data
