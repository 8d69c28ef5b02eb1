"""What is handed over to be done off the response path: pages and orders to compare with the other stack's."""

from datetime import datetime
from typing import Protocol

import msgspec

from orderpage.migration.comparison.found import Difference
from orderpage.migration.legacy import Metadata
from orderpage.migration.scope import TrafficCell
from orderpage.quote import Quote
from orderpage.request import Identity


class PageTask(msgspec.Struct, frozen=True, kw_only=True, tag="page"):
    """A page that was answered. Messages are serialized: ``request`` without its token, ``answer`` a RenderResponse, or
    the ``google.rpc.Status`` that it was ``refused`` with.

    ``stack`` answered it, at ``answered_at`` (Unix seconds). ``identity``, ``prior`` (the quote that it adjusts) and
    ``at`` (the page's instant) are what the other page is made from; ``metadata`` is whose behalf the legacy stack is
    asked on. ``compare`` with the other stack, measure the ``noise`` of legacy against itself, ``record`` our page as
    a sample.
    """

    cell: TrafficCell
    request: bytes
    answer: bytes
    refused: bool
    stack: str
    identity: Identity
    prior: Quote | None
    at: datetime
    answered_at: float
    metadata: Metadata
    compare: bool
    noise: bool
    record: bool


class OrderTask(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """An order that the legacy stack made, or refused to make: ours is drafted, compared, and never written.

    ``request`` is a serialized SubmitRequest; ``quote`` its opened token; ``answer`` a SubmitResponse or a Status.
    """

    cell: TrafficCell
    request: bytes
    answer: bytes
    refused: bool
    quote: Quote


Task = PageTask | OrderTask


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a task. ``subject`` is PAGE or ORDER; ``differences`` are those that no rule ignores, and
    ``stored`` the same without anything about the buyer: only they may be kept.

    ``failure`` says why nothing was ``compared``; ``unknown``: ours failed in a way that nobody foresaw. ``noise``:
    whether legacy differed from itself; None where it was not asked twice. ``recording`` and ``plan_digest`` are set
    where there is something to store: a difference, or a ``sample``. ``version`` is the client's.
    """

    cell: TrafficCell
    subject: str
    version: str = ""
    compared: bool = False
    differences: tuple[Difference, ...] = ()
    stored: tuple[Difference, ...] = ()
    unknown: bool = False
    noise: bool | None = None
    failure: str = ""
    sample: bool = False
    recording: bytes = b""
    plan_digest: str = ""


class ShadowQueue(Protocol):
    """Takes work that nobody waits for."""

    def offer(self, task: Task) -> None:
        """Do it some time, or drop and count it when there is too much. Returns at once."""
