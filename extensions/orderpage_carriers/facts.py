"""What carriers bring to a page."""

from collections.abc import Mapping

import msgspec

from orderpage import Fact
from orderpage.domain.shipping import Transit


class ServiceQuote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A carrier's price of one parcel by one of its services, in fen; ``transit`` where the carrier says it.

    It travels in the quote token, so it is small.
    """

    service: str
    amount: int
    transit: Transit | None = None


ParcelQuotes = Mapping[str, tuple[ServiceQuote, ...]]
"""Parcel id to its prices: none where the carrier does not take the parcel. A parcel not asked about is absent."""

CARRIER_QUOTES: Fact[Mapping[str, ParcelQuotes]] = Fact(
    "carrier_quotes",
    Mapping[str, ParcelQuotes],
    "What carriers ask for the page's parcels, by the slot that asked them.",
    default={},
    by_slot=True,
    pinned=True,
)
