"""Work that a service repeats until it stops, whatever goes wrong in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import structlog

from orderpage.ports import Unavailable

log = structlog.get_logger(__name__)


class Loop(NamedTuple):
    """What is done every so many seconds, counted from its end."""

    name: str
    tick: Callable[[], Awaitable[object]]
    seconds: float


@asynccontextmanager
async def repeating(loops: Iterable[Loop], stop: asyncio.Event) -> AsyncIterator[None]:
    """Run the loops until the block ends, which sets ``stop``; a tick under way is finished."""
    tasks = [asyncio.create_task(_repeat(loop, stop)) for loop in loops]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _repeat(loop: Loop, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await loop.tick()
        except Unavailable as cause:
            log.warning("background.waiting", loop=loop.name, cause=str(cause))
        except Exception:  # a tick that fails must not end the loop: the next may succeed
            log.exception("background.failed", loop=loop.name)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), loop.seconds)
