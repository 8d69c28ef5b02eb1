"""What is sent to be routed. Each variant and its counterpart get the same calls, so that only routing differs."""

from collections.abc import Iterator
from itertools import count, islice

from crossborder.checkout.v1.order_page_pb2 import RenderRequest
from orderpage.bench.load import Sent
from orderpage.bench.pinned_page import BUYER, pinned_request
from orderpage.bench.traffic.rules import COLD_CLIENTS, RAMP_VERSION, SPLIT_VERSION, goes_to_new

SLICE = len(COLD_CLIENTS)
"""Calls between two turns."""


def calls_of(name: str, number: int) -> list[Sent]:
    """So many calls for a variant, ``page.…``, the same at each turn.

    ``many`` comes from as many buyers, ``cold`` from as many cells (at most ``SLICE`` of them); the others from one
    buyer in one cell.
    """
    page, _, variant = name.partition(".")
    if variant == "many":
        request = _request(page, RAMP_VERSION, "h5")
        return [Sent(request, buyer_id) for buyer_id in islice(_buyers(), number)]
    if variant == "cold":
        return [Sent(_request(page, SPLIT_VERSION, client), BUYER.buyer_id) for client in COLD_CLIENTS[:number]]
    return [Sent(_request(page, SPLIT_VERSION, "h5"), BUYER.buyer_id)] * number


def asked_of(page: str) -> RenderRequest:
    """What a page is asked: the pinned cart; of the prebuilt one a line, so that little is read and written."""
    request = pinned_request()
    if page != "render":
        del request.page.cart.lines[1:]
        request.page.ClearField("address")
        request.page.ClearField("coupons")
    return request


def _request(page: str, version: str, client: str) -> bytes:
    request = asked_of(page)
    request.page.client_version, request.page.client = version, client
    return request.SerializeToString()


def _buyers() -> Iterator[str]:
    return filter(goes_to_new, (f"b-{number}" for number in count()))
