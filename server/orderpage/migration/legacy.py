"""The legacy order page, as a port: another server of the same contract, or a driver that speaks to one that is not."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from crossborder.checkout.v1 import order_page_pb2, order_pb2, problem_pb2
from orderpage.domain.money import Currency
from orderpage.domain.problem import Code, Problem, Refusal, refuse

Metadata = Sequence[tuple[str, str]]


class LegacyCall(msgspec.Struct, frozen=True):
    """On whose behalf the legacy page is asked, and until when (on ``time.monotonic``). ``metadata`` is the caller's
    own, credentials included, and the trace's.
    """

    buyer_id: str
    metadata: Metadata
    deadline: float


class LegacyPort(Protocol):
    """What is asked of the legacy stack. Messages are the contract's, its tokens are its own.

    Each call raises ``LegacyRefused`` for what the legacy stack refuses, ``Refusal`` (UP_DEGRADED) where it does not
    answer, ``TimeoutError`` at the deadline.
    """

    async def render(self, request: order_page_pb2.RenderRequest, call: LegacyCall) -> order_page_pb2.RenderResponse:
        """The page."""

    async def submit(self, request: order_page_pb2.SubmitRequest, call: LegacyCall) -> order_page_pb2.SubmitResponse:
        """The order."""

    async def get_order(self, request: order_pb2.GetOrderRequest, call: LegacyCall) -> order_pb2.GetOrderResponse:
        """The order as it stands."""

    async def close(self) -> None:
        """Let it go."""


class LegacyFailed(Exception):
    """The legacy stack broke down over a call. The message is for logs."""


class LegacyRefused(Refusal):
    """The legacy stack said no. ``status`` is what it said, word for word, and goes on to the client."""

    def __init__(self, status: Status) -> None:
        super().__init__(*problems_in(status))
        self.status = status


def problems_in(status: Status) -> tuple[Problem, ...]:
    """The problems that a status of the contract lists, at least one. A code that we do not know is SYS_UNKNOWN."""
    listed = problem_pb2.Problems()
    for detail in status.details:
        try:
            if detail.Unpack(listed):
                break
        except DecodeError:  # its own way of saying SYS_UNKNOWN
            break
    found = tuple(_problem(each) for each in listed.problems)
    return found or (Problem(code=Code.SYS_UNKNOWN, message=status.message),)


def _problem(message: problem_pb2.Problem) -> Problem:
    code = Code(message.code) if message.code in Code.__members__ else Code.SYS_UNKNOWN
    return Problem(
        code=code,
        message=message.message,
        field=message.field,
        line_id=message.line_id,
        parcel_id=message.parcel_id,
        value=message.remedy.value,
    )


class NoLegacy:
    """``LegacyPort`` where there is no legacy stack any more, or never was."""

    async def render(self, request: order_page_pb2.RenderRequest, call: LegacyCall) -> order_page_pb2.RenderResponse:
        """Raises ``Refusal``."""
        raise _gone()

    async def submit(self, request: order_page_pb2.SubmitRequest, call: LegacyCall) -> order_page_pb2.SubmitResponse:
        """Raises ``Refusal``."""
        raise _gone()

    async def get_order(self, request: order_pb2.GetOrderRequest, call: LegacyCall) -> order_pb2.GetOrderResponse:
        """Raises ``Refusal``."""
        raise refuse(Code.ORDER_NOT_FOUND, f"you have no order {request.order_id!r}", field="order_id")

    async def close(self) -> None:
        """Nothing to let go."""


def _gone() -> Refusal:
    return refuse(Code.QUOTE_EXPIRED, "the order page that made this quote is gone; render the page again")


def changed_notice(response: order_page_pb2.RenderResponse, quoted: int) -> Problem:
    """Says that another stack's page stands in for the one that was shown."""
    page = response.page
    money, now = Currency(page.currency.code, page.currency.exponent), page.totals.payable
    sums = f"to pay was {money.format(quoted)} {money.code}, now {money.format(now)}"
    what_next = (
        "show the buyer the new page and submit its quote" if response.quote_token else "show the buyer what it says"
    )
    return Problem(code=Code.QUOTE_CHANGED, message=f"the page was made anew ({sums}); {what_next}", value=str(now))
