"""The load of a crash run: buyers who order, lose answers, and ask again with the same request id until told."""

import asyncio
import random
from collections import Counter
from uuid import UUID

import grpc
import msgspec
from tests.e2e.live import CHANNEL, Client, page_of, read_refusal, submission

from crossborder.checkout.v1 import order_page_pb2, order_pb2, request_pb2

CARTS = (
    ("HK", ("tst-plain", 2)),
    ("HK", ("tst-plain", 1), ("bok-gelpen-10", 1)),
    ("HK", ("bty-shampoo-400", 1), ("tea-gaiwan-white", 1)),
    ("SG", ("bok-notebook-a5", 1), ("tst-plain", 1)),
    ("HK", ("tst-scarce", 1)),
    ("HK", ("tst-scarce", 2)),
)
MAGIC = tuple(
    ("HK", (f"pay-{name}", 1))
    for name in (
        "declined", "no-funds", "action", "settles", "times-out-held", "never-arrives", "answers-late", "pending",
        "times-out-twice", "stays-held",
    )
)  # fmt: skip
TIMEOUT = 2.0
AGAIN = {
    "UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED", "INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED",
}  # fmt: skip
"""What a killed server, or one that is too slow, looks like to a client. INTERNAL is counted, and judged at the end."""


class Acknowledged(msgspec.Struct, frozen=True):
    """An answer to Submit that a buyer has seen."""

    buyer: str
    request_id: str
    order_id: str
    checkout_id: str
    payable: int
    order_state: str
    payment_state: str


class Refusal(msgspec.Struct, frozen=True):
    """A final refusal of a Submit."""

    buyer: str
    request_id: str
    reason: str


class Line:
    """Where the server is: nowhere between a kill and the next start."""

    def __init__(self) -> None:
        self._channel: grpc.aio.Channel | None = None
        self._up = asyncio.Event()

    async def connect(self, address: str) -> None:
        """A server stands at the address."""
        await self.cut()
        self._channel = grpc.aio.insecure_channel(address, options=CHANNEL)
        self._up.set()

    async def cut(self) -> None:
        """Nobody stands there any more."""
        self._up.clear()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def client(self, buyer: str) -> Client:
        """A buyer at the server, once there is one."""
        while (channel := self._channel) is None:
            await self._up.wait()
        return Client(channel, buyer)


class Crowd:
    """Buyers at work, and what they were told."""

    def __init__(self, line: Line, seed: int) -> None:
        self.line = line
        self.random = random.Random(seed)  # a load, not a secret
        self.stopping = False
        self.acknowledged: list[Acknowledged] = []
        self.refusals: list[Refusal] = []
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        self.open_requests = 0

    async def shop(self, number: int) -> None:
        """One buyer, one checkout after another, until told to stop."""
        count = 0
        while not self.stopping:
            count += 1
            await self._checkout(f"b-{number}", self._cart(number, count))

    def _cart(self, number: int, count: int) -> request_pb2.PageRequest:
        # Each second buyer meets every magic amount in turn; all of them meet ordinary carts.
        if number % 2 and count % 3 == 0:
            site, *lines = MAGIC[(number // 2 + count // 3) % len(MAGIC)]
        else:
            site, *lines = self.random.choice(CARTS)
        page: request_pb2.PageRequest = page_of(str(site), *lines)
        return page

    async def _checkout(self, buyer: str, page: request_pb2.PageRequest) -> None:
        rendered = await self._render(buyer, page)
        if rendered is None:
            return
        request = submission(page, rendered, request_id=str(UUID(int=self.random.getrandbits(128), version=4)))
        style = self.random.random()
        if style < 0.15:  # an impatient client: the same request twice at once
            await asyncio.gather(self._submit(buyer, request), self._submit(buyer, request))
        else:
            await self._submit(buyer, request)
        if style > 0.85:  # a second tab: another request for the same checkout
            await self._submit(buyer, submission(page, rendered))

    async def _render(self, buyer: str, page: request_pb2.PageRequest) -> order_page_pb2.RenderResponse | None:
        """The page by the method that makes its amount a magic one; None when it cannot be ordered."""
        while not self.stopping:
            client = await self.line.client(buyer)
            try:
                rendered = await client.render(page, within=TIMEOUT)
                if rendered.quote_token and page.cart.lines[0].sku_id.startswith("pay-"):
                    choose = {parcel.parcel_id: "HK_CONSO_LAND" for parcel in rendered.page.parcels}
                    rendered = await client.render(page, choose=choose, prior=rendered.quote_token, within=TIMEOUT)
                return rendered if rendered.quote_token else None
            except grpc.aio.AioRpcError as error:
                await self._pause(error)
            except (asyncio.CancelledError, grpc.aio.UsageError):
                await self._gone()
        return None

    async def _submit(self, buyer: str, request: order_page_pb2.SubmitRequest) -> None:
        """The same request until it is answered, however many servers that takes."""
        self.open_requests += 1
        try:
            while True:
                client = await self.line.client(buyer)
                try:
                    answer = await client.submit(request, within=TIMEOUT)
                except grpc.aio.AioRpcError as error:
                    if read_refusal(error).status not in AGAIN:
                        self.outcomes[read_refusal(error).reason] += 1
                        self.refusals.append(Refusal(buyer, request.request_id, read_refusal(error).reason))
                        return
                    self.outcomes["answers lost"] += 1
                    await self._pause(error)
                except (asyncio.CancelledError, grpc.aio.UsageError):
                    self.outcomes["answers lost"] += 1
                    await self._gone()
                else:
                    self._note(buyer, request, answer)
                    return
        finally:
            self.open_requests -= 1

    def _note(self, buyer: str, request: order_page_pb2.SubmitRequest, answer: order_page_pb2.SubmitResponse) -> None:
        order, payment = answer.order, answer.payment
        payment_state = order_pb2.PaymentState.Name(payment.state).removeprefix("PAYMENT_STATE_")
        order_state = order_pb2.OrderState.Name(order.state).removeprefix("ORDER_STATE_")
        self.outcomes[payment_state] += 1
        self.acknowledged.append(
            Acknowledged(
                buyer, request.request_id, order.order_id, order.checkout_id, order.payable, order_state, payment_state
            )
        )

    async def _pause(self, error: grpc.aio.AioRpcError) -> None:
        refusal = read_refusal(error)
        if refusal.status in ("INTERNAL", "UNKNOWN") and refusal.reason:
            self.faults.append(f"{refusal.status} {refusal.reason}: {refusal.message}")
        await asyncio.sleep(0.05)

    async def _gone(self) -> None:
        # The channel was closed under the call; a task that is really being cancelled is not meant here.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        await asyncio.sleep(0.05)
