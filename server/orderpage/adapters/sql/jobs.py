"""Work for a thread of the database, and the callers in their event loops who wait for it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from orderpage.adapters.sql.failures import log

Work = Callable[[Connection], Any]


class Job:
    """Work that waits, and the future of the caller who waits for it. Made in the caller's loop."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Tell the caller, in its own loop. A caller that was cancelled meanwhile is past telling."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def settle(jobs: Sequence[Job]) -> None:
    """Tell the callers, from the thread that did the work; once for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_all, theirs)
        except RuntimeError:
            log.warning("database.caller_gone", jobs=len(theirs))


def _settle_all(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle()
