"""Work that a client's deadline may leave, but never ends: it goes on, and a server that stops waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from orderpage.domain.problem import Refusal

T = TypeVar("T")

log = structlog.get_logger(__name__)


class UnderWay:
    """Tasks that outlive their callers."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def carry(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's answer. A caller that is cancelled leaves it running."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def __len__(self) -> int:
        return len(self._tasks)

    async def drain(self) -> None:
        """Wait for all of it."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) and not isinstance(failure, Refusal):
            # The caller may be gone: an order that could not be finished must not fail unseen.
            log.error("order.unfinished", cause=f"{type(failure).__name__}: {failure}")
