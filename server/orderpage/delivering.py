"""What delivers events that are work to be done and not only told: a deliverer of the group ``orderpage.deliverers``.

The entry point's name is the first part of the topics that it takes (``carrier`` takes ``carrier.create``), its value a
``MakeDeliverer``. Its events leave by a relay of their own: however slow the other side is, nothing else waits for it.
Delivery is at least once and a step of the work is done once: it has a key for the other side, and what it made is
written together with the events of the next step. What an event held is blanked once it is done: it may be personal.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from orderpage.domain.order import Event
from orderpage.domain.shipment import Shipment, ShipmentNews
from orderpage.ports import EventSink, RemotePort

LONGEST_DELIVERY = 20.0
"""Seconds that one delivery may take at most: less than the relay's lease, or another worker would begin it again."""


class Later(Exception):
    """Raised by a deliverer: nothing went wrong, and the same event is due again at ``due``."""

    def __init__(self, due: datetime) -> None:
        super().__init__(f"due again at {due.isoformat(timespec='seconds')}")
        self.due = due


class Undeliverable(Exception):
    """Raised by a sink: to try again would change nothing. The event is parked at once, with this message."""


class DueEvent(msgspec.Struct, frozen=True):
    """An event of a next step, not delivered before ``due``."""

    event: Event
    due: datetime


class ShipmentsPort(Protocol):
    """Parcels at carriers. Each method is one transaction, and all may be repeated."""

    async def request(self, shipment: Shipment) -> Shipment:
        """Note that its carrier is about to be asked, so that it is ``unclear`` from now on, until a report says
        otherwise. As it was before; the one that is known, where there is one.
        """

    async def shipment(self, order_id: str, parcel_id: str) -> Shipment | None:
        """As it stands."""

    async def report(self, shipment: Shipment, news: ShipmentNews, then: Sequence[DueEvent] = ()) -> bool:
        """Note what its carrier said. Whether its state moved: only then are the events of ``then`` in the outbox.

        News of the state it has change its texts; older ones (``ShipmentState.may_become``) change nothing.
        """


MakeDeliverer = Callable[[RemotePort, ShipmentsPort, Callable[[], datetime]], EventSink]
"""Makes a deliverer from what it may use: services of others, the parcels, and the clock (UTC)."""
