"""The process that compares, as the server sees it: a bounded queue in front, results behind; restarted if it dies."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog

from orderpage.migration.shadowing import Result, Task
from orderpage.shadow.frames import frame, read_frame

_COMMAND = (sys.executable, "-c", "from orderpage.cli import main; main()", "shadow")
_LEAVE_SECONDS = 2.0
_LONGEST_REST = 30.0

log = structlog.get_logger(__name__)


class ShadowProcess:
    """``ShadowQueue`` in front of a process of its own."""

    def __init__(
        self,
        environment: Mapping[str, str],
        size: int,
        on_result: Callable[[Result], Awaitable[None]],
        on_drop: Callable[[Task], None],
    ) -> None:
        """``environment`` are its settings; at most ``size`` tasks wait."""
        self._environment = environment
        self._waiting: asyncio.Queue[Task] = asyncio.Queue(size)
        self._on_result = on_result
        self._on_drop = on_drop
        self._process: Process | None = None
        self._results = msgspec.msgpack.Decoder(Result)

    def offer(self, task: Task) -> None:
        """As ``ShadowQueue.offer``."""
        if self._waiting.full():  # the oldest goes: what is wrong now must be seen now
            self._on_drop(self._waiting.get_nowait())
        self._waiting.put_nowait(task)

    def reload(self) -> None:
        """Have it compile the packages again."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGHUP)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep it alive until the block ends. Tasks that still wait then are lost: nobody waits for them."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep(self) -> None:
        rest = 1.0
        while True:
            began, status = asyncio.get_running_loop().time(), -1
            try:
                status = await self._live()
            except Exception:  # whatever it is, comparing goes on in another process
                log.exception("shadow.lost")
            lived = asyncio.get_running_loop().time() - began
            rest = 1.0 if lived > _LONGEST_REST else min(2 * rest, _LONGEST_REST)
            log.error("shadow.ended", status=status, lived_s=round(lived, 1), rests_s=rest)
            await asyncio.sleep(rest)

    async def _live(self) -> int:
        """One life of the process; its status."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, env=dict(self._environment), limit=1 << 20
        )
        self._process = process
        feeder = asyncio.create_task(self._feed(process))
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            self._process = None
            feeder.cancel()
            with suppress(asyncio.CancelledError):
                await feeder
            await _end(process)

    async def _feed(self, process: Process) -> None:
        """What does not fit the pipe waits here, and then in the queue."""
        assert process.stdin is not None  # noqa: S101  # it was asked for
        with suppress(ConnectionError):
            while True:
                process.stdin.write(frame(await self._waiting.get()))
                await process.stdin.drain()

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        while (result := await read_frame(process.stdout, self._results)) is not None:
            try:
                await self._on_result(result)
            except Exception:  # what cannot be stored is lost; the next may be stored
                log.exception("shadow.result_lost")


async def _end(process: Process) -> None:
    if process.returncode is None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _LEAVE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
