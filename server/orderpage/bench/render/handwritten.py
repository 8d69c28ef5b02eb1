"""The hand-written page that the service is measured against: found by entry point, checked to give the same page."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import entry_points
from typing import Protocol

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.ports import Ports
from orderpage.request import RenderRequest

PAGES = "orderpage.pages"


class NoPage(Exception):
    """No hand-written page is installed. The message says what to do."""


class HandWritten(Protocol):
    """A page with hardcoded branches, made from the same checked request and the same ports."""

    async def fill(
        self, response: RenderResponse, request: RenderRequest, buyer_id: str, now: datetime, deadline: float
    ) -> None:
        """Write the whole answer but its trace id. ``deadline`` is on ``time.monotonic``."""


def handwritten_page(ports: Ports, key: bytes) -> HandWritten:
    """The installed one; ``key`` signs its quotes. Raises ``NoPage``."""
    entries = sorted(entry_points(group=PAGES), key=lambda entry: entry.name)
    if not entries:
        raise NoPage(f"no distribution brings a hand-written page (entry point group {PAGES}); reinstall orderpage")
    make: Callable[[Ports, bytes], HandWritten] = entries[0].load()
    return make(ports, key)


def comparable(response: RenderResponse) -> RenderResponse:
    """The answer without what differs from call to call and from signer to signer: ids and the quote's seal.

    That a quote is there, and until when, still counts.
    """
    kept = RenderResponse()
    kept.CopyFrom(response)
    kept.checkout_id = "present" if response.checkout_id else ""
    kept.quote_token = "present" if response.quote_token else ""
    kept.trace_id = ""
    return kept


def differences(ours: RenderResponse, theirs: RenderResponse) -> list[str]:
    """Lines of text format that only one of two answers has; empty when they are the same."""
    if comparable(ours) == comparable(theirs):
        return []
    mine, other = (str(comparable(answer)).splitlines() for answer in (ours, theirs))
    found = [
        f"line {i}: {a.strip()} | {b.strip()}" for i, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b
    ]
    return found or [f"{len(mine)} lines | {len(other)} lines"]
