"""What became of a parcel of a confirmed order: how far its carrier is with it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec


class ShipmentState(StrEnum):
    """How far a carrier is. REQUESTED: it was not heard from yet, or not with a clear word.

    The first four follow one another, and some may be left out; the last three are ends, and the last may be left by a
    person: what was refused can be tried again, or given up.
    """

    REQUESTED = "REQUESTED"
    CREATED = "CREATED"
    LABELLED = "LABELLED"
    HANDED_OVER = "HANDED_OVER"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        """Whether no carrier will change it any more."""
        return self in _ENDS

    def may_become(self, later: "ShipmentState") -> bool:
        """Whether news of ``later`` are news: never backwards, and nothing after an end but giving a failure up."""
        if self.ended:
            return self is ShipmentState.FAILED and later is ShipmentState.CANCELLED
        return later.ended or _WAY.index(later) > _WAY.index(self)


_WAY = (ShipmentState.REQUESTED, ShipmentState.CREATED, ShipmentState.LABELLED, ShipmentState.HANDED_OVER)
_ENDS = frozenset(ShipmentState) - frozenset(_WAY)


class Shipment(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel at its carrier. Texts are empty until the carrier said them.

    ``service`` is the carrier's own name for the method, ``reference`` its id of the booking, ``status`` its last word
    or what went wrong, for people. ``booking`` is what the next steps need, as its deliverer wrote it: no personal
    data. Moments are UTC. ``unclear``: an attempt to book it may have done so, and nobody heard.
    """

    order_id: str
    parcel_id: str
    carrier: str
    service: str
    state: ShipmentState
    booking: Mapping[str, str | int]
    requested_at: datetime
    updated_at: datetime
    reference: str = ""
    tracking_number: str = ""
    label_url: str = ""
    status: str = ""
    unclear: bool = False

    @property
    def key(self) -> str:
        """Names it in the outbox, and to its carrier: equal keys never act twice."""
        return shipment_key(self.order_id, self.parcel_id)


class ShipmentNews(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier said of a parcel, ``at`` that moment. An empty text, or None, leaves what is known."""

    state: ShipmentState
    at: datetime
    reference: str = ""
    tracking_number: str = ""
    label_url: str = ""
    status: str = ""
    unclear: bool | None = None


def shipment_key(order_id: str, parcel_id: str) -> str:
    """Of an order's parcel: parcel ids name contents, so they are equal in many orders."""
    return f"{order_id}:{parcel_id}"


CANCEL = "cancel"
TRACK = "track"
"""Steps that must not wait behind one another, nor behind the booking: each has a key of its own."""


def step_key(key: str, step: str) -> str:
    """The outbox key of such a step of the parcel with that key."""
    return f"{key}:{step}"
