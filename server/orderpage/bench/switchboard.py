"""One servicer, several ways to answer: a server that is switched between what is measured against each other."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import grpc
import msgspec

from crossborder.checkout.v1 import order_page_pb2, order_page_pb2_grpc
from orderpage.api.server import OrderPageServer

Context = grpc.aio.ServicerContext[Any, Any]
RenderAnswer = Callable[[order_page_pb2.RenderRequest, Context], Awaitable[order_page_pb2.RenderResponse]]
SubmitAnswer = Callable[[order_page_pb2.SubmitRequest, Context], Awaitable[order_page_pb2.SubmitResponse]]


class Switchboard(order_page_pb2_grpc.OrderPageServiceServicer):
    """Answers each method in the way that is switched to; at first in the first that it was given."""

    def __init__(self, renders: Mapping[str, RenderAnswer], submits: Mapping[str, SubmitAnswer] | None = None) -> None:
        self._renders = renders
        self._submits = submits or {}
        self._render: RenderAnswer = next(iter(renders.values()))
        self._submit: SubmitAnswer = next(iter(self._submits.values()), no_submit)

    def switch(self, name: str) -> None:
        """From now on by that variant. Raises ``KeyError`` for one that there is not."""
        if name in self._submits:
            self._submit = self._submits[name]
        else:
            self._render = self._renders[name]

    async def Render(  # noqa: N802  # the contract's name
        self, request: order_page_pb2.RenderRequest, context: Context
    ) -> order_page_pb2.RenderResponse:
        """By the current variant."""
        return await self._render(request, context)

    async def Submit(  # noqa: N802  # the contract's name
        self, request: order_page_pb2.SubmitRequest, context: Context
    ) -> order_page_pb2.SubmitResponse:
        """By the current variant."""
        return await self._submit(request, context)


async def no_submit(*_asked: object) -> NoReturn:
    """Raises ``NotImplementedError``."""
    raise NotImplementedError("this server only renders")


async def nothing_more(_name: str) -> None:
    """What is to be done for a variant where its answer is all that differs."""


class Stand(msgspec.Struct, frozen=True):
    """What a measured process serves: a bound server around a switchboard.

    ``commits`` are the durable commits of its database so far. ``prepare`` ends what the last variant left undone, at
    its cost, and sets up what the named one needs besides its answer. ``answering`` are the seconds that
    an answer took on its thread, medians since it was last asked, where it keeps account of them.
    """

    server: OrderPageServer
    pages: Switchboard
    commits: Callable[[], int] = lambda: 0
    prepare: Callable[[str], Awaitable[None]] = nothing_more
    answering: Callable[[], dict[str, float]] = dict
