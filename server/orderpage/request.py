"""What a page is asked for, and what is fixed before it is made."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.money import ExchangeRate
from orderpage.domain.order import Order
from orderpage.domain.page import (
    WantedLine,
)
from orderpage.domain.scenario import Cell
from orderpage.engine.faults import Degradation
from orderpage.engine.plan import Plan
from orderpage.quote import fingerprint


class Identity(msgspec.Struct, frozen=True):
    """Who asks, and which scenario that is: what a request is routed by before anything is computed."""

    buyer: Buyer
    cell: Cell


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. ``selections`` is parcel id to method code, laid over those of the prior quote.

    With an ``order_id`` it is the page of that order's balance: lines and address are then the order's.
    """

    site: str
    business: str
    client: str
    client_version: str
    language: str
    lines: tuple[WantedLine, ...]
    address: Address | None
    selections: Mapping[str, str] = {}
    prior_quote_token: str = ""
    explain: bool = False
    explain_amounts: bool = False
    coupons: tuple[str, ...] = ()
    order_id: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed before a page is made. ``rate`` is None unless a quote pins it; ``fresh`` reads past caches.

    ``pinned`` are facts that hold under the quote, as it carries them. Of what was missing of them, ``lost`` stays so,
    and the slots ``again`` (point and name) are asked once more. ``bought`` is the order whose balance is asked for.
    """

    plan: Plan
    cell: Cell
    buyer: Buyer
    priced_at: datetime
    rate: ExchangeRate | None
    selections: Mapping[str, str]
    fresh: bool
    pinned: Mapping[str, bytes] = {}
    lost: tuple[Degradation, ...] = ()
    again: frozenset[tuple[str, str]] = frozenset()
    bought: Order | None = None


def content_of(request: RenderRequest) -> bytes:
    """A fingerprint of what a page is for: scenario, cart, destination, coupons. Recipient and phone may change."""
    if request.order_id:
        return fingerprint((request.site, request.business, request.client, request.order_id))
    address = request.address
    destination = address and (
        address.country,
        address.subdivision,
        address.city,
        address.district,
        address.postcode,
        address.street,
        address.delivery,
        address.pickup_point,
    )
    content = (request.site, request.business, request.client, request.lines, destination)
    return fingerprint((*content, request.coupons) if request.coupons else content)
